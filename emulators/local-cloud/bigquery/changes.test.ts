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
      'Value has type INT64 which cannot be inserted into column s, which has type STRING',
    ],
    ['UPDATE d.t SET s = 5 WHERE id = 1', 'Value of type INT64 cannot be assigned to s, which has type STRING'],
    ['UPDATE d.t SET s = n WHERE id = 1', 'Value of type INT64 cannot be assigned to s, which has type STRING'],
    [
      'MERGE d.t USING (SELECT 9 AS k) AS src ON t.id = src.k WHEN NOT MATCHED THEN INSERT (id, s) VALUES (k, 7)',
      'Value of type INT64 cannot be assigned to s, which has type STRING',
    ],
    [
      'INSERT INTO d.t (id, n) SELECT id, n / 2 FROM d.t',
      'Value has type FLOAT64 which cannot be inserted into column n',
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
      'Value of type FLOAT64 cannot be assigned to n',
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
      "INSERT INTO d.t (id, r) VALUES (3, STRUCT(b'xy' AS b))",
      'BYTES(1) has maximum length 1 but got a value with length 2 in field r.b',
    ],
    [
      "INSERT INTO d.t (id, tags) VALUES (3, ['a', NULL])",
      'Array cannot have a null element; error in writing field tags',
    ],
    [
      "INSERT INTO d.t (id, day) VALUES (3, DATE_ADD(DATE '9999-12-31', INTERVAL 1 DAY))",
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
