/**
 * A query may be expensive by its text, its plan or its result. The local cloud keeps serving other requests, ends
 * the query at its timeout even when DuckDB can't be interrupted, and loses no acknowledged change.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bigquery, type BigQueryCore } from 'local-google-cloud/bigquery'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { firestore } from 'local-google-cloud/firestore'
import { iam } from 'local-google-cloud/iam'
import { pubsub } from 'local-google-cloud/pubsub'

const QUERY_TIMEOUT_MS = 3_000
const table = { projectId: 'p', datasetId: 'd', tableId: 't' }
let cloud: LocalCloud

interface Answer {
  readonly rows?: readonly { readonly f: readonly { readonly v: unknown }[] }[]
  readonly error?: {
    readonly code: number
    readonly message: string
    readonly errors: readonly { readonly reason: string }[]
  }
}

const query = async (sql: string): Promise<Answer> => {
  const response = await fetch(`http://${cloud.ownerHost}/bigquery/v2/projects/p/queries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: sql, useLegacySql: false }),
  })
  return (await response.json()) as Answer
}
const value = async (sql: string): Promise<unknown> => (await query(sql)).rows?.[0]?.f[0]?.v
const core = (): BigQueryCore => cloud.core<BigQueryCore>('bigquery')

/** DuckDB plans it in exponential time without checking for an interrupt. The translator would refuse it. */
const endless = (): Promise<unknown> =>
  core().engine.query({
    sql: `SELECT ${'(SELECT '.repeat(32)}1${')'.repeat(32)}`,
    parameters: [],
    isSelect: true,
    timeoutMs: QUERY_TIMEOUT_MS,
  })

beforeAll(async () => {
  cloud = await createLocalCloud({
    plugins: [iam, firestore, bigquery({ queryTimeoutMs: QUERY_TIMEOUT_MS }), pubsub],
    project: { id: 'p', number: '1', region: 'europe-west1' },
  })
  await cloud.api('PUT', '/v1/projects/p/topics/said', {})
  await cloud.api('POST', '/v1/projects/p/databases?databaseId=shop', {
    type: 'FIRESTORE_NATIVE',
    locationId: 'europe-west1',
  })
  await cloud.api('POST', '/bigquery/v2/projects/p/datasets', { datasetReference: { datasetId: 'd' } })
  await cloud.api('POST', '/bigquery/v2/projects/p/datasets/d/tables', {
    tableReference: { tableId: 't' },
    schema: { fields: [{ name: 'n', type: 'INTEGER' }] },
  })
})
afterAll(() => cloud.close())

describe('during a query that never ends', () => {
  it('the local cloud answers other requests and queries, and the query is ended at its timeout with its process', async () => {
    await core().appendRows(table, [{ n: 1 }, { n: 2 }])
    const before = core().engine.pid
    let ended = false
    const outcome = endless()
      .catch((error: unknown) => error)
      .finally(() => (ended = true))

    await cloud.api('POST', '/v1/projects/p/topics/said:publish', { messages: [{ data: 'aGk=' }] })
    await cloud.api('PATCH', '/v1/projects/p/databases/shop/documents/carts/a', { fields: {} })
    await cloud.api('GET', '/v1/projects/p/databases/shop/documents/carts/a')
    expect(await value('SELECT SUM(n) FROM d.t')).toBe('3')
    expect(ended).toBe(false)

    expect(await outcome).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Operation timed out after 3 seconds.') as string,
      details: [{ reason: 'timeout' }],
    })
    expect(await value('SELECT SUM(n) FROM d.t')).toBe('3')
    expect(core().engine.pid).not.toBe(before)
  })

  it('a read-only query is repeated when its process is ended', async () => {
    await value('SELECT 1')
    const reading = core().engine.query({
      sql: 'SELECT COUNT(*) AS n FROM range(300000000) a',
      parameters: [],
      isSelect: true,
    })
    process.kill(core().engine.pid!, 'SIGKILL')
    expect(await reading).toMatchObject({ rows: [{ f: [{ v: '300000000' }] }] })
  })
})

it('a killed process loses no acknowledged change, and its calls get a retryable error', async () => {
  const before = Number(await value('SELECT COUNT(*) FROM d.t'))
  let acknowledged = 0
  for (let round = 0; round < 5; round++) {
    const appends = Array.from({ length: 20 }, (_, n) =>
      core()
        .appendRows(table, [{ n }])
        .then(() => (acknowledged += 1)),
    )
    if (round % 2 === 0) await appends[0]
    process.kill(core().engine.pid!, 'SIGKILL')
    const outcomes = await Promise.allSettled(appends)
    for (const one of outcomes) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'UNAVAILABLE' })
  }
  expect(acknowledged).toBeGreaterThan(0)
  expect(Number(await value('SELECT COUNT(*) FROM d.t')) - before).toBeGreaterThanOrEqual(acknowledged)
})

describe('by REST', () => {
  it.each([
    ['20,000 parentheses', `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`, 'resourcesExceeded', 'deeply nested'],
    [
      '400 KB of OR',
      `SELECT 1 FROM UNNEST([1]) WHERE ${Array(80_000).fill('1=1').join(' OR ')}`,
      'resourcesExceeded',
      'too complex',
    ],
    ['more than 1 MB', `SELECT 1 -- ${'x'.repeat(1024 * 1024)}`, 'invalid', 'The query is too large'],
    [
      'a result beyond all bounds',
      `SELECT REPEAT('x', 10000) FROM UNNEST(GENERATE_ARRAY(1, 10000)) AS n`,
      'responseTooLarge',
      'Response too large',
    ],
    [
      'a product that takes hours',
      'SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 300000)) a, UNNEST(GENERATE_ARRAY(1, 300000)) b WHERE MOD(a * b, 7) = 3',
      'timeout',
      'Operation timed out after 3 seconds',
    ],
  ])('%s are refused in the words of BigQuery', async (_, sql, reason, words) => {
    const { error } = await query(sql)
    expect(error).toMatchObject({ code: 400, message: expect.stringContaining(words) as string, errors: [{ reason }] })
  })

  it('a text of 1 MB is parsed without blocking other requests', async () => {
    let answered = false
    const long = `SELECT COUNT(*) FROM d.t WHERE n IN (${Array.from({ length: 100 }, (_, n) => n).join(',')}) ${'/* a */ '.repeat(125_000)}`
    const answer = value(long).finally(() => (answered = true))
    let published = 0
    while (!answered) {
      await cloud.api('POST', '/v1/projects/p/topics/said:publish', { messages: [{ data: 'aGk=' }] })
      if (!answered) published += 1
    }
    expect(await answer).toBe(await value('SELECT COUNT(*) FROM d.t'))
    expect(published).toBeGreaterThan(1)
  })

  it('large rows are returned completely, in pages of a bounded size', async () => {
    const queries = '/bigquery/v2/projects/p/queries'
    type Page = Answer & { readonly pageToken?: string; readonly jobReference: { readonly jobId: string } }
    const sql = "SELECT REPEAT('x', 1000000) FROM UNNEST(GENERATE_ARRAY(1, 25)) AS n"
    const first = (await cloud.api('POST', queries, { query: sql, useLegacySql: false })) as Page
    const sizes = [first.rows!.length]
    for (let token = first.pageToken; token !== undefined;) {
      const page = (await cloud.api('GET', `${queries}/${first.jobReference.jobId}?pageToken=${token}`)) as Page
      sizes.push(page.rows!.length)
      token = page.pageToken
    }
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(25)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10)
  })

  it('views that read each other twice are refused beyond the limit of subqueries', async () => {
    const view = (tableId: string, of: string): Promise<unknown> =>
      cloud.api('POST', '/bigquery/v2/projects/p/datasets/d/tables', {
        tableReference: { tableId },
        view: { query: `SELECT a.n FROM d.${of} AS a, d.${of} AS b WHERE a.n = b.n`, useLegacySql: false },
      })
    await view('v0', 't')
    for (let level = 1; level < 9; level++) await view(`v${level}`, `v${level - 1}`)
    await expect(view('v10', 'v8')).rejects.toThrow('too many subqueries or query is too complex')
  })
})
