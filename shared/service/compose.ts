/** Answers that are composed of the answers of several services: a part that can not be read is missing, and the answer says why. */

import { z } from 'zod'
import { Cancelled, Unavailable } from '../base/errors.ts'
import type { Platform } from './platform.ts'

/** A part of a composite answer, of which the others are there. */
export interface MissingPart {
  readonly part: string
  /** `unavailable`: not now; `bug`: its owner answered what nothing can read. */
  readonly code: 'unavailable' | 'bug'
}

/** The member `missing` of a composite answer. */
export const missingParts = z.array(z.object({ part: z.string(), code: z.enum(['unavailable', 'bug']) })).optional()

type Readers = Readonly<Record<string, () => Promise<unknown>>>
type Found<Parts extends Readers> = { readonly [Part in keyof Parts]?: Awaited<ReturnType<Parts[Part]>> }

/**
 * Reads the parts together. Each reader has the time of its own query, and one that fails leaves the others.
 * @throws Cancelled when the request itself is over
 */
export async function compose<Parts extends Readers>(
  { partMissing }: Pick<Platform, 'partMissing'>,
  parts: Parts,
): Promise<{ readonly found: Found<Parts>; readonly missing: readonly MissingPart[] }> {
  const missing: MissingPart[] = []
  const found: Record<string, unknown> = {}
  await Promise.all(
    Object.entries(parts).map(async ([part, read]) => {
      try {
        found[part] = await read()
      } catch (error) {
        if (error instanceof Cancelled) throw error
        const code = error instanceof Unavailable ? 'unavailable' : 'bug'
        partMissing({ part, code, error })
        missing.push({ part, code })
      }
    }),
  )
  return { found: found as Found<Parts>, missing }
}
