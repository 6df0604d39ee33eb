/** Statements of BigQuery's documentation: `sql-cases.txt` holds each with the types and the rows of its answer. */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLocalCloud, type LocalCloud } from '../../core/local-cloud.ts'
import { iam } from '../../iam/plugin.ts'
import { bigquery } from '../plugin.ts'

interface Answer {
  readonly error?: { readonly code: number; readonly message: string }
  readonly schema: {
    readonly fields: readonly { readonly name: string; readonly type: string; readonly mode: string }[]
  }
  readonly rows: readonly { readonly f: readonly { readonly v: unknown }[] }[]
  readonly numDmlAffectedRows?: string
}

const cases = readFileSync(new URL('sql-cases.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('-- '))
  .map((line) => line.split(' ⇒ ') as [sql: string, expected: string])

let cloud: LocalCloud
const post = async (path: string, body: object): Promise<Answer> => {
  const response = await fetch(`http://${cloud.ownerHost}/bigquery/v2/projects/p${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })
  return (await response.json()) as Answer
}

beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [iam, bigquery()], project: { id: 'p', number: '1', region: 'r' } })
  await post('/datasets', { datasetReference: { datasetId: 'd' } })
  const fields = [
    { name: 'id', type: 'INTEGER' },
    { name: 's', type: 'STRING' },
    { name: 'n', type: 'NUMERIC' },
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'j', type: 'JSON' },
    { name: 'day', type: 'DATE' },
    { name: 'a', type: 'INTEGER', mode: 'REPEATED' },
    { name: 'r', type: 'RECORD', fields: [{ name: 'x', type: 'INTEGER' }] },
  ]
  await post('/datasets/d/tables', { tableReference: { tableId: 't' }, schema: { fields } })
  const first = {
    id: 1,
    s: 'a',
    n: '1.5',
    at: '2026-01-01T10:00:00.123456Z',
    j: '{"a":1,"b":[1,{"c":2}],"s":"x","t":true}',
    day: '2026-01-01',
    a: [1, 2],
    r: { x: 5 },
  }
  // The second leaves out most fields.
  const inserted = await post('/datasets/d/tables/t/insertAll', {
    rows: [{ json: first }, { json: { id: 2, s: 'b' } }],
  })
  expect(inserted).toEqual({ kind: 'bigquery#tableDataInsertAllResponse' })
})
afterAll(() => cloud.close())

it.each(cases)('%s', async (sql, expected) => {
  const answer = await post('/queries', { query: sql, useLegacySql: false })
  expect(summarize(answer)).toBe(expected)
})

it.each([
  ['SELECT ID, (T.s), r.X FROM d.t AS T', 'ID s X'],
  ['SELECT * FROM (SELECT Id AS one, DAY FROM d.t)', 'one DAY'],
  ['WITH a AS (SELECT t.DAY FROM d.t) SELECT day FROM a', 'day'],
  ['SELECT CURRENT_DATE, `S` FROM d.t', 'f0_ S'],
])('the columns of %s have the names that it writes', async (sql, names) => {
  const { schema } = await post('/queries', { query: sql, useLegacySql: false })
  expect(schema.fields.map(({ name }) => name).join(' ')).toBe(names)
})

/** `refused`, or `2 rows` changed, or the types' first letters and the rows. */
function summarize({ error, numDmlAffectedRows, schema, rows }: Answer): string {
  if (error) return error.code === 500 ? error.message : 'refused'
  if (numDmlAffectedRows) return `${numDmlAffectedRows} ${numDmlAffectedRows === '1' ? 'row' : 'rows'}`
  const types = schema.fields.map(({ type, mode }) => `${type[0]}${mode === 'REPEATED' ? '[]' : ''}`)
  return `${types.join('')} ${JSON.stringify(rows.map(({ f }) => f.map(({ v }) => v)))}`
}
