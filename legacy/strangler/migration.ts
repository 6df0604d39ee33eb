/** Moves between the steps, one at a time and in both directions: each has its condition, and nothing is lost on the way. */

import type { DatabaseSync } from 'node:sqlite'
import { relayChanges } from '../../shared/strangler/change-capture.ts'
import { type Comparison, compareData } from './compare.ts'
import { copyEvent, type PlatformEvent } from './from-platform.ts'
import { inquireAbout } from './handed-over.ts'
import type { importedOrder } from './mapping.ts'
import { isStep, type Step, steps } from './steps.ts'
import { FORMER_RULES_MS, REPEATED_MS, type State, type Store } from './store.ts'
import { applyChange, type ChangeMessage, messageOf, type PlatformApi } from './to-platform.ts'

/** How often a step waits for both systems to agree. */
const MAX_ROUNDS = 20
const BATCH_MESSAGES = 100

/** Messages in Pub/Sub. `pull` returns how many were handled; one whose handling fails is delivered again, and its error is thrown after the others. */
export interface Messages<M> {
  pull(limit: number, handle: (message: M, id: string) => Promise<void>): Promise<number>
}
export interface Changes extends Messages<ChangeMessage> {
  publish(messages: readonly ChangeMessage[]): Promise<void>
}

export interface MigrationParts {
  readonly db: DatabaseSync
  readonly store: Store
  readonly api: PlatformApi
  readonly changes: Changes
  /** The events in `copied` that the platform has published. */
  readonly events: Messages<PlatformEvent>
  /** Waits until the platform has had time to act. */
  settle(): Promise<void>
  now(): number
  pause(ms: number): Promise<void>
  /** How an order is written for the platform; absent: as the mapping has it. */
  readonly toImport?: typeof importedOrder
}

/** A step whose condition does not hold. */
export class StepRefused extends Error {}

export interface Moving {
  readonly percent?: number | undefined
  readonly callers?: readonly string[] | undefined
  /** To step 6 although clients may still repeat requests of the old shop. */
  readonly force?: boolean | undefined
}

export interface Migration {
  /** @throws StepRefused; the migration stays at the last step whose condition held */
  goTo(step: number, moving?: Moving): Promise<State>
  /** Back to the old shop for all callers, or forward again: the flags alone change. @throws StepRefused in step 6, and shortly after it */
  kill(killed: boolean): State
  /** Publishes, applies and copies all that waits. */
  pump(): Promise<number>
  compare(): Promise<Comparison>
  /** Orders of the old shop that are not finished. */
  open(): number
}

export function createMigration(parts: MigrationParts): Migration {
  const { db, store, api, changes, events, settle, now, pause, toImport } = parts
  const set = (change: Partial<State>): State => {
    const state = store.state()
    store.setState({ ...state, ...change, version: state.version + 1 })
    return store.state()
  }

  const handedOver = inquireAbout({ store, api, now })
  const copy = (): Promise<number> => all(events, async (event) => copyEvent(db, store, event))

  const relay: readonly (() => Promise<number>)[] = [
    () => relayChanges(store.outbox, (rows) => changes.publish(rows.map((row) => messageOf(db, store, row, toImport)))),
    () => all(changes, (message, id) => applyChange(api, store, message, id)),
  ]

  /** @param step By which it acts. Also in step 1 the platform ends the orders that it took. The copies of step 6 wait in Pub/Sub. */
  const pump = async (step = store.state().step): Promise<number> => {
    try {
      return await sumOfEach([...(step < 2 ? [] : relay), ...(step === 6 ? [] : [copy])])
    } finally {
      // Last, since no change waits for it, and a copy that has come says more.
      await handedOver.forgetRefused()
    }
  }

  /** Until nothing waits and both sides agree, in this step. @throws StepRefused with the differences */
  async function agree(step?: Step): Promise<void> {
    let differences: readonly string[] = []
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await pump(step)
      await settle()
      if ((await pump(step)) > 0) continue
      const { differences: ofData } = await compareData(db, store, api)
      differences = [...ofData, ...(await handedOver.uncopied())]
      if (differences.length === 0) return
    }
    throw new StepRefused(`Both systems do not agree: ${differences.join('; ')}.`)
  }

  /** Until then a gateway may still place orders by the rules of step 6, of which the old shop does not know: it would take them again. */
  const formerRulesMs = (): number => (store.state().leftSixAtMs ?? -FORMER_RULES_MS) + FORMER_RULES_MS - now()
  async function formerRulesEnd(): Promise<void> {
    const leftMs = formerRulesMs()
    if (leftMs > 0) await pause(leftMs)
  }

  /** In step 6 the old shop is not asked whether it took the order of a key. @throws StepRefused */
  function refuseRepeats(): void {
    const { count, last } = store.takenSince(now() - REPEATED_MS)
    if (!last) return
    const until = new Date(last.atMs + REPEATED_MS).toISOString()
    throw new StepRefused(
      `Orders that the old shop took in the last day: ${count}, the last of them ${last.id}. If their customers repeat the requests, the platform takes them a second time in step 6: wait until ${until}, or use --force if none will.`,
    )
  }

  /** All that can be brought over. What a system refuses waits, is reported by the next pump, and bars no way back. */
  const bring = async (): Promise<void> => void (await pump().catch(() => 0))

  const open = (): number =>
    Number(
      db
        .prepare(
          `SELECT COUNT(*) AS count FROM orders WHERE status = 'new'
           AND no NOT IN (SELECT "order" FROM strangler_orders WHERE platform = 1 AND "order" IS NOT NULL)`,
        )
        .get()!['count'],
    )

  /** By the higher of the two steps: what makes it so, and what takes it back. */
  const transitions: Readonly<
    Record<Exclude<Step, 1>, { up(isForced: boolean): Promise<void>; down(): Promise<void> }>
  > = {
    2: {
      up: async () => store.capture(),
      down: bring,
    },
    3: { up: async () => {}, down: async () => {} },
    4: {
      async up() {
        store.captureAll()
        await agree()
      },
      // An instance of the gateway may have handed the platform an order a moment ago, by its former rules.
      async down() {
        await settle()
        await bring()
      },
    },
    5: {
      up: () => agree(),
      async down() {
        await formerRulesEnd()
        await agree()
      },
    },
    6: {
      async up(isForced) {
        const count = open()
        if (count > 0)
          throw new StepRefused(
            `${count} orders of the old shop are not finished: finish them there (POST /orders/NUMBER/done).`,
          )
        if (!isForced) refuseRepeats()
        await agree()
      },
      // The old shop answers again what it did not see meanwhile, once it has the copies.
      down: () => agree(5),
    },
  }

  function go(step: number): void {
    // Also one that was turned on while this step waited.
    if (store.state().killed) throw new StepRefused('The kill switch is on: npm run strangle -- resume.')
    const leaves = store.state().step === 6 ? { leftSixAtMs: now() } : {}
    set({ step, percent: 100, callers: [], ...leaves })
    // Afterwards: in step 2 each change is captured, also when this was refused or the process ended here.
    if (step === 1) store.endCapture()
  }

  return {
    async goTo(step, { percent = 100, callers = [], force = false } = {}) {
      if (store.state().killed) throw new StepRefused('The kill switch is on: npm run strangle -- resume.')
      if (!isStep(step)) throw new StepRefused(`There is no step ${step}: 1 to ${Object.keys(steps).length}.`)
      while (store.state().step < step) {
        const next = store.state().step + 1
        await transitions[next as Exclude<Step, 1>].up(force)
        go(next)
      }
      while (store.state().step > step) {
        const { step: from } = store.state()
        await transitions[from as Exclude<Step, 1>].down()
        go(from - 1)
      }
      if (step === 5 && percent < 100) await formerRulesEnd()
      return set({ percent, callers })
    },
    kill(killed) {
      if (killed && store.state().step === 6)
        throw new StepRefused(
          'In step 6 the old shop answers no customer, and has no copies of the orders: go back to step 5 first (npm run strangle -- step 5).',
        )
      const leftMs = formerRulesMs()
      if (killed && leftMs > 0)
        throw new StepRefused(
          `A gateway may still have the rules of step 6, and place orders of which the old shop does not know. Try again in ${Math.ceil(leftMs / 1_000)} seconds.`,
        )
      return set({ killed })
    },
    pump,
    compare: () => compareData(db, store, api),
    open,
  }
}

/** One after the other, also when one of them fails. @throws the first error, at the end */
export async function sumOfEach(parts: readonly (() => Promise<number>)[]): Promise<number> {
  let sum = 0
  const errors: unknown[] = []
  for (const part of parts) sum += await part().catch((error: unknown) => (errors.push(error), 0))
  if (errors.length > 0) throw errors[0]
  return sum
}

async function all<M>(messages: Messages<M>, handle: (message: M, id: string) => Promise<void>): Promise<number> {
  let count = 0
  for (;;) {
    const handled = await messages.pull(BATCH_MESSAGES, handle)
    if (handled === 0) return count
    count += handled
  }
}
