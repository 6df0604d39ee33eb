/**
 * Refuses an order beyond its customer's bounds (placements.ts). The check runs twice: before the order is priced and its timer
 * is armed, and again in the order's commit.
 */

import { isDeepStrictEqual } from 'node:util'
import type { DocumentPath } from '../../shared/service/document-path.ts'
import type { Platform, Stream } from '../../shared/service/platform.ts'
import { orderIn } from './order.ts'
import { type Placements, type Placing, placementsPath, type PlacementStatus, withPlacement } from './placements.ts'
import type { Bounds } from './settings.ts'

export interface PlacementBounds {
  /** The path of the customer's placements document, which is the companion of the order's stream. */
  readonly path: DocumentPath
  /** The companion with this order added. @throws Limited, Refused if the order exceeds a bound */
  companionOf(stream: Stream): Promise<Readonly<Record<string, unknown>>>
}

export function placementBounds(platform: Platform, bounds: Bounds, sub: string, placing: Placing): PlacementBounds {
  // A further check of the same document reuses the result, and reads no orders.
  let checked: { readonly document: Placements | undefined; readonly next: Promise<Placements> } | undefined
  return {
    path: placementsPath(sub),
    async companionOf({ companion }) {
      const context = {
        bounds,
        nowMs: platform.now(),
        placementStatusOf: (id: string) => placementStatusOf(platform, id),
      }
      const document = companion as Placements | undefined
      if (!checked || !isDeepStrictEqual(checked.document, document))
        checked = { document, next: withPlacement(document, placing, context) }
      return { ...(await checked.next) }
    },
  }
}

async function placementStatusOf(platform: Platform, orderId: string): Promise<PlacementStatus> {
  const { status, saga, wasPaymentRequested, cancelStage } = orderIn((await platform.streams.read(orderId)).events)
  if (status === 'pending')
    return { kind: 'unpaid', endsAtMs: saga?.phase === 'running' ? saga.deadlineMs : platform.now() }
  // An order that asked its customer to act for the payment, or for another payment method, held stock until the customer acted
  // or the order ended. An order that did not held stock for a moment only, or its end was not the customer's fault.
  const isUnpaid = status === 'expired' || status === 'rejected' || cancelStage === 'checkout'
  return { kind: isUnpaid && wasPaymentRequested ? 'lapsed' : 'over' }
}
