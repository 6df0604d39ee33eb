import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { busyCompiler, isAlive } from '../cli/busy-compiler.testing.ts'
import { makeTypeCheck, type TypeCheck } from './type-check.ts'

let root: string
let lines: string[]
let types: TypeCheck
const write = (file: string, text: string): void => writeFileSync(join(root, file), text)
/** The compiler is a program: it takes its time. */
const waits = { timeout: 30_000 }

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'types-'))
  write('tsconfig.json', JSON.stringify({ compilerOptions: { strict: true, types: [] } }))
  write('seats.ts', "export const seats: number = 'many'\nexport const rows: number = 'some'\n")
  lines = []
  types = makeTypeCheck(root, 'types.tsbuildinfo', (line) => lines.push(line))
  onTestFinished(() => {
    types.stop()
    rmSync(root, { recursive: true })
  })
})

it('the first error is printed with the number of the others, and once that the last one is mended', async () => {
  types.check()
  await expect.poll(() => lines, waits).toHaveLength(1)
  expect(lines[0]).toBe(
    "seats.ts(1,14): TS2322: Type 'string' is not assignable to type 'number'. (and 1 more: npm run check)",
  )
  write('seats.ts', 'export const seats: number = 3\n')
  types.check()
  await expect.poll(() => lines.slice(1), waits).toEqual(['the types are right again'])
})

it('a check of older files prints nothing', async () => {
  types.check()
  write('seats.ts', 'export const halls: string = 2\n')
  types.check()
  await expect.poll(() => lines, waits).toHaveLength(1)
  expect(lines[0]).toMatch(/^seats\.ts\(1,14\): TS2322: Type 'number'/)
})

it.runIf(process.platform === 'linux')('a check that is stopped leaves no process', async () => {
  // This project is so large that the check is under way when it is stopped.
  const project = fileURLToPath(new URL('..', import.meta.url))
  const whole = makeTypeCheck(project, 'node_modules/.cache/stopped.tsbuildinfo', (line) => lines.push(line))
  whole.check()
  await expect.poll(() => busyCompiler(process.pid), waits).toBeDefined()
  const pid = busyCompiler(process.pid)!
  whole.stop()
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
  expect(lines).toEqual([])
})
