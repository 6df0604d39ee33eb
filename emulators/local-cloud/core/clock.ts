/** Time as an argument: every emulator reads and waits through one clock, so that a test can move it. */

import { DueQueue } from './due-queue.ts'

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Runs once when `atMs` is reached; at once (but never synchronously) when it already passed. */
  at(atMs: number, run: () => void): Timer
}

/** setTimeout overflows above 2^31 - 1 ms and would fire at once: longer waits are taken in pieces. */
const MAX_WAIT_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  at(atMs, run) {
    let handle: NodeJS.Timeout
    const wait = (): void => {
      const leftMs = Math.max(0, atMs - Date.now())
      handle = setTimeout(leftMs > MAX_WAIT_MS ? wait : run, Math.min(leftMs, MAX_WAIT_MS))
    }
    wait()
    return { cancel: () => clearTimeout(handle) }
  },
}

export interface VirtualClock extends Clock {
  /** Advances the time and runs the timers that fall due, in order; pending promises settle between two timers. */
  advance(ms: number): Promise<void>
  /** Lets everything that is due now, and every promise it started, settle without moving time. */
  settle(): Promise<void>
  /** How many timers wait. */
  readonly pending: number
}

interface Waiting {
  readonly atMs: number
  readonly run: () => void
}

export function virtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let nowMs = startMs
  const waiting = new Set<Waiting>()
  const queue = new DueQueue<Waiting>((one) => waiting.has(one))

  const runUntil = async (untilMs: number): Promise<void> => {
    await settlePromises()
    for (let due = queue.take(untilMs); due; due = queue.take(untilMs)) {
      waiting.delete(due)
      nowMs = Math.max(nowMs, due.atMs)
      due.run()
      await settlePromises()
    }
    nowMs = Math.max(nowMs, untilMs)
  }

  return {
    now: () => nowMs,
    at(atMs, run) {
      const one = { atMs, run }
      waiting.add(one)
      queue.add(one, atMs)
      return { cancel: () => void waiting.delete(one) }
    },
    advance: (ms) => runUntil(nowMs + ms),
    settle: () => runUntil(nowMs),
    get pending() {
      return waiting.size
    },
  }
}

/** Chains of promises need several turns of the loop; a bounded number keeps a loop of timers from hanging a test. */
async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
