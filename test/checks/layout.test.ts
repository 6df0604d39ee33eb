/** Where tests lie: the folder says what they need. */

import { globSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('each test of test/ lies in a folder of its kind', () => {
  expect(globSync('*.test.ts', { cwd: join(import.meta.dirname, '..') })).toEqual([])
})
