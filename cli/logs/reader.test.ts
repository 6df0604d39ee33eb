import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { type LogReader, logReader } from './reader.ts'

let path: string
let reader: LogReader
const append = (text: string): void => appendFileSync(path, text)
const read = (): Promise<string[]> => reader.read('orders.log')

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'logs-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  path = join(folder, 'orders.log')
  reader = logReader(folder)
})

it('reads each line once, after its end was written', async () => {
  append('a\nb\nc')
  expect(await read()).toEqual(['a', 'b'])
  expect(await read()).toEqual([])
  append('c\nd\n')
  expect(await read()).toEqual(['cc', 'd'])
})

it('reads a character whose bytes were written in two parts', async () => {
  const bytes = Buffer.from('größer\n')
  writeFileSync(path, bytes.subarray(0, 3))
  expect(await read()).toEqual([])
  writeFileSync(path, bytes)
  expect(await read()).toEqual(['größer'])
})

it('misses no line when the file is replaced by a shorter one', async () => {
  append('a\nb\nc\n')
  expect(await read()).toEqual(['a', 'b', 'c'])
  append('d\n')
  renameSync(path, `${path}.1`)
  append('e\n')
  expect(await read()).toEqual(['d', 'e'])
  append('f\n')
  expect(await read()).toEqual(['f'])
})

it('misses no line when a read found no file', async () => {
  append('a\n')
  expect(await read()).toEqual(['a'])
  append('b\n')
  renameSync(path, `${path}.1`)
  await expect(read()).rejects.toThrow('ENOENT')
  append('c\n')
  expect(await read()).toEqual(['b', 'c'])
})

it('continues with a file that was truncated', async () => {
  append('a\nb\n')
  await read()
  writeFileSync(path, 'c\n')
  expect(await read()).toEqual(['c'])
})
