/**
 * A local Stripe: payment intents, payment methods, refunds, disputes, and signed events. Its objects compile against the definitions
 * that Stripe publishes in its package, so that a field which is missing, misspelt or of another type is an error of the type check;
 * the requests come from Stripe's own client.
 */

import { Hono } from 'hono'
import { Stripe } from 'stripe'
import { afterEach, expect } from 'vitest'
import type { Clock } from 'local-google-cloud/host'
import { stripeJudge } from './stripe-description.ts'

const judge = stripeJudge()
const judged: Promise<string[]>[] = []
// Each test that uses this Stripe is one about its description as well.
if (judge)
  afterEach(async () => {
    const found = await Promise.all(judged.splice(0))
    expect([...new Set(found.flat())], `by Stripe's description of ${judge.version}`).toEqual([])
  })

const DAY_SECONDS = 24 * 3_600
const KEY_TTL_MS = DAY_SECONDS * 1_000
const VALID_FOR_SECONDS = 7 * DAY_SECONDS

export type TestCard = 'ok' | 'declined' | 'stolen' | 'action' | 'multicapture' | 'capture-refused' | 'refund-pending'

export interface FakeStripe {
  readonly app: Hono
  readonly intents: Map<string, Stripe.PaymentIntent>
  readonly charges: Map<string, Stripe.Charge>
  readonly refunds: Map<string, Stripe.Refund>
  /** The requests, as `METHOD PATH` with their idempotency keys. */
  readonly requests: { readonly line: string; readonly key: string | undefined }[]
  readonly faults: { unavailable: number; lostAnswers: number }
  /** A card of the customer, as Stripe.js makes it and `attach` binds it. */
  method(card: TestCard, customer: string): string
  /** A card that no customer has yet. */
  token(card: TestCard): string
  readonly methods: ReadonlyMap<string, { readonly object: Stripe.PaymentMethod }>
  readonly customers: ReadonlyMap<string, Stripe.Customer>
  readonly disputes: Map<string, Stripe.Dispute>
  /** The customer's bank takes a captured amount back, until it has decided. Returns the dispute's id. */
  dispute(intent: string, about?: { readonly reason?: string; readonly amount?: number }): string
  decide(dispute: string, outcome: 'won' | 'lost'): void
  /** Sends an event about the dispute. */
  report(type: Stripe.Event.Type, dispute: string): void
  /** The customer answers on the page of the bank. */
  act(intent: string, outcome: 'authorized' | 'declined'): void
  /** A refund that is made in Stripe's dashboard. Returns its id. */
  refundByHand(intent: string, amount: number): string
  /** A pending refund ends. */
  settle(refund: string, status: 'succeeded' | 'failed'): void
  /** The body and the signature of a webhook. */
  event(type: Stripe.Event.Type, object: object, secret: string): { readonly body: string; readonly signature: string }
}

export interface FakeStripeOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly key: string
  /** Is called with each event that the account's endpoint is subscribed to. */
  readonly onEvent?: (type: Stripe.Event.Type, object: object) => void
}

interface WireError {
  readonly type: 'invalid_request_error' | 'card_error'
  readonly code: string
  readonly decline_code?: string
  readonly message: string
  readonly payment_intent?: Stripe.PaymentIntent
}

class StripeRefusal extends Error {
  readonly status: 400 | 401 | 402 | 404
  readonly error: WireError

  constructor(status: StripeRefusal['status'], error: WireError) {
    super(JSON.stringify(error))
    this.status = status
    this.error = error
  }
}

const refuse = (code: string, message: string): never => {
  throw new StripeRefusal(400, { type: 'invalid_request_error', code, message })
}

export function fakeStripe({ clock, key, onEvent = () => {} }: FakeStripeOptions): FakeStripe {
  const intents = new Map<string, Stripe.PaymentIntent>()
  const charges = new Map<string, Stripe.Charge>()
  const refunds = new Map<string, Stripe.Refund>()
  const disputes = new Map<string, Stripe.Dispute>()
  const methods = new Map<string, { readonly card: TestCard; readonly object: Stripe.PaymentMethod }>()
  const remembered = new Map<
    string,
    { readonly request: string; readonly status: number; readonly body: string; readonly atMs: number }
  >()
  const customers = new Map<string, Stripe.Customer>()
  const requests: FakeStripe['requests'] = []
  const faults = { unavailable: 0, lostAnswers: 0 }
  let made = 0
  const id = (prefix: string): string => `${prefix}_${String((made += 1)).padStart(8, '0')}`
  const nowSeconds = (): number => Math.floor(clock.now() / 1_000)

  const intentOf = (name: string): Stripe.PaymentIntent => {
    const found = intents.get(name)
    if (!found)
      throw new StripeRefusal(404, {
        type: 'invalid_request_error',
        code: 'resource_missing',
        message: `No such payment_intent: '${name}'`,
      })
    return expired(found)
  }
  /** Stripe cancels what is not captured in time. */
  const expired = (intent: Stripe.PaymentIntent): Stripe.PaymentIntent => {
    const isOver = intent.status === 'requires_capture' && nowSeconds() > intent.created + VALID_FOR_SECONDS
    return isOver
      ? changed(intent, { status: 'canceled', cancellation_reason: 'automatic', amount_capturable: 0 })
      : intent
  }
  const changed = (intent: Stripe.PaymentIntent, change: Partial<Stripe.PaymentIntent>): Stripe.PaymentIntent => {
    const next = { ...intent, ...change }
    intents.set(intent.id, next)
    return next
  }
  const cardOf = ({ payment_method: method }: Stripe.PaymentIntent): TestCard => methods.get(String(method))!.card
  const shown = (intent: Stripe.PaymentIntent, params: URLSearchParams): Stripe.PaymentIntent =>
    [...params].some(([name, value]) => name.startsWith('expand[') && value === 'latest_charge') &&
    typeof intent.latest_charge === 'string'
      ? { ...intent, latest_charge: chargeNow(intent, charges.get(intent.latest_charge)!) }
      : intent
  const chargeNow = (intent: Stripe.PaymentIntent, charge: Stripe.Charge): Stripe.Charge => {
    const refundedMinor = [...refunds.values()]
      .filter((one) => one.payment_intent === intent.id && one.status !== 'failed')
      .reduce((sum, one) => sum + one.amount, 0)
    return {
      ...charge,
      amount_captured: intent.amount_received,
      amount_refunded: refundedMinor,
      captured: intent.amount_received > 0,
      refunded: refundedMinor > 0 && refundedMinor === intent.amount_received,
      disputed: [...disputes.values()].some((one) => one.payment_intent === intent.id),
    }
  }

  const authorized = (intent: Stripe.PaymentIntent): Stripe.PaymentIntent => {
    const charge = chargeFor(intent, {
      id: id('ch'),
      created: nowSeconds(),
      multicapture: cardOf(intent) === 'multicapture' ? 'available' : 'unavailable',
    })
    charges.set(charge.id, charge)
    return changed(intent, {
      status: 'requires_capture',
      amount_capturable: intent.amount,
      latest_charge: charge.id,
      next_action: null,
      last_payment_error: null,
    })
  }
  const decline = (intent: Stripe.PaymentIntent, declineCode: string): never => {
    const error = {
      type: 'card_error' as const,
      code: 'card_declined',
      decline_code: declineCode,
      message: 'Your card was declined.',
    }
    const failed = changed(intent, { status: 'requires_payment_method', last_payment_error: error })
    throw new StripeRefusal(402, { ...error, payment_intent: failed })
  }
  const confirm = (intent: Stripe.PaymentIntent): Stripe.PaymentIntent => {
    if (intent.status !== 'requires_confirmation')
      refuse('payment_intent_unexpected_state', `This PaymentIntent's status is ${intent.status}.`)
    const card = cardOf(intent)
    if (card === 'declined') return decline(intent, 'insufficient_funds')
    if (card === 'stolen') return decline(intent, 'stolen_card')
    if (card !== 'action') return authorized(intent)
    const url = `https://hooks.stripe.com/3d_secure/${intent.id}`
    return changed(intent, {
      status: 'requires_action',
      next_action: { type: 'redirect_to_url', redirect_to_url: { url, return_url: 'https://shop.example.com' } },
    })
  }
  const capture = (intent: Stripe.PaymentIntent, params: URLSearchParams): Stripe.PaymentIntent => {
    if (intent.status !== 'requires_capture')
      refuse(
        'payment_intent_unexpected_state',
        `This PaymentIntent could not be captured because it has a status of ${intent.status}.`,
      )
    const amount = Number(params.get('amount_to_capture') ?? intent.amount_capturable)
    if (amount > intent.amount_capturable)
      refuse('amount_too_large', 'Amount to capture is greater than the amount capturable.')
    if (cardOf(intent) === 'capture-refused') {
      const expired = { code: 'card_declined', decline_code: 'expired_card', message: 'Your card has expired.' }
      throw new StripeRefusal(402, { type: 'card_error', ...expired })
    }
    const isFinal = params.get('final_capture') !== 'false'
    if (!isFinal && cardOf(intent) !== 'multicapture')
      refuse('parameter_invalid', 'final_capture can only be false if multicapture is available.')
    const rest = isFinal ? 0 : intent.amount_capturable - amount
    return changed(intent, {
      status: rest > 0 ? 'requires_capture' : 'succeeded',
      amount_received: intent.amount_received + amount,
      amount_capturable: rest,
      metadata: { ...intent.metadata, ...nested(params, 'metadata') },
    })
  }
  const cancel = (intent: Stripe.PaymentIntent, params: URLSearchParams): Stripe.PaymentIntent => {
    if (intent.status === 'succeeded' || intent.status === 'canceled')
      refuse(
        'payment_intent_unexpected_state',
        `You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`,
      )
    const reason = params.get('cancellation_reason')
    return changed(intent, {
      status: 'canceled',
      amount_capturable: 0,
      canceled_at: nowSeconds(),
      cancellation_reason: reason,
    })
  }
  const dispute: FakeStripe['dispute'] = (name, { reason = 'fraudulent', amount } = {}) => {
    const intent = intentOf(name)
    if (intent.amount_received === 0) throw new Error(`Nothing was captured under ${name}.`)
    const object = disputeFor(intent, {
      id: id('du'),
      created: nowSeconds(),
      amount: amount ?? intent.amount_received,
      reason,
      status: 'needs_response',
    })
    disputes.set(object.id, object)
    onEvent('charge.dispute.created', object)
    return object.id
  }
  const refund = (params: URLSearchParams): Stripe.Refund => {
    const intent = intentOf(params.get('payment_intent') ?? '')
    const before = [...refunds.values()]
      .filter((one) => one.payment_intent === intent.id && one.status !== 'failed')
      .reduce((sum, one) => sum + one.amount, 0)
    if ([...disputes.values()].some((one) => one.payment_intent === intent.id && one.status !== 'won'))
      refuse('charge_disputed', 'The charge has been charged back; cannot issue a refund.')
    const amount = Number(params.get('amount') ?? intent.amount_received - before)
    if (before + amount > intent.amount_received)
      refuse('amount_too_large', 'Refund amount is greater than unrefunded amount on charge.')
    const object = refundFor(intent, {
      id: id('re'),
      created: nowSeconds(),
      amount,
      status: cardOf(intent) === 'refund-pending' ? 'pending' : 'succeeded',
      metadata: nested(params, 'metadata'),
    })
    refunds.set(object.id, object)
    return object
  }

  const app = new Hono()
  if (judge)
    app.use('/v1/*', async (c, next) => {
      const { pathname: path, search } = new URL(c.req.url)
      const form = await c.req.raw.clone().text()
      await next()
      const [{ method }, { status }] = [c.req, c.res]
      // An answer that the tests have lost on the way is not Stripe's.
      if (status < 500)
        judged.push(judge.exchange({ method, path, search, form, status, answer: await c.res.clone().json() }))
    })
  app.use('/v1/*', async (c, next) => {
    if (c.req.header('authorization') !== `Bearer ${key}`)
      return c.json({ error: { type: 'invalid_request_error', message: 'Invalid API Key provided.' } }, 401)
    if (!/^\d{4}-\d\d-\d\d/.test(c.req.header('stripe-version') ?? ''))
      return c.json({ error: { type: 'invalid_request_error', message: 'The version of the API is missing.' } }, 400)
    const idempotencyKey = c.req.header('idempotency-key')
    requests.push({ line: `${c.req.method} ${c.req.path}`, key: idempotencyKey })
    if (c.req.method !== 'POST') return next()
    if (c.req.header('content-type') !== 'application/x-www-form-urlencoded')
      return c.json({ error: { type: 'invalid_request_error', message: 'Send a form.' } }, 400)
    if (faults.unavailable > 0) {
      faults.unavailable -= 1
      return c.json({ error: { type: 'api_error', message: 'Try again.' } }, 503)
    }
    const request = `${c.req.path} ${await c.req.text()}`
    const before = idempotencyKey === undefined ? undefined : remembered.get(idempotencyKey)
    const known = before && clock.now() - before.atMs < KEY_TTL_MS ? before : undefined
    if (known && known.request !== request)
      return c.json(
        { error: { type: 'idempotency_error', message: 'Keys can only be used with the same parameters.' } },
        400,
      )
    if (known)
      c.res = new Response(known.body, {
        status: known.status,
        headers: { 'content-type': 'application/json', 'idempotent-replayed': 'true' },
      })
    else {
      await next()
      if (idempotencyKey !== undefined)
        remembered.set(idempotencyKey, {
          request,
          status: c.res.status,
          body: await c.res.clone().text(),
          atMs: clock.now(),
        })
    }
    if (faults.lostAnswers > 0) {
      faults.lostAnswers -= 1
      c.res = Response.json({ error: { type: 'api_error', message: 'The answer was lost.' } }, { status: 503 })
    }
    return undefined
  })
  app.post('/v1/payment_intents', async (c) => {
    const params = new URLSearchParams(await c.req.text())
    const method = methods.get(params.get('payment_method') ?? '')
    if (!method) return c.json(refuse('resource_missing', 'No such PaymentMethod.'))
    if (method.object.customer !== params.get('customer'))
      refuse('payment_method_unexpected_state', 'The PaymentMethod belongs to another customer.')
    const intent = intentFor({
      id: id('pi'),
      created: nowSeconds(),
      amount: Number(params.get('amount')),
      currency: params.get('currency') ?? '',
      customer: params.get('customer'),
      payment_method: method.object.id,
      metadata: nested(params, 'metadata'),
    })
    if (params.get('capture_method') !== 'manual') refuse('parameter_invalid', 'Everything here is captured by hand.')
    if (!Number.isSafeInteger(intent.amount) || intent.amount < 50)
      refuse('amount_too_small', 'Amount must be at least 50.')
    if (!/^[a-z]{3}$/.test(intent.currency)) refuse('parameter_invalid', `Invalid currency: ${intent.currency}`)
    intents.set(intent.id, intent)
    return c.json(shown(intent, params))
  })
  const acts = { confirm, capture, cancel }
  app.post('/v1/payment_intents/:id/:act', async (c) => {
    const params = new URLSearchParams(await c.req.text())
    const act = acts[c.req.param('act') as keyof typeof acts]
    return c.json(shown(act(intentOf(c.req.param('id')), params), params))
  })
  /** A page of a list, the newest first. Short, so that every list has several. */
  const pageOf = <T extends { readonly id: string }>(url: string, all: readonly T[]): Stripe.ApiList<T> => {
    const { searchParams: params, pathname } = new URL(url)
    const newest = all.toReversed()
    const from = newest.findIndex((one) => one.id === params.get('starting_after')) + 1
    const limit = Math.min(Number(params.get('limit') ?? 10), 2)
    return {
      object: 'list',
      url: pathname,
      data: newest.slice(from, from + limit),
      has_more: from + limit < newest.length,
    }
  }
  app.get('/v1/payment_intents', (c) => {
    const page = pageOf(c.req.url, [...intents.keys()].map(intentOf))
    const isExpanded = new URL(c.req.url).searchParams.get('expand[0]') === 'data.latest_charge'
    const params = new URLSearchParams(isExpanded ? { 'expand[0]': 'latest_charge' } : {})
    return c.json({ ...page, data: page.data.map((intent) => shown(intent, params)) })
  })
  const withIntent = <Of extends Stripe.Dispute | Stripe.Refund>(url: string, of: Of): Of =>
    new URL(url).searchParams.get('expand[0]') === 'payment_intent'
      ? { ...of, payment_intent: intentOf(String(of.payment_intent)) }
      : of
  app.get('/v1/disputes', (c) => {
    const of = new URL(c.req.url).searchParams.get('payment_intent')
    const all = [...disputes.values()].filter((one) => of === null || one.payment_intent === of)
    return c.json(pageOf(c.req.url, all))
  })
  app.get('/v1/disputes/:id', (c) => {
    const found = disputes.get(c.req.param('id'))
    if (found) return c.json(withIntent(c.req.url, found))
    const error = { type: 'invalid_request_error', code: 'resource_missing', message: 'No such dispute.' } as const
    throw new StripeRefusal(404, error)
  })
  app.get('/v1/payment_intents/:id', (c) => c.json(shown(intentOf(c.req.param('id')), new URL(c.req.url).searchParams)))
  const methodOf = (name: string) => {
    const found = methods.get(name)
    if (!found)
      throw new StripeRefusal(404, {
        type: 'invalid_request_error',
        code: 'resource_missing',
        message: 'No such PaymentMethod.',
      })
    return found
  }
  const changedMethod = (name: string, change: Partial<Stripe.PaymentMethod>): Stripe.PaymentMethod => {
    const { card, object } = methodOf(name)
    const next = { ...object, ...change }
    methods.set(name, { card, object: next })
    return next
  }
  app.get('/v1/payment_methods/:id', (c) => c.json(methodOf(c.req.param('id')).object))
  app.post('/v1/customers', async (c) => {
    const object = customerFor({
      id: id('cus'),
      created: nowSeconds(),
      metadata: nested(new URLSearchParams(await c.req.text()), 'metadata'),
    })
    customers.set(object.id, object)
    return c.json(object)
  })
  app.post('/v1/payment_methods/:id', async (c) => {
    const name = c.req.param('id')
    const metadata = nested(new URLSearchParams(await c.req.text()), 'metadata')
    return c.json(changedMethod(name, { metadata: { ...methodOf(name).object.metadata, ...metadata } }))
  })
  app.post('/v1/payment_methods/:id/attach', async (c) => {
    const customer = new URLSearchParams(await c.req.text()).get('customer') ?? ''
    if (!customers.has(customer)) refuse('resource_missing', `No such customer: '${customer}'`)
    if (methodOf(c.req.param('id')).object.customer !== null)
      refuse('resource_already_exists', 'The payment method has already been attached to a customer.')
    return c.json(changedMethod(c.req.param('id'), { customer }))
  })
  app.post('/v1/payment_methods/:id/detach', (c) => {
    if (methodOf(c.req.param('id')).object.customer === null)
      refuse('payment_method_unexpected_state', 'The payment method is not attached to a customer.')
    return c.json(changedMethod(c.req.param('id'), { customer: null }))
  })
  app.post('/v1/refunds', async (c) => c.json(refund(new URLSearchParams(await c.req.text()))))
  app.get('/v1/refunds', (c) => {
    const of = new URL(c.req.url).searchParams.get('payment_intent')
    return c.json(
      pageOf(
        c.req.url,
        [...refunds.values()].filter((one) => one.payment_intent === of),
      ),
    )
  })
  app.get('/v1/refunds/:id', (c) => {
    const found = refunds.get(c.req.param('id'))
    if (found) return c.json(withIntent(c.req.url, found))
    const error = { type: 'invalid_request_error', code: 'resource_missing', message: 'No such refund.' } as const
    throw new StripeRefusal(404, error)
  })
  app.onError((error, c) => {
    if (error instanceof StripeRefusal) return c.json({ error: error.error }, error.status)
    throw error
  })

  return {
    app,
    intents,
    charges,
    refunds,
    requests,
    faults,
    methods,
    customers,
    disputes,
    dispute,
    report: (type, name) => onEvent(type, disputes.get(name)!),
    decide(name, outcome) {
      const decided: Stripe.Dispute = { ...disputes.get(name)!, status: outcome }
      disputes.set(name, decided)
      onEvent('charge.dispute.closed', decided)
    },
    token(card) {
      const object = methodFor({ id: id('pm'), created: nowSeconds(), customer: null, metadata: {} })
      methods.set(object.id, { card, object })
      return object.id
    },
    method(card, customer) {
      const object = methodFor({
        id: id('pm'),
        created: nowSeconds(),
        customer: `cus_${customer}`,
        metadata: { customer },
      })
      methods.set(object.id, { card, object })
      return object.id
    },
    act(name, outcome) {
      const intent = intentOf(name)
      if (intent.status !== 'requires_action') throw new Error(`${name} waits for no customer.`)
      if (outcome === 'authorized') return onEvent('payment_intent.amount_capturable_updated', authorized(intent))
      const error = { type: 'invalid_request_error' as const, code: 'payment_intent_authentication_failure' }
      const failed = changed(intent, {
        status: 'requires_payment_method',
        next_action: null,
        last_payment_error: error,
      })
      onEvent('payment_intent.payment_failed', failed)
    },
    refundByHand(name, amount) {
      const made = refund(new URLSearchParams({ payment_intent: name, amount: String(amount) }))
      onEvent('refund.created', made)
      return made.id
    },
    settle(name, status) {
      const settled: Stripe.Refund = { ...refunds.get(name)!, status }
      refunds.set(name, settled)
      onEvent(status === 'failed' ? 'refund.failed' : 'refund.updated', settled)
    },
    event(type, object, secret) {
      const event = {
        id: id('evt'),
        object: 'event',
        api_version: null,
        created: nowSeconds(),
        data: { object },
        livemode: false,
        pending_webhooks: 1,
        request: null,
        type,
      }
      if (judge) judged.push(judge.event(event as never))
      const body = JSON.stringify(event)
      const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: nowSeconds() })
      return { body, signature }
    },
  }
}

/** `metadata[key]=value` as an object. */
const nested = (params: URLSearchParams, name: string): Record<string, string> =>
  Object.fromEntries(
    [...params].flatMap(([field, value]) => {
      const [, inner] = new RegExp(`^${name}\\[(.+)\\]$`).exec(field) ?? []
      return inner === undefined ? [] : [[inner, value]]
    }),
  )

const intentFor = (
  given: Pick<
    Stripe.PaymentIntent,
    'id' | 'created' | 'amount' | 'currency' | 'customer' | 'payment_method' | 'metadata'
  >,
): Stripe.PaymentIntent => ({
  object: 'payment_intent',
  allowed_payment_method_types: null,
  amount_capturable: 0,
  amount_received: 0,
  application: null,
  application_fee_amount: null,
  automatic_payment_methods: null,
  canceled_at: null,
  cancellation_reason: null,
  capture_method: 'manual',
  client_secret: null,
  confirmation_method: 'automatic',
  customer_account: null,
  description: null,
  excluded_payment_method_types: null,
  last_payment_error: null,
  latest_charge: null,
  livemode: false,
  managed_payments: null,
  next_action: null,
  on_behalf_of: null,
  payment_method_configuration_details: null,
  payment_method_options: null,
  payment_method_types: ['card'],
  payment_record: null,
  processing: null,
  receipt_email: null,
  review: null,
  setup_future_usage: null,
  shipping: null,
  source: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
  status: 'requires_confirmation',
  transfer_group: null,
  ...given,
})

const billingDetails = { address: null, email: null, name: null, phone: null, tax_id: null }

const chargeFor = (
  intent: Stripe.PaymentIntent,
  {
    id,
    created,
    multicapture,
  }: { readonly id: string; readonly created: number; readonly multicapture: 'available' | 'unavailable' },
): Stripe.Charge => ({
  id,
  object: 'charge',
  amount: intent.amount,
  amount_captured: 0,
  amount_refunded: 0,
  application: null,
  application_fee: null,
  application_fee_amount: null,
  balance_transaction: null,
  billing_details: billingDetails,
  calculated_statement_descriptor: null,
  captured: false,
  created,
  currency: intent.currency,
  customer: intent.customer,
  description: null,
  disputed: false,
  failure_balance_transaction: null,
  failure_code: null,
  failure_message: null,
  fraud_details: null,
  livemode: false,
  metadata: {},
  on_behalf_of: null,
  outcome: null,
  paid: true,
  payment_intent: intent.id,
  payment_method: String(intent.payment_method),
  payment_method_details: {
    type: 'card',
    card: {
      amount_authorized: intent.amount,
      authorization_code: null,
      brand: 'visa',
      capture_before: created + VALID_FOR_SECONDS,
      checks: null,
      country: 'DE',
      electronic_commerce_indicator: null,
      exp_month: 12,
      exp_year: 2034,
      funding: 'credit',
      installments: null,
      last4: '4242',
      mandate: null,
      multicapture: { status: multicapture },
      network: 'visa',
      network_transaction_id: null,
      regulated_status: null,
      three_d_secure: null,
      transaction_link_id: null,
      wallet: null,
    },
  },
  receipt_email: null,
  receipt_number: null,
  receipt_url: null,
  refunded: false,
  review: null,
  shipping: null,
  source: null,
  source_transfer: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
  status: 'succeeded',
  transfer_data: null,
  transfer_group: null,
})

const refundFor = (
  intent: Stripe.PaymentIntent,
  given: Pick<Stripe.Refund, 'id' | 'created' | 'amount' | 'status' | 'metadata'>,
): Stripe.Refund => ({
  object: 'refund',
  balance_transaction: null,
  charge: typeof intent.latest_charge === 'string' ? intent.latest_charge : null,
  currency: intent.currency,
  customer: intent.customer,
  customer_account: null,
  payment_intent: intent.id,
  payment_method: intent.payment_method,
  reason: null,
  receipt_number: null,
  source_transfer_reversal: null,
  transfer_reversal: null,
  ...given,
})

const disputeFor = (
  intent: Stripe.PaymentIntent,
  given: Pick<Stripe.Dispute, 'id' | 'created' | 'amount' | 'reason' | 'status'>,
): Stripe.Dispute => ({
  object: 'dispute',
  balance_transactions: [],
  charge: typeof intent.latest_charge === 'string' ? intent.latest_charge : 'ch_unknown',
  currency: intent.currency,
  enhanced_eligibility_types: [],
  evidence: {
    access_activity_log: null,
    billing_address: null,
    cancellation_policy: null,
    cancellation_policy_disclosure: null,
    cancellation_rebuttal: null,
    customer_communication: null,
    customer_email_address: null,
    customer_name: null,
    customer_purchase_ip: null,
    customer_signature: null,
    duplicate_charge_documentation: null,
    duplicate_charge_explanation: null,
    duplicate_charge_id: null,
    enhanced_evidence: {},
    product_description: null,
    receipt: null,
    refund_policy: null,
    refund_policy_disclosure: null,
    refund_refusal_explanation: null,
    service_date: null,
    service_documentation: null,
    shipping_address: null,
    shipping_carrier: null,
    shipping_date: null,
    shipping_documentation: null,
    shipping_tracking_number: null,
    uncategorized_file: null,
    uncategorized_text: null,
  },
  evidence_details: {
    due_by: given.created + VALID_FOR_SECONDS,
    enhanced_eligibility: {},
    has_evidence: false,
    past_due: false,
    submission_count: 0,
    submission_method: 'manual',
  },
  intended_submission_method: null,
  is_charge_refundable: false,
  livemode: false,
  metadata: {},
  payment_intent: intent.id,
  ...given,
})

const methodFor = (
  given: Pick<Stripe.PaymentMethod, 'id' | 'created' | 'customer' | 'metadata'>,
): Stripe.PaymentMethod => ({
  object: 'payment_method',
  billing_details: billingDetails,
  card: {
    brand: 'visa',
    checks: null,
    country: 'DE',
    display_brand: 'visa',
    exp_month: 12,
    exp_year: 2034,
    funding: 'credit',
    generated_from: null,
    last4: '4242',
    networks: null,
    regulated_status: null,
    three_d_secure_usage: null,
    wallet: null,
  },
  customer_account: null,
  livemode: false,
  type: 'card',
  ...given,
})

const customerFor = (given: Pick<Stripe.Customer, 'id' | 'created' | 'metadata'>): Stripe.Customer => ({
  object: 'customer',
  balance: 0,
  default_source: null,
  description: null,
  email: null,
  invoice_settings: {
    custom_fields: null,
    default_payment_method: null,
    footer: null,
    rendering_options: null,
  },
  livemode: false,
  shipping: null,
  ...given,
})
