/** Statements that change rows: at the same time, by two source rows, and with values that do not fit. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from './bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.table('t', [
    { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
    { name: 'n', type: 'INTEGER' },
    { name: 's', type: 'STRING', maxLength: '3' },
    { name: 'price', type: 'NUMERIC', precision: '5', scale: '2' },
    { name: 'day', type: 'DATE' },
    { name: 'tags', type: 'STRING', mode: 'REPEATED' },
    { name: 'r', type: 'RECORD', fields: [{ name: 'b', type: 'BYTES', maxLength: '1' }] },
    { name: 'rs', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'd', type: 'DATE', mode: 'REQUIRED' }] },
  ])
})
afterAll(() => bigquery.cloud.close())
beforeEach(async () => {
  await bigquery.query('DELETE FROM d.t WHERE TRUE')
  await bigquery.query("INSERT INTO d.t (id, n, s) VALUES (1, 0, 'a'), (2, 0, 'b')")
})
const rows = (): Promise<unknown> => bigquery.query('SELECT id, n FROM d.t ORDER BY id')

it('changes of one table at the same time wait for each other', async () => {
  const updates = Array.from({ length: 20 }, () => bigquery.query('UPDATE d.t SET n = n + 1 WHERE id = 1'))
  await Promise.all(updates)
  expect(await rows()).toEqual([
    { id: 1, n: 20 },
    { id: 2, n: 0 },
  ])
})

describe('two source rows for one target row are refused', () => {
  const source = '(SELECT 1 AS id, 5 AS n UNION ALL SELECT 1, 6) AS src'
  const message = 'UPDATE/MERGE must match at most one source row for each target row'
  it.each([
    `MERGE INTO d.t AS x USING ${source} ON x.id = src.id WHEN MATCHED THEN UPDATE SET n = src.n`,
    `MERGE d.t USING ${source} ON t.id = src.id WHEN MATCHED AND src.n > 4 THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (9)`,
    `UPDATE d.t AS x SET n = src.n FROM ${source} WHERE x.id = src.id`,
    `UPDATE \`p.d.t\` SET n = src.n FROM ${source} WHERE t.id = src.id`,
  ])('by %s', async (sql) => {
    await expect(bigquery.query(sql)).rejects.toThrow(message)
    expect(await rows()).toMatchObject([{ n: 0 }, { n: 0 }])
  })

  it('but not when only one of them changes the row', async () => {
    const merge = (condition: string) =>
      bigquery.query(
        `MERGE d.t AS x USING ${source} ON x.id = src.id WHEN MATCHED AND ${condition} THEN UPDATE SET n = src.n`,
      )
    await merge('src.n = 6')
    expect(await rows()).toMatchObject([{ n: 6 }, { n: 0 }])
  })

  it('also with parameters by position', async () => {
    const sql = 'UPDATE d.t SET n = ? FROM UNNEST([1, ?]) AS one WHERE id = one'
    await bigquery.query(sql, { params: [7, 2] })
    expect(await rows()).toMatchObject([{ n: 7 }, { n: 7 }])
    await expect(bigquery.query(sql, { params: [8, 1] })).rejects.toThrow(message)
  })
})

describe('a value that does not fit is refused', () => {
  it.each([
    [
      'INSERT INTO d.t (id, n) VALUES (3, 1.5)',
      'Value has type FLOAT64 which cannot be inserted into column n, which has type INT64',
    ],
    ["INSERT INTO d.t (id, n) VALUES (3, 'x')", 'Value has type STRING which cannot be inserted into column n'],
    [
      'INSERT INTO d.t (id, s) VALUES (3, 5)',
      'Value has type INT64 which cannot be inserted into column s, which has type STRING',
    ],
    [
      'INSERT INTO d.t (id, s) SELECT id, COUNT(*) FROM d.t GROUP BY id',
      'Query column 2 has type INT64 which cannot be inserted into column s, which has type STRING',
    ],
    ['UPDATE d.t SET s = 5 WHERE id = 1', 'Value of type INT64 cannot be assigned to s, which has type STRING'],
    ['UPDATE d.t SET s = n WHERE id = 1', 'Value of type INT64 cannot be assigned to s, which has type STRING'],
    [
      'MERGE d.t USING (SELECT 9 AS k) AS src ON t.id = src.k WHEN NOT MATCHED THEN INSERT (id, s) VALUES (k, 7)',
      'Value has type INT64 which cannot be inserted into column s, which has type STRING',
    ],
    [
      'INSERT INTO d.t (id, n) SELECT id, n / 2 FROM d.t',
      'Query column 2 has type FLOAT64 which cannot be inserted into column n',
    ],
    [
      "UPDATE d.t SET s = 'a', n = 1.5 WHERE id = 1",
      'Value of type FLOAT64 cannot be assigned to n, which has type INT64',
    ],
    ['UPDATE d.t AS x SET n = y FROM UNNEST([0.5]) AS y WHERE TRUE', 'Value of type FLOAT64 cannot be assigned to n'],
    [
      'MERGE d.t USING (SELECT 1 AS k, 2.5 AS v) AS src ON t.id = src.k WHEN MATCHED THEN UPDATE SET n = src.v',
      'Value of type FLOAT64 cannot be assigned to n',
    ],
    [
      'MERGE d.t USING (SELECT 9 AS k, 2.5 AS v) AS src ON t.id = src.k WHEN NOT MATCHED THEN INSERT (id, n) VALUES (k, v)',
      'Value has type FLOAT64 which cannot be inserted into column n',
    ],
    ['INSERT INTO d.t (id, n) VALUES (3)', 'Inserted row has wrong column count; Has 1, expected 2'],
    ['INSERT INTO d.t (id, nothing) VALUES (3, 1)', 'Column nothing is not present in table d.t'],
    ['INSERT INTO d.t (n) VALUES (3)', 'Required field id cannot be null'],
    [
      "INSERT INTO d.t (id, s) VALUES (3, 'four')",
      'STRING(3) has maximum length 3 but got a value with length 4 in field s',
    ],
    [
      "UPDATE d.t SET s = 'four' WHERE id = 1",
      'STRING(3) has maximum length 3 but got a value with length 4 in field s',
    ],
    [
      'INSERT INTO d.t (id, price) VALUES (3, 1000)',
      'NUMERIC(5, 2) has precision 5 and scale 2 but got the value 1000',
    ],
    [
      "INSERT INTO d.t (id, price) VALUES (3, CAST('-1000.250' AS NUMERIC))",
      'NUMERIC(5, 2) has precision 5 and scale 2 but got the value -1000.25',
    ],
    [
      "UPDATE d.t SET price = CAST('10' AS NUMERIC) * 100 WHERE id = 1",
      'NUMERIC(5, 2) has precision 5 and scale 2 but got the value 1000',
    ],
    [
      "INSERT INTO d.t (id, r) VALUES (3, STRUCT(b'xy' AS b))",
      'BYTES(1) has maximum length 1 but got a value with length 2 in field r.b',
    ],
    [
      "INSERT INTO d.t (id, tags) VALUES (3, ['a', NULL])",
      'Array cannot have a null element; error in writing field tags',
    ],
    [
      "INSERT INTO d.t (id, day) VALUES (3, DATE_TRUNC(DATE '0001-01-03', WEEK(SATURDAY)))",
      'DATE value is out of allowed range in field day',
    ],
    ['INSERT INTO d.t (id, rs) VALUES (3, [STRUCT(CAST(NULL AS DATE) AS d)])', 'Required field rs.d cannot be null'],
    ['UPDATE d.t SET id = NULL WHERE id = 1', 'Required field id cannot be null'],
  ])('%s', async (sql, message) => {
    await expect(bigquery.query(sql)).rejects.toThrow(message)
    expect(await bigquery.query('SELECT id, s, tags, rs FROM d.t ORDER BY id')).toEqual([
      { id: 1, s: 'a', tags: [], rs: [] },
      { id: 2, s: 'b', tags: [], rs: [] },
    ])
  })

  it('unless it is NULL, or its type widens', async () => {
    await bigquery.query("INSERT INTO d.t (id, s, price, day, r, tags) VALUES (3, NULL, 2, '2026-01-01', NULL, NULL)")
    expect(await bigquery.query('SELECT s, price, r, tags FROM d.t WHERE id = 3')).toMatchObject([
      { s: null, r: null, tags: [] },
    ])
  })
})

describe('dates and texts', () => {
  beforeAll(() =>
    bigquery.table('times', [
      { name: 's', type: 'STRING' },
      { name: 'd', type: 'DATE' },
      { name: 'dt', type: 'DATETIME' },
      { name: 'at', type: 'TIMESTAMP' },
      { name: 'price', type: 'NUMERIC' },
    ]),
  )
  beforeEach(async () => {
    await bigquery.query('DELETE FROM d.times WHERE TRUE')
    await bigquery.query("INSERT INTO d.times (s) VALUES ('2026-01-01')")
  })
  const times = () => bigquery.query('SELECT d, dt, at, price FROM d.times')
  const nothing = { d: null, dt: null, at: null, price: null }

  it.each([
    ['UPDATE d.times SET d = CURRENT_TIMESTAMP() WHERE TRUE', 'type TIMESTAMP cannot be assigned to d'],
    [
      'UPDATE d.times SET d = CAST(CURRENT_TIMESTAMP() AS DATETIME) WHERE TRUE',
      'type DATETIME cannot be assigned to d',
    ],
    ["UPDATE d.times SET at = DATE '2026-01-01' WHERE TRUE", 'type DATE cannot be assigned to at'],
    ["UPDATE d.times SET at = DATETIME '2026-01-01 00:00:00' WHERE TRUE", 'type DATETIME cannot be assigned to at'],
    ['UPDATE d.times SET dt = CURRENT_TIMESTAMP() WHERE TRUE', 'type TIMESTAMP cannot be assigned to dt'],
    ['UPDATE d.times SET d = s WHERE TRUE', 'type STRING cannot be assigned to d'],
    ["UPDATE d.times SET d = CONCAT('2026-', '01-01') WHERE TRUE", 'type STRING cannot be assigned to d'],
    ['UPDATE d.times SET price = 0.5 + 1 WHERE TRUE', 'type FLOAT64 cannot be assigned to price'],
    [
      "INSERT INTO d.times (d) VALUES ('2026-01-01'), (CONCAT('2026-', '01-01'))",
      'Value has type STRING which cannot be inserted into column d, which has type DATE',
    ],
    [
      "INSERT INTO d.times (s, d) SELECT s, '2026-01-01' FROM d.times",
      'Query column 2 has type STRING which cannot be inserted into column d, which has type DATE',
    ],
    [
      "MERGE d.times USING (SELECT '2026-01-02' AS v) AS src ON FALSE WHEN NOT MATCHED THEN INSERT (d) VALUES (v)",
      'Value has type STRING which cannot be inserted into column d, which has type DATE',
    ],
  ])('%s', async (sql, message) => {
    await expect(bigquery.query(sql)).rejects.toThrow(message)
    expect(await times()).toEqual([nothing])
  })

  it('are coerced from literals and parameters, and a DATE to a DATETIME', async () => {
    await bigquery.query(
      "UPDATE d.times SET d = '2026-01-02', dt = DATE '2026-01-03', at = ('2026-01-04'), price = -1.5 WHERE TRUE",
    )
    await bigquery.query('INSERT INTO d.times (d, price) VALUES (@day, 1), (NULL, 2.5)', {
      params: { day: '2026-01-06' },
    })
    await bigquery.query("INSERT INTO d.times (d, price) VALUES (CURRENT_DATE(), 3), ('2026-01-07', 0)")
    await bigquery.query(
      "MERGE d.times USING (SELECT 1) ON FALSE WHEN NOT MATCHED THEN INSERT (d) VALUES ('2026-01-09')",
    )
    const sql = 'SELECT COUNT(d) AS d, COUNT(dt) AS dt, COUNT(at) AS at, SUM(price) = 5 AS price FROM d.times'
    expect(await bigquery.query(sql)).toEqual([{ d: 5, dt: 1, at: 1, price: true }])
  })
})

it.each([
  "UPDATE d.t SET s = 'whe', n = (SELECT 7 FROM d.t AS o WHERE TRUE LIMIT 1)",
  "UPDATE d.t SET s = 'where'",
  'UPDATE d.t AS x SET n = y.n FROM (SELECT 7 AS n FROM d.t WHERE id = 1) AS y',
  'UPDATE d.t SET n = CASE WHEN (SELECT TRUE FROM d.t WHERE id = 1) THEN 7 END -- WHERE TRUE',
  'DELETE d.t AS `where`',
])('%s has no WHERE', async (sql) => {
  await expect(bigquery.query(sql)).rejects.toThrow(`${sql.split(' ')[0]} must have a WHERE clause`)
  expect(await rows()).toMatchObject([{ n: 0 }, { n: 0 }])
})
