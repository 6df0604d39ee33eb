/** Whether the scenario needs a resource, found by removing it. */

/** After a restore, deliveries that failed meanwhile are redelivered first. */
export const RESTORED_LIMIT_MS = 60_000

export interface Verdict {
  /** The proof that it is needed, or the reason why it is not. */
  readonly outcome: 'refused' | 'missed' | 'listed' | 'NOT MISSED' | 'NOT RESTORED' | 'UNDECIDED'
  readonly detail: string
}

export interface Trial {
  remove(): Promise<void>
  restore(): Promise<void>
  /** @returns why the scenario fails; undefined if it succeeds within the time */
  run(withinMs: number): Promise<string | undefined>
}

/**
 * A failure without the resource proves something only if the same time is enough with it: the machine may have become slower
 * since the limit was measured, since other suites run beside this one. Where it is not, a longer limit is tried.
 */
export async function tried(trial: Trial, limitMs: number): Promise<Verdict> {
  await trial.remove()
  const missing = await trial.run(limitMs)
  await trial.restore()
  const still = await trial.run(RESTORED_LIMIT_MS)
  if (still !== undefined) return { outcome: 'NOT RESTORED', detail: still }
  if (missing === undefined) return { outcome: 'NOT MISSED', detail: 'both orders still succeed' }
  const slow = await trial.run(limitMs)
  if (slow === undefined) return { outcome: 'missed', detail: missing }
  if (limitMs >= RESTORED_LIMIT_MS)
    return { outcome: 'UNDECIDED', detail: `the machine is too slow: with the resource too, ${slow}` }
  return tried(trial, limitMs * 2)
}
