/** Connects a subscription to its configured endpoint: a push endpoint, a BigQuery table, or none (pull). */

import { BigQueryAppender } from './bigquery/appender.ts'
import type { Delivery } from './delivery/delivery.ts'
import { Pusher } from './push/pusher.ts'
import type { PubsubState } from './state.ts'

/** Replaces the connected endpoint; requests in flight end by themselves, and their outcome still counts. */
export function connectEndpoint(state: PubsubState, delivery: Delivery): void {
  const { name, pushConfig, bigqueryConfig, detached } = delivery.record
  const before = state.endpoints.get(name)
  state.endpoints.delete(name)
  if (before) delivery.detach(before)
  if (detached) return
  const endpoint = pushConfig
    ? new Pusher(state.context, delivery, pushConfig)
    : bigqueryConfig
      ? new BigQueryAppender(state, delivery, bigqueryConfig)
      : undefined
  if (!endpoint) return
  state.endpoints.set(name, endpoint)
  delivery.attach(endpoint)
}
