/** The order in which `npm test` begins its files. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { TestSpecification, Vitest } from 'vitest/node'
import { root } from '../support/root.ts'
import { slowest, SlowestFirst } from '../support/slowest-first.ts'

const config = { sequence: { groupOrder: 0 }, isolate: true }
const file = (path: string, project: string): TestSpecification =>
  ({ moduleId: join(root, path), project: { name: project, config } }) as unknown as TestSpecification
/** An earlier run in which every file took the same time. */
const vitest = {
  cache: { getTestSpecificationResult: () => ({ duration: 1, failed: false }) },
} as unknown as Vitest

it('begins with the slowest files, goes on with whole platforms, and ends with the tests of one process', async () => {
  const files = [
    file('shared/base/ids.test.ts', 'folders'),
    file('test/platform/shared/ops.test.ts', 'shared-platform'),
    file('test/security/text.test.ts', 'platform'),
    file(slowest[1]!, 'platform'),
    file(slowest[0]!, 'platform'),
  ]
  // oxlint-disable-next-line unicorn/no-array-sort -- a sequencer is no array
  const sorted = await new SlowestFirst(vitest).sort(files)
  expect(sorted).toEqual([4, 3, 2, 1, 0].map((index) => files[index]))
})

it('knows the slowest files by paths that exist', () => {
  expect(slowest.filter((path) => !existsSync(join(root, path)))).toEqual([])
})
