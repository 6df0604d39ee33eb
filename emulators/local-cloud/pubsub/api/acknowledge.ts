/** Acknowledge and ModifyAckDeadline, also as parts of a streaming pull. */

import { StatusError, invalidArgument } from '../../core/status.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { limits } from '../values/limits.ts'
import { checkRange } from '../values/names.ts'
import { deliveryOf, type PubsubState } from '../state.ts'

/** Which ids counted, and which were stale; only exactly-once subscriptions tell the caller. */
export interface AckOutcome {
  readonly valid: string[]
  readonly invalid: string[]
}

export interface Extension {
  readonly ackId: string
  readonly seconds: number
}

export function acknowledge(
  state: PubsubState,
  request: { subscription?: string; ackIds?: readonly string[] },
): object {
  const delivery = deliveryOf(state, request.subscription)
  return answer(delivery, acknowledgeAll(delivery, checkAckIds(request.ackIds)))
}

export function modifyAckDeadline(
  state: PubsubState,
  request: { subscription?: string; ackIds?: readonly string[]; ackDeadlineSeconds?: number },
): object {
  const delivery = deliveryOf(state, request.subscription)
  const seconds = request.ackDeadlineSeconds ?? 0
  const ackIds = checkAckIds(request.ackIds)
  return answer(
    delivery,
    extendAll(
      delivery,
      ackIds.map((ackId) => ({ ackId, seconds })),
    ),
  )
}

export function acknowledgeAll(delivery: Delivery, ackIds: readonly string[]): AckOutcome {
  const outcome: AckOutcome = { valid: [], invalid: [] }
  for (const ackId of ackIds) (delivery.acknowledge(ackId) ? outcome.valid : outcome.invalid).push(ackId)
  delivery.pump()
  return outcome
}

export function extendAll(delivery: Delivery, extensions: readonly Extension[]): AckOutcome {
  for (const { seconds } of extensions) {
    checkRange('ack_deadline_seconds', seconds, { min: 0, max: limits.ackDeadlineMaxSeconds })
  }
  const outcome: AckOutcome = { valid: [], invalid: [] }
  for (const { ackId, seconds } of extensions) {
    ;(delivery.modifyDeadline(ackId, seconds) ? outcome.valid : outcome.invalid).push(ackId)
  }
  delivery.pump()
  return outcome
}

/** Ids that this emulator, in this or an earlier life, could have given. */
const ACK_ID = /^[0-9a-z]+\.[0-9a-z]+\.[0-9a-z]+$/

export function checkAckIds(ackIds: readonly string[] | undefined): readonly string[] {
  if (!ackIds?.length) throw invalidArgument('You have not specified an ack ID in the request.')
  const bytes = ackIds.reduce((sum, ackId) => sum + ackId.length + 2, 0)
  if (bytes > limits.acknowledgeRequestBytes) {
    throw invalidArgument(`Request payload size exceeds the limit: ${limits.acknowledgeRequestBytes} bytes.`)
  }
  for (const ackId of ackIds) {
    if (!ACK_ID.test(ackId))
      throw invalidArgument(`You have passed an invalid ack ID to the service (ack_id=${ackId}).`)
  }
  return ackIds
}

/** Without exactly-once delivery a stale id is no error: acknowledging is best effort. */
function answer(delivery: Delivery, { invalid }: AckOutcome): object {
  if (invalid.length === 0 || !delivery.record.enableExactlyOnceDelivery) return {}
  throw new StatusError(
    'INVALID_ARGUMENT',
    'Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired ' +
      'or the acknowledgement ids were malformed.',
    [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'EXACTLY_ONCE_ACKID_FAILURE',
        domain: 'pubsub.googleapis.com',
        metadata: Object.fromEntries(invalid.map((ackId) => [ackId, 'PERMANENT_FAILURE_INVALID_ACK_ID'])),
      },
    ],
  )
}
