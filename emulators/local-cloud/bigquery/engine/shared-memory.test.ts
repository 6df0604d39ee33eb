/** A query that needs more memory than there is fails by itself: others, appends and the process go on. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'
import type { BigQueryCore } from '../core.ts'
import { makeSharedMemory } from './shared-memory.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery({ memoryLimit: '150MB' })
  await bigquery.table('t', [{ name: 'n', type: 'INTEGER' }])
})
afterAll(() => bigquery.cloud.close())

const tooLarge =
  "SELECT ARRAY_LENGTH(ARRAY_AGG(CONCAT(REPEAT('x', 1000), CAST(x AS STRING)))) AS n FROM UNNEST(GENERATE_ARRAY(1, 300000)) AS x"

it('is refused in the words of BigQuery, while others are answered by the same process', async () => {
  const core = bigquery.cloud.core<BigQueryCore>('bigquery')
  await bigquery.query('SELECT 1 AS one')
  const { pid } = core.engine
  const large = Array.from({ length: 2 }, () =>
    bigquery.send('POST', '/queries', { query: tooLarge, useLegacySql: false, timeoutMs: 60_000 }),
  )
  const table = { projectId: 'p', datasetId: 'd', tableId: 't' }
  const small = Array.from({ length: 10 }, async (_, n) => {
    await core.appendRows(table, [{ n }])
    return bigquery.query('SELECT SUM(x) AS s FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS x')
  })
  for (const rows of await Promise.all(small)) expect(rows).toEqual([{ s: 5000050000 }])
  for (const { error } of await Promise.all(large))
    expect(error).toMatchObject({
      code: 400,
      message: 'Resources exceeded during query execution: The query could not be executed in the allotted memory.',
      errors: [{ reason: 'resourcesExceeded' }],
    })
  expect(await bigquery.query('SELECT COUNT(*) AS n FROM d.t')).toEqual([{ n: 10 }])
  expect(core.engine.pid).toBe(pid)
})

it('a query that failed beside another is repeated when that one has ended', async () => {
  const run = makeSharedMemory()
  const full = new Error('Out of Memory Error: could not allocate block')
  const other = Promise.withResolvers<string>()
  const large = run(() => other.promise, 10_000)
  let attempts = 0
  const small = run(async () => {
    attempts += 1
    if (attempts === 1) throw full
    return 'done'
  }, 10_000)
  await Promise.resolve()
  other.resolve('large')
  expect([await large, await small, attempts]).toEqual(['large', 'done', 2])
})
