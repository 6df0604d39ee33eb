/** The options of query jobs, set by Google's client. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.table('t', [
    { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
    { name: 'tags', type: 'STRING', mode: 'REPEATED' },
  ])
  await bigquery.query("INSERT INTO d.t (id, tags) VALUES (1, ['a']), (2, [])")
})
afterAll(() => bigquery.cloud.close())

const d = () => bigquery.client.dataset('d')
const run = async (options: object): Promise<unknown> => {
  const [job] = await bigquery.client.createQueryJob(options)
  return (await job.getQueryResults())[0]
}

describe('a destination', () => {
  it('is made with the columns of the query, in their order, and with its partitioning', async () => {
    const rows = await run({
      query:
        "SELECT id * 2 AS twice, tags, STRUCT(id AS n, NULL AS nothing) AS s, NUMERIC '1.5' AS price, SUM(id) OVER () FROM d.t ORDER BY id",
      destination: d().table('made'),
      clustering: { fields: ['twice'] },
    })
    const expected = [
      { twice: 2, tags: ['a'], s: { n: 1, nothing: null }, f0_: 3 },
      { twice: 4, tags: [], s: { n: 2, nothing: null }, f0_: 3 },
    ]
    expect(rows).toMatchObject(expected)
    expect(await bigquery.query('SELECT * FROM d.made')).toMatchObject(expected)
    const [metadata] = await d().table('made').getMetadata()
    expect(metadata).toMatchObject({ clustering: { fields: ['twice'] }, numRows: '2' })
    expect(metadata.schema.fields.map(({ name, type, mode }: Record<string, string>) => [name, type, mode])).toEqual([
      ['twice', 'INTEGER', 'NULLABLE'],
      ['tags', 'STRING', 'REPEATED'],
      ['s', 'RECORD', 'NULLABLE'],
      ['price', 'NUMERIC', 'NULLABLE'],
      ['f0_', 'INTEGER', 'NULLABLE'],
    ])
  })

  it('with rows is refused, unless it is truncated or appended to', async () => {
    const destination = d().table('written')
    const write = (value: number, options: object = {}): Promise<unknown> =>
      run({ query: `SELECT ${value} AS a`, destination, ...options })
    const values = async (): Promise<unknown[]> =>
      (await bigquery.query('SELECT a FROM d.written ORDER BY a')).map(({ a }) => a)
    await write(1)
    await expect(write(2)).rejects.toMatchObject({
      message: 'Already Exists: Table p:d.written',
      errors: [{ reason: 'duplicate' }],
    })
    expect(await write(3, { writeDisposition: 'WRITE_APPEND' })).toEqual([{ a: 3 }])
    expect(await values()).toEqual([1, 3])
    await write(4, { writeDisposition: 'WRITE_TRUNCATE' })
    expect(await values()).toEqual([4])
    await bigquery.query('DELETE FROM d.written WHERE TRUE')
    await write(5)
    expect(await values()).toEqual([5])
  })

  it('without rows keeps its columns, and takes only what fits them', async () => {
    const fields = [
      { name: 'a', type: 'INTEGER', mode: 'REQUIRED', description: 'the first' },
      { name: 'b', type: 'STRING', maxLength: '2' },
    ]
    await bigquery.table('empty', fields)
    const write = (query: string): Promise<unknown> => run({ query, destination: d().table('empty') })
    await expect(write("SELECT 'x' AS a")).rejects.toThrow('Field a has changed type from INT64 to STRING')
    await expect(write('SELECT 1 AS a, 2 AS c')).rejects.toThrow('Cannot add fields (field: c)')
    await expect(write('SELECT CAST(NULL AS INT64) AS a')).rejects.toThrow('Required field a cannot be null')
    await expect(write("SELECT 1 AS a, 'xxx' AS b")).rejects.toThrow('has maximum length 2')
    expect(await bigquery.query('SELECT * FROM d.empty')).toEqual([])
    await write('SELECT 1 AS a')
    expect((await d().table('empty').getMetadata())[0].schema.fields).toEqual(fields)
    expect(await bigquery.query('SELECT * FROM d.empty')).toEqual([{ a: 1, b: null }])
  })

  it('without columns gets those of the query', async () => {
    await bigquery.table('bare', [])
    await run({ query: 'SELECT 1 AS a', destination: d().table('bare') })
    expect(await bigquery.query('SELECT * FROM d.bare')).toEqual([{ a: 1 }])
  })

  it('is refused by name when the rows can not go there', async () => {
    const write = (query: string, table: string, options: object = {}): Promise<unknown> =>
      run({ query, destination: d().table(table), ...options })
    const append = { writeDisposition: 'WRITE_APPEND' }
    await expect(write('SELECT 1 AS a', 'none', { createDisposition: 'CREATE_NEVER' })).rejects.toThrow(
      'Not found: Table p:d.none',
    )
    await expect(write('SELECT 1 AS b, 1 AS id', 't', append)).rejects.toThrow('Cannot add fields (field: b)')
    await expect(write("SELECT 'x' AS id", 't', append)).rejects.toThrow(
      'Field id has changed type from INT64 to STRING',
    )
    await expect(write("SELECT ['x'] AS tags", 't', append)).rejects.toThrow('Field id is missing')
    await expect(write('SELECT 1 AS a', 't$20260101')).rejects.toThrow('one partition')
    await expect(write('SELECT 1 AS a', 'none', { writeDisposition: 'WRITE_TRUNCATE_DATA' })).rejects.toThrow(
      'does not serve writeDisposition WRITE_TRUNCATE_DATA',
    )
    await expect(write('DELETE FROM d.t WHERE FALSE', 'none')).rejects.toThrow('Cannot set destination table')
    await expect(run({ query: 'SELECT 1 AS a', destination: bigquery.client.dataset('e').table('t') })).rejects.toThrow(
      'Not found: Dataset p:e',
    )
    await expect(
      run({ query: 'SELECT 1 AS a', destination: d().table('x'), schemaUpdateOptions: ['ALLOW_FIELD_ADDITION'] }),
    ).rejects.toThrow('does not serve configuration.query.schemaUpdateOptions')
    expect((await d().table('none').exists())[0]).toBe(false)
  })

  it('is not made by a query that fails, nor by a dry run', async () => {
    const options = { destination: d().table('failed') }
    await expect(run({ query: 'SELECT DIV(1, id - id) AS a FROM d.t', ...options })).rejects.toThrow('division by zero')
    await bigquery.client.createQueryJob({ query: 'SELECT 1 AS a', dryRun: true, ...options })
    expect((await d().table('failed').exists())[0]).toBe(false)
    await run({ query: 'SELECT 1 AS a', ...options })
    await expect(
      run({ query: 'SELECT DIV(1, id - id) AS a FROM d.t', writeDisposition: 'WRITE_TRUNCATE', ...options }),
    ).rejects.toThrow('division by zero')
    expect(await bigquery.query('SELECT a FROM d.failed')).toEqual([{ a: 1 }])
  })
})

describe('the default dataset', () => {
  it('is that of names without one, but not of subqueries', async () => {
    const defaultDataset = { datasetId: 'd' }
    const sql = 'WITH made AS (SELECT id FROM t) SELECT x.id FROM made AS x JOIN t USING (id) ORDER BY id'
    expect(await bigquery.query(sql, { defaultDataset })).toEqual([{ id: 1 }, { id: 2 }])
    await bigquery.query('INSERT INTO t (id) VALUES (9)', { defaultDataset })
    await bigquery.query('DELETE FROM t WHERE id = 9', { defaultDataset })
  })

  it('is missed by names without a dataset', async () => {
    await expect(bigquery.query('SELECT * FROM t')).rejects.toThrow(
      'Table "t" must be qualified with a dataset (e.g. dataset.table).',
    )
    await expect(bigquery.query('SELECT * FROM duckdb_tables')).rejects.toThrow('must be qualified with a dataset')
    await expect(
      bigquery.query('SELECT 1 AS a', { defaultDataset: { projectId: 'q', datasetId: 'd' } }),
    ).rejects.toThrow('Access Denied: Project q')
  })
})

it('a query that would be billed more than maximumBytesBilled is not run', async () => {
  const limited = (maximumBytesBilled: string): Promise<unknown> =>
    bigquery.query('UPDATE d.t SET tags = [] WHERE FALSE', { maximumBytesBilled })
  await limited('10485760')
  await expect(limited('10485759')).rejects.toMatchObject({
    message: 'Query exceeded limit for bytes billed: 10485759. 10485760 or higher required.',
    errors: [{ reason: 'bytesBilledLimitExceeded' }],
  })
})

it('labels, priority and the other options that change no answer are returned', async () => {
  const [job] = await bigquery.client.createQueryJob({
    query: 'SELECT 1 AS a',
    labels: { team: 'x' },
    priority: 'BATCH',
    useQueryCache: false,
    maximumBytesBilled: '1000',
    createSession: false,
  })
  const [metadata] = await job.getMetadata()
  expect(metadata.configuration).toMatchObject({
    labels: { team: 'x' },
    query: { query: 'SELECT 1 AS a', priority: 'BATCH', useQueryCache: false },
  })
})

it('a query request keeps its labels and slots with its job', async () => {
  const request = { query: 'SELECT 1 AS a', useLegacySql: false, labels: { team: 'x', empty: '' }, maxSlots: 7 }
  const { jobReference } = await bigquery.send('POST', '/queries', request)
  const { jobId } = jobReference as { jobId: string }
  expect((await bigquery.send('GET', `/jobs/${jobId}`))['configuration']).toMatchObject({
    labels: { team: 'x', empty: '' },
    maxSlots: 7,
  })
})

it.each<[string, object]>([
  ['a key in upper case', { labels: { Team: 'x' } }],
  ['a key that begins with a digit', { labels: { '1a': 'x' } }],
  ['a key of 64 characters', { labels: { ['a'.repeat(64)]: 'x' } }],
  ['a value with a space', { labels: { team: 'b c' } }],
  ['a value that is no text', { labels: { team: 1 } }],
  ['65 labels', { labels: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`a${index}`, ''])) }],
  ['labels that are no map', { labels: 'x' }],
  ['slots that are no number', { maxSlots: 'many' }],
])('%s is refused in a query request and in a job', async (_, options) => {
  const query = { query: 'SELECT 1 AS a', useLegacySql: false }
  for (const answer of [
    await bigquery.send('POST', '/queries', { ...query, ...options }),
    await bigquery.send('POST', '/jobs', { configuration: { query, ...options } }),
  ])
    expect(answer.error).toMatchObject({
      code: 400,
      message: expect.stringMatching(/Invalid value at '.*(labels|maxSlots)/) as string,
    })
})

it('a query is in legacy SQL, which is refused, unless it or its first line says otherwise', async () => {
  const refused = 'Legacy SQL is not served by the local cloud: set useLegacySql to false.'
  const query = 'SELECT 1 AS a'
  for (const [request, message] of [
    [{ query }, refused],
    [{ query, useLegacySql: true }, refused],
    [{ query, useLegacySql: false }, undefined],
    [{ query: `#standardSQL\n${query}` }, undefined],
  ] as const)
    expect((await bigquery.send('POST', '/queries', request)).error?.message).toBe(message)
  const { jobReference } = await bigquery.send('POST', '/jobs', { configuration: { query: { query } } })
  const { jobId } = jobReference as { jobId: string }
  expect((await bigquery.send('GET', `/queries/${jobId}`)).error?.message).toBe(refused)
})

it('a dry run returns the columns, finds faults, and runs nothing', async () => {
  const dry = (query: string) => bigquery.client.createQueryJob({ query, dryRun: true })
  const [job] = await dry('SELECT id, COUNT(*) FROM d.t GROUP BY id')
  expect(job.metadata.statistics.query.schema.fields.map(({ name }: { name: string }) => name)).toEqual(['id', 'f0_'])
  await dry('DELETE FROM d.t WHERE TRUE')
  expect(await bigquery.query('SELECT COUNT(*) AS n FROM d.t')).toEqual([{ n: 2 }])
  await expect(dry('SELECT nothing FROM d.t')).rejects.toThrow('Unrecognized name: nothing')
})

it('jobTimeoutMs ends a job', async () => {
  const query =
    'SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 300000)) a, UNNEST(GENERATE_ARRAY(1, 300000)) b WHERE MOD(a * b, 7) = 3'
  await expect(bigquery.client.createQueryJob({ query, jobTimeoutMs: 300 })).rejects.toThrow(
    'Operation timed out after 0.3 seconds.',
  )
  const requested = { query, useLegacySql: false, timeoutMs: 100, jobTimeoutMs: '1500' }
  const answer = await bigquery.send('POST', '/queries', requested)
  expect(answer).toMatchObject({ jobComplete: false })
  const { jobId } = answer['jobReference'] as { jobId: string }
  expect(await bigquery.send('GET', `/jobs/${jobId}`)).toMatchObject({ status: { state: 'RUNNING' } })
  expect(await bigquery.send('GET', `/queries/${jobId}`)).toMatchObject({ error: { errors: [{ reason: 'timeout' }] } })
})

it('a request that is repeated with its id runs once', async () => {
  const request = { query: 'INSERT INTO d.t (id) VALUES (77)', useLegacySql: false, requestId: 'again' }
  const [first, second] = await Promise.all([
    bigquery.send('POST', '/queries', request),
    bigquery.send('POST', '/queries', request),
  ])
  expect(second['jobReference']).toEqual(first['jobReference'])
  expect(await bigquery.query('SELECT COUNT(*) AS n FROM d.t WHERE id = 77')).toEqual([{ n: 1 }])
})

it.each([
  [
    'parameterMode',
    { parameterMode: 'POSITIONAL', queryParameters: [{ name: 'a', parameterType: { type: 'INT64' } }] },
  ],
  ['connection property session_id', { connectionProperties: [{ key: 'session_id', value: 'x' }] }],
  ['connection property time_zone', { connectionProperties: [{ key: 'time_zone', value: 'Europe/Berlin' }] }],
  ['location US', { location: 'US' }],
  ['timestampOutputFormat ISO8601_STRING', { formatOptions: { timestampOutputFormat: 'ISO8601_STRING' } }],
])('refuses %s', async (words, options) => {
  const { error } = await bigquery.send('POST', '/queries', { query: 'SELECT 1 AS a', useLegacySql: false, ...options })
  expect(error).toMatchObject({ code: 400, message: expect.stringContaining(words) as string })
})

it('lists the jobs that are done, page by page', async () => {
  const { jobs, nextPageToken } = await bigquery.send('GET', '/jobs?maxResults=1&stateFilter=done')
  expect(jobs).toHaveLength(1)
  expect(nextPageToken).toBe('1')
  expect((await bigquery.send('GET', '/jobs?stateFilter=running'))['jobs']).toEqual([])
})

it.each(['multipart', 'resumable'])('a load job with a file is refused by name: %s', async (uploadType) => {
  const boundary = 'x'
  const type = 'application/json'
  const job = JSON.stringify({ configuration: { load: { sourceFormat: 'NEWLINE_DELIMITED_JSON' } } })
  const parts = [`--${boundary}`, `content-type: ${type}`, '', job, `--${boundary}`, '', '{"id":3}', `--${boundary}--`]
  const isMultipart = uploadType === 'multipart'
  const url = `http://${bigquery.cloud.ownerHost}/upload/bigquery/v2/projects/p/jobs?uploadType=${uploadType}`
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': isMultipart ? `multipart/related; boundary=${boundary}` : type },
    body: isMultipart ? parts.join('\r\n') : job,
  })
  expect([response.status, await response.json()]).toMatchObject([
    400,
    {
      error: {
        message:
          'The local cloud does not serve configuration.load: the local cloud runs query jobs only, and takes rows by insertAll and INSERT.',
        errors: [{ reason: 'invalid', location: 'configuration.load' }],
      },
    },
  ])
})
