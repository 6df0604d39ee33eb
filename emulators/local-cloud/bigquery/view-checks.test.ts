/** Views are declared by their columns, and made by the first query that reads them. */

import { afterAll, expect, it } from 'vitest'
import { makeEngine } from './engine/engine.ts'
import { translate } from './sql/translate.ts'
import { makeViewChecks } from './view-checks.ts'
import type { FieldSchema, TableResource } from './values/records.ts'

const tables: Readonly<Record<string, Partial<TableResource>>> = {
  t: { schema: { fields: [{ name: 'id', type: 'INTEGER' }] } },
  u: { schema: { fields: [{ name: 'k', type: 'INTEGER' }] } },
  good: { view: { query: 'SELECT id FROM d.t' } },
  outer: { view: { query: 'SELECT a.id FROM d.good AS a JOIN d.good AS b ON a.id = b.id' } },
  bad: { view: { query: 'SELECT y FROM d.t, (SELECT id AS y FROM d.u) AS q' } },
}
const find = (datasetId: string, tableId: string): TableResource =>
  ({ tableReference: { projectId: 'p', datasetId, tableId }, ...tables[tableId] }) as TableResource
const known = new Map(Object.keys(tables).map((tableId) => [`d.${tableId}`, find('d', tableId)]))
const recorded = (name: string): TableResource => known.get(name)!
const places = {
  projectId: 'p',
  find: (...names: [string, string]) => recorded(names.join('.')),
  table: (...names: [string, string]) => recorded(names.join('.')),
  recorded,
}
const schema: FieldSchema[] = [{ name: 'id', type: 'INTEGER' }]
const columns = { schema, types: ['BIGINT'], firstUnnamed: undefined }
const declared = (view: string): unknown =>
  expect.stringMatching(`^CREATE OR REPLACE VIEW "d"."${view}" AS SELECT CAST`)
const made = (view: string): unknown => expect.stringMatching(`^CREATE OR REPLACE VIEW "d"."${view}" AS SELECT ["a]`)

/** @returns the checks, and the statements that the engine gets. @param fails for the statements that the engine refuses. */
function checks(
  fails = (_sql: string): boolean => false,
): ReturnType<typeof makeViewChecks> & { statements: string[] } {
  const statements: string[] = []
  const execute = async (sql: string): Promise<void> => {
    statements.push(sql)
    if (fails(sql)) throw new Error('refused')
  }
  const engine = { translate: async (sql: string) => translate(sql, 'p'), describe: async () => columns, execute }
  return { ...makeViewChecks(engine, places), statements }
}

it('a view from before this start is declared again by its first check, once, or refused: the engine may have another translation', async () => {
  const { tablesBehind, statements } = checks()
  await tablesBehind(['d.good'])
  await tablesBehind(['d.good'])
  expect(statements).toEqual([declared('good')])
  await expect(tablesBehind(['d.bad'])).rejects.toThrow('Unrecognized name: id at [1:28]')
})

it('views are made by the first query that reads them, those inside first, each once', async () => {
  const { tablesBehind, makeViews, statements } = checks()
  await tablesBehind(['d.outer'])
  expect(statements).toEqual([declared('good'), declared('outer')])
  await Promise.all([makeViews(['d.outer', 'd.t']), makeViews(['d.good'])])
  await makeViews(['d.outer'])
  expect(statements.slice(2)).toEqual([made('good'), made('outer')])
})

it('a view whose making failed is made by the next query', async () => {
  let isRefused = true
  const { tablesBehind, makeViews, statements } = checks((sql) => isRefused && !sql.includes('CAST'))
  await tablesBehind(['d.good'])
  await expect(makeViews(['d.good'])).rejects.toThrow('refused')
  isRefused = false
  await makeViews(['d.good'])
  expect(statements.slice(1)).toEqual([made('good'), made('good')])
})

const engine = makeEngine()
afterAll(() => engine.close())

it.each(['SELECT * FROM d.good', 'SELECT COUNT(*) AS n FROM d.good', 'SELECT EXISTS (SELECT id FROM d.good) AS found'])(
  'a declared view that is not made is no empty one: %s',
  async (query) => {
    const { declareView, makeViews } = makeViewChecks(engine, places)
    await engine.execute('CREATE SCHEMA IF NOT EXISTS d; CREATE OR REPLACE TABLE d.t (id BIGINT)')
    await declareView('d', 'good', columns)
    const { sql } = await engine.translate(query, 'p')
    const read = () => engine.query({ sql, parameters: [], isSelect: true })
    await expect(read()).rejects.toThrow('The view was replaced while the query ran: repeat it.')
    await makeViews(['d.good'])
    await expect(read()).resolves.toMatchObject({ changed: 0 })
  },
)
