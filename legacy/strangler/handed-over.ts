/** Orders whose requests the gateway handed to the platform, and whose copies have not come: whether the platform took them. */

import type { Store } from './store.ts'
import type { PlatformApi } from './to-platform.ts'

/** In one round, concurrently: a few of the requests that the platform allows an admin. */
export const MAX_INQUIRIES = 5

interface Parts {
  readonly store: Store
  readonly api: Pick<PlatformApi, 'orderOf'>
  readonly now: () => number
}

export interface HandedOver {
  /** Orders that the platform took and that are not here, as differences. */
  uncopied(): Promise<string[]>
  /**
   * The next few are asked about, and those that the platform refused are forgotten: a step back has few left to ask about. One of
   * which the platform says nothing has its turn again after the others.
   */
  forgetRefused(): Promise<void>
}

export function inquireAbout({ store, api, now }: Parts): HandedOver {
  const taken = new Set<string>()
  /** The order with which the last round ended. */
  let last = ''
  return {
    async uncopied() {
      const found: string[] = []
      for (const { id } of store.handedOver()) {
        const atMs = now()
        if (await api.orderOf(id)) found.push(`order ${id}: not copied yet`)
        else store.handedOverEnds(id, atMs)
      }
      return found
    },
    async forgetRefused() {
      const some = store.finalHandedOver({ after: last, atMs: now(), limit: MAX_INQUIRIES })
      last = some.length < MAX_INQUIRIES ? '' : some.at(-1)!
      await Promise.allSettled(
        some
          .filter((id) => !taken.has(id))
          .map(async (id) => {
            const atMs = now()
            if (await api.orderOf(id)) taken.add(id)
            else store.handedOverEnds(id, atMs)
          }),
      )
    },
  }
}
