/** The folder of a test says which processes it needs; each decision has a number of its own. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('each test in test/ is in a folder of a known kind', () => {
  expect(globSync('*.test.ts', { cwd: join(import.meta.dirname, '..') })).toEqual([])
})

it('the decisions are numbered from 1 on, each with a number of its own, which is also in its title', () => {
  const folder = join(import.meta.dirname, '..', '..', 'docs', 'decisions')
  const files = globSync('*.md', { cwd: folder }).toSorted()
  expect(files.map((file) => file.slice(0, 5))).toEqual(
    files.map((_, index) => `${String(index + 1).padStart(4, '0')}-`),
  )
  const titles = files.map((file) => readFileSync(join(folder, file), 'utf8').slice(0, 7))
  expect(titles).toEqual(files.map((file) => `# ${file.slice(0, 4)} `))
})
