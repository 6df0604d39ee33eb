/**
 * The events of a shop in which orders end in every way, as the services publish them, and a few rows by hand: what no service
 * publishes any more, and what breaks its contract. BigQuery gets them late, in any order, and some of them twice.
 */

import { seededRandom } from 'local-google-cloud/host'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { services } from '../../functions/index.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { simulate } from '../support/simulation/simulate.ts'
import { append, authorized, reconcile } from '../support/simulation/reconcile.ts'
import { createWorld, freeSku, type OrderRequest, sku, type World } from '../support/simulation/world.ts'
import type { RawRow } from './analytics.testing.ts'
import { handmade } from './golden-rows.testing.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** A run with refunds, refusals and several parcels under faults, in which services publish the same event again. */
const SEED = 121

export interface OwnedRow extends RawRow {
  readonly owner: string
}

const cards = [
  'card-ok',
  'card-stolen',
  'card-declined',
  'card-action-required',
  'card-capture-refused',
  'card-refund-pending',
  'card-refund-fails',
  'card-refund-returned',
  'card-captured-once',
  'card-renewal-refused',
]

/** Prices of the same product in currencies without a minor unit, and with one of three digits; and of another product. */
const prices = [
  { sku, unitMinor: 1_500, currency: 'JPY' },
  { sku, unitMinor: 4_125, currency: 'KWD' },
  { sku, unitMinor: 1_290, currency: 'USD' },
  { sku: 'POT-001', unitMinor: 2_999, currency: 'EUR' },
  { sku: 'POT-001', unitMinor: 98_765, currency: 'JPY' },
]

async function open(): Promise<World> {
  const world = await createWorld({
    cards,
    freeStock: 5,
    stock: 60,
    taxClass: 'standard',
    piecesPerParcel: 1,
    releaseDelaySeconds: 1_800,
    bounds: { ordersPerHour: 1_000, unpaidOrders: 100, unpaidPieces: 1_000, lapsedOrders: 100 },
    carrier: { collectedAfterMs: HOUR, collectedApartMs: DAY, deliveredAfterMs: HOUR },
  })
  for (const price of prices)
    await deliver(
      ordersApp,
      world.platform('orders'),
      message('price.changed', price, { subject: price.sku, key: price.currency, version: 2 }),
    )
  const lines = [{ sku: 'POT-001', quantity: 40 }]
  world.bus.send([
    { target: 'inventory', envelope: world.commandTo('inventory', 'ReceiveStock', { deliveryId: 'd-2', lines }) },
  ])
  await world.run({ forMs: MINUTE })
  return world
}

/** Orders, and what customers, staff and the bank do with them. */
function actsIn(world: World) {
  let key = 0
  const next = (): string => `golden-${(key += 1)}`
  const submit = async (type: string, data: object): Promise<void> => {
    const { status, code } = await world.submit(type, data, next())
    if (status !== 202) throw new Error(`${type} of ${JSON.stringify(data)} was answered ${status} ${code}.`)
  }
  return {
    submit,
    place: async (order: OrderRequest = {}): Promise<string> => {
      const answer = await world.place({ quantity: 1, ...order, key: next() })
      if (answer.status !== 201) throw new Error(`${JSON.stringify(order)} was answered ${JSON.stringify(answer)}.`)
      return answer.orderId
    },
    send: (owner: string, type: string, data: object): void =>
      world.bus.send([{ target: owner, envelope: world.commandTo(owner, type, data, { key: next() }) }]),
    cancel: (orderId: string, reason = 'changed-mind') => submit('CancelOrder', { orderId, by: 'customer', reason }),
    pay: (orderId: string, card: string) =>
      submit('PayOrder', { orderId, paymentMethodRef: world.paymentMethodOf(card), by: 'customer' }),
    refund: (orderId: string, refundId: string, amountMinor: number) =>
      submit('RefundPayment', { orderId, refundId, amountMinor, reason: `${refundId} was broken` }),
    atBank: async (path: string): Promise<void> => {
      const { status } = await world.provider.partner.app.request(`/disputes/${path}`, { method: 'POST' })
      if (status >= 300) throw new Error(`The bank answered ${status} to ${path}.`)
    },
    run: (forMs: number) => world.run({ forMs }),
  }
}

/** Orders that end before the carrier has anything of them, and the imported ones, which ended elsewhere. */
async function unshipped({ place, cancel, pay, submit, run }: ReturnType<typeof actsIn>): Promise<void> {
  await place({ quantity: 500 })
  await place({ card: 'card-stolen', currency: 'JPY' })
  await place({ card: 'card-declined' })
  await place({ card: 'card-action-required', currency: 'KWD' })
  const declined = await place({ card: 'card-declined', currency: 'USD', quantity: 3 })
  const early = await place({ currency: 'KWD', quantity: 2 })
  const acting = await place({ card: 'card-action-required' })
  await run(MINUTE)
  await pay(declined, 'card-ok')
  await cancel(early)
  await cancel(acting, 'found-elsewhere')
  const past = { customerRef: 'customer-old', shippingMinor: 0 }
  const imported = [
    { orderId: 'old-1', currency: 'GBP', placedAt: '2010-12-01T08:26:00.000Z', quantity: 6, unitMinor: 255 },
    { orderId: 'old-2', currency: 'JPY', placedAt: '2010-12-01T23:59:59.999999Z', quantity: 2, unitMinor: 1_200 },
    { orderId: 'old-3', currency: 'KWD', placedAt: '2010-12-02T00:30:00+02:00', quantity: 1, unitMinor: 1_001 },
  ]
  for (const { orderId, currency, placedAt, quantity, unitMinor } of imported) {
    const lines = [{ sku, quantity, unitMinor }]
    await submit('ImportOrder', { ...past, orderId, currency, placedAt, lines })
  }
}

/** Orders of which parcels leave, with what goes wrong after that. */
async function shipped(
  world: World,
  { place, cancel, submit, run, ...acts }: ReturnType<typeof actsIn>,
): Promise<void> {
  const two = [
    { sku: 'POT-001', quantity: 1 },
    { sku, quantity: 1 },
  ]
  const several = await place({ lines: two, currency: 'JPY', discountCode: 'WELCOME-10' })
  const refunded = await place({ card: 'card-refund-returned' })
  const pending = await place({ card: 'card-refund-pending', currency: 'KWD' })
  const failing = await place({ card: 'card-refund-fails', currency: 'USD' })
  await place({ lines: [{ sku: freeSku, quantity: 1 }], discountCode: 'GIFT' })
  await place({ card: 'card-captured-once', quantity: 2 })
  const [won, lost, open] = [await place(), await place({ currency: 'JPY' }), await place()]
  await place({ card: 'card-capture-refused' })
  const recaptured = await place({ card: 'card-capture-refused', currency: 'KWD' })
  const closed = await place({ card: 'card-capture-refused' })
  const returned = await place({ address: 'returned' })
  const corrected = await place({ address: 'unknown' })
  const undeliverable = await place({ address: 'unknown', currency: 'USD' })
  const partly = await place({
    lines: [
      { sku: 'POT-001', quantity: 1 },
      { sku, quantity: 2 },
    ],
  })
  const whole = await place({ quantity: 2 })
  await run(45 * MINUTE)
  await cancel(whole)
  await submit('CancelOrder', { orderId: undeliverable, by: 'staff', reason: 'not-deliverable' })
  await submit('CorrectAddress', { orderId: corrected, addressRef: world.addressRef })
  await run(60 * MINUTE)
  await submit('CancelOrder', { orderId: partly, by: 'staff', reason: 'takes-too-long' })
  await run(5 * HOUR)
  // A request that was taken in time and comes too late: after a cancellation, and as the first.
  for (const orderId of [partly, refunded])
    acts.send('orders', 'CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' })
  const paymentMethodRef = world.paymentMethodOf('card-ok')
  await submit('RecaptureOrder', { orderId: recaptured, paymentMethodRef, reason: 'agreed by telephone' })
  await submit('CloseOrder', { orderId: closed, reason: 'paid by invoice 4711' })
  await acts.refund(returned, 'r-1', 1_416)
  await submit('CloseOrder', { orderId: returned, reason: 'it came back' })
  await acts.refund(refunded, 'r-1', 500)
  await acts.refund(pending, 'r-1', 1_001)
  await acts.refund(failing, 'r-1', 100)
  await acts.refund(several, 'r-1', 99)
  for (const orderId of [won, lost, open]) await acts.atBank(`${orderId}:auth`)
  await run(2 * DAY)
  await acts.refund(several, 'r-2', 1)
  await acts.atBank(`du-${won}:auth-1/won`)
  await acts.atBank(`du-${lost}:auth-1/lost`)
  await run(2 * DAY)
}

/** Every envelope that the services published: with those that they published again. */
const publishedIn = (world: World): { owner: string; envelope: Envelope }[] =>
  services.flatMap(({ name }) =>
    name === 'webhooks'
      ? []
      : world.platform(name).published.map((envelope) => ({
          // An event of the platform itself is not of the service whose order it is about.
          owner: Object.hasOwn(services.find((one) => one.name === name)!.contracts.events, envelope.type)
            ? name
            : 'runtime',
          envelope,
        })),
  )

/** The same rows for the same seeds. */
export async function goldenRows(): Promise<readonly OwnedRow[]> {
  const world = await open()
  const acts = actsIn(world)
  await unshipped(acts)
  await shipped(world, acts)
  append(world, 'payments', 'o-unknown', authorized('o-unknown'))
  await acts.run(2 * HOUR)
  await reconcile(world)
  // Open ones: not confirmed, confirmed, waiting for the customer, and on the way.
  for (const card of ['card-ok', 'card-declined', 'card-action-required']) await acts.place({ card, quantity: 2 })
  await acts.run(MINUTE)
  await acts.place({ currency: 'USD' })
  // Both worlds begin with a delivery of the same id, of which this one is larger.
  const underFaults = publishedIn(await simulate(SEED)).filter(({ envelope }) => envelope.type !== 'stock.received')
  const rows = [...publishedIn(world), ...underFaults, ...handmade()]
  const random = seededRandom(SEED)
  const below = (count: number): number => Math.floor(random.next() * count)
  const delivered = rows.flatMap((row) => (below(5) === 0 ? [row, row] : [row]))
  return delivered
    .map((row) => ({
      ...row,
      at: random.next(),
      publishTime: new Date(Date.UTC(2026, 0, 1) + below(10 * DAY)).toISOString(),
    }))
    .toSorted((a, b) => a.at - b.at)
}
