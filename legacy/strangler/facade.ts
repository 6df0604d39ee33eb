/** The old shop in the words of the platform's API: the operations that the gateway sends here, translated and answered from the old database. */

import type { DatabaseSync } from 'node:sqlite'
import { type Context, Hono } from 'hono'
import { limitOf } from '../../shared/base/paging.ts'
import { isHashOfRequest, requestHashOf } from '../../shared/base/request-hash.ts'
import {
  CALLER_HEADER,
  CALLER_ROLES_HEADER,
  KNOWN_ONLY_HEADER,
  MOVED,
  RULES_PATH,
} from '../../shared/strangler/headers.ts'
import { decide } from '../../shared/strangler/rules.ts'
import { inTransaction } from '../shop/database.ts'
import { insertOrder, listOrders, type Order, readOrder, ShopError } from '../shop/orders.ts'
import { createdFrom, CURRENCY, type OldProduct, oldStatusOf, orderRow, orderView, productView } from './mapping.ts'
import { rulesOf } from './steps.ts'
import { orderIdOf, type Store } from './store.ts'
import type { PlatformApi, PlatformOrder } from './to-platform.ts'

interface PlaceOrder {
  readonly currency: string
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
  readonly discountCode?: string
}

type Answered = PlatformOrder & { readonly timeline?: unknown; readonly missing?: unknown }

class Problem extends Error {
  readonly status: 400 | 403 | 404 | 409 | 422 | 503
  readonly code: string
  constructor(status: Problem['status'], code: string, detail: string) {
    super(detail)
    this.status = status
    this.code = code
  }
}

interface Parts {
  readonly db: DatabaseSync
  readonly store: Store
  /** It is asked about an order that it may have taken without its copy having come. */
  readonly api: Pick<PlatformApi, 'orderOf'>
  readonly now: () => number
}

/** The platform's answer about an order, and when it was asked. */
interface Inquiry {
  readonly atMs: number
  readonly order: PlatformOrder | undefined
}

export function createFacade({ db, store, api, now }: Parts): Hono {
  const app = new Hono()
  app.onError((error, c) => {
    const { status, code } =
      error instanceof Problem
        ? error
        : error instanceof ShopError
          ? { status: error.status === 400 ? (422 as const) : error.status, code: codeOf(error) }
          : { status: 500 as const, code: 'unknown' }
    const detail = status === 500 ? 'The old shop failed.' : error.message
    return c.json({ type: `urn:millrace:problem:${code}`, status, code, detail }, status)
  })

  const shown = (order: Order) => ({ ...orderView(store.idOf(order.no), order), timeline: { entries: [] } })

  app.get(RULES_PATH, (c) => c.json(rulesOf(store.state())))

  async function inquire(id: string): Promise<Inquiry> {
    const atMs = now()
    try {
      return { atMs, order: await api.orderOf(id) }
    } catch {
      throw new Problem(503, 'unavailable', 'The platform may have taken this order, and does not answer.')
    }
  }

  app.post('/v1/orders', async (c) => {
    const { sub } = callerOf(c)
    const key = c.req.header('idempotency-key') ?? ''
    const id = orderIdOf(sub, key)
    const request = await c.req.json<PlaceOrder>()
    const { currency, lines, discountCode } = request
    const isKnownOnly = c.req.header(KNOWN_ONLY_HEADER) !== undefined
    const answered = ({ timeline: _timeline, missing: _missing, ...placed }: Answered, status: 200 | 201) => {
      refuseReused(areSame(placed.lines, lines))
      c.header('location', `/v1/orders/${placed.orderId}`)
      return c.json(placed, status)
    }
    /** Nothing else runs meanwhile: a second request of the key finds the first one's order. Undefined: the platform has to be asked. */
    function take(inquiry?: Inquiry): Response | undefined {
      const before = store.placedBy(sub, key)
      const isCopy = before !== undefined && store.isOfPlatform(before)
      // While the platform takes the orders, it answers for its own: what it shows and compares is more than the copy has.
      if (before !== undefined && !(isCopy && isKnownOnly)) {
        const hash = store.requestHashOf(before)
        refuseReused(hash === undefined || isHashOfRequest(hash, request))
        return answered(shown(readOrder(db, before)), 200)
      }
      const { flags, killed } = rulesOf(store.state())
      const rule = flags['placeOrder']
      const isOfPlatform = !rule || decide('placeOrder', rule, { killed, caller: sub }).value === 'platform'
      if (isKnownOnly && isOfPlatform && before === undefined) store.handOver(id, now())
      if (isKnownOnly && isOfPlatform) throw new Problem(404, 'not-found', 'The old shop did not take this order.')
      // The caller has former rules.
      if (isKnownOnly) throw new Problem(409, MOVED, 'The old shop takes orders again.')
      if (isOfPlatform) throw new Problem(409, MOVED, 'The platform takes orders now.')
      // The gateway gave it to the platform before the step back: another order of the same request would be a second one.
      const finalFromMs = store.finalFromMs(id, now())
      if (finalFromMs !== undefined) {
        if (!inquiry) return undefined
        if (inquiry.order) return answered(inquiry.order, 200)
        if (inquiry.atMs < finalFromMs) throw new Problem(503, 'unavailable', 'The platform may be taking this order.')
        store.handedOverEnds(id)
      }
      if (currency !== CURRENCY) throw new Problem(422, 'invalid-body', `currency: the old shop sells in ${CURRENCY}.`)
      if (discountCode !== undefined)
        throw new Problem(422, 'invalid-body', 'discountCode: the old shop has no discounts.')
      const items = lines.map(({ sku, quantity: qty }) => ({ sku, qty }))
      const order = inTransaction(db, () => {
        const taken = insertOrder(db, sub, items, now())
        store.rememberRequest(taken.no, { sub, key, hash: requestHashOf(request) })
        return taken
      })
      return answered(shown(order), 201)
    }
    return take() ?? take(await inquire(id))!
  })

  app.get('/v1/orders', (c) => {
    const { sub, isStaff } = callerOf(c)
    const { customer, status, placedFrom, placedBefore, sort = '-placedAt', after, limit } = c.req.query()
    if (!isStaff && customer !== undefined && customer !== sub)
      throw new Problem(403, 'forbidden', "Only support lists another customer's orders.")
    // A client that turns pages while the step changes has one of the platform.
    const cursor = after === undefined ? undefined : /^(-?placedAt)\.(\d{1,15})$/.exec(after)
    if (after !== undefined && cursor?.[1] !== sort)
      throw new Problem(400, 'invalid-cursor', 'after: it is no cursor of this list. Begin again with the first page.')
    const oldStatus = status === undefined ? undefined : oldStatusOf(status)
    if (status !== undefined && oldStatus === undefined) return c.json({ orders: [] })
    const count = limitOf(limit)
    const found = listOrders(db, {
      login: isStaff ? customer : sub,
      status: oldStatus,
      isOldestFirst: sort === 'placedAt',
      after: cursor ? Number(cursor[2]) : undefined,
      createdFrom: placedFrom && createdFrom(placedFrom),
      createdBefore: placedBefore && createdFrom(placedBefore),
      limit: count,
    })
    return c.json({
      orders: found.map((order) => orderRow(store.idOf(order.no), order)),
      ...(found.length === count ? { next: `${sort}.${found.at(-1)!.no}` } : {}),
    })
  })

  app.get('/v1/orders/:id', (c) => {
    const { sub, isStaff } = callerOf(c)
    const no = store.numberOf(c.req.param('id'))
    const order = no === undefined ? undefined : readOrder(db, no)
    if (!order || (order.login !== sub && !isStaff))
      throw new Problem(404, 'not-found', `There is no order ${c.req.param('id')}.`)
    return c.json(shown(order))
  })

  app.get('/v2/products/:sku', (c) => {
    const sku = c.req.param('sku')
    const product = db.prepare('SELECT sku, title, price FROM products WHERE sku = ?').get(sku)
    if (!product) throw new Problem(404, 'not-found', `There is no product ${sku}.`)
    return c.json(productView(product as unknown as OldProduct))
  })

  return app
}

/** Of a request whose hash was not kept, the lines alone are known. */
const areSame = (placed: PlaceOrder['lines'], lines: PlaceOrder['lines']): boolean =>
  placed.length === lines.length &&
  placed.every(({ sku, quantity }, at) => sku === lines[at]!.sku && quantity === lines[at]!.quantity)

/** @throws Problem when the key is of another request */
function refuseReused(isSame: boolean): void {
  if (!isSame)
    throw new Problem(
      409,
      'idempotency-key-reused',
      'The idempotency key was used for another request: take a new key for a new request.',
    )
}

const codeOf = ({ status }: ShopError): string =>
  status === 404 ? 'not-found' : status === 409 ? 'conflict' : 'unknown-sku'

/** The caller whose token the gateway has verified: it alone reaches these routes. */
function callerOf(c: Context): { readonly sub: string; readonly isStaff: boolean } {
  const roles = (c.req.header(CALLER_ROLES_HEADER) ?? '').split(' ')
  const sub = decodeURIComponent(c.req.header(CALLER_HEADER) ?? '')
  return { sub, isStaff: roles.includes('support') || roles.includes('admin') }
}
