/** History owns no messages: it answers with the events that it has recorded. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { reference, timestamp, words } from '../../shared/base/fields.ts'
import { cursor, pageParameters, sortParameter } from '../../shared/base/paging.ts'
import { currency, minor, orderId } from '../shop/fields.ts'
import { orderStatuses, shipmentStatuses } from './standing.ts'

const entry = z.object({
  eventId: reference,
  type: reference,
  source: reference,
  time: timestamp,
  /** Within the stream of its source. */
  sequence: z.int().min(0),
  /** As far as the event has them; entries from before they were recorded have none. */
  actor: reference.optional(),
  reason: words.optional(),
  amountMinor: z.int().optional(),
  currency: reference.optional(),
  trackingRef: reference.optional(),
})

const timeline = z.object({
  orderId,
  /** Absent until `order.placed` arrives. */
  customerRef: reference.optional(),
  entries: z.array(entry),
})
/** As many as a page of a list has. */
const MAX_TIMELINES = 100

/** A row of the list of orders. */
const listedOrder = z.object({
  orderId,
  customerRef: reference,
  status: z.enum(orderStatuses),
  placedAt: timestamp,
  totalMinor: minor,
  currency,
})

const listedShipment = z.object({
  shipmentId: reference,
  orderId,
  status: z.enum(shipmentStatuses),
  createdAt: timestamp,
  dispatchedAt: timestamp.optional(),
  deliveredAt: timestamp.optional(),
  trackingRef: reference.optional(),
  /** Why the carrier brings it back. */
  code: reference.optional(),
})

export const historyContracts = defineContracts({
  service: 'history',
  events: {},
  commands: {},
  queries: {
    readTimeline: {
      method: 'get',
      path: '/orders/{orderId}/timeline',
      parameters: { orderId },
      answers: {
        200: timeline,
      },
      refuses: ['not-found'],
    },
    /** Several timelines, without orders of which no event has arrived, in any order. */
    readTimelines: {
      method: 'post',
      path: '/batches/timelines',
      body: z.strictObject({ orderIds: z.array(orderId).min(1).max(MAX_TIMELINES) }),
      answers: { 200: z.object({ timelines: z.array(timeline) }) },
    },
    listOrders: {
      method: 'get',
      path: '/orders',
      parameters: {
        /** Of this customer alone. */
        customer: reference.optional(),
        status: z.enum(orderStatuses).optional(),
        placedFrom: timestamp.optional(),
        /** Not including this time. */
        placedBefore: timestamp.optional(),
        ...sortParameter('-placedAt', 'placedAt'),
        ...pageParameters,
      },
      answers: { 200: z.object({ orders: z.array(listedOrder), next: cursor.optional() }) },
      refuses: ['invalid-cursor'],
    },
    listShipments: {
      method: 'get',
      path: '/shipments',
      parameters: {
        status: z.enum(shipmentStatuses).optional(),
        ...sortParameter('-createdAt', 'createdAt'),
        ...pageParameters,
      },
      answers: { 200: z.object({ shipments: z.array(listedShipment), next: cursor.optional() }) },
      refuses: ['invalid-cursor'],
    },
  },
})
