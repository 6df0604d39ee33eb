/** Rounds of attempts: this service sends each attempt to itself, and a replay begins another round. */

import { derivedId } from '../../shared/base/ids.ts'
import type { SentBy } from '../../shared/contracts/contract.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { begun } from './delivery.ts'
import { updateDelivery } from './documents.ts'
import type { webhooks } from './service.ts'

export interface Attempt {
  readonly deliveryId: string
  readonly round: number
  readonly attempt: number
}

/** The task is sent before the delivery waits again, and is retried until then: a crash between the two leaves none that waits for ever. */
export async function beginRound(platform: Platform, deliveryId: string, round: number): Promise<void> {
  await sendAttempt(platform, { deliveryId, round, attempt: 1 }, { correlationId: deliveryId })
  const begunAt = new Date(platform.now()).toISOString()
  await updateDelivery(platform, deliveryId, (stored) => begun(stored, round, begunAt))
}

interface Sending {
  readonly correlationId: string
  readonly notBeforeMs?: number
  /** The message whose attempt comes later. */
  readonly deferred?: string
}

/** The task has the name of the attempt, or of the task that it follows. */
export const sendAttempt = (
  platform: Platform,
  { deliveryId, round, attempt }: Attempt,
  { correlationId, notBeforeMs, deferred }: Sending,
): Promise<void> =>
  platform.send<SentBy<typeof webhooks>>(
    {
      type: 'DeliverWebhook',
      data: { deliveryId, round, attempt },
      ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
    },
    {
      id: deferred === undefined ? derivedId('webhook', deliveryId, round, attempt) : derivedId('webhook', deferred),
      subject: deliveryId,
      correlationId,
      actor: 'service:webhooks',
    },
  )
