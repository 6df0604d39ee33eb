/** Gives the memory back that a process has left of its work once it does nothing: V8 collects garbage only where something is allocated. */

import { performance } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const CHECK_EVERY_MS = 5_000
/** So many checks in a row find the process idle before its garbage is collected: a collection takes a tenth of a second, or a few for a large heap. */
const IDLE_CHECKS = 2
/** Of the time between two checks: a process that is idle still has timers. */
const MAX_BUSY_SHARE = 0.02
/** By so much the heap has grown since the last collection. Less is not worth another one. */
const MIN_GROWTH_BYTES = 8 * 1024 * 1024

export interface IdleProcess {
  /** The part of the time since the last call in which the process worked: 0 to 1. */
  busyShare(): number
  /** The memory that the heap has. */
  heapBytes(): number
  collect(): void
}

/** A function to be called at regular intervals, which collects the garbage of a process that was idle at several calls in a row. */
export function collectorOf({ busyShare, heapBytes, collect }: IdleProcess): () => void {
  let idleChecks = 0
  let collectedToBytes = 0
  return () => {
    idleChecks = busyShare() > MAX_BUSY_SHARE ? 0 : idleChecks + 1
    if (idleChecks < IDLE_CHECKS || heapBytes() < collectedToBytes + MIN_GROWTH_BYTES) return
    collect()
    collectedToBytes = heapBytes()
  }
}

/** Of this process, as long as it runs. */
export function giveBackIdleMemory(): void {
  let last = performance.eventLoopUtilization()
  const busyShare = (): number => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
  const check = collectorOf({ busyShare, heapBytes, collect: collectGarbage })
  setInterval(check, CHECK_EVERY_MS).unref()
}

export const heapBytes = (): number => getHeapStatistics().total_physical_size

/** All of the garbage, the code included that has not run for some time; the system gets the pages that this frees. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (how: object) => void
  // Node keeps compiled code for the flags with which it was compiled.
  setFlagsFromString('--no-expose-gc')
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
