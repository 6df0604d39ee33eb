/** The names of a result's columns. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.table('t', [
    { name: 'id', type: 'INTEGER' },
    { name: 'r', type: 'RECORD', fields: [{ name: 'x', type: 'INTEGER' }] },
  ])
})
afterAll(() => bigquery.cloud.close())

const namesOf = async (query: string): Promise<string> => {
  const answer = await bigquery.send('POST', '/queries', { query, useLegacySql: false, dryRun: true })
  if (answer.error) return answer.error.message
  return (answer['schema'] as { fields: { name: string }[] }).fields.map(({ name }) => name).join(' ')
}

describe('are', () => {
  it.each([
    ['SELECT COUNT(*), 2 AS b, SUM(id) FROM d.t', 'f0_ b f1_'],
    [
      'SELECT t.id AS again0, t.id AS again, r.x, id + 1, ((t.id)), -id, (id + 1), (r).x AS y FROM d.t',
      'again0 again x f0_ id f1_ f2_ y',
    ],
    ['SELECT 1 one, "x" two, [1] three, COUNT(*) four, NULL five FROM UNNEST([1])', 'one two three four five'],
    ['SELECT CASE WHEN id = 1 THEN 2 END, CASE WHEN id = 1 THEN 2 END c FROM d.t', 'f0_ c'],
    ['SELECT id IS NOT DISTINCT FROM 1, id * id, t.* FROM d.t', 'f0_ f1_ id r'],
    ['SELECT * FROM (SELECT 1, 2 AS b), (SELECT 3)', 'f0_ b f1_'],
    ['WITH w AS (SELECT DISTINCT id + 1 FROM d.t) SELECT * FROM w', 'f0_'],
    ['SELECT ROW_NUMBER() OVER w, SUM(id) OVER (ORDER BY id) FROM d.t WINDOW w AS (ORDER BY id)', 'f0_ f1_'],
    ['SELECT DATE "2026-01-01", CURRENT_DATE, CURRENT_DATE AS day', 'f0_ f1_ day'],
    ['SELECT 1 UNION ALL SELECT 2', 'f0_'],
    ['SELECT * EXCEPT (r), ARRAY(SELECT 1), EXISTS(SELECT 1) FROM d.t', 'id f0_ f1_'],
    ['SELECT id AS a FROM d.t ORDER BY 1 LIMIT 1', 'a'],
    ['SELECT ANY_VALUE(r).x, [STRUCT(STRUCT(1 AS c) AS b)][OFFSET(0)].b.c FROM d.t', 'x c'],
    ['SELECT (SELECT r).x AS y, [r][SAFE_OFFSET(0)].x, STRUCT(1 AS `my field`).`my field` FROM d.t', 'y x my field'],
    ['SELECT * FROM UNNEST([1]), UNNEST([2]) WITH OFFSET, UNNEST([STRUCT(3 AS x)])', 'f0_ f1_ offset x'],
    ['SELECT p.*, p FROM UNNEST([STRUCT(1 AS x, 2 AS y)]) AS p', 'x y p'],
  ])('%s: %s', async (sql, names) => {
    expect(await namesOf(sql)).toBe(names)
  })
})

it('two of one name are refused', async () => {
  const message = 'Duplicate column names in the result are not supported. Found duplicate(s): '
  expect(await namesOf('SELECT 1 AS a, 2 AS A')).toBe(`${message}A`)
  expect(await namesOf('SELECT * FROM d.t CROSS JOIN d.t AS u')).toBe(`${message}id`)
  await expect(bigquery.query('SELECT id, id FROM d.t')).rejects.toThrow(`${message}id`)
})

it('a view needs a name for each column', async () => {
  const view = { query: 'SELECT id, id + 1 FROM d.t', useLegacySql: false }
  await expect(bigquery.client.dataset('d').createTable('unnamed', { view })).rejects.toThrow(
    'CREATE VIEW columns must be named, but column 2 has no name',
  )
})
