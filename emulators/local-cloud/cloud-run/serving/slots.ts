/** How many requests an instance works on at once; the others wait in line until one ends, or their caller goes away. */

import type { ServerResponse } from 'node:http'

/** Further requests for a slot are refused with 429, as by Cloud Run. */
const QUEUED_REQUESTS = 1000

export interface Slots {
  /** `taken` until the response closes; `gone`: the caller hung up first; `dismissed`: the service is stopping. */
  take(response: ServerResponse, most: number): Promise<'taken' | 'full' | 'gone' | 'dismissed'>
  /** Refuses all waiting requests. */
  dismiss(): void
  /** Resolves when all slots are free. */
  empty(): Promise<void>
  readonly active: number
  readonly waiting: number
}

export function slots({ busy, idle }: { busy(): void; idle(): void }): Slots {
  let active = 0
  const emptied: (() => void)[] = []
  const line = new Set<(turn: 'taken' | 'dismissed') => void>()

  const release = (): void => {
    const [next] = line
    // A slot that passes to the next request leaves `active` unchanged.
    if (next) return next('taken')
    active -= 1
    if (active > 0) return
    idle()
    for (const tell of emptied.splice(0)) tell()
  }
  return {
    async take(response, most) {
      // It closed before this listener was added.
      if (response.closed) return 'gone'
      if (active < most) {
        active += 1
        busy()
        response.once('close', release)
        return 'taken'
      }
      if (line.size >= QUEUED_REQUESTS) return 'full'
      return new Promise((resolve) => {
        const left = (): void => {
          line.delete(turn)
          resolve('gone')
        }
        const turn = (what: 'taken' | 'dismissed'): void => {
          line.delete(turn)
          response.off('close', left)
          if (what === 'taken') response.once('close', release)
          resolve(what)
        }
        line.add(turn)
        response.once('close', left)
      })
    },
    dismiss() {
      for (const turn of line) turn('dismissed')
    },
    empty: () => (active === 0 ? Promise.resolve() : new Promise((resolve) => void emptied.push(resolve))),
    get active() {
      return active
    },
    get waiting() {
      return line.size
    },
  }
}
