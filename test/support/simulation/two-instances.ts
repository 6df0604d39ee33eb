/** A service with two instances, each of which keeps streams: what one of them keeps is stale after a write of the other. */

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
    recall: (id) => either().recall(id),
    load: (...read) => either().load(...read),
    append: (...appended) => either().append(...appended),
    transact: (id, work) => either().transact(id, work),
  }
}
