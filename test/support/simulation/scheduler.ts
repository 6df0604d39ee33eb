/**
 * Decides which activity runs next: each stops wherever another may run first (a read, a commit, a publish, a call),
 * and one at a time continues. So the same choices always give the same run.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'

export interface Activity {
  readonly name: string
  /** The number of its steps so far. */
  steps: number
  /** True for a paused instance, which does not continue until this is reset. */
  paused: boolean
  /** The operation at which it stopped; empty while it runs. */
  readonly waiting: { readonly what: string; readonly store?: string; readonly go: () => void }[]
  state: 'running' | 'ended' | 'killed'
}

export interface Scheduler {
  /** Called by the platforms before each operation; resolves at once outside of an activity, such as a read by a test. */
  readonly interleave: (what: string, /** The service whose data it reads or writes. */ store?: string) => Promise<void>
  /** Makes an activity, which begins with its first step. An error of `work` ends the run of the world. */
  start(name: string, work: () => Promise<void>): Activity
  /** The activities that are not paused. */
  ready(): readonly Activity[]
  unfinished(): readonly Activity[]
  /** Runs an activity to its next stop or its end. */
  step(activity: Activity): Promise<void>
  /** Ends an activity at its stop, like a killed process. */
  kill(activity: Activity): void
}

/** Turns of the event loop within which an activity must stop or end; signatures are made in other threads. */
const MAX_TURNS = 200_000

export function createScheduler(): Scheduler {
  const current = new AsyncLocalStorage<Activity>()
  const activities = new Set<Activity>()
  const failures: unknown[] = []

  const interleave = (what: string, store?: string): Promise<void> => {
    const activity = current.getStore()
    if (!activity) return Promise.resolve()
    if (activity.state === 'killed') return new Promise(() => {})
    return new Promise((go) => void activity.waiting.push({ what, ...(store === undefined ? {} : { store }), go }))
  }

  const settle = async (activity: Activity): Promise<void> => {
    for (let turns = 0; turns < MAX_TURNS; turns++) {
      if (failures.length > 0) throw failures.shift()
      if (activity.state !== 'running' || activity.waiting.length > 0) return
      await setImmediate()
    }
    throw new Error(`${activity.name} neither ends nor stops.`)
  }

  return {
    interleave,
    start(name, work) {
      const activity: Activity = { name, steps: 0, paused: false, waiting: [], state: 'running' }
      activities.add(activity)
      void current.run(activity, async () => {
        await interleave('begin')
        try {
          await work()
        } catch (error) {
          failures.push(error)
        }
        if (activity.state === 'running') activity.state = 'ended'
        activities.delete(activity)
      })
      return activity
    },
    ready: () => [...activities].filter(({ paused }) => !paused),
    unfinished: () => [...activities],
    async step(activity) {
      activity.steps += 1
      activity.waiting.shift()!.go()
      await settle(activity)
    },
    kill(activity) {
      activity.state = 'killed'
      activities.delete(activity)
    },
  }
}

/**
 * Runs `run` once for every combination of its choices: `choose(n)` returns 0 … n-1.
 * @returns the number of combinations.
 */
export async function everyWay(
  run: (choose: (count: number) => number) => Promise<void>,
  maxWays = 5_000,
): Promise<number> {
  let taken: { readonly choice: number; readonly of: number }[] = []
  for (let ways = 1; ; ways++) {
    if (ways > maxWays) throw new Error(`There are more than ${maxWays} ways.`)
    const before = taken
    const made: { choice: number; of: number }[] = []
    try {
      await run((of) => {
        const choice = before[made.length]?.choice ?? 0
        made.push({ choice, of })
        return choice
      })
    } catch (error) {
      throw new Error(`With the choices ${made.map(({ choice }) => choice).join(' ')}: ${(error as Error).message}`, {
        cause: error,
      })
    }
    while (made.length > 0 && made.at(-1)!.choice + 1 >= made.at(-1)!.of) made.pop()
    const last = made.pop()
    if (!last) return ways
    taken = [...made, { ...last, choice: last.choice + 1 }]
  }
}
