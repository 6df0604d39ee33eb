/** Seek a subscription to a time: earlier messages count as acknowledged, later ones are delivered again. */

import { type MaybeTime, maybeMs } from '../../core/proto-values.ts'
import { StatusError, invalidArgument } from '../../core/status.ts'
import { parseFilter } from '../values/filter.ts'
import { deliveryOf, type PubsubState } from '../state.ts'

export function seek(
  state: PubsubState,
  request: { subscription?: string; time?: MaybeTime; snapshot?: string },
): object {
  const delivery = deliveryOf(state, request.subscription)
  if (request.snapshot) throw new StatusError('UNIMPLEMENTED', 'Seek to a snapshot is not emulated. Seek to a time.')
  const timeMs = maybeMs(request.time)
  if (timeMs === undefined)
    throw invalidArgument('You have passed an invalid argument to the service (argument=target).')
  const { topic, filter } = delivery.record
  const matches = parseFilter(filter)
  const kept = [...(state.topics.get(topic)?.kept ?? [])].filter(({ record }) => matches(record.attributes))
  delivery.seek(timeMs, kept)
  return {}
}
