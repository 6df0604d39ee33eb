/**
 * Every view of the shop against SQL that was written without it: golden/VIEW.sql counts the same from the raw messages, in
 * DuckDB's own SQL, for events of a shop in which orders end in every way.
 */

import { readdirSync, readFileSync } from 'node:fs'
import * as currencies from 'dinero.js/currencies'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { business } from '../../functions/index.ts'
import type { Analytics } from './analytics.testing.ts'
import { goldenRows, type OwnedRow } from './golden-events.testing.ts'

const folder = new URL('golden/', import.meta.url)
const sqlOf = (name: string): string => readFileSync(new URL(`${name}.sql`, folder), 'utf8')

/** By view, the values of a column of which the golden events have one at least: with fewer, a query would be judged by less. */
const reached: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  orders: {
    status: [
      'cancelled',
      'closed',
      'completed',
      'confirmed',
      'expired',
      'payment-failed',
      'payment-needed',
      'pending',
      'rejected',
    ],
    currency: ['CLF', 'EUR', 'GBP', 'JPY', 'KWD', 'USD'],
  },
  cancellations: {
    outcome: ['cancelled', 'partly-cancelled', 'pending', 'refused'],
    stage: ['before-release', 'checkout', 'shipping'],
  },
  shipments: { status: ['cancelled', 'created', 'delivered', 'dispatched', 'refused', 'returned'] },
  refunds: { status: ['failed', 'issued', 'pending'] },
  disputes: { status: ['lost', 'open', 'won'] },
}

/** Describes them. It empties the tables after itself: other tests count rows. */
export function judgeByGoldenQueries(analytics: () => Analytics): void {
  describe('by a query of its own, written in another way', () => {
    let rows: readonly OwnedRow[] = []
    let instance: DuckDBInstance
    let connection: DuckDBConnection
    beforeAll(async () => {
      rows = await goldenRows()
      const { DuckDBInstance } = await import('@duckdb/node-api')
      instance = await DuckDBInstance.create(':memory:')
      connection = await instance.connect()
      await load(connection, rows)
      for (const [owner, own] of Map.groupBy(rows, (row) => row.owner)) await analytics().insert(owner, own)
    }, 120_000)
    afterAll(async () => {
      for (const owner of new Set(rows.map((row) => row.owner)))
        await analytics().query(`DELETE FROM events.${owner} WHERE publish_time >= TIMESTAMP '2020-01-01'`)
      connection?.closeSync()
      instance?.closeSync()
    }, 120_000)

    it('every view has one', () => {
      const files = readdirSync(folder).map((file) => file.replace('.sql', ''))
      expect(files.toSorted()).toEqual(['events', ...business.views.names].toSorted())
    })

    it.each(business.views.names)('%s has the same rows', { timeout: 60_000 }, async (view) => {
      const golden = textsOf((await connection.runAndReadAll(sqlOf(view))).getRowObjects())
      for (const [column, values] of Object.entries(reached[view] ?? {}))
        expect(golden.map((row) => row[column])).toEqual(expect.arrayContaining([...values]))
      expect(golden.length).toBeGreaterThan(0)
      expect(sorted(textsOf(await analytics().query(`SELECT * FROM analytics.${view}`)))).toEqual(sorted(golden))
    })
  })
}

async function load(connection: DuckDBConnection, rows: readonly OwnedRow[]): Promise<void> {
  await connection.run(`SET TimeZone = 'UTC'; CREATE TABLE raw (envelope JSON, publish_time TIMESTAMP)`)
  const appender = await connection.createAppender('raw')
  for (const { envelope, publishTime } of rows) {
    appender.appendVarchar(JSON.stringify(envelope))
    appender.appendVarchar(publishTime)
    appender.endRow()
  }
  appender.closeSync()
  // Coins of a fifth are hundredths by ISO 4217.
  const known = Object.values(currencies).map(
    ({ code, base, exponent }) => `('${code}', ${base === 10 ? exponent : 2})`,
  )
  await connection.run(
    `CREATE TABLE currencies AS SELECT code, (1 / 10 ** digits)::DECIMAL(5, 4) AS unit FROM (VALUES ${known.join(', ')}) AS known (code, digits)`,
  )
  await connection.run(sqlOf('events'))
}

type Texts = Readonly<Record<string, string>>

const textsOf = (rows: readonly object[]): Texts[] =>
  rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)])))

/** A value of either engine: a time in microseconds, a number without zeros at its end. */
function textOf(value: unknown): string {
  const { value: wrapped, toFixed } = Object(value) as { readonly value?: unknown; readonly toFixed?: () => string }
  // BigQuery's client wraps times, and has a numeric as an object.
  const text =
    typeof wrapped === 'string' ? wrapped : typeof value === 'object' && toFixed ? toFixed.call(value) : String(value)
  const time = /^(\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?Z?$/.exec(text)
  if (time) return `${time[1]} ${time[2]}.${(time[3] ?? '').slice(0, 6).padEnd(6, '0')}`
  return /^-?\d+\.\d+$/.test(text) ? text.replace(/\.?0+$/, '') : text
}

const sorted = (rows: readonly Texts[]): string[] =>
  rows
    .map((row) =>
      Object.entries(row)
        .map(([name, text]) => `${name}: ${text}`)
        .join(', '),
    )
    .toSorted()
