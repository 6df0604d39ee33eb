/**
 * Asks a second time when an answer takes longer than most did: the first of the two counts, and the other call is ended. For reads
 * that are declared so, within a budget: a callee that is slow as a whole is not asked twice as often.
 */

import { Cancelled } from '../base/errors.ts'

/** The second request is sent when the first has taken longer than this share of the last answers. */
const SHARE = 0.95
/** The answers that are remembered, and without which nothing is known. */
const REMEMBERED = 200
const MIN_REMEMBERED = 20
/** Of all reads, so many may be sent a second time; at most so many in a row, by what earlier ones have left. */
export const HEDGED_SHARE = 0.1
export const MAX_IN_A_ROW = 5

export interface Hedge {
  /** @param call Is called once or twice; its signal fires when no answer is awaited any more. @throws the error of the first call if none answers */
  race<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>
}

/** The request that answered of the two; `failed`: neither. */
export type HedgeOutcome = 'first' | 'second' | 'failed'

/** One for each callee. @param onSecond Called for each read that was sent a second time, once it is over. */
export function createHedge(onSecond: (outcome: HedgeOutcome) => void = () => {}): Hedge {
  const tookMs: number[] = []
  let budget = 0

  const remember = (ms: number): void => {
    tookMs.push(ms)
    if (tookMs.length > REMEMBERED) tookMs.shift()
  }
  const delayMs = (): number | undefined =>
    tookMs.length < MIN_REMEMBERED
      ? undefined
      : tookMs.toSorted((one, other) => one - other)[Math.ceil(SHARE * tookMs.length) - 1]!

  return {
    async race<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) {
      const startedMs = performance.now()
      budget = Math.min(budget + HEDGED_SHARE, MAX_IN_A_ROW)
      const ended = new AbortController()
      const both = AbortSignal.any([signal, ended.signal])
      const first = call(both)
      const waitMs = delayMs()
      const answered = async () => {
        if (waitMs === undefined) return first
        const isSlow = await Promise.race([first.then(() => false), after(waitMs, both)])
        if (!isSlow || budget < 1 || signal.aborted) return first
        budget -= 1
        const of = async (outcome: 'first' | 'second', answer: Promise<T>) => ({ outcome, answer: await answer })
        const won = await Promise.any([of('first', first), of('second', call(both))]).catch(() => undefined)
        onSecond(won?.outcome ?? 'failed')
        return won ? won.answer : first
      }
      try {
        const answer = await answered()
        // A failure says nothing about how long an answer takes.
        remember(performance.now() - startedMs)
        return answer
      } finally {
        ended.abort(new Cancelled('The other of two requests has answered.'))
      }
    },
  }
}

/** True after this time, or when the signal fires. */
function after(ms: number, signal: AbortSignal): Promise<true> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(true)
    const timer = setTimeout(resolve, ms, true as const)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve(true)
      },
      { once: true },
    )
  })
}
