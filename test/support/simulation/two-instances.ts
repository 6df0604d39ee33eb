/** A service with two instances, each of which keeps streams: what one of them keeps is stale after a write of the other. */

import { type Append, appendTogether } from '../../../shared/messaging/append-together.ts'
import { keepStreams } from '../../../shared/messaging/kept-streams.ts'
import type { StreamStore } from '../../../shared/messaging/stream-store.ts'

/**
 * Each operation is that of either instance. So a delivery may decide on what one keeps and write by the other, after which
 * the first one drops nothing: copies are stale more often than those of any two processes.
 */
export function keepInTwo(store: StreamStore, isOfFirst: () => boolean): StreamStore {
  const [first, second] = [keepStreams(store), keepStreams(store)]
  const either = (): StreamStore => (isOfFirst() ? first : second)
  return {
    ...store,
    recall: (id, isNew) => either().recall(id, isNew),
    load: (...read) => either().load(...read),
    append: (...appended) => either().append(...appended),
    transact: (id, work) => either().transact(id, work),
  }
}

/** Deliveries at the same time are those of different processes: none waits for the append of another, which may be killed. */
export const appendAlone =
  (store: StreamStore): Append =>
  (...appended) =>
    appendTogether(store)(...appended)
