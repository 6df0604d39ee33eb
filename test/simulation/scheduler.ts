/**
 * Who goes on next: whatever is under way stops wherever somebody else may go first (a read, a commit, a publish, a call),
 * and one at a time is let go. So a run is the same each time it is run with the same choices.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'

export interface Activity {
  readonly name: string
  /** How often it was let go. */
  steps: number
  /** Stands still until it is set back: an instance that the machine has frozen. */
  paused: boolean
  /** What it waits to do; empty while it runs. */
  readonly waiting: { readonly what: string; readonly go: () => void }[]
  state: 'under way' | 'ended' | 'killed'
}

export interface Scheduler {
  /** What the platforms call; returns at once for what is no activity, such as a test's own look into a store. */
  readonly turn: (what: string) => Promise<void>
  /** It begins with its first step. @throws nothing: what the work throws ends the run of the world. */
  start(name: string, work: () => Promise<void>): Activity
  /** Those that can go on. */
  ready(): readonly Activity[]
  underWay(): readonly Activity[]
  /** Lets one go to its next stop, or to its end. */
  step(activity: Activity): Promise<void>
  /** It never goes on: a process that died there. */
  kill(activity: Activity): void
}

/** Turns of the event loop in which something must come to its next stop: signatures are made in other threads. */
const PATIENCE_TURNS = 200_000

export function createScheduler(): Scheduler {
  const current = new AsyncLocalStorage<Activity>()
  const activities = new Set<Activity>()
  const failures: unknown[] = []

  const turn = (what: string): Promise<void> => {
    const activity = current.getStore()
    if (!activity) return Promise.resolve()
    if (activity.state === 'killed') return new Promise(() => {})
    return new Promise((go) => void activity.waiting.push({ what, go }))
  }

  const settle = async (activity: Activity): Promise<void> => {
    for (let turns = 0; turns < PATIENCE_TURNS; turns++) {
      if (failures.length > 0) throw failures.shift()
      if (activity.state !== 'under way' || activity.waiting.length > 0) return
      await setImmediate()
    }
    throw new Error(`${activity.name} neither ends nor stops.`)
  }

  return {
    turn,
    start(name, work) {
      const activity: Activity = { name, steps: 0, paused: false, waiting: [], state: 'under way' }
      activities.add(activity)
      void current.run(activity, async () => {
        await turn('begin')
        try {
          await work()
        } catch (error) {
          failures.push(error)
        }
        if (activity.state === 'under way') activity.state = 'ended'
        activities.delete(activity)
      })
      return activity
    },
    ready: () => [...activities].filter(({ paused }) => !paused),
    underWay: () => [...activities],
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
 * Runs something once for every way in which its choices can turn out: `choose(n)` answers 0 … n-1.
 * @returns how many ways there were.
 */
export async function everyWay(
  run: (choose: (count: number) => number) => Promise<void>,
  mostWays = 5_000,
): Promise<number> {
  let taken: { readonly choice: number; readonly of: number }[] = []
  for (let ways = 1; ; ways++) {
    if (ways > mostWays) throw new Error(`There are more than ${mostWays} ways.`)
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
