/** The table of requirements in docs/security.md is complete, and every test that it names exists. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../support/root.ts'
import asvs from './asvs-5.0.0.json' with { type: 'json' }

const API_TOP_10 = Array.from({ length: 10 }, (_, index) => `API${index + 1}`)

interface Row {
  readonly requirements: readonly string[]
  readonly shownBy: string
}

const page = readFileSync(join(root, 'docs/security.md'), 'utf8')
const rows: readonly Row[] = page
  .slice(page.indexOf('## Requirements and their tests'))
  .split('\n')
  .filter((line) => /^\| (API\d|V\d)/.test(line))
  .map((line) => {
    const [, names = '', , shownBy = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
    return { requirements: names.match(/\b(?:V\d+\.\d+\.\d+|API\d+)\b/g) ?? [], shownBy }
  })

describe('the table of requirements', () => {
  it('contains each requirement exactly once, and no other', () => {
    const held = rows.flatMap(({ requirements }) => requirements)
    expect(held.toSorted()).toEqual([...API_TOP_10, ...asvs.requirements].toSorted())
  })

  it.each(rows)('$requirements names existing tests, or a reason', ({ shownBy }) => {
    if (/^(Open|Not applicable): \S/.test(shownBy)) return
    const references = [...shownBy.matchAll(/`([^`]+\.test(?:ing)?\.ts)`(?: "([^"]+)")?/g)]
    expect(references, shownBy).not.toEqual([])
    for (const [, file, name] of references) {
      expect(existsSync(join(root, file!)), file).toBe(true)
      if (name !== undefined) expect(readFileSync(join(root, file!), 'utf8')).toContain(name)
    }
  })
})
