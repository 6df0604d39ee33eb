/** The flows of an order, one for each way that a customer may see it go: the pictures of docs/flows.md are made from them. */

import type { OrderRequest, WorldOptions } from '../support/simulation/world.ts'
import type { Flow } from './flow.testing.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const LONG = 8 * DAY

export interface Scenario {
  readonly title: string
  /** The acts of the customer or the staff, and the difference from the usual flow. */
  readonly about: string
  readonly world?: WorldOptions
  /** Absent: two pieces in stock, and a good card. */
  readonly order?: OrderRequest | 'imported'
  /** The acts after the order. */
  readonly acts?: (flow: Flow) => Promise<void>
  /** The time until the flow has ended; absent: longer than every deadline of an order that waits for its customer. */
  readonly forMs?: number
}

/** The authorization ends before the carrier collects, and its renewal is refused. */
const lapsing = {
  world: {
    cards: ['card-ok', 'card-renewal-refused'],
    carrier: { collectedAfterMs: 6.5 * DAY, deliveredAfterMs: HOUR },
  },
  order: { card: 'card-renewal-refused' },
} satisfies Partial<Scenario>

export const scenarios: readonly Scenario[] = [
  {
    title: 'An order completes',
    about: 'Everything is in stock, the card is good, and the carrier collects and delivers.',
  },
  {
    title: 'Nothing to pay',
    about: 'A discount code takes all of the price: payments is not asked.',
    order: { discountCode: 'GIFT' },
  },
  {
    title: 'Out of stock',
    about: 'One piece is left, and two are ordered.',
    world: { stock: 1 },
  },
  {
    title: 'A stolen card',
    about: 'The refusal is final: no other payment method is taken, and the reservation is compensated.',
    order: { card: 'card-stolen' },
  },
  {
    title: 'A declined card, and another one',
    about: 'The order keeps its stock for a time, and continues with the second payment method.',
    order: { card: 'card-declined' },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.shows()
      await flow.customer('PayOrder', { paymentMethodRef: flow.paymentMethodOf('card-ok'), by: 'customer' })
    },
  },
  {
    title: 'A declined card, and no other',
    about: 'The customer does nothing until the time is up: the reservation is compensated.',
    order: { card: 'card-declined' },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.shows()
    },
  },
  {
    title: "The bank's page",
    about: 'The bank asks the customer (3-D Secure), who approves on the page of which the order shows the link.',
    order: { card: 'card-action-required' },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.shows()
      await flow.approve()
    },
  },
  {
    title: "The bank's page, and no answer",
    about:
      'The customer does nothing until the time is up: the provider is asked what happened, before anything is voided.',
    order: { card: 'card-action-required' },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.shows()
    },
  },
  {
    title: 'Cancelled before its release',
    about: 'The order waits for its release, in which the customer changes their mind: orders decides alone.',
    world: { releaseDelaySeconds: 1_800 },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.shows()
      await flow.customer('CancelOrder', { by: 'customer', reason: 'changed-mind' })
    },
  },
  {
    title: 'Cancelled after its release',
    about: 'The parcel is booked and not collected: shipping decides, and the carrier gives the booking back.',
    world: { carrier: { collectedAfterMs: DAY, deliveredAfterMs: DAY } },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.shows()
      await flow.customer('CancelOrder', { by: 'customer', reason: 'changed-mind' })
    },
  },
  {
    title: 'Cancelled too late',
    about: 'The carrier has collected the parcel: the cancellation is refused, and the order completes.',
    world: { carrier: { collectedAfterMs: 1, deliveredAfterMs: DAY } },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.customer('CancelOrder', { by: 'customer', reason: 'changed-mind' })
    },
  },
  {
    title: 'A part is cancelled',
    about: 'The first of two parcels has left: the other one is cancelled, and its price is never captured.',
    world: {
      piecesPerParcel: 1,
      carrier: { collectedAfterMs: HOUR, collectedApartMs: DAY, deliveredAfterMs: HOUR },
    },
    async acts(flow) {
      await flow.run(1.5 * HOUR)
      await flow.shows()
      await flow.customer('CancelOrder', { by: 'customer', reason: 'changed-mind' })
    },
  },
  {
    title: 'An address that the carrier refuses',
    about: 'The customer names another one. Nothing is captured before the parcel leaves.',
    order: { address: 'unknown' },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.shows()
      await flow.customer('CorrectAddress', { addressRef: flow.addressRef })
    },
  },
  {
    title: 'A parcel that comes back',
    about: 'The order stalls; staff gives the money back and closes it.',
    order: { address: 'returned' },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.shows()
      await flow.staff('RefundPayment', { refundId: 'r-1', amountMinor: 2380, reason: 'it came back' })
      await flow.staff('CloseOrder', { reason: 'it came back' })
    },
  },
  {
    title: 'A dispute',
    about: 'Days later the customer has the bank take the captured money back; the bank decides for the customer.',
    async acts(flow) {
      await flow.run(DAY)
      await flow.dispute()
      await flow.run(DAY)
      await flow.decide('lost')
    },
  },
  {
    title: 'A refund',
    about: 'Staff gives a part of the captured money back, independent of a return.',
    async acts(flow) {
      await flow.run(DAY)
      await flow.staff('RefundPayment', { refundId: 'r-1', amountMinor: 380, reason: 'one piece was broken' })
    },
  },
  {
    title: 'A capture that is refused',
    about: 'The goods have left. Staff captures with another payment method of the customer.',
    order: { card: 'card-capture-refused' },
    async acts(flow) {
      await flow.run(MINUTE)
      await flow.shows()
      const paymentMethodRef = flow.paymentMethodOf('card-ok')
      await flow.staff('RecaptureOrder', { paymentMethodRef, reason: 'agreed by telephone' })
    },
  },
  {
    title: 'A capture that is refused, and no other payment method',
    about:
      'The goods have left. Staff settles the money in another way and closes the order: the card holds nothing any more.',
    order: { card: 'card-capture-refused' },
    async acts(flow) {
      await flow.run(DAY)
      await flow.shows()
      await flow.staff('CloseOrder', { reason: 'paid by bank transfer' })
    },
  },
  {
    title: 'Two parcels, and a card that is captured once',
    about: 'The first parcel is collected a day before the second: its capture waits, and both are captured in one.',
    world: {
      piecesPerParcel: 1,
      cards: ['card-captured-once'],
      carrier: { collectedAfterMs: HOUR, collectedApartMs: DAY, deliveredAfterMs: HOUR },
    },
    order: { card: 'card-captured-once' },
    async acts(flow) {
      await flow.run(2 * HOUR)
      await flow.shows()
    },
  },
  {
    title: 'An authorization that ends is renewed',
    about: 'The carrier collects late, in the last day of the authorization.',
    world: { carrier: { collectedAfterMs: 6.5 * DAY, deliveredAfterMs: HOUR } },
  },
  {
    title: 'An authorization that lapses',
    about: 'The renewal is refused: the parcel waits, and goes once the customer has named another payment method.',
    ...lapsing,
    async acts(flow) {
      await flow.run(6 * DAY)
      await flow.shows()
      await flow.customer('PayOrder', { paymentMethodRef: flow.paymentMethodOf('card-ok'), by: 'customer' })
    },
    forMs: 2 * LONG,
  },
  {
    title: 'An authorization that lapses, and the page of the bank',
    about: 'The bank asks the customer to approve the payment method that they give after the lapse.',
    ...lapsing,
    world: {
      ...lapsing.world,
      cards: [...lapsing.world.cards, 'card-action-required'],
      carrier: { ...lapsing.world.carrier, collectedApartMs: -6 * DAY },
    },
    async acts(flow) {
      await flow.run(6 * DAY)
      await flow.customer('PayOrder', {
        paymentMethodRef: flow.paymentMethodOf('card-action-required'),
        by: 'customer',
      })
      await flow.run(MINUTE)
      await flow.shows()
      await flow.approve()
    },
  },
  {
    title: 'An authorization that lapses, and no other payment method',
    about: 'The customer does nothing within three days: the platform cancels, and shipping decides it.',
    ...lapsing,
    async acts(flow) {
      await flow.run(6 * DAY)
      await flow.shows()
    },
  },
  {
    title: 'An order of the past',
    about: 'An importer records what was sold, paid and shipped elsewhere: it is history, on which no service acts.',
    order: 'imported',
  },
]

/** Runs it to its end. */
export async function play({ order, acts, forMs = LONG }: Scenario, flow: Flow): Promise<void> {
  await (order === 'imported' ? flow.import() : flow.place(order))
  await acts?.(flow)
  await flow.run(forMs)
}
