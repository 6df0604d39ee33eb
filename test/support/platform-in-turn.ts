/**
 * One platform for the suites of one test file, which run one after the other: `inTurn(NAME, () => import(SUITE))`. To start
 * a platform and its services takes more processor time than the tests of most suites.
 */

import { afterAll, beforeAll, describe } from 'vitest'
import { type AnnouncedPlatform, startAnnouncedPlatform } from './announced-platform.ts'
import type { TestPlatformOptions } from './platform.ts'

let current: AnnouncedPlatform | undefined

/** Starts it before the first suite of this file, and ends it after the last one. */
export function sharePlatformInTurn(options: TestPlatformOptions = {}): void {
  beforeAll(async () => {
    current = await startAnnouncedPlatform(options)
  }, 120_000)
  afterAll(() => current?.close(), 60_000)
}

/** @throws Error in a suite that no test file runs in turn. */
export function platformInTurn(): AnnouncedPlatform {
  if (!current)
    throw new Error('No platform is shared here: import this suite from a test file that calls sharePlatformInTurn().')
  return current
}

/** The tests of a module that starts no platform of its own. */
export function inTurn(name: string, suite: () => Promise<object>): void {
  describe(name, async () => {
    await suite()
  })
}
