/** Whether a customer's bounds leave room for one more order: asked before anything is done for it, and again at its commit. */

import { fold } from '../../shared/service/decider.ts'
import type { Platform, Stream } from '../../shared/service/platform.ts'
import { evolve, initial } from './order.ts'
import {
  type Bounds,
  type Placements,
  type Placing,
  placementsPath,
  type Standing,
  withPlacement,
} from './placements.ts'

export interface Admission {
  /** Of the document that the order's stream is read and written with. */
  readonly path: string
  /** That document with the order in it. @throws Limited, Refused */
  companionOf(stream: Stream): Promise<Readonly<Record<string, unknown>>>
}

export function admission(platform: Platform, bounds: Bounds, sub: string, placing: Placing): Admission {
  /** The query results for a document are valid until another version of it is read. */
  const known = new WeakMap<object, Promise<Placements>>()
  const look = (orderId: string): Promise<Standing> => standingOf(platform, orderId)
  return {
    path: placementsPath(sub),
    async companionOf({ companion }) {
      const context = { bounds, nowMs: platform.now(), look }
      const document = companion as Placements | undefined
      const next = (document && known.get(document)) ?? withPlacement(document, placing, context)
      if (document) known.set(document, next)
      return { ...(await next) }
    },
  }
}

async function standingOf(platform: Platform, orderId: string): Promise<Standing> {
  const { status, saga, actionUrlRef } = fold({ initial, evolve }, (await platform.streams.read(orderId)).events)
  if (status === 'pending')
    return { is: 'unpaid', endsAtMs: saga?.phase === 'running' ? saga.deadlineMs : platform.now() }
  // Declined after the question or not answered: stock was held while the customer decided. What ended without a question
  // held it for a moment, or through no fault of the customer.
  const isUnpaid = status === 'expired' || status === 'rejected'
  return { is: isUnpaid && actionUrlRef !== undefined ? 'lapsed' : 'over' }
}
