/** Asks a second system what the first one has answered, and counts the differences. The caller neither waits for it nor sees it. */

import { outsideRequest, withTimeout } from '../base/deadline.ts'
import type { Log } from '../signals/log.ts'
import { type Difference, differencesOf } from './differences.ts'

export const SHADOW_TIMEOUT_MS = 5_000
/** Of one instance. A request that finds no place is not compared. */
export const MAX_CONCURRENT_SHADOWS = 8

/** `missing`: the second system does not have it yet. `skipped`: there was no place. `failed`: it gave no answer. */
export type Outcome = 'same' | 'different' | 'missing' | 'failed' | 'skipped'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

export interface Comparison {
  readonly operation: string
  /** The path of the request, in the log of a difference. */
  readonly instance: string
  readonly ignored: readonly string[]
  readonly first: Answer
  second(): Promise<Answer>
}

export interface Shadows {
  /** Returns immediately. */
  compare(comparison: Comparison): void
  /** Settles when no comparison runs. */
  settled(): Promise<void>
}

export interface ShadowParts {
  readonly log: Log
  readonly compared: (comparison: { readonly operation: string; readonly outcome: Outcome }) => void
}

export function openShadows({ log, compared }: ShadowParts): Shadows {
  const running = new Set<Promise<void>>()

  async function outcomeOf({ operation, instance, ignored, first, second }: Comparison): Promise<Outcome> {
    try {
      const answer = await withTimeout(SHADOW_TIMEOUT_MS, second, () => new Error('It did not answer in time.'))
      if (answer.status === 404 && first.status !== 404) return 'missing'
      const differences: Difference[] =
        answer.status === first.status
          ? differencesOf(first.body, answer.body, ignored)
          : [{ path: 'status', kind: 'changed' }]
      if (differences.length === 0) return 'same'
      // The places alone: the values are data of callers.
      log('WARNING', 'shadow.different', { operation, instance, differences })
      return 'different'
    } catch (error) {
      log('INFO', 'shadow.failed', { operation, instance, error })
      return 'failed'
    }
  }

  return {
    compare(comparison) {
      const { operation } = comparison
      if (running.size >= MAX_CONCURRENT_SHADOWS) return compared({ operation, outcome: 'skipped' })
      const work = outsideRequest(async () => {
        compared({ operation, outcome: await outcomeOf(comparison) })
      }).finally(() => running.delete(work))
      running.add(work)
    },
    async settled() {
      while (running.size > 0) await Promise.all(running)
    },
  }
}
