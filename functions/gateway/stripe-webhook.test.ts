import { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import { paths, webhookGateway } from './webhook.testing.ts'

const KEY = 'whsec_of_the_endpoint'
const nowSeconds = Date.parse(startOfTests) / 1_000

const event = (change: { type?: string; object?: object } = {}) => ({
  id: 'evt_1',
  object: 'event',
  type: change.type ?? 'payment_intent.amount_capturable_updated',
  data: { object: { id: 'pi_1', object: 'payment_intent', metadata: { reference: 'o-1' }, ...change.object } },
})

function open() {
  const { post, ...opened } = webhookGateway({
    paymentProviderApi: { kind: 'stripe', returnUrl: 'https://shop.example.com/orders' },
    secrets: { 'payment-webhook-key': KEY },
  })
  return {
    ...opened,
    deliver: (body: object, signature: string | undefined) =>
      post(paths.stripe, JSON.stringify(body), signature === undefined ? {} : { 'stripe-signature': signature }),
  }
}

const signed = (body: object, { secret = KEY, timestamp = nowSeconds } = {}): string =>
  Stripe.webhooks.generateTestHeaderString({ payload: JSON.stringify(body), secret, timestamp })

describe("Stripe's webhook", () => {
  it('is refused where another provider is configured, which needs no key', async () => {
    const { post, submitted } = webhookGateway({})
    const body = event()
    const signature = signed(body, { secret: 'the-value-of-payment-webhook-key' })
    const answer = await post(paths.stripe, JSON.stringify(body), { 'stripe-signature': signature })
    expect(answer).toEqual({ status: 401, code: 'signature-invalid' })
    expect(submitted).toEqual([])
  })

  it.each([
    ['payment_intent.amount_capturable_updated', 'CheckAuthorization'],
    ['payment_intent.payment_failed', 'CheckAuthorization'],
    ['payment_intent.canceled', 'CheckAuthorization'],
    ['refund.created', 'CheckRefunds'],
    ['refund.updated', 'CheckRefunds'],
    ['refund.failed', 'CheckRefunds'],
  ])('of the type %s becomes one %s, which a repetition does not repeat', async (type, command) => {
    const { deliver, submitted } = open()
    const body = event({ type })
    for (let time = 0; time < 2; time++) expect(await deliver(body, signed(body))).toEqual({ status: 204, code: '' })
    expect(submitted[0]).toMatchObject({
      service: 'payments',
      path: `/submissions/${command}`,
      body: { actor: 'partner:payment-provider', data: { orderId: 'o-1', providerEventId: 'evt_1' } },
    })
    expect(submitted[1]).toEqual(submitted[0])
  })

  it('of another type, or of a payment that is no order here, is logged and makes no command', async () => {
    const { deliver, submitted, platform } = open()
    for (const body of [
      event({ type: 'invoice.paid' }),
      event({ type: 'constructor' }),
      event({ object: { metadata: {} } }),
      event({ object: { metadata: null } }),
    ])
      expect(await deliver(body, signed(body))).toMatchObject({ status: 204 })
    expect(submitted).toEqual([])
    expect(platform.logs.filter((line) => line.event === 'webhook.unknown-type')).toHaveLength(4)
  })

  it('of a dispute becomes CheckDispute with the id of the dispute, which has no reference of ours', async () => {
    const { deliver, submitted } = open()
    const object = { id: 'du_1', metadata: {}, payment_intent: 'pi_1' }
    for (const type of ['charge.dispute.created', 'charge.dispute.closed']) {
      const body = event({ type, object })
      expect(await deliver(body, signed(body))).toMatchObject({ status: 204 })
    }
    expect(submitted).toMatchObject([
      {
        service: 'payments',
        path: '/submissions/CheckDispute',
        body: { actor: 'partner:payment-provider', data: { disputeId: 'du_1', providerEventId: 'evt_1' } },
      },
      { path: '/submissions/CheckDispute' },
    ])
  })

  it.each([{}, null])(
    "of a refund in Stripe's dashboard, with the metadata %j, becomes CheckRefund with its id",
    async (metadata) => {
      const { deliver, submitted } = open()
      const body = event({ type: 'refund.created', object: { id: 're_1', object: 'refund', metadata } })
      for (let time = 0; time < 2; time++) expect(await deliver(body, signed(body))).toMatchObject({ status: 204 })
      expect(submitted[0]).toMatchObject({
        path: '/submissions/CheckRefund',
        body: { actor: 'partner:payment-provider', data: { providerRefundId: 're_1', providerEventId: 'evt_1' } },
      })
      expect(submitted[1]).toEqual(submitted[0])
    },
  )

  it('is taken with one right signature of several, as while Stripe rolls its key', async () => {
    const { deliver } = open()
    const body = event()
    const [time, right] = signed(body).split(',')
    expect(await deliver(body, `${time},v1=${'0'.repeat(64)},${right},v0=old`)).toMatchObject({ status: 204 })
  })

  it.each<[string, string | undefined]>([
    ['without a signature', undefined],
    ['by another key', signed(event(), { secret: 'whsec_of_another' })],
    ['of another body', signed(event({ type: 'refund.updated' }))],
    ['of another time', signed(event()).replace(/t=\d+/, `t=${nowSeconds - 1}`)],
    ['that is too old', signed(event(), { timestamp: nowSeconds - 301 })],
    ['that is of the future', signed(event(), { timestamp: nowSeconds + 301 })],
    ['of an older scheme only', signed(event()).replace('v1=', 'v0=')],
    ['without its time', signed(event()).replace(/t=\d+,/, '')],
    ['that is too long', `${signed(event())},v1=${'0'.repeat(2_000)}`],
  ])('is refused %s', async (_, signature) => {
    const { deliver, submitted } = open()
    expect(await deliver(event(), signature)).toEqual({ status: 401, code: 'signature-invalid' })
    expect(submitted).toEqual([])
  })
})
