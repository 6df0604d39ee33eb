/** The folder of a test says which processes it needs. */

import { globSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('each test in test/ is in a folder of a known kind', () => {
  expect(globSync('*.test.ts', { cwd: join(import.meta.dirname, '..') })).toEqual([])
})
