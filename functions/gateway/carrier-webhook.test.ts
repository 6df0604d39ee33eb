import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { hashOf } from '../../shared/base/ids.ts'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import { origin, paths, webhookGateway } from './webhook.testing.ts'

type Pair = Awaited<ReturnType<typeof generateKeyPair>>
let carrier: Pair
let provider: Pair
beforeAll(async () => {
  ;[carrier, provider] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')])
})

const webhook = { id: 'event-1', type: 'booking.updated', key: 's-o-1-1', reference: 'o-1' }

/** A gateway that knows the keys of both partners. */
async function open() {
  const keysOf = async ({ publicKey }: Pair, kid: string) => ({
    keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256' }],
  })
  const published: Readonly<Record<string, object>> = {
    'https://carrier.example.com': await keysOf(carrier, 'carrier-1'),
    'https://provider.example.com': await keysOf(provider, 'provider-1'),
  }
  const { post, ...opened } = webhookGateway({
    callExternal: async (url, { token }) =>
      token === 'none' ? Response.json(published[new URL(url).origin]) : Response.json({}, { status: 400 }),
  })
  return {
    ...opened,
    deliver: (path: string, signature: string, body: object = webhook) =>
      post(path, JSON.stringify(body), { 'webhook-signature': signature }),
  }
}

interface Signing {
  readonly key?: Pair
  readonly kid?: string
  readonly audience?: string
  readonly body?: object
}

const signed = ({ key = carrier, kid = 'carrier-1', audience = paths.carrier, body = webhook }: Signing = {}) =>
  new SignJWT({ body_sha256: hashOf(JSON.stringify(body)) })
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'webhook+jwt' })
    .setAudience(`${origin}${audience}`)
    .setIssuedAt(Date.parse(startOfTests) / 1000)
    .sign(key.privateKey)

describe("the carrier's webhook", () => {
  it('becomes one command to shipping, which a repetition does not repeat', async () => {
    const { deliver, submitted } = await open()
    for (let time = 0; time < 2; time++)
      expect(await deliver(paths.carrier, await signed())).toEqual({ status: 204, code: '' })
    expect(submitted[0]).toMatchObject({
      service: 'shipping',
      path: '/submissions/CheckShipments',
      body: { actor: 'partner:carrier', data: { orderId: 'o-1', carrierEventId: 'event-1', bookingKey: 's-o-1-1' } },
    })
    expect(submitted[1]).toEqual(submitted[0])
  })

  it('of an unknown type is logged and makes no command', async () => {
    const { deliver, submitted, platform } = await open()
    const body = { ...webhook, type: 'price.updated' }
    expect(await deliver(paths.carrier, await signed({ body }), body)).toMatchObject({ status: 204 })
    expect(submitted).toEqual([])
    expect(platform.logs.map(({ event }) => event)).toContain('webhook.unknown-type')
  })

  it.each([
    ['by the payment provider', { key: 'provider', kid: 'provider-1' }],
    ['for the webhook of the payment provider', { audience: paths.provider }],
    ['of another body', { body: { ...webhook, reference: 'o-2' } }],
  ] as const)('that is signed %s is refused', async (_name, given) => {
    const { deliver, submitted } = await open()
    const { key, ...signing } = { key: 'carrier', ...given }
    const signature = await signed({ ...signing, key: key === 'carrier' ? carrier : provider })
    expect(await deliver(paths.carrier, signature)).toEqual({ status: 401, code: 'signature-invalid' })
    expect(submitted).toEqual([])
  })

  it('is not taken as one of the payment provider', async () => {
    const { deliver, submitted } = await open()
    expect(await deliver(paths.provider, await signed())).toEqual({ status: 401, code: 'signature-invalid' })
    expect(submitted).toEqual([])
  })

  it('about what is no order id is refused', async () => {
    const { deliver } = await open()
    const body = { ...webhook, reference: 'x'.repeat(150) }
    expect(await deliver(paths.carrier, await signed({ body }), body)).toMatchObject({
      status: 422,
      code: 'invalid-body',
    })
  })
})
