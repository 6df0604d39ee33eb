/** The rules by which flags decide: by caller, by a share of all callers, and for all at once by the kill switch. */

import { z } from 'zod'
import { hashOf } from '../base/ids.ts'

const variant = z.union([z.string().min(1), z.boolean()])

const rule = z.strictObject({
  /** For the chosen callers. */
  on: variant,
  /** For all others, and for all callers when the kill switch is on. */
  off: variant,
  /** The share of the chosen callers, 0 to 100. The same caller is chosen as long as the share does not fall. */
  percent: z.number().min(0).max(100),
  /** Callers who are chosen besides. */
  callers: z.array(z.string()).max(1_000).default([]),
})
export type Rule = z.output<typeof rule>

export const rulesSchema = z.strictObject({
  /** Grows with each change. */
  version: z.int().min(0),
  killed: z.boolean(),
  flags: z.record(z.string(), rule),
  /** Callers whom this system alone answers, also while the kill switch is on: the migration itself, which compares both. */
  exempt: z.array(z.string()).default([]),
  /** Operations with a key that this system answers, of which the other one is asked first whether it has answered the key. */
  known: z.array(z.string()).default([]),
  /** Operations whose 404 in this system is asked of the other one. */
  elsewhere: z.array(z.string()).default([]),
  /** Operation → members that are not compared, with dots and without the numbers of lists: `lines.updatedAt`. */
  ignored: z.record(z.string(), z.array(z.string())).default({}),
})
export type Rules = z.output<typeof rulesSchema>

/** Where a caller stands among all, from 0 to below 100: the same for the same flag and caller in every process. */
export const shareOf = (flag: string, caller: string): number =>
  (Number.parseInt(hashOf(`${flag.length}:${flag}${caller}`).slice(0, 8), 16) / 2 ** 32) * 100

export type Reason = 'DISABLED' | 'TARGETING_MATCH' | 'SPLIT' | 'DEFAULT'

/** @param caller Absent: an anonymous request, which only a share of 100 chooses. */
export function decide(
  flag: string,
  { on, off, percent, callers }: Rule,
  { killed, caller }: { readonly killed: boolean; readonly caller?: string | undefined },
): { readonly value: string | boolean; readonly reason: Reason } {
  if (killed) return { value: off, reason: 'DISABLED' }
  if (caller !== undefined && callers.includes(caller)) return { value: on, reason: 'TARGETING_MATCH' }
  const share = caller === undefined ? 100 : shareOf(flag, caller)
  if (percent === 100 || share < percent) return { value: on, reason: 'SPLIT' }
  return { value: off, reason: 'DEFAULT' }
}
