/** The engine's process, when it is closed and when the process that started it is killed. */

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { makeEngine } from './engine.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'local-engine-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** The init process collects an orphan in its own time. */
const END_TIMEOUT_MS = 30_000

const column = [{ name: 'n', type: 'BIGINT', jsonType: 'BIGINT' }]
const count = { sql: 'SELECT COUNT(*) AS n FROM t', parameters: [], isSelect: true }
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Appends rows one after the other, and prints how many were acknowledged. */
const program = (directory: string): string => `
  import { makeEngine } from ${JSON.stringify(new URL('engine.ts', import.meta.url).href)}
  const engine = makeEngine({ directory: ${JSON.stringify(directory)} })
  await engine.execute('CREATE TABLE t (n BIGINT)')
  for (let n = 0; ; n++) {
    await engine.append('t', [{ name: 'n', type: 'BIGINT', jsonType: 'BIGINT' }], [{ n }])
    console.log(n + 1, engine.pid)
  }
`

it('keeps acknowledged rows when its parent process is killed, ends with the parent, and the next engine can read them', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program(folder)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let [acknowledged, enginePid] = [0, 0]
  for await (const line of createInterface(child.stdout)) {
    ;[acknowledged, enginePid] = line.split(' ').map(Number) as [number, number]
    if (acknowledged === 20) child.kill('SIGKILL')
  }
  const engine = makeEngine({ directory: folder })
  const { rows } = await engine.query(count)
  expect(Number(rows[0]!.f[0]!.v)).toBeGreaterThanOrEqual(acknowledged)
  await engine.close()
  await vi.waitUntil(() => !isAlive(enginePid), { timeout: END_TIMEOUT_MS })
})

it('starts its process at the first call, and ends it on close', async () => {
  const engine = makeEngine()
  expect(engine.pid).toBeUndefined()
  await engine.execute('CREATE TABLE t (n BIGINT)')
  await engine.append('t', column, [{ n: 1 }])
  const pid = engine.pid!
  expect((await engine.query(count)).rows).toEqual([{ f: [{ v: '1' }] }])
  await engine.close()
  expect(isAlive(pid)).toBe(false)
  await expect(engine.query(count)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

it('finds the types of a query on the tables and views as they are now', async () => {
  const engine = makeEngine()
  const compared = { sql: 'SELECT n = 1 AS is_one FROM v', error: /No matching signature for operator =/ }
  const check = (): Promise<unknown> => engine.describe(compared.sql, [])
  await engine.execute('CREATE TABLE t (n BIGINT); CREATE VIEW v AS SELECT n FROM t')
  await check()
  await engine.execute(`CREATE OR REPLACE VIEW v AS SELECT 'a' AS n`)
  await expect(check()).rejects.toThrow(compared.error)
  await engine.execute('CREATE OR REPLACE VIEW v AS SELECT n FROM t')
  await check()
  const steps = [{ sql: 'DROP VIEW v' }, { sql: 'CREATE TABLE v (n VARCHAR)' }]
  await engine.query({ sql: 'SELECT 1 AS one', parameters: [], isSelect: true, timeoutMs: 10_000, before: steps })
  await expect(check()).rejects.toThrow(compared.error)
  await engine.execute('DROP TABLE v')
  await expect(check()).rejects.toThrow(/v does not exist/)
  await engine.close()
})

it('fails each call with the file name and the remedy when the database can not be opened', async () => {
  const engine = makeEngine({ directory: folder })
  await engine.execute('CREATE TABLE t (n BIGINT)')
  await engine.close()
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(folder, 'bigquery.duckdb'), 'no database')
  const damaged = makeEngine({ directory: folder })
  await expect(damaged.query(count)).rejects.toThrow(
    /bigquery\.duckdb is damaged .*: start with an empty state folder\.$/,
  )
  await expect(damaged.query(count)).rejects.toThrow(/bigquery\.duckdb/)
  await damaged.close()
})

it('refuses calls beyond the limit of waiting calls', async () => {
  const engine = makeEngine()
  const calls = Array.from({ length: 1_001 }, () => engine.translate('SELECT 1', 'p').catch((error: unknown) => error))
  expect(await calls.at(-1)).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  expect(await calls[0]).toMatchObject({ verb: 'SELECT' })
  await engine.close()
})
