/** Both shops in one process: the old one with its facade, the services of the platform in a world, and a gateway before both. */

import { loadApp } from '../../functions/apps.ts'
import { gateway, testEdge } from '../../functions/gateway/edge.testing.ts'
import { everyAccountIsValid, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { submissionRoutes } from '../../shared/runtime/submissions.ts'
import { RULES_TTL_MS } from '../../shared/strangler/rules-source.ts'
import { createWorld } from '../../test/support/simulation/world.ts'
import { createShop } from '../shop/app.ts'
import { openDatabase } from '../shop/database.ts'
import { createFacade } from './facade.ts'
import { copied, type PlatformEvent } from './from-platform.ts'
import { importedOrder } from './mapping.ts'
import { createMigration, type Messages } from './migration.ts'
import { createOffice } from './office.ts'
import { MIGRATOR, openStore } from './store.ts'
import type { ChangeMessage, PlatformApi, PlatformOrder } from './to-platform.ts'

const OTHER = 'https://old.test'

/** Delivered in their order, and again while their handling fails. */
function queue<M>(): Messages<M> & { push(messages: readonly M[]): void } {
  let waiting: { readonly message: M; readonly id: string }[] = []
  let count = 0
  return {
    push: (messages) => void waiting.push(...messages.map((message) => ({ message, id: `m-${(count += 1)}` }))),
    async pull(limit, handle) {
      const errors: unknown[] = []
      const pulled = waiting.slice(0, limit)
      for (const one of pulled)
        try {
          await handle(one.message, one.id)
          waiting = waiting.filter((other) => other !== one)
        } catch (error) {
          errors.push(error)
        }
      if (errors.length > 0) throw errors[0]
      return pulled.length
    },
  }
}

export async function openBoth(issuer: TestIssuer, toImport = importedOrder) {
  const world = await createWorld({ stock: 1_000 })
  const db = openDatabase()
  const store = openStore(db)
  const now = () => world.schedule.now()
  const office = createOffice(createShop(db, now), store)
  let isReachable = true
  let isPlatformReachable = true
  let areCopiesHeld = false
  let duringInquiry = (): void => {}
  let held: PromiseWithResolvers<void> | undefined

  const routes = new Map<string, ReturnType<typeof serveQueries>>()
  for (const name of ['orders', 'history', 'catalog', 'customers', 'inventory']) {
    const app = await loadApp(name)
    const of = serveQueries(app, world.platform(name))
    submissionRoutes(of, app, world.platform(name), async () => 'gateway')
    routes.set(name, of)
  }
  const platform = testPlatform(gateway, {
    settings: { EDGE: testEdge(), ...issuer.settings, OTHER_SYSTEM_URL: OTHER },
    async callExternal(url, options) {
      if (!url.startsWith(OTHER)) return everyAccountIsValid(url, options)
      if (!isReachable) throw new Error('The old shop is off.')
      const { method, body, headers = {}, idempotencyKey } = options
      return facade.request(url.slice(OTHER.length), {
        method,
        headers: { ...headers, ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    },
    async call(name, path, { method = 'GET', body } = {}) {
      if (method === 'POST' && path === '/orders') await held?.promise
      return routes.get(name)!.request(path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    },
  })
  const door = createHttpApp(await loadApp('gateway'), platform, testConfig('gateway'))

  const tokens = {
    customer: await issuer.token(),
    stranger: await issuer.token({ sub: 'customer-2' }),
    support: await issuer.token({ sub: 'support-1', roles: ['support'] }),
    importer: await issuer.token({ sub: MIGRATOR, roles: ['importer'] }),
    admin: await issuer.token({ sub: MIGRATOR, roles: ['admin'] }),
  }
  /** A request at the gateway. */
  async function ask(
    role: keyof typeof tokens,
    method: string,
    path: string,
    { body, key }: { body?: object; key?: string } = {},
  ) {
    const response = await door.request(path, {
      method,
      headers: {
        authorization: `Bearer ${tokens[role]}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Readonly<Record<string, unknown>>
    return { status: response.status, location: response.headers.get('location'), body: answer }
  }
  const api: PlatformApi = {
    async send<Body>(role: 'importer' | 'admin', method: 'GET' | 'POST', path: string, options = {}) {
      const { status, body } = await ask(role, method, path, options)
      if (status >= 400) throw new Error(`${method} ${path} was answered ${status}: ${JSON.stringify(body)}`)
      return body as Body
    },
    async orderOf(id) {
      duringInquiry()
      if (!isPlatformReachable) throw new Error('The platform is off.')
      const { status, body } = await ask('admin', 'GET', `/v1/orders/${id}`)
      if (status !== 200 && status !== 404) throw new Error(`The order ${id} was answered ${status}.`)
      return status === 200 ? (body as unknown as PlatformOrder) : undefined
    },
  }
  const facade = createFacade({ db, store, api, now })

  const published = queue<ChangeMessage>()
  const events = queue<PlatformEvent>()
  let seen = { orders: 0, catalog: 0 }
  const collect = (): void => {
    for (const name of ['orders', 'catalog'] as const) {
      const all = world.platform(name).published
      const fresh = all.slice(seen[name]).filter(({ type }) => (copied as readonly string[]).includes(type))
      seen = { ...seen, [name]: all.length }
      events.push(
        fresh.map(({ type, sequence, time, data }) => ({ type, sequence, time, data: data as PlatformEvent['data'] })),
      )
    }
  }
  const run = async (): Promise<void> => {
    await world.run()
    collect()
  }
  const paused: [step: number, ms: number][] = []
  const migration = createMigration({
    db,
    store,
    api,
    changes: {
      pull: (limit, handle) => published.pull(limit, handle),
      // By way of JSON, as Pub/Sub carries it.
      publish: async (messages) => published.push(JSON.parse(JSON.stringify(messages)) as ChangeMessage[]),
    },
    events: { pull: async (limit, handle) => (areCopiesHeld ? 0 : events.pull(limit, handle)) },
    settle: run,
    now,
    async pause(ms) {
      paused.push([store.state().step, ms])
      world.schedule.advanceTo(now() + ms)
      await run()
    },
    toImport,
  })

  return {
    world,
    db,
    store,
    migration,
    /** In which step the migration waited, and for how long. */
    paused,
    platform,
    ask,
    run,
    /** Events of the platform that the world does not make. */
    publish: (...made: readonly PlatformEvent[]) => events.push(made),
    /** The old shop's own door, for the people in its office. */
    async office(method: string, path: string, body?: object) {
      const response = await office.request(path, { method, ...(body ? { body: JSON.stringify(body) } : {}) })
      return (await response.json()) as Readonly<Record<string, unknown>>
    },
    /** Until the gateway has read the rules of now. */
    async renewRules(): Promise<void> {
      platform.advance(RULES_TTL_MS)
      await ask('customer', 'GET', '/v2/products/TEA-001')
      await new Promise(setImmediate)
    },
    /** Orders that are on their way to the platform wait until the returned function is called. */
    holdOrders(): () => void {
      held = Promise.withResolvers<void>()
      const { resolve } = held
      return () => {
        held = undefined
        resolve()
      }
    },
    /** Copies of the platform's orders stay in Pub/Sub, or come. */
    holdCopies: (isHeld: boolean) => void (areCopiesHeld = isHeld),
    /** Happens when the platform is asked about an order, before it answers. */
    duringInquiry: (act: () => void) => void (duringInquiry = act),
    /** Whether the old shop's process reaches the platform. */
    reachPlatform: (isReached: boolean) => void (isPlatformReachable = isReached),
    turnOff: () => void (isReachable = false),
    turnOn: () => void (isReachable = true),
    place: (key: string, quantity = 2, further: object = {}) =>
      ask('customer', 'POST', '/v1/orders', {
        key,
        body: {
          currency: 'EUR',
          lines: [{ sku: 'TEA-001', quantity }],
          addressRef: world.addressRef,
          paymentMethodRef: world.paymentMethodOf('card-ok')!,
          ...further,
        },
      }),
    /** How often each outcome was counted. */
    outcomes(): Readonly<Record<string, number>> {
      const counted = platform.measures.filter(({ name }) => name === 'millrace.shadow.comparisons')
      const byOutcome = Map.groupBy(counted, ({ attributes }) => String(attributes['outcome']))
      return Object.fromEntries([...byOutcome].map(([outcome, { length }]) => [outcome, length]))
    },
  }
}
