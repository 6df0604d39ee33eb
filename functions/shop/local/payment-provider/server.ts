/** A payment provider: a company of its own, with its own API, ledger and faults. */

import type { Context, Hono } from 'hono'
import { makeSecret, requireSecret } from 'local-google-cloud/host'
import {
  bodyOf,
  openPartner,
  type PartnerApp,
  partnerApp,
  type PartnerOptions,
  PartnerRefusal,
} from '../../../../emulators/partner-server.ts'
import { SECRET_COMMAND } from '../../../../emulators/running.ts'
import { type Authorization, type AuthorizeRequest, type Ledger, openLedger, type Refundable } from './ledger.ts'
import { openPaymentMethods, type PaymentMethods } from './payment-methods.ts'
import { openPages, type Pages, pageRoutes } from './pages.ts'
import { type Faults, withFaults } from '../faults.ts'
import { openWebhooks, type WebhookOptions, type Webhooks } from '../webhooks.ts'

interface ProviderState {
  readonly ledger: Ledger
  /** The customers' pages: `/act/…`. */
  readonly pages: Pages
  readonly paymentMethods: PaymentMethods
  readonly webhooks: Webhooks
  /** The injected faults, until they are reset. */
  readonly faults: Faults
}

export interface PaymentProvider extends ProviderState {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

const SECOND_WEBHOOK_MS = 60_000

export type PaymentProviderOptions = PartnerOptions & WebhookOptions

export function paymentProviderApp(
  options: PaymentProviderOptions = {},
): ProviderState & { readonly partner: PartnerApp } {
  const faults: Faults = { unavailable: 0, lostAnswers: 0 }
  const opened: { state?: ProviderState } = {}
  const partner = partnerApp(options, ({ app, journal, clock }) => {
    const webhooks = openWebhooks(journal, clock, options)
    const paymentMethods = openPaymentMethods(journal)
    const ledger = openLedger({
      journal,
      clock,
      paymentMethods,
      refundWillSettle({ key }, { reference }, atMs) {
        const webhook = { id: `event-${key}-settled`, type: 'refund.updated', key, reference } as const
        // Providers send a webhook more than once.
        webhooks.send(webhook, atMs)
        webhooks.send(webhook, atMs + SECOND_WEBHOOK_MS)
      },
      disputeChanged({ disputeId, status }, atMs) {
        const webhook = { id: `event-${disputeId}-${status}`, type: 'dispute.updated', key: disputeId } as const
        // The order is read from the dispute: its own id is the reference.
        webhooks.send({ ...webhook, reference: disputeId }, atMs)
        webhooks.send({ ...webhook, reference: disputeId }, atMs + SECOND_WEBHOOK_MS)
      },
    })
    const pages = openPages(journal, { isGuarded: options.secret !== undefined })
    opened.state = { ledger, pages, paymentMethods, webhooks, faults }
    if (options.secret !== undefined)
      for (const path of ['/actions/*', '/disputes/*']) app.use(path, requireSecret(options.secret, SECRET_COMMAND))
    routes(app, opened.state)
  })
  return { ...opened.state!, partner }
}

export async function createPaymentProvider(options: PaymentProviderOptions = {}): Promise<PaymentProvider> {
  const { partner, webhooks, ...state } = paymentProviderApp({ secret: makeSecret(), ...options })
  const { url, port, close } = await openPartner(partner, options)
  return {
    url,
    port,
    ...state,
    webhooks,
    async close() {
      webhooks.close()
      await close()
    },
  }
}

function routes(app: Hono, { ledger, pages, paymentMethods, webhooks, faults }: ProviderState): void {
  const answerOf = (c: Context, authorization: Authorization): object => ({
    ...outcomeOf(authorization),
    ...(authorization.status === 'action-required' ? { actionUrl: pages.urlOf(c, authorization.key) } : {}),
  })
  const act = (key: string, outcome: 'authorized' | 'declined'): Authorization => {
    const acted = ledger.act(key, outcome)
    webhooks.send({ id: `event-${key}-acted`, type: 'authorization.updated', key, reference: acted.reference })
    return acted
  }
  withFaults(app, faults)
  // In the order of the merchant's references, so that a merchant compares page by page; all of a reference are on one page.
  app.get('/v1/authorizations', (c) => {
    const limit = Math.min(100, Math.max(1, Number(c.req.query('limit') ?? 20) || 20))
    const { found, next } = ledger.page(c.req.query('after') ?? '', limit)
    return c.json({
      authorizations: found.map((one) => ({ ...one, ...outcomeOf(one) })),
      ...(next === undefined ? {} : { next }),
    })
  })
  app.post('/v1/authorizations', async (c) => {
    const key = keyOf(c)
    const authorization = ledger.authorize(key, authorizeRequest(await bodyOf(c.req)))
    return c.json(answerOf(c, authorization), authorization.status === 'declined' ? 402 : 200)
  })
  app.post('/v1/authorizations/by-key/:key/captures', async (c) => {
    const key = keyOf(c)
    const body = await bodyOf(c.req)
    const request = { amountMinor: amountOf(body), final: body['final'] === true }
    return orFailed(c, () => ({ status: 'captured', ...ledger.capture(c.req.param('key'), key, request) }))
  })
  app.post('/v1/authorizations/by-key/:key/void', (c) => {
    const authorization = ledger.void(c.req.param('key'))
    return c.json(authorization ? answerOf(c, authorization) : { status: 'voided', nothing: true })
  })
  app.post('/v1/authorizations/by-key/:key/release', (c) => c.json({ ...ledger.release(c.req.param('key')) }))
  app.post('/v1/authorizations/by-key/:key/refunds', async (c) => {
    const key = keyOf(c)
    const amountMinor = amountOf(await bodyOf(c.req))
    return orFailed(c, () => ledger.refund(c.req.param('key'), key, amountMinor))
  })
  app.get('/v1/authorizations/by-key/:key', (c) => {
    const found = ledger.find(c.req.param('key'))
    if (!found)
      throw new PartnerRefusal(404, 'not-found', `Nothing was authorized under the key ${c.req.param('key')}.`)
    return c.json({ ...found, ...answerOf(c, found) })
  })
  app.post('/v1/payment-methods', async (c) => {
    const body = await bodyOf(c.req)
    const {
      token: _token,
      behaviour: _behaviour,
      ...shown
    } = paymentMethods.attach(textOf(body, 'token'), textOf(body, 'customer'))
    return c.json(shown)
  })
  app.post('/v1/payment-methods/:paymentMethodRef/detach', async (c) => {
    paymentMethods.detach(c.req.param('paymentMethodRef'), textOf(await bodyOf(c.req), 'customer'))
    return c.json({ detached: true })
  })
  app.get('/v1/ledger', (c) => c.json({ authorizations: ledger.all(), postings: ledger.postings() }))
  pageRoutes(app, { ledger, pages, act })
  // The customer's answer by a program, which requires the run secret in place of a login.
  app.post('/actions/:actionUrlRef', async (c) => {
    const key = c.req.param('actionUrlRef').replace(/^action-/, '')
    const { outcome = 'authorized' } = await bodyOf(c.req)
    if (outcome !== 'authorized' && outcome !== 'declined')
      throw new PartnerRefusal(
        422,
        'invalid-body',
        `outcome must be authorized or declined, not ${JSON.stringify(outcome)}.`,
      )
    return c.json(answerOf(c, act(key, outcome)))
  })
  app.get('/v1/disputes/:disputeId', (c) => {
    const found = ledger.disputes.find(c.req.param('disputeId'))
    if (!found) throw new PartnerRefusal(404, 'not-found', `There is no dispute ${c.req.param('disputeId')}.`)
    return c.json(found)
  })
  // The bank's acts by a program, which requires the run secret.
  app.post('/disputes/:id', (c) => c.json(ledger.dispute(c.req.param('id'))))
  app.post('/disputes/:id/:outcome', (c) => {
    const outcome = c.req.param('outcome')
    if (outcome !== 'won' && outcome !== 'lost')
      throw new PartnerRefusal(422, 'invalid-outcome', 'The outcome is won or lost.')
    return c.json(ledger.disputes.decide(c.req.param('id'), outcome))
  })
  app.get('/.well-known/jwks.json', async (c) => c.json(await webhooks.keys()))
}

/** A refusal by the provider's rules is an answer with a status of its own. */
function orFailed(c: Context, act: () => object): Response {
  try {
    return c.json(act())
  } catch (error) {
    if (error instanceof PartnerRefusal && error.status === 409)
      return c.json({ status: 'failed', code: error.code, message: error.message }, 409)
    throw error
  }
}

function outcomeOf(authorization: Authorization & Pick<Refundable, 'isLapsed'>): object {
  const { isReleased, isLapsed, expiresAt } = authorization
  switch (authorization.status) {
    case 'authorized':
      return { status: isReleased ? 'released' : isLapsed ? 'expired' : 'authorized', expiresAt }
    case 'declined':
      return { status: 'declined', code: authorization.declineCode ?? 'card-declined' }
    case 'action-required':
      return { status: 'action-required', actionUrlRef: `action-${authorization.key}` }
    case 'voided':
      return { status: 'declined', code: 'voided' }
  }
}

function keyOf(c: Context): string {
  const key = c.req.header('idempotency-key')
  if (!key) throw new PartnerRefusal(400, 'key-missing', 'Send a header Idempotency-Key.')
  return key
}

function amountOf(body: Record<string, unknown>): number {
  const amount = body['amountMinor']
  if (!Number.isSafeInteger(amount) || (amount as number) < 0)
    throw new PartnerRefusal(
      422,
      'invalid-amount',
      `amountMinor must be a whole number from 0, not ${JSON.stringify(amount)}.`,
    )
  return amount as number
}

function textOf(body: Record<string, unknown>, name: string): string {
  const value = body[name]
  if (typeof value !== 'string' || value === '')
    throw new PartnerRefusal(422, 'invalid-body', `${name} must be a text, not ${JSON.stringify(value)}.`)
  return value
}

const authorizeRequest = (body: Record<string, unknown>): AuthorizeRequest => ({
  amountMinor: amountOf(body),
  currency: textOf(body, 'currency'),
  paymentMethodRef: textOf(body, 'paymentMethodRef'),
  ...(body['customer'] === undefined ? {} : { customer: textOf(body, 'customer') }),
  reference: textOf(body, 'reference'),
})
