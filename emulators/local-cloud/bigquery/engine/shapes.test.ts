/** The shapes of tables and views: a plan on them does not contain the texts of views. */

import { DuckDBInstance } from '@duckdb/node-api'
import { expect, it } from 'vitest'
import { connectionsTo } from './connections.ts'
import { makeShapes } from './shapes.ts'

it('the plan of a query on a view has the same size whatever the view reads', async () => {
  const real = connectionsTo(await DuckDBInstance.create(':memory:'))
  await real((connection) => connection.run('CREATE SCHEMA d; CREATE VIEW d.v0 AS SELECT 1 AS n, [{a: 1}] AS r'))
  for (const level of [1, 2, 3, 4, 5])
    await real((connection) =>
      connection.run(`CREATE VIEW d.v${level} AS SELECT a.n, a.r FROM d.v${level - 1} AS a, d.v${level - 1} AS b`),
    )
  const shapes = makeShapes(real, {}, async () => {})
  const planSize = (borrowed: typeof real, view: string): Promise<number> =>
    borrowed(async (connection) => {
      const plan = `SELECT length(json_serialize_plan('SELECT n, r FROM d.${view}'))`
      return Number((await connection.runAndReadAll(plan)).getRows()[0]![0])
    })
  expect(await planSize(real, 'v5')).toBeGreaterThan(10 * (await planSize(real, 'v0')))
  expect(await planSize(shapes.borrowed, 'v5')).toBe(await planSize(shapes.borrowed, 'v0'))
})
