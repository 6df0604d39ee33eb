import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { withNewEntries } from './records.testing.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'records-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const recorded = '{\n  "seat.taken@1": { "seat": "B7" }\n}\n'
/** The record after it was compared with these entries. */
function after(now: Readonly<Record<string, unknown>>, adds: boolean): string {
  const file = join(folder, 'record.json')
  writeFileSync(file, recorded)
  withNewEntries(pathToFileURL(file), now, adds)
  return readFileSync(file, 'utf8')
}

it('a record is only read, unless new entries are to be added', () => {
  expect(after({ 'seat.sold@1': {} }, false)).toBe(recorded)
})

it('a new entry is appended, and an entry that stands there stays as it is', () => {
  const now = { 'seat.sold@1': { seat: 'A1' }, 'seat.taken@1': { seat: 'C3' } }
  expect(Object.entries(JSON.parse(after(now, true)) as object)).toEqual([
    ['seat.taken@1', { seat: 'B7' }],
    ['seat.sold@1', { seat: 'A1' }],
  ])
})

it('a record without news is not written', () => {
  expect(after({ 'seat.taken@1': { seat: 'C3' } }, true)).toBe(recorded)
})
