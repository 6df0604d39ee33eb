/**
 * Every service with its real handlers, rules and sagas, the partners with their own state, a bus and a clock, in one
 * process without sockets. The seed of a run decides the interleaving and the faults; the same seed gives the same run.
 */

import { generateKeyPairSync } from 'node:crypto'
import type { JWK } from 'jose'
import { carrierApp, type CarrierOptions } from '../../../functions/shop/local/carrier/server.ts'
import { testTokens } from '../../../functions/shop/local/payment-provider/payment-methods.ts'
import { paymentProviderApp } from '../../../functions/shop/local/payment-provider/server.ts'
import { type Random, seededRandom } from 'local-google-cloud/host'
import { vaultOf } from '../../../functions/customers/contracts.ts'
import { loadApp } from '../../../functions/apps.ts'
import { business, services } from '../../../functions/index.ts'
import { testCharges } from '../../../functions/orders/charges.testing.ts'
import type { Bounds } from '../../../functions/orders/settings.ts'
import { Unavailable } from '../../../shared/base/errors.ts'
import { hashOf } from '../../../shared/base/ids.ts'
import { once } from '../../../shared/base/once.ts'
import type { Envelope } from '../../../shared/contracts/envelope.ts'
import type { Message } from '../../../shared/contracts/message.ts'
import type { Platform } from '../../../shared/service/platform.ts'
import type { Service } from '../../../shared/service/service.ts'
import { createCaller } from '../../../shared/runtime/caller.ts'
import { createHttpApp } from '../../../shared/runtime/http-app.ts'
import { serveQueries } from '../../../shared/runtime/queries.testing.ts'
import type { Call } from '../../../shared/messaging/query.ts'
import { submissionRoutes } from '../../../shared/runtime/submissions.ts'
import { testConfig } from '../../../shared/base/config.testing.ts'
import { deliver, message, type MessageOptions } from '../../../shared/runtime/deliver.testing.ts'
import { startOfTests, testPlatform, type TestPlatform, testTrace } from '../../../shared/runtime/platform.testing.ts'
import { localEnvironment, localPorts } from '../../../stacks/environments.ts'
import { settingsOf } from '../../../stacks/service-variables.ts'
import { type VirtualSchedule, createSchedule, type Item } from './virtual-schedule.ts'
import { type Bus, createBus, type Listener } from './bus.ts'
import { type Activity, createScheduler, type Scheduler } from './scheduler.ts'
import { type Faults, noFaults } from './faults.ts'
import { readSimulatedViews } from './views.ts'
import { appendAlone, keepInTwo } from './two-instances.ts'

export const sku = 'TEA-001'
export const unitMinor = 1190
/** A product that costs nothing; a world has it if its options name a stock of it. */
export const freeSku = 'FREE-001'
/** The settings of the local environment; no server listens at its addresses here. */
const settings = settingsOf(localEnvironment(localPorts(4_100, business)), business)
/** Discount codes of a world: a part, and all of the price. */
export const discountCodes = { 'WELCOME-10': 1_000, GIFT: 10_000 } as const
const charges = testCharges({
  taxBasisPoints: { standard: 1_900, reduced: 700 },
  shipping: { USD: { feeMinor: 590, freeFromMinor: 6_000 } },
  discountBasisPoints: discountCodes,
})
/** Cards that matter after days, or for several parcels. */
const specialCards = [
  'card-issuer-unavailable',
  'card-ends-soon',
  'card-lapses',
  'card-renewal-refused',
  'card-disputed',
  'card-captured-once',
]
/** Of every partner of every world: a key costs more than an order. */
const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }) as JWK
const CUSTOMER = 'customer-1'
const PROVIDER = 'https://provider.test'
const CARRIER = 'https://carrier.test'
const KEYS = '/.well-known/jwks.json'
const WEBHOOK = 'https://gateway.test/v1/webhooks/payment-provider'
const STRIPE_WEBHOOK = '/v1/webhooks/stripe'
const CARRIER_WEBHOOK = 'https://gateway.test/v1/webhooks/carrier'
/** The time after which Pub/Sub and Cloud Tasks retry without an answer. */
const ANSWER_TIMEOUT_MS = 60_000
/** An order takes some hundred steps, and one of several late parcels some ten thousand in a month of faults; more are an endless loop. */
const MAX_STEPS = 200_000

/** A message between two parties: an event, a command, a request to a partner with its answer, or a webhook. */
export interface Passed {
  readonly kind: 'event' | 'command' | 'request' | 'webhook'
  readonly from: string
  /** All that get it: several for an event, none for one that only BigQuery gets. */
  readonly to: readonly string[]
  /** A type of message, or method and path. */
  readonly what: string
  /** Of a message: the same when it is sent again. */
  readonly id?: string
  /** The status of the answer to a request, with the code of a refusal. */
  readonly answer?: string
  readonly atMs: number
}

/** A local Stripe with an address of its own, which a world opens with its clock. Its cards have its own names. */
export interface StripeOfWorld {
  readonly url: string
  readonly key: string
  readonly cards: readonly string[]
  open(parts: {
    readonly clock: { now(): number }
    /** Sends a signed event to the endpoint. */
    deliver(type: string, signed: { readonly body: string; readonly signature: string }): void
  }): void
  /** A card that no customer has yet. */
  token(card: string): string
}

export interface WorldOptions {
  readonly seed?: number
  readonly faults?: Faults
  /** The number of concurrent activities. */
  readonly concurrency?: number
  readonly stock?: number
  /** Pieces of the free product; absent: it is not sold. */
  readonly freeStock?: number
  readonly releaseDelaySeconds?: number
  /** The cards of each customer, ten at most; absent: all but those that matter after days, or for several parcels. */
  readonly cards?: readonly string[]
  /** How the tea is taxed; absent: it is exempt. */
  readonly taxClass?: 'standard' | 'reduced'
  /** When the carrier collects and delivers; absent: a tenth of a second after each other. */
  readonly carrier?: Pick<
    CarrierOptions,
    'collectedAfterMs' | 'collectedApartMs' | 'deliveredAfterMs' | 'repeatedAfterMs'
  >
  /** The most pieces in one parcel; absent: twenty. */
  readonly piecesPerParcel?: number
  /** The bounds of one customer; absent: the local environment's. */
  readonly bounds?: Bounds
  /** The customers besides customer-1. */
  readonly customers?: readonly string[]
  /** Is called with all that passes from here on, once each time that it is sent. */
  readonly observe?: (passed: Passed) => void
  /** The payment provider is a local Stripe; absent: the simulator. */
  readonly stripe?: StripeOfWorld
  /** The descriptions of the services; absent: the present ones. */
  readonly descriptions?: readonly Service[]
}

interface Vault {
  readonly addressRef: string
  /** Of addresses that the carrier does not know, and from which parcels come back. */
  readonly others: Readonly<Record<'unknown' | 'returned', string>>
  /** The reference of each payment method by the provider's token. */
  readonly paymentMethods: ReadonlyMap<string, string>
}

export interface OrderRequest {
  readonly customer?: string
  readonly key?: string
  readonly card?: string
  /** To an address that the carrier does not know, or from which the parcel comes back. */
  readonly address?: 'unknown' | 'returned'
  readonly quantity?: number
  readonly discountCode?: keyof typeof discountCodes
  /** Absent: EUR. */
  readonly currency?: string
  /** The lines; absent: one line of tea. */
  readonly lines?: readonly { readonly sku: string; readonly quantity: number }[]
}

export interface Answer {
  readonly status: number
  readonly orderId: string
  /** The problem's code if the order was refused. */
  readonly code?: string
}

/** The answer to a submission: 202, or why it is refused. */
export interface Submitted {
  readonly status: number
  readonly code?: string
}

export interface Submitting {
  readonly activity: Activity
  answer(): Submitted | undefined
}

export interface World {
  readonly schedule: VirtualSchedule
  readonly bus: Bus
  readonly scheduler: Scheduler
  readonly random: Random
  readonly provider: ReturnType<typeof paymentProviderApp>
  readonly carrier: ReturnType<typeof carrierApp>
  /** The received pieces, by SKU. */
  readonly stock: Readonly<Record<string, number>>
  platform(service: string): TestPlatform
  /** A command as the release that its owner has sends it. */
  commandTo(owner: string, type: string, data: object, about?: MessageOptions): Envelope
  /** Places an order, and runs until it is answered. */
  place(order?: OrderRequest): Promise<Answer>
  /** Begins the request, and stops it before its first step. */
  placing(order?: OrderRequest): { readonly activity: Activity; answer(): Answer | undefined }
  /** Begins a withdrawal of that card, and stops it before its first step. */
  withdrawing(card: string): Activity
  /** The reference of the customer's address that the carrier knows. */
  readonly addressRef: string
  /** The reference of the customer's payment method with this token. */
  paymentMethodOf(card: string): string | undefined
  /** Begins the submission of a staff command to its owner, and stops it before its first step. */
  submitting(type: string, data: object, key: string): Submitting
  /** Submits a staff command, and runs until it is answered. */
  submit(type: string, data: object, key: string): Promise<Submitted>
  /** Begins one item of the schedule, and stops it before its first step. */
  begin(item: Item): Activity
  /** Runs one activity to its end, without the others. */
  finish(activity: Activity): Promise<void>
  /** Runs due items and advances the clock to the next ones, for `forMs` or until `until` holds. */
  run(options?: { readonly forMs?: number; readonly until?: () => boolean }): Promise<void>
  /** Ends all faults. */
  endFaults(): void
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const { seed = 1, concurrency = 1, stock: tea = 100, freeStock = 0, releaseDelaySeconds = 0 } = options
  const stock = { [sku]: tea, ...(freeStock > 0 ? { [freeSku]: freeStock } : {}) }
  let isReady = false
  const observe = (passed: Omit<Passed, 'atMs'>): void => {
    if (isReady) options.observe?.({ ...passed, atMs: schedule.now() })
  }
  const random = seededRandom(seed)
  /** Of its own, so that a choice of an instance changes no other one. */
  const instances = seededRandom(seed + 1)
  const scheduler = createScheduler()
  const schedule = createSchedule(Date.parse(startOfTests))
  // The faults begin after the customer has registered address and payment method, and the stock has arrived.
  let faults = noFaults
  const happens = (chance: number): boolean => chance > 0 && random.next() < chance
  const upTo = (most: number): number => (most > 0 ? Math.floor(random.next() * most) : 0)

  const provider = paymentProviderApp({
    clock: { now: schedule.now, at: (ms, run) => timer(ms, run) },
    webhookUrl: WEBHOOK,
    fetch: (url, init) => sendWebhook(url, init),
  })
  const carrier = carrierApp({
    clock: { now: schedule.now, at: (ms, run) => timer(ms, run) },
    webhookUrl: CARRIER_WEBHOOK,
    fetch: (url, init) => sendWebhook(url, init),
    repeatedAfterMs: 60_000,
    ...options.carrier,
  })
  for (const { partner } of [provider, carrier])
    partner.journal.table<JWK>('signing-keys').set('provider-1', signingKey)
  const partners = new Map([
    [PROVIDER, provider.partner.app],
    [CARRIER, carrier.partner.app],
  ])
  const partnerAt = (origin: string): string => (origin === CARRIER ? 'carrier' : 'payment provider')
  const listeners = new Map<string, Listener>()
  const listenersTo = (type: string): string[] =>
    [...listeners].flatMap(([name, { platform }]) => (platform.service.on.includes(type) ? [name] : []))
  const latencyMs = (): number => upTo(happens(faults.slow) ? faults.slowMs : faults.latencyMs)
  const bus = createBus(schedule, listeners, latencyMs)

  const { stripe } = options
  /** By the official client over real HTTP, with the faults of every partner. */
  const callStripe =
    (from: string, caller: Pick<Platform<string>, 'callExternal'>): Platform<string>['callExternal'] =>
    async (url, requested) => {
      const { pathname } = new URL(url)
      await scheduler.interleave(`ask ${pathname}`)
      if (happens(faults.partnerUnavailable)) throw new Unavailable(`${url} is unavailable.`)
      const response = await caller.callExternal(url, requested)
      const what = `${requested.method} ${pathname}`
      observe({ kind: 'request', from, to: [partnerAt(PROVIDER)], what, answer: `${response.status}` })
      await scheduler.interleave(`answer ${pathname}`)
      if (happens(faults.partnerAnswerLost)) throw new Unavailable(`The answer of ${url} was lost.`)
      return response
    }
  const stripeCaller = (secret: TestPlatform['secret'], telemetry: TestPlatform['telemetry']) =>
    createCaller({
      peers: {},
      authorizationFor: async () => 'Bearer no-identity',
      accessAuthorization: async () => 'Bearer no-access',
      secret,
      telemetry,
    })

  const callExternalFrom =
    (from: string): Platform['callExternal'] =>
    async (url, { method, body, idempotencyKey, accept = [] }) => {
      const { origin, pathname, search } = new URL(url)
      // Concurrent webhooks wait for one request of the keys: it is no step at which one of them may be stopped.
      const isOfKeys = pathname === KEYS
      if (!isOfKeys) await scheduler.interleave(`ask ${pathname}`)
      if (happens(faults.partnerUnavailable)) throw new Unavailable(`${url} is unavailable.`)
      const response = await partners.get(origin)!.request(`${pathname}${search}`, {
        method,
        headers: idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      if (!isOfKeys)
        observe({
          kind: 'request',
          from,
          to: [partnerAt(origin)],
          what: `${method} ${pathname}`,
          answer: `${response.status}`,
        })
      if (!isOfKeys) await scheduler.interleave(`answer ${pathname}`)
      if (happens(faults.partnerAnswerLost)) throw new Unavailable(`The answer of ${url} was lost.`)
      const { status } = response
      if (response.ok || accept.includes(status)) return new Response(text, { status })
      if (status >= 500) throw new Unavailable(`${url} answered ${status}.`)
      throw new Error(`${method} ${url} was refused with ${status}: ${text}`)
    }

  const routesMade = new Map<string, ReturnType<typeof serveQueries>>()
  /** The real routes of a service for queries and submissions of another one. */
  function routesOf(name: string, from: string): ReturnType<typeof serveQueries> {
    const key = `${from} ${name}`
    const known = routesMade.get(key)
    if (known) return known
    const { app, platform } = listeners.get(name)!
    const routes = serveQueries(app, platform)
    submissionRoutes(routes, app, platform, async () => from)
    routesMade.set(key, routes)
    return routes
  }

  const callFrom =
    (from: string): Call =>
    async (name, path, { method = 'GET', body } = {}) => {
      await scheduler.interleave(`query ${name}`)
      const routes = routesOf(name, from)
      const headers = { 'content-type': 'application/json' }
      return routes.request(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    }

  for (const service of options.descriptions ?? services) {
    const platform = testPlatform(service, {
      settings: {
        ...settings,
        PAYMENT_PROVIDER_URL: stripe?.url ?? PROVIDER,
        ...(stripe
          ? { PAYMENT_PROVIDER_API: JSON.stringify({ kind: 'stripe', returnUrl: 'https://shop.example.com/orders' }) }
          : {}),
        PAYMENT_WEBHOOK_URL: WEBHOOK,
        CARRIER_URL: CARRIER,
        CARRIER_WEBHOOK_URL: CARRIER_WEBHOOK,
        RELEASE_DELAY_SECONDS: String(releaseDelaySeconds),
        CHARGES: charges,
        PIECES_PER_PARCEL: String(options.piecesPerParcel ?? 20),
        ...(options.bounds ? { PLACING: JSON.stringify(options.bounds) } : {}),
      },
      callExternal: (url, requested) =>
        stripe && url.startsWith(stripe.url)
          ? toStripe(url, requested)
          : callExternalFrom(service.name)(url, requested as never),
      ...(stripe ? { secrets: { 'payment-provider-key': stripe.key } } : {}),
      readViews: (query) => readSimulatedViews((name) => listeners.get(name)!.platform.published, query),
      call: callFrom(service.name),
      keep: (store) => keepInTwo(store, () => instances.next() < 0.5),
      appendsOf: appendAlone,
      outside: {
        now: schedule.now,
        interleave: (what) => scheduler.interleave(what, service.name),
        async publish(events) {
          await scheduler.interleave('publish')
          if (events.length > 0 && happens(faults.publishFails)) throw new Unavailable('Pub/Sub is unavailable.')
          for (const { type, id } of events)
            observe({ kind: 'event', from: service.name, to: listenersTo(type), what: type, id })
          bus.publish(events)
          for (const event of events) if (happens(faults.duplicate)) bus.publish([event])
          await scheduler.interleave('published')
          if (events.length > 0 && happens(faults.publishAnswerLost)) throw new Unavailable('The answer was lost.')
        },
        async send(commands) {
          await scheduler.interleave('send')
          if (commands.length > 0 && happens(faults.sendFails)) throw new Unavailable('Cloud Tasks is unavailable.')
          for (const { target, envelope, notBeforeMs } of commands)
            if (notBeforeMs === undefined || notBeforeMs <= schedule.now())
              observe({ kind: 'command', from: service.name, to: [target], what: envelope.type, id: envelope.id })
          bus.send(commands)
          await scheduler.interleave('sent')
        },
      },
    })
    const toStripe = callStripe(service.name, stripeCaller(platform.secret, platform.telemetry))
    listeners.set(service.name, { app: await loadApp(service.name), platform })
  }

  const orders = listeners.get('orders')!
  const gateway = listeners.get('gateway')!
  const door = once(() => createHttpApp(gateway.app, gateway.platform, testConfig('gateway')))

  /** A partner's timer: it waits for the webhook that follows, which is signed in another thread. */
  let webhookSent: (() => void) | undefined
  function timer(ms: number, run: () => void): { cancel(): void } {
    const item = schedule.add({
      kind: 'timer',
      to: 'payment-provider',
      type: 'timer',
      dueMs: ms,
      async handle() {
        const called = new Promise<void>((resolve) => (webhookSent = resolve))
        run()
        await called
        return true
      },
    })
    return { cancel: () => schedule.take(item) }
  }
  function sendWebhook(url: string, init: RequestInit): Promise<Response> {
    webhookSent?.()
    const { type } = JSON.parse(init.body as string) as { type: string }
    observe({
      kind: 'webhook',
      from: url === WEBHOOK ? partnerAt(PROVIDER) : partnerAt(CARRIER),
      to: ['gateway'],
      what: type,
    })
    return new Promise((resolve) => {
      const deliver = (): void =>
        void schedule.add({
          kind: 'webhook',
          to: 'gateway',
          type,
          dueMs: schedule.now() + latencyMs(),
          async handle() {
            const { method, headers, body } = init
            resolve(await door().request(new URL(url).pathname, { method: method!, headers: headers!, body: body! }))
            return true
          },
        })
      deliver()
      if (happens(faults.duplicate)) deliver()
    })
  }

  stripe?.open({
    clock: { now: schedule.now },
    deliver: (type, { body, signature }) =>
      void schedule.add({
        kind: 'webhook',
        to: 'gateway',
        type,
        dueMs: schedule.now() + latencyMs(),
        async handle() {
          const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
          const response = await door().request(STRIPE_WEBHOOK, { method: 'POST', headers, body })
          observe({ kind: 'webhook', from: partnerAt(PROVIDER), to: ['gateway'], what: type })
          return response.ok
        },
      }),
  })

  const begin = (item: Item): Activity => {
    schedule.take(item)
    let answered = false
    const again = (waitMs: number): void => {
      if (answered) return
      answered = true
      item.dueMs = schedule.now() + waitMs
      item.attempts += 1
      schedule.items.push(item)
    }
    const activity = scheduler.start(`${item.type} to ${item.to}`, async () => {
      const { attempts } = item
      const done = await item.handle(item)
      if (!done || happens(faults.ackLost)) again(bus.waitMs(attempts))
      answered = true
    })
    if (item.kind === 'event' || item.kind === 'command') {
      const breaks = happens(faults.crash) ? 'crash' : happens(faults.pause) ? 'pause' : undefined
      if (breaks) broken.set(activity, { breaks, atStep: 1 + upTo(8), again: () => again(ANSWER_TIMEOUT_MS) })
    }
    return activity
  }
  const broken = new Map<Activity, { readonly breaks: 'crash' | 'pause'; readonly atStep: number; again(): void }>()

  /** Injects the fault before the step, so the waiting caller retries. */
  const step = async (activity: Activity): Promise<void> => {
    const fault = broken.get(activity)
    if (!fault || activity.steps < fault.atStep) return scheduler.step(activity)
    broken.delete(activity)
    fault.again()
    if (fault.breaks === 'crash') return scheduler.kill(activity)
    activity.paused = true
    schedule.add({
      kind: 'timer',
      to: activity.name,
      type: 'resumed',
      dueMs: schedule.now() + upTo(faults.pauseMs),
      handle: async () => {
        activity.paused = false
        return true
      },
    })
  }

  const pick = <T>(some: readonly T[]): T => some[upTo(some.length)]!

  const finish = async (activity: Activity): Promise<void> => {
    while (activity.state === 'running') await scheduler.step(activity)
  }

  const run: World['run'] = async ({ forMs = 3_600_000, until = () => false } = {}) => {
    const endMs = schedule.now() + forMs
    for (let steps = 0; !until(); steps++) {
      if (steps > MAX_STEPS)
        throw new Error(`It does not become quiescent: ${schedule.items.length} items are still scheduled.`)
      const ready = scheduler.ready()
      // The schedule is sorted only when another item may begin: most steps are of an activity that has begun.
      const due = ready.length < concurrency ? schedule.due() : []
      if (due.length > 0) begin(concurrency === 1 && faults === noFaults ? due[0]! : pick(due))
      else if (ready.length > 0) await step(concurrency === 1 ? ready[0]! : pick(ready))
      else {
        const nextMs = schedule.nextMs()
        if (nextMs === undefined || nextMs > endMs) return schedule.advanceTo(endMs)
        schedule.advanceTo(nextMs)
      }
    }
  }

  /** The registered data of each customer: an address and the provider's test cards. */
  const vaults = new Map<string, Vault>()
  for (const customer of new Set([CUSTOMER, ...(options.customers ?? [])])) {
    const vault = `/vaults/${vaultOf(customer)}`
    const add = async (path: string, body: object): Promise<Record<string, string>> => {
      const answer = await callFrom('gateway')('customers', `${vault}/${path}`, {
        method: 'POST',
        body: { idempotencyKey: hashOf(JSON.stringify(body)), body },
      })
      if (answer.status !== 201) throw new Error(`customers answered ${answer.status}: ${await answer.text()}`)
      return (await answer.json()) as Record<string, string>
    }
    const address = { name: 'A. Customer', lines: ['1 Mill Lane'], city: 'Berlin', country: 'DE' }
    const { addressRef } = await add('addresses', address)
    const others = {
      unknown: (await add('addresses', { ...address, postcode: '00000' }))['addressRef']!,
      returned: (await add('addresses', { ...address, postcode: '99999' }))['addressRef']!,
    }
    const paymentMethods = new Map<string, string>()
    for (const card of stripe?.cards ?? options.cards ?? testTokens.filter((one) => !specialCards.includes(one))) {
      const token = stripe?.token(card) ?? card
      paymentMethods.set(card, (await add('payment-methods', { token }))['paymentMethodRef']!)
    }
    vaults.set(customer, { addressRef: addressRef!, others, paymentMethods })
  }

  const placing: World['placing'] = ({
    customer = CUSTOMER,
    key = 'key-1',
    card = stripe ? 'ok' : 'card-ok',
    address,
    quantity = 2,
    currency = 'EUR',
    discountCode,
    lines = [{ sku, quantity }],
  } = {}) => {
    let answer: Answer | undefined
    const { paymentMethods, others, ...own } = vaults.get(customer)!
    const addressRef = address === undefined ? own.addressRef : others[address]
    const body = {
      sub: customer,
      importer: false,
      idempotencyKey: key,
      order: { currency, lines, discountCode, addressRef, paymentMethodRef: paymentMethods.get(card) },
    }
    const activity = scheduler.start(`order ${key}`, async () => {
      const headers = { 'content-type': 'application/json', traceparent: testTrace }
      const response = await routesOf('orders', 'gateway').request('/orders', {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      const { orderId, code } = (await response.json()) as { orderId: string; code?: string }
      answer = { status: response.status, orderId, ...(code === undefined ? {} : { code }) }
    })
    return { activity, answer: () => answer }
  }

  const submitting: World['submitting'] = (type, data, key) => {
    let answer: Submitted | undefined
    const activity = scheduler.start(`submit ${type}`, async () => {
      const subject = (data as { orderId: string }).orderId
      try {
        const options = { key, actor: 'staff:jo', subject, limitedTo: undefined }
        const { response } = await gateway.platform.submit<Message>({ type, data }, options)
        const { code } = (await response.json()) as { code?: string }
        answer = { status: response.status, ...(code === undefined ? {} : { code }) }
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error
        answer = { status: 503, code: 'unavailable' }
      }
    })
    return { activity, answer: () => answer }
  }

  const commandTo: World['commandTo'] = (owner, type, data, about) => {
    const { version, data: schema } = listeners.get(owner)!.platform.service.contracts.commands[type]!
    // Another schema may give the fields another order, by which a message is named without a subject.
    const { subject } = message(type, data, about)
    return message(type, schema.parse(data), { subject, version, ...about })
  }

  const { taxClass } = options
  const price = { sku, unitMinor, currency: 'EUR', ...(taxClass === undefined ? {} : { taxClass }) }
  await deliver(orders.app, orders.platform, message('price.changed', price, { subject: sku, version: 2 }))
  const free = message(
    'price.changed',
    { ...price, sku: freeSku, unitMinor: 0 },
    { subject: freeSku, version: 2, key: 'free' },
  )
  if (freeStock > 0) await deliver(orders.app, orders.platform, free)
  const received = Object.entries(stock).map(([of, quantity]) => ({ sku: of, quantity }))
  const delivery = { deliveryId: 'd-1', lines: received }
  const inventory = listeners.get('inventory')!
  await deliver(inventory.app, inventory.platform, commandTo('inventory', 'ReceiveStock', delivery))
  faults = options.faults ?? noFaults
  isReady = true

  return {
    schedule,
    bus,
    scheduler,
    random,
    provider,
    carrier,
    stock,
    platform: (service) => listeners.get(service)!.platform,
    commandTo,
    placing,
    withdrawing: (card) =>
      scheduler.start(`withdraw ${card}`, async () => {
        const method = vaults.get(CUSTOMER)!.paymentMethods.get(card)
        await callFrom('gateway')('customers', `/vaults/${vaultOf(CUSTOMER)}/payment-methods/${method}`, {
          method: 'DELETE',
        })
      }),
    async place(order) {
      const { activity, answer } = placing(order)
      await finish(activity)
      return answer()!
    },
    addressRef: vaults.get(CUSTOMER)!.addressRef,
    paymentMethodOf: (card) => vaults.get(CUSTOMER)!.paymentMethods.get(card),
    submitting,
    async submit(...command) {
      const { activity, answer } = submitting(...command)
      await finish(activity)
      return answer()!
    },
    begin,
    finish,
    run,
    endFaults() {
      faults = noFaults
      broken.clear()
    },
  }
}
