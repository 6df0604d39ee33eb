/**
 * Seek a subscription to a time or a snapshot: messages before it, or acknowledged in it, count as acknowledged; the others
 * are delivered again.
 */

import { type MaybeTime, maybeMs } from '../../core/proto-values.ts'
import { invalidArgument } from '../../core/status.ts'
import { parseFilter } from '../values/filter.ts'
import { idOf } from '../values/names.ts'
import { deliveryOf, snapshotOf, type PubsubState } from '../state.ts'

export function seek(
  state: PubsubState,
  request: { subscription?: string; time?: MaybeTime; snapshot?: string },
): object {
  const delivery = deliveryOf(state, request.subscription)
  const { topic, filter, name } = delivery.record
  const matches = parseFilter(filter)
  if (request.snapshot) {
    const { record, messages } = snapshotOf(state, request.snapshot)
    if (record.topic !== topic) {
      throw invalidArgument(
        `The snapshot ${idOf(record.name)} is of the topic ${idOf(record.topic)}, the subscription ${idOf(name)} of ${idOf(topic)}: seek to a snapshot of the same topic.`,
      )
    }
    delivery.redeliver([...messages].filter((message) => matches(message.record.attributes)))
    return {}
  }
  const timeMs = maybeMs(request.time)
  if (timeMs === undefined)
    throw invalidArgument('You have passed an invalid argument to the service (argument=target).')
  const kept = [...(state.topics.get(topic)?.kept ?? [])].filter(({ record }) => matches(record.attributes))
  delivery.seek(timeMs, kept)
  return {}
}
