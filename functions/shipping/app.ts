/** Shipping's handlers: the shipments of each released order, then the carrier, each in a commit of its own; and cancellations. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { refuseIf, Unavailable } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import { listsStreams } from '../../shared/service/stream-page.ts'
import { addressOf } from './address.ts'
import { bookedBy, findBooking, findGivenBack, isCollected } from './carrier.ts'
import {
  bookingKey,
  collectedInError,
  decideCancellation,
  givenBackUnder,
  held,
  isDue,
  isKnown,
  mustWait,
  open,
  openUnder,
  type OrderShipments,
  QUESTIONS_AFTER_REFUSAL_MS,
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
import { parcelsOf } from './parcels.ts'
import { piecesPerParcel } from './settings.ts'
import { shipmentRecord } from './record-rows.ts'
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

const shipmentIdOf = (orderId: string, index: number): string => `s-${orderId}-${index + 1}`

export const app: ServiceApp = implement(shipping, {
  queries: {
    listShipmentRecords: listsStreams(shipmentRecord),
  },
  on: {
    'order.released': (message, platform) => {
      const { orderId, lines, addressRef, authorizedUntil: until } = message.data
      return platform.streams.handle<ShippingRecord, ShippingSent>(message, { newId: orderId }, (stream) => {
        if (isKnown(shipmentsIn(stream.events))) return noChange
        const shipments = parcelsOf(lines, platform.setting(piecesPerParcel)).map((parcel, index) => {
          return { orderId, shipmentId: shipmentIdOf(orderId, index), lines: parcel }
        })
        return {
          events: [
            ...shipments.map((data): ShippingRecord => ({ type: 'shipment.created', data })),
            { type: 'address.noted', data: { addressRef, correction: 0 } },
            ...(until === undefined ? [] : [{ type: 'payment.secured', data: { until } } as const]),
          ],
          commands: shipments.map(({ shipmentId }) => ({ type: 'BookCarrier', data: { orderId, shipmentId } })),
        }
      })
    },
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
        if (mustWait(state, platform.now())) {
          const authorizedUntil = new Date(state.securedUntilMs!).toISOString()
          return { events: [], commands: [{ type: 'HoldShipments', data: { orderId, authorizedUntil } }] }
        }
        const { lines, attempt } = shipment
        const to = state.correction === undefined ? {} : { correction: state.correction }
        const answer = await bookedBy(message, platform, {
          key: bookingKey(shipment),
          orderId,
          shipmentId,
          to: () => addressOf(platform, state.addressRef!),
        })
        const event: ShippingRecord =
          'refused' in answer
            ? {
                type: 'shipment.failed',
                data: { orderId, shipmentId, lines, code: answer.refused, stage: 'booking', attempt, ...to },
              }
            : { type: 'booking.made', data: { shipmentId, trackingRef: answer.trackingRef } }
        const about = { orderId, nowMs: platform.now(), waitsMs: QUESTIONS_AFTER_REFUSAL_MS }
        return withQuestions(state, { events: [event], commands: [] }, about)
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
        refuseIf(!isKnown(state), 'not-found', `There is no shipment of ${orderId}.`)
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
        const { collected, left } = await takenBack(orderId, state, platform)
        // The collection is recorded here as well: its webhook may be lost.
        const decision = { events: [...left, decideCancellation(state, message.data, collected)], commands: [] }
        return withQuestions(state, decision, { orderId, nowMs: platform.now() })
      })
    },
  },
})
