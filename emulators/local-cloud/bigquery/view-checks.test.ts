/** A view that was made before this start is read by the present rules: the engine may have stored another translation. */

import { expect, it } from 'vitest'
import { translate } from './sql/translate.ts'
import { makeViewChecks } from './view-checks.ts'
import type { FieldSchema, TableResource } from './values/records.ts'

const tables: Readonly<Record<string, Partial<TableResource>>> = {
  t: { schema: { fields: [{ name: 'id', type: 'INTEGER' }] } },
  u: { schema: { fields: [{ name: 'k', type: 'INTEGER' }] } },
  good: { view: { query: 'SELECT id FROM d.t' } },
  bad: { view: { query: 'SELECT y FROM d.t, (SELECT id AS y FROM d.u) AS q' } },
}
const find = (datasetId: string, tableId: string): TableResource =>
  ({ tableReference: { projectId: 'p', datasetId, tableId }, ...tables[tableId] }) as TableResource
const known = new Map(Object.keys(tables).map((tableId) => [`d.${tableId}`, find('d', tableId)]))

it('is made again by the first query, once, or refused', async () => {
  const made: string[] = []
  const schema: FieldSchema[] = [{ name: 'id', type: 'INTEGER' }]
  const recorded = (name: string): TableResource => known.get(name)!
  const { tablesBehind } = makeViewChecks(
    {
      translate: async (sql) => translate(sql, 'p'),
      describe: async () => ({ schema, firstUnnamed: undefined }),
      execute: async (sql) => void made.push(sql),
    },
    {
      projectId: 'p',
      find: (...names) => recorded(names.join('.')),
      table: (...names) => recorded(names.join('.')),
      recorded,
    },
  )
  await tablesBehind(['d.good'])
  await tablesBehind(['d.good'])
  expect(made).toEqual([expect.stringMatching(/^CREATE OR REPLACE VIEW "d"\."good" AS SELECT /)])
  await expect(tablesBehind(['d.bad'])).rejects.toThrow('Unrecognized name: id at [1:28]')
})
