/** Orders whose requests the gateway handed to the platform, and whose copies have not come: whether the platform took them. */

import type { Store } from './store.ts'
import type { PlatformApi } from './to-platform.ts'

/** In one round: a few of the requests that the platform allows an admin. */
const MAX_INQUIRIES = 5

interface Parts {
  readonly store: Store
  readonly api: Pick<PlatformApi, 'orderOf'>
  readonly now: () => number
}

export interface HandedOver {
  /** Orders that the platform took and that are not here, as differences. */
  uncopied(): Promise<string[]>
  /** Some of those that the platform refused are forgotten: a step back has few left to ask about. */
  forgetRefused(): Promise<void>
}

export function inquireAbout({ store, api, now }: Parts): HandedOver {
  const taken = new Set<string>()
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
      const final = store.handedOver().filter(({ id, finalFromMs }) => finalFromMs <= now() && !taken.has(id))
      for (const { id } of final.slice(0, MAX_INQUIRIES)) {
        const atMs = now()
        if (await api.orderOf(id)) taken.add(id)
        else store.handedOverEnds(id, atMs)
      }
    },
  }
}
