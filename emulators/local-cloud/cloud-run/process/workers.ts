/** The instances of one worker pool: as many as it has by hand, each started again when it ends. */

import type { Clock, Timer } from '../../core/clock.ts'
import type { ContainerProcess } from './process.ts'

export interface WorkersOptions {
  readonly clock: Clock
  /** @throws Error for a container that can not run */
  start(): Promise<ContainerProcess>
  /** A process ended by itself, or could not start. */
  failed(reason: string): void
}

export interface Workers {
  /** Starts instances, or stops the youngest ones. */
  scaleTo(count: number): Promise<void>
  /** All are replaced by new ones: of a new revision, say. */
  replace(): Promise<void>
  running(): readonly ContainerProcess[]
  /** Each instance that it has to have. */
  list(): readonly WorkerReport[]
  /** Why the last start failed, or the last instance ended, as long as one is missing. */
  reason(): string | undefined
  close(): Promise<void>
}

export interface WorkerReport {
  readonly state: 'starting' | 'ready'
  /** Absent: it starts. */
  readonly pid?: number
  /** ISO 8601. */
  readonly startedAt?: string
}

/** Between the end of an instance and its next start; it grows while instances end within this time of their start. */
const RESTART_MS = { first: 500, longest: 30_000 } as const

interface Slot {
  instance: ContainerProcess | undefined
  startedAt: string
  reason: string | undefined
  restart: Timer | undefined
  isGone: boolean
}

export function keepWorkers({ clock, start, failed }: WorkersOptions): Workers {
  const slots: Slot[] = []

  const fill = async (slot: Slot, pauseMs: number): Promise<void> => {
    const again = (nextMs: number): void => {
      slot.restart = clock.at(clock.now() + pauseMs, () => void fill(slot, nextMs))
    }
    const longer = Math.min(2 * pauseMs, RESTART_MS.longest)
    const startedMs = clock.now()
    try {
      const instance = await start()
      if (slot.isGone) return await instance.stop()
      slot.instance = instance
      slot.startedAt = new Date(startedMs).toISOString()
      slot.reason = undefined
      void instance.gone.then(() => {
        if (slot.isGone || slot.instance !== instance) return
        slot.instance = undefined
        failed((slot.reason = instance.failure()))
        again(clock.now() - startedMs > pauseMs ? RESTART_MS.first : longer)
      })
    } catch (error) {
      if (slot.isGone) return
      failed((slot.reason = (error as Error).message))
      again(longer)
    }
  }
  const add = (): Promise<void> => {
    const slot: Slot = { instance: undefined, startedAt: '', reason: undefined, restart: undefined, isGone: false }
    slots.push(slot)
    return fill(slot, RESTART_MS.first)
  }
  const remove = async (leaving: readonly Slot[]): Promise<void> => {
    await Promise.all(
      leaving.map(async (slot) => {
        slot.isGone = true
        slot.restart?.cancel()
        await slot.instance?.stop()
      }),
    )
  }
  const scaleTo = async (count: number): Promise<void> => {
    const leaving = slots.splice(count)
    const joining = Array.from({ length: Math.max(0, count - slots.length) }, add)
    await Promise.all([remove(leaving), ...joining])
  }
  return {
    scaleTo,
    async replace() {
      const former = slots.splice(0)
      await Promise.all([...former.map(add), remove(former)])
    },
    running: () => slots.flatMap(({ instance }) => (instance && !instance.exited ? [instance] : [])),
    list: () =>
      slots.map(({ instance, startedAt }) =>
        instance && !instance.exited ? { state: 'ready', pid: instance.pid, startedAt } : { state: 'starting' },
      ),
    reason: () => slots.findLast(({ reason }) => reason !== undefined)?.reason,
    close: () => scaleTo(0),
  }
}
