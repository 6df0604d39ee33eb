/** History owns no messages: it answers with the events that it has recorded. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { reference, timestamp, words } from '../../shared/base/fields.ts'
import { orderId } from '../shop/fields.ts'

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
        200: z.object({
          orderId,
          /** Absent until `order.placed` arrives. */
          customerRef: reference.optional(),
          entries: z.array(entry),
        }),
      },
      refuses: ['not-found'],
    },
  },
})
