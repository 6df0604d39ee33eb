/** The rules of now, read from the other system's address again and again while requests come: a change needs no restart. */

import { outsideRequest } from '../base/deadline.ts'
import { Unavailable } from '../base/errors.ts'
import type { Platform } from '../service/platform.ts'
import { RULES_PATH } from './headers.ts'
import { type Rules, rulesSchema } from './rules.ts'

/** After this time the next request reads the rules again, and goes on with those that it has. */
export const RULES_TTL_MS = 1_000
/**
 * A write with older rules waits for newer ones, and is refused without them: the other system may have taken it back, and waits
 * no longer than this for an instance that it does not reach. An instance without requests for so long begins with new rules, too.
 */
export const WRITE_RULES_MAX_AGE_MS = 10_000
/** The same of a read: a former answer does no harm for a while, and none at all would. */
export const READ_RULES_MAX_AGE_MS = 600_000
const RULES_TIMEOUT_MS = 2_000

export interface KnownRules {
  readonly rules: Rules
  readonly ageMs: number
}

export interface RulesSource {
  /** The last rules. @throws Unavailable while none were read: which system answers is not guessed. */
  current(): Promise<KnownRules>
  /** The rules of now. @throws Unavailable */
  renewed(): Promise<Rules>
}

export function rulesFrom(
  url: string,
  { callExternal, now, log }: Pick<Platform, 'callExternal' | 'now' | 'log'>,
): RulesSource {
  let known: { readonly rules: Rules; readonly readAtMs: number } | undefined
  let triedAtMs = 0
  let reading: Promise<Rules> | undefined
  let waking: Promise<unknown> | undefined
  let failingSinceMs: number | undefined

  const ageMs = (): number => now() - known!.readAtMs

  async function read(): Promise<Rules> {
    triedAtMs = now()
    const readAtMs = triedAtMs
    const response = await callExternal(`${url}${RULES_PATH}`, {
      method: 'GET',
      operation: 'strangler.rules',
      timeoutMs: RULES_TIMEOUT_MS,
    })
    const rules = rulesSchema.parse(await response.json())
    // An answer that was overtaken by a later one brings former rules.
    known = { rules: known && known.rules.version > rules.version ? known.rules : rules, readAtMs }
    if (failingSinceMs !== undefined)
      log('INFO', 'strangler.rules-read-again', { outageSeconds: Math.floor((now() - failingSinceMs) / 1_000) })
    failingSinceMs = undefined
    return known.rules
  }
  /** One line for an outage, however many requests come meanwhile. */
  function failed(error: unknown): never {
    if (failingSinceMs === undefined)
      log('WARNING', 'strangler.rules-unavailable', {
        error,
        ...(known ? { ageSeconds: Math.floor(ageMs() / 1_000) } : {}),
      })
    failingSinceMs ??= now()
    throw error
  }
  const renewed = (): Promise<Rules> =>
    (reading ??= outsideRequest(read)
      .catch(failed)
      .finally(() => {
        reading = undefined
      }))
  const unavailable = (error: unknown): never => {
    const age = known ? `, and those that are known are ${Math.floor(ageMs() / 1_000)} s old` : ''
    throw new Unavailable(`The rules of the migration at ${url} could not be read${age}: ${String(error)}`)
  }

  return {
    async current() {
      if (!known) await renewed().catch(unavailable)
      const restedMs = now() - triedAtMs
      if (restedMs >= RULES_TTL_MS) {
        // Requests go on with the former rules meanwhile. A reading that fails is tried again after the same time.
        const read = renewed().catch(() => {})
        if (restedMs >= WRITE_RULES_MAX_AGE_MS) waking = read.finally(() => (waking = undefined))
      }
      await waking
      return { rules: known!.rules, ageMs: ageMs() }
    },
    renewed: () => renewed().catch(unavailable),
  }
}
