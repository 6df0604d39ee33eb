/** Shipping's handlers: the release of an order, the carrier's bookings and reports, and what holds, changes or cancels them. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { Refused, Unavailable } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import { listsStreams } from '../../shared/service/stream-page.ts'
import { book } from './book.ts'
import { findBooking, findGivenBack, isCollected } from './carrier.ts'
import {
  bookingKey,
  collectedInError,
  decideCancellation,
  firstShipmentId,
  givenBackUnder,
  held,
  isDue,
  isKnown,
  open,
  openUnder,
  type OrderShipments,
  renewBookings,
  reported,
  resume,
  secure,
  type Shipment,
  shipmentOf,
  shipmentsIn,
  type ShippingRecord,
  type ShippingSent,
  undecided,
  withQuestions,
} from './shipment.ts'
import { shipmentRecord } from './record-rows.ts'
import { recordRelease, withdrawnBefore } from './release.ts'
import { shipping, type ShippingPlatform } from './service.ts'

/** Takes the bookings back that the carrier has not collected; `left` are the events of those that it has. */
async function takenBack(orderId: string, state: OrderShipments, platform: ShippingPlatform) {
  const withoutBooking: Shipment[] = []
  const collected: string[] = []
  const left: ShippingRecord[] = []
  for (const shipment of undecided(state)) {
    const key = bookingKey(shipment)
    if (await isCollected(platform, key)) {
      collected.push(shipment.shipmentId)
      left.push(...reported(orderId, shipment, (await findBooking(platform, key))!))
    } else withoutBooking.push(shipment)
  }
  return { withoutBooking, collected, left }
}

/** @throws Unavailable for the booking of a release that is not recorded yet, and Refused for any other one of an unknown order */
function checkKnown(orderId: string, state: OrderShipments, key: string | undefined): void {
  if (isKnown(state)) return
  if (key === firstShipmentId(orderId))
    throw new Unavailable(`The release of ${orderId} has booked its first parcel, and is not recorded yet.`)
  throw new Refused('not-found', `There is no shipment of ${orderId}.`)
}

export const app: ServiceApp = implement(shipping, {
  queries: {
    listShipmentRecords: listsStreams(shipmentRecord),
  },
  on: {
    'order.released': recordRelease,
    'order.payment-renewed': (message, platform) => {
      const { orderId, authorizedUntil: until } = message.data
      return platform.streams.handle<ShippingRecord, ShippingSent>(message, orderId, (stream) =>
        secure(shipmentsIn(stream.events), { orderId, until }),
      )
    },
  },
  commands: {
    BookCarrier: (message, platform) => {
      const { orderId, shipmentId } = message.data
      // On a copy: each way out of `created` has used the key of the attempt, for a booking or for its cancellation,
      // or has it asked about later: that of an address which was erased.
      const kept = { keptId: orderId }
      return platform.streams.handleWithCalls<ShippingRecord, ShippingSent>(message, kept, async (stream) => {
        const state = shipmentsIn(stream.events)
        const shipment = shipmentOf(state, shipmentId)
        if (!shipment) throw new Unavailable(`There is no shipment ${shipmentId} yet.`)
        if (shipment.status !== 'created') return noChange
        const mayBeBooked = bookingKey(shipment) === firstShipmentId(orderId)
        return book(message, platform, { orderId, state, shipment, mayBeBooked })
      })
    },
    // The carrier is asked, whatever its webhook says: webhooks come late, twice and in any order.
    CheckShipments: async (message, platform) => {
      const { orderId, bookingKey: about } = message.data
      let notGivenBack: string | undefined
      // On a copy: these are questions, and a booking that was given back once is never made again under its key.
      const kept = { keptId: orderId }
      const decision = await platform.streams.handleWithCalls<ShippingRecord>(message, kept, async (stream) => {
        const state = shipmentsIn(stream.events)
        checkKnown(orderId, state, about)
        const events: ShippingRecord[] = []
        for (const shipment of about === undefined ? open(state) : openUnder(state, about)) {
          const report = await findBooking(platform, bookingKey(shipment))
          if (report) events.push(...reported(orderId, shipment, report))
        }
        const givenBack = about === undefined ? undefined : givenBackUnder(state, about)
        const now = givenBack && (await findGivenBack(platform, about!, message))
        if (now) events.push(...collectedInError(orderId, givenBack, about!, now))
        notGivenBack = now?.status === 'booked' ? givenBack?.shipmentId : undefined
        return { events, commands: [] }
      })
      if (notGivenBack !== undefined)
        platform.log('ERROR', 'booking.not-given-back', {
          correlationId: orderId,
          orderId,
          shipmentId: notGivenBack,
          bookingKey: about,
        })
      for (const { type, data } of decision.events)
        // Operators are alerted by this line: see `alertsOn` in the description. A redelivery writes it again.
        if (type === 'shipment.collected-in-error') platform.log('ERROR', type, { ...data, correlationId: orderId })
      return decision
    },
    // Bookings are taken back before the commit, those whose answer is recorded too: an earlier attempt may have taken them back.
    ChangeAddress: (message, platform) => {
      const { orderId } = message.data
      return platform.streams.handleWithCalls<ShippingRecord, ShippingSent>(message, orderId, async (stream) => {
        const state = shipmentsIn(stream.events)
        if (!isDue(state, message.data)) return noChange
        const decision = renewBookings(state, message.data, await takenBack(orderId, state, platform))
        return withQuestions(state, decision, { orderId, nowMs: platform.now() })
      })
    },
    // Bookings are taken back before the commit, also if a new authorization is recorded: an earlier attempt may have taken
    // them back, and its commit was lost.
    HoldShipments: (message, platform) => {
      const { orderId } = message.data
      return platform.streams.handleWithCalls<ShippingRecord, ShippingSent>(message, orderId, async (stream) => {
        const state = shipmentsIn(stream.events)
        const decision = held(state, message.data, await takenBack(orderId, state, platform))
        return withQuestions(state, decision, { orderId, nowMs: platform.now() })
      })
    },
    ResumeShipments: (message, platform) => {
      const { orderId } = message.data
      return platform.streams.handle<ShippingRecord, ShippingSent>(message, orderId, (stream) =>
        resume(shipmentsIn(stream.events), orderId),
      )
    },
    // The carrier is asked before the commit: a booking may have succeeded whose answer is not recorded yet.
    CancelShipments: (message, platform) => {
      const { orderId, cancellationId } = message.data
      return platform.streams.handleWithCalls<ShippingRecord, ShippingSent>(message, orderId, async (stream) => {
        const state = shipmentsIn(stream.events)
        if (state.decided.includes(cancellationId)) return noChange
        const withdrawn = isKnown(state) ? [] : await withdrawnBefore(message.data, platform)
        const { collected, left } = await takenBack(orderId, state, platform)
        // The collection is recorded here as well: its webhook may be lost.
        const decided = decideCancellation(state, message.data, collected)
        const decision = { events: [...withdrawn, ...left, decided], commands: [] }
        return withQuestions(state, decision, { orderId, nowMs: platform.now() })
      })
    },
  },
})
