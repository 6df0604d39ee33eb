/** The rules of now, read from the other system's address again and again while requests come: a change needs no restart. */

import { outsideRequest } from '../base/deadline.ts'
import { Unavailable } from '../base/errors.ts'
import type { Platform } from '../service/platform.ts'
import { RULES_PATH } from './headers.ts'
import { type Rules, rulesSchema } from './rules.ts'

/** After this time the next request reads the rules again, and goes on with those that it has. */
export const RULES_TTL_MS = 1_000
/** An instance without requests for so long does not begin with the rules of then: its first requests wait. */
export const RULES_MAX_AGE_MS = 10_000
const RULES_TIMEOUT_MS = 2_000

export interface RulesSource {
  /** The last rules. @throws Unavailable while none were read: which system answers is not guessed. */
  current(): Promise<Rules>
  /** The rules of now. @throws Unavailable */
  renewed(): Promise<Rules>
}

export function rulesFrom(
  url: string,
  { callExternal, now, log }: Pick<Platform, 'callExternal' | 'now' | 'log'>,
): RulesSource {
  let known: { readonly rules: Rules; readAtMs: number } | undefined
  let reading: Promise<Rules> | undefined
  let waking: Promise<unknown> | undefined

  async function read(): Promise<Rules> {
    const response = await callExternal(`${url}${RULES_PATH}`, {
      method: 'GET',
      operation: 'strangler.rules',
      timeoutMs: RULES_TIMEOUT_MS,
    })
    const rules = rulesSchema.parse(await response.json())
    // An answer that was overtaken by a later one brings former rules.
    if (!known || rules.version >= known.rules.version) known = { rules, readAtMs: now() }
    else known.readAtMs = now()
    return known.rules
  }
  const renewed = (): Promise<Rules> =>
    (reading ??= outsideRequest(read).finally(() => {
      reading = undefined
    }))
  const unavailable = (error: unknown): never => {
    throw new Unavailable(`The rules of the migration at ${url} could not be read: ${String(error)}`)
  }

  return {
    async current() {
      if (!known) return renewed().catch(unavailable)
      const ageMs = now() - known.readAtMs
      if (ageMs >= RULES_TTL_MS) {
        // Requests go on with the former rules meanwhile. One that fails is tried again after the same time.
        known.readAtMs = now()
        const read = renewed().catch((error: unknown) => log('WARNING', 'strangler.rules-unavailable', { error }))
        if (ageMs >= RULES_MAX_AGE_MS) waking = read.finally(() => (waking = undefined))
      }
      await waking
      return known.rules
    },
    renewed: () => renewed().catch(unavailable),
  }
}
