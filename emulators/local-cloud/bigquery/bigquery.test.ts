import { BigQuery, type TableField } from '@google-cloud/bigquery'
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import { iam } from '../iam/plugin.ts'
import { type BigQueryCore, bigquery as plugin } from './plugin.ts'

const project = { id: 'p', number: '1', region: 'europe-west1' }
let cloud: LocalCloud
let bigquery: BigQuery

const connect = (host: string): BigQuery => {
  process.env['BIGQUERY_EMULATOR_HOST'] = `http://${host}`
  return new BigQuery({ projectId: 'p' })
}
const query = async (sql: string, params?: Record<string, unknown>): Promise<Record<string, unknown>[]> => {
  const [rows] = await bigquery.query({ query: sql, ...(params ? { params } : {}) })
  return rows as Record<string, unknown>[]
}

beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [iam, plugin()], project })
  bigquery = connect(cloud.ownerHost)
  await bigquery.createDataset('shop')
  await bigquery.dataset('shop').createTable('sales', {
    schema: [
      { name: 'id', type: 'INTEGER' },
      { name: 'sku', type: 'STRING' },
      { name: 'price', type: 'NUMERIC' },
      { name: 'at', type: 'TIMESTAMP' },
      { name: 'doc', type: 'JSON' },
    ],
  })
  await bigquery
    .dataset('shop')
    .table('sales')
    .insert([
      {
        id: 1,
        sku: 'a',
        price: '1.10',
        at: '2026-01-31T23:30:00Z',
        doc: '{"name":"x","n":1,"tags":["p","q"],"o":{"k":null}}',
      },
      { id: 2, sku: 'a', price: '2.20', at: '2026-02-01T00:30:00Z', doc: '{"name":"y","n":2,"tags":[]}' },
      { id: 3, sku: 'b', price: null, at: '2026-02-01T12:00:00Z', doc: null },
    ])
})
afterAll(() => cloud.close())

describe('GoogleSQL', () => {
  const cases: [sql: string, expected: unknown[]][] = [
    ["SELECT JSON_VALUE(doc, '$.name') AS v FROM shop.sales WHERE id = 1", [{ v: 'x' }]],
    [
      "SELECT JSON_VALUE(doc, '$.tags') AS v, JSON_VALUE(doc, '$.o.k') AS w, JSON_VALUE(doc, '$.none') AS u FROM shop.sales WHERE id = 1",
      [{ v: null, w: null, u: null }],
    ],
    ["SELECT CAST(JSON_VALUE(doc, '$.n') AS INT64) + 1 AS v FROM shop.sales WHERE id = 2", [{ v: 3 }]],
    [
      "SELECT JSON_VALUE(tag) AS tag FROM shop.sales CROSS JOIN UNNEST(JSON_QUERY_ARRAY(doc, '$.tags')) AS tag ORDER BY tag",
      [{ tag: 'p' }, { tag: 'q' }],
    ],
    [
      'SELECT x, i FROM UNNEST([10, 20]) AS x WITH OFFSET AS i ORDER BY i',
      [
        { x: 10, i: 0 },
        { x: 20, i: 1 },
      ],
    ],
    ['SELECT id FROM shop.sales ORDER BY price', [{ id: 3 }, { id: 1 }, { id: 2 }]],
    ['SELECT id FROM shop.sales ORDER BY price DESC', [{ id: 2 }, { id: 1 }, { id: 3 }]],
    [
      'SELECT COUNTIF(sku = "a") AS n, SAFE_DIVIDE(1, 0) AS d, 1 / 2 AS half, DIV(7, 2) AS whole FROM shop.sales',
      [{ n: 2, d: null, half: 0.5, whole: 3 }],
    ],
    [
      "SELECT IF(id > 1, 'more', 'one') AS v, IFNULL(NULL, 4) AS w FROM `p.shop.sales` WHERE id = 1",
      [{ v: 'one', w: 4 }],
    ],
    [
      "SELECT TIMESTAMP_DIFF(TIMESTAMP '2026-01-01 00:01:59Z', TIMESTAMP '2026-01-01 00:00:00Z', MINUTE) AS m",
      [{ m: 1 }],
    ],
    [
      'SELECT id FROM shop.sales QUALIFY ROW_NUMBER() OVER (PARTITION BY sku ORDER BY at DESC) = 1 ORDER BY id',
      [{ id: 2 }, { id: 3 }],
    ],
    ['SELECT * EXCEPT (doc, at, price) FROM shop.sales WHERE id = 3', [{ id: 3, sku: 'b' }]],
    ['SELECT ARRAY_AGG(id ORDER BY id DESC LIMIT 2) AS ids FROM shop.sales', [{ ids: [3, 2] }]],
    ['WITH t AS (SELECT 1 AS a UNION ALL SELECT 2) SELECT SUM(a) AS s FROM t', [{ s: 3 }]],
    [
      "SELECT SAFE_CAST('x' AS INT64) AS v, STARTS_WITH('abc', 'ab') AS w, REGEXP_CONTAINS('a1', r'\\d') AS u",
      [{ v: null, w: true, u: true }],
    ],
    ["SELECT STRING_AGG(sku, '+' ORDER BY id) AS v FROM shop.sales", [{ v: 'a+a+b' }]],
    ['SELECT [1, 2, 3][OFFSET(1)] AS v, ARRAY_LENGTH([1, 2]) AS n', [{ v: 2, n: 2 }]],
  ]
  it.each(cases)('%s', async (sql, expected) => {
    expect(await query(sql)).toEqual(expected)
  })

  it('returns DATE values as dates', async () => {
    const rows = await query('SELECT DATE(at) AS day, COUNT(*) AS n FROM shop.sales GROUP BY day ORDER BY day')
    expect(rows.map(({ day, n }) => [(day as { value: string }).value, n])).toEqual([
      ['2026-01-31', 1],
      ['2026-02-01', 2],
    ])
    const [month] = await query(
      "SELECT DATE_TRUNC(DATE '2026-02-14', MONTH) AS m, FORMAT_DATE('%Y/%m', DATE '2026-02-14') AS f",
    )
    expect([(month!['m'] as { value: string }).value, month!['f']]).toEqual(['2026-02-01', '2026/02'])
  })

  it('accepts query parameters, arrays among them', async () => {
    expect(
      await query('SELECT id FROM shop.sales WHERE sku = @sku AND id IN UNNEST(@ids) ORDER BY id', {
        sku: 'a',
        ids: [2, 3],
      }),
    ).toEqual([{ id: 2 }])
    const [rows] = await bigquery.query({ query: 'SELECT ? + ? AS sum', params: [1, 2] })
    expect(rows).toEqual([{ sum: 3 }])
  })

  it.each([
    ['SELECT missing FROM shop.sales', 'Unrecognized name: missing'],
    ['SELECT 1 FROM shop.none', 'Not found: Table p:shop.none was not found in location europe-west1'],
    ['SELECT 1 FROM none.none', 'Not found: Dataset p:none'],
    ['SELECT 1 FROM `other.shop.sales`', 'Access Denied: Project other'],
    ['SELECT SOUNDEX("x")', 'Function not found in the local BigQuery: SOUNDEX'],
    ['SELECT CAST(1 AS GEOGRAPHY)', 'Type not found: GEOGRAPHY'],
    ['SELECT (1', 'Expected ")"'],
    ['', 'Unexpected end of statement'],
    ['SELECT 1; SELECT 2', 'several statements'],
    ['DELETE FROM shop.sales', 'DELETE must have a WHERE clause'],
  ])('refuses %s', async (sql, message) => {
    await expect(query(sql || ' ')).rejects.toThrow(message)
  })

  it('changes rows and returns their number', async () => {
    await query("INSERT INTO shop.sales (id, sku) VALUES (10, 'z'), (11, 'z')")
    const [job] = await bigquery.createQueryJob("UPDATE shop.sales SET sku = 'y' WHERE id = 10")
    await job.getQueryResults()
    const [metadata] = await job.getMetadata()
    expect(metadata.statistics.query).toMatchObject({ statementType: 'UPDATE', numDmlAffectedRows: '1' })
    await query('DELETE FROM shop.sales WHERE id >= 10')
    expect(await query('SELECT COUNT(*) AS n FROM shop.sales')).toEqual([{ n: 3 }])
  })
})

describe('jobs', () => {
  it('return their rows in pages', async () => {
    const [job] = await bigquery.createQueryJob({ query: 'SELECT x FROM UNNEST([1, 2, 3]) AS x ORDER BY x' })
    const [first, next] = await job.getQueryResults({ maxResults: 2, autoPaginate: false })
    expect([first, next?.pageToken]).toEqual([[{ x: 1 }, { x: 2 }], '2'])
    const [rest, end] = await job.getQueryResults({ maxResults: 2, autoPaginate: false, pageToken: '2' })
    expect([rest, end]).toEqual([[{ x: 3 }], null])
  })

  it('refuse an id that another job has', async () => {
    await bigquery.createQueryJob({ query: 'SELECT 1', jobId: 'mine' })
    await expect(bigquery.createQueryJob({ query: 'SELECT 1', jobId: 'mine' })).rejects.toMatchObject({ code: 409 })
  })

  it('estimate the bytes that a dry run would read, and run nothing', async () => {
    const before = cloud.counters()['bigquery.queries']
    const [job] = await bigquery.createQueryJob({ query: 'SELECT id FROM shop.sales', dryRun: true })
    expect(Number(job.metadata.statistics.totalBytesProcessed)).toBe(10 * 1024 * 1024)
    expect(cloud.counters()['bigquery.queries']).toBe(before)
  })

  it('are billed once for each table, also behind nested views, and not at all without a table', async () => {
    const view = (name: string, sql: string): Promise<unknown> =>
      bigquery.dataset('shop').createTable(name, { view: { query: sql, useLegacySql: false } })
    await bigquery.dataset('shop').createTable('other', { schema: [{ name: 'id', type: 'INTEGER' }] })
    await view('both', 'SELECT id FROM shop.sales UNION ALL SELECT id FROM shop.other')
    await view('twice', 'SELECT a.id FROM shop.both AS a JOIN shop.both AS b ON a.id = b.id')
    const megabytes = async (sql: string): Promise<number> => {
      const [job] = await bigquery.createQueryJob({ query: sql, dryRun: true })
      return Number(job.metadata.statistics.totalBytesProcessed) / 1024 / 1024
    }
    expect(await megabytes('SELECT sku FROM shop.twice CROSS JOIN shop.sales')).toBe(20)
    expect(await megabytes('SELECT 1')).toBe(0)
  })
})

describe('tables', () => {
  it('accept new columns, and refuse to lose or retype one', async () => {
    const table = bigquery.dataset('shop').table('grown')
    await table.create({ schema: [{ name: 'a', type: 'INTEGER' }] })
    await table.insert([{ a: 1 }])
    await table.setMetadata({
      schema: {
        fields: [
          { name: 'a', type: 'INTEGER' },
          { name: 'b', type: 'STRING' },
        ],
      },
    })
    await table.insert([{ a: 2, b: 'x' }])
    expect(await query('SELECT a, b FROM shop.grown ORDER BY a')).toEqual([
      { a: 1, b: null },
      { a: 2, b: 'x' },
    ])
    await expect(table.setMetadata({ schema: { fields: [{ name: 'b', type: 'STRING' }] } })).rejects.toThrow(
      'Field a is missing in new schema',
    )
    await expect(
      table.setMetadata({
        schema: {
          fields: [
            { name: 'a', type: 'STRING' },
            { name: 'b', type: 'STRING' },
          ],
        },
      }),
    ).rejects.toThrow('changed type')
  })

  it('keep the modes of their columns, but that REQUIRED may become NULLABLE', async () => {
    const column = (name: string, mode: string, more = {}): TableField => ({ name, type: 'INTEGER', mode, ...more })
    const record = (mode: string): TableField =>
      column('r', 'NULLABLE', { type: 'RECORD', fields: [column('inner', mode)] })
    const [table] = await bigquery
      .dataset('shop')
      .createTable('modes', { schema: [column('a', 'NULLABLE'), column('b', 'REQUIRED'), record('NULLABLE')] })
    const change = (...fields: TableField[]): Promise<unknown> => table.setMetadata({ schema: { fields } })
    const [a, b] = [column('a', 'NULLABLE'), column('b', 'REQUIRED')]
    await expect(change(column('a', 'REQUIRED'), b, record('NULLABLE'))).rejects.toThrow(
      'Field a has changed mode from NULLABLE to REQUIRED',
    )
    await expect(change(column('a', 'REPEATED'), b, record('NULLABLE'))).rejects.toThrow(
      'Field a has changed mode from NULLABLE to REPEATED',
    )
    await expect(change(a, b, record('REQUIRED'))).rejects.toThrow(
      'Field r.inner has changed mode from NULLABLE to REQUIRED',
    )
    await expect(change(a, b, record('NULLABLE'), column('c', 'REQUIRED'))).rejects.toThrow(
      'Cannot add required fields to an existing schema. (field: c)',
    )
    await change(a, column('b', 'NULLABLE'), record('NULLABLE'))
    await table.insert([{ a: 1 }])
    expect(await query('SELECT a, b FROM shop.modes')).toEqual([{ a: 1, b: null }])
  })

  it('reject an insert with an invalid row as a whole, and name the row', async () => {
    const table = bigquery.dataset('shop').table('sales')
    await expect(table.insert([{ id: 99 }, { missing: 1 }])).rejects.toMatchObject({ name: 'PartialFailureError' })
    expect(await query('SELECT COUNT(*) AS n FROM shop.sales WHERE id = 99')).toEqual([{ n: 0 }])
  })

  it('report the fault of each row, and insert the valid rows with skipInvalidRows', async () => {
    const table = bigquery.dataset('shop').table('strict')
    await table.create({
      schema: [
        { name: 'a', type: 'INTEGER', mode: 'REQUIRED' },
        { name: 'at', type: 'TIMESTAMP' },
      ],
    })
    const rows = [{ a: 1, at: '2026-01-01T00:00:00Z' }, { a: 'x' }, { at: '2026-01-01T00:00:00Z' }, { a: 2, b: 3 }]
    const insertErrors = async (options: object): Promise<unknown> =>
      table.insert(rows, options).then(
        () => undefined,
        (error: { errors: { errors: { reason: string; message: string }[] }[] }) =>
          error.errors.map(({ errors }) => `${errors[0]!.reason}: ${errors[0]!.message}`),
      )
    const faults = [
      'invalid: Cannot convert value to integer (bad value): x',
      'invalid: Missing required field: a.',
      'invalid: no such field: b.',
    ]
    expect(await insertErrors({})).toEqual(['stopped: ', ...faults])
    expect(await query('SELECT COUNT(*) AS n FROM shop.strict')).toEqual([{ n: 0 }])
    expect(await insertErrors({ skipInvalidRows: true, ignoreUnknownValues: true })).toEqual(faults.slice(0, 2))
    expect(await query('SELECT a FROM shop.strict ORDER BY a')).toEqual([{ a: 1 }, { a: 2 }])
  })

  it('can be queried through an existing view after they were recreated', async () => {
    const dataset = bigquery.dataset('shop')
    await dataset.createTable('base', { schema: [{ name: 'a', type: 'INTEGER' }] })
    await dataset.createTable('seen', { view: { query: 'SELECT a FROM `p.shop.base`', useLegacySql: false } })
    await dataset.table('base').delete()
    await expect(query('SELECT * FROM shop.seen')).rejects.toThrow('Not found: Table p:shop.base')
    await dataset.createTable('base', { schema: [{ name: 'a', type: 'INTEGER' }] })
    expect(await query('SELECT * FROM shop.seen')).toEqual([])
  })
})

describe('appends', () => {
  const core = (): BigQueryCore => cloud.core<BigQueryCore>('bigquery')
  const sales = { projectId: 'p', datasetId: 'shop', tableId: 'appended' }

  it('write all rows of a call or no row', async () => {
    await bigquery.dataset('shop').createTable('appended', {
      schema: [
        { name: 'data', type: 'JSON' },
        { name: 'publish_time', type: 'TIMESTAMP' },
      ],
    })
    const rows = Array.from({ length: 5_000 }, (_, id) => ({
      data: JSON.stringify({ id, text: 'it\'s "quoted" \\ ü' }),
      publish_time: '2026-01-01T00:00:00.123Z',
    }))
    await core().appendRows(sales, rows)
    expect(
      await query(
        "SELECT COUNT(*) AS n, MAX(CAST(JSON_VALUE(data, '$.id') AS INT64)) AS last, ANY_VALUE(JSON_VALUE(data, '$.text')) AS text FROM shop.appended",
      ),
    ).toEqual([{ n: 5000, last: 4999, text: 'it\'s "quoted" \\ ü' }])
    await expect(core().appendRows(sales, [{ data: '{}' }, { missing: 1 }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    await expect(core().appendRows(sales, [{ data: '{}', publish_time: 'never' }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    await expect(core().appendRows({ ...sales, tableId: 'none' }, [{}])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await query('SELECT COUNT(*) AS n FROM shop.appended')).toEqual([{ n: 5000 }])
  })
})

describe('appends at the same time', () => {
  const core = (): BigQueryCore => cloud.core<BigQueryCore>('bigquery')
  const table = { projectId: 'p', datasetId: 'shop', tableId: 'together' }
  const make = (type: string): Promise<unknown> =>
    bigquery.dataset('shop').createTable('together', { schema: [{ name: 'a', type }] })

  it('are written in one batch, and only the append with an invalid row fails', async () => {
    await make('INTEGER')
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, a) => core().appendRows(table, [{ a: a === 7 ? 'x' : a }, { a: 100 }])),
    )
    expect(results.flatMap(({ status }, at) => (status === 'rejected' ? [at] : []))).toEqual([7])
    expect(await query('SELECT COUNT(*) AS n, COUNTIF(a = 100) AS hundreds FROM shop.together')).toEqual([
      { n: 98, hundreds: 49 },
    ])
  })

  it('use the new columns of a recreated table', async () => {
    await bigquery.dataset('shop').table('together').delete()
    await expect(async () => core().appendRows(table, [{ a: 1 }])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await make('STRING')
    await core().appendRows(table, [{ a: 'x' }])
    await bigquery.dataset('shop').table('together').delete()
    await make('STRING')
    await core().appendRows(table, [{ a: 'y' }])
    expect(await query('SELECT a FROM shop.together')).toEqual([{ a: 'y' }])
  })
})

it('interrupts a query that exceeds its timeout, and answers the next query', async () => {
  const { engine } = cloud.core<BigQueryCore>('bigquery')
  const before = engine.pid
  const sql = 'SELECT COUNT(*) FROM range(100000000000) a'
  await expect(engine.query({ sql, parameters: [], isSelect: true, timeoutMs: 100 })).rejects.toThrow(
    'Operation timed out after 0.1 seconds.',
  )
  // The query was interrupted, its process was not ended.
  expect(engine.pid).toBe(before)
  expect(await query('SELECT 1 AS one')).toEqual([{ one: 1 }])
})

describe('a change interrupted between DuckDB and the catalog', () => {
  const execute = (sql: string): Promise<void> => cloud.core<BigQueryCore>('bigquery').engine.execute(sql)
  const schema = [{ name: 'a', type: 'INTEGER' }]

  it('is completed when a client repeats the create', async () => {
    await execute('CREATE SCHEMA halfway')
    await bigquery.createDataset('halfway')
    await execute('CREATE TABLE halfway.t (b VARCHAR)')
    await bigquery.dataset('halfway').createTable('t', { schema })
    await execute('ALTER TABLE halfway.t ADD COLUMN c BIGINT')
    const table = bigquery.dataset('halfway').table('t')
    await table.setMetadata({ schema: { fields: [...schema, { name: 'c', type: 'INTEGER' }] } })
    await table.insert([{ a: 1, c: 2 }])
    expect(await query('SELECT a, c FROM halfway.t')).toEqual([{ a: 1, c: 2 }])
  })

  it('is completed when a client repeats the delete', async () => {
    await execute('DROP TABLE halfway.t')
    await bigquery.dataset('halfway').table('t').delete()
    await bigquery.dataset('halfway').createTable('t', { schema })
    await execute('DROP SCHEMA halfway CASCADE')
    await bigquery.dataset('halfway').table('t').delete()
    await bigquery.dataset('halfway').delete()
    expect(await bigquery.dataset('halfway').exists()).toEqual([false])
  })

  it('leaves nothing in the catalog when DuckDB refuses it', async () => {
    const view = { query: 'SELECT nowhere FROM shop.sales', useLegacySql: false }
    await expect(bigquery.dataset('shop').createTable('refused', { view })).rejects.toThrow(
      'Unrecognized name: nowhere',
    )
    expect(await bigquery.dataset('shop').table('refused').exists()).toEqual([false])
  })
})

it('keeps tables, rows and views over a restart', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'local-bigquery-'))
  const open = () =>
    createLocalCloud({
      plugins: [iam, plugin({ directory: join(directory, 'duck') })],
      project,
      dataDir: join(directory, 'journal'),
      startLater: true,
    })
  const first = await open()
  await connect(first.ownerHost).createDataset('d')
  await connect(first.ownerHost)
    .dataset('d')
    .createTable('t', { schema: [{ name: 'a', type: 'INTEGER' }] })
  await connect(first.ownerHost)
    .dataset('d')
    .createTable('v', { view: { query: 'SELECT a + 1 AS b FROM d.t', useLegacySql: false } })
  await connect(first.ownerHost)
    .dataset('d')
    .table('t')
    .insert([{ a: 1 }])
  await first.close()
  const second = await open()
  const [rows] = await connect(second.ownerHost).query('SELECT b FROM d.v')
  expect(rows).toEqual([{ b: 2 }])
  await second.close()
  rmSync(directory, { recursive: true })
})

it.each([
  ['log is empty', (log: string) => writeFileSync(log, '')],
  ['log is another text', (log: string) => writeFileSync(log, 'no log')],
  ['log is removed', (log: string) => rmSync(log)],
  [
    'log and data are removed',
    (log: string) => {
      rmSync(log)
      rmSync(log.replace(/\.wal$/, ''))
    },
  ],
])('names the file and the remedy before resources are provisioned: its %s', async (_, damage) => {
  const directory = mkdtempSync(join(tmpdir(), 'local-bigquery-'))
  const open = () =>
    createLocalCloud({
      plugins: [iam, plugin({ directory: join(directory, 'duck') })],
      project,
      dataDir: join(directory, 'journal'),
    })
  const first = await open()
  await connect(first.ownerHost).createDataset('d')
  await connect(first.ownerHost)
    .dataset('d')
    .createTable('t', { schema: [{ name: 'a', type: 'INTEGER' }] })
  // Killed, the database leaves its changes in the log.
  process.kill(first.core<BigQueryCore>('bigquery').engine.pid!, 'SIGKILL')
  await first.close()
  const file = join(directory, 'duck', 'bigquery.duckdb.wal')
  expect(statSync(file).size).toBeGreaterThan(0)
  damage(file)
  await expect(open()).rejects.toThrow(
    /bigquery\.duckdb is damaged \(it lacks d\.t, as after its bigquery\.duckdb\.wal was emptied or removed\): start with an empty state folder\.$/,
  )
  rmSync(directory, { recursive: true })
})

it('names a log that was cut off when it starts, reads what is before, and says nothing of a whole one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'local-bigquery-'))
  const reported = vi.spyOn(console, 'error').mockReturnValue()
  onTestFinished(() => {
    reported.mockRestore()
    rmSync(directory, { recursive: true })
  })
  const open = () =>
    createLocalCloud({
      plugins: [iam, plugin({ directory: join(directory, 'duck') })],
      project,
      dataDir: join(directory, 'journal'),
    })
  const killed = async (cloud: LocalCloud): Promise<void> => {
    process.kill(cloud.core<BigQueryCore>('bigquery').engine.pid!, 'SIGKILL')
    await cloud.close()
  }
  const counted = async ({ ownerHost }: LocalCloud): Promise<number> => {
    const [[row]] = await connect(ownerHost).query('SELECT COUNT(*) AS count FROM d.t')
    return (row as { count: number }).count
  }
  const first = await open()
  const dataset = connect(first.ownerHost).dataset('d')
  await connect(first.ownerHost).createDataset('d')
  await dataset.createTable('t', { schema: [{ name: 'a', type: 'INTEGER' }] })
  const file = join(directory, 'duck', 'bigquery.duckdb.wal')
  const { size: before } = statSync(file)
  for (let row = 0; row < 4; row++) await dataset.table('t').insert([{ a: row }])
  // Within the third of them.
  const half = before + Math.round((statSync(file).size - before) * 0.6)
  await killed(first)
  const whole = await open()
  expect([await counted(whole), reported.mock.calls]).toEqual([4, []])
  await killed(whole)
  truncateSync(file, half)
  const cut = await open()
  expect(await counted(cut)).toBe(2)
  expect(reported.mock.calls).toEqual([[expect.stringContaining(`${file} ended within a change, which is dropped.`)]])
  await connect(cut.ownerHost)
    .dataset('d')
    .table('t')
    .insert([{ a: 4 }])
  await killed(cut)
  const after = await open()
  expect([await counted(after), reported.mock.calls.length]).toEqual([3, 1])
  await after.close()
})
