/** `npm run import`: every line is accounted for, the figures are compared with BigQuery, and a bad file changes nothing. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Ended, run } from '../../support/command.ts'
import { googleClients, type GoogleClients } from '../../support/google-clients.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { stateOf, type State } from '../../support/state.ts'

const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'
/** 10 invoices: 8 to import, one cancelled, one without a valid line. */
const shop = `${header}
700001,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,12/1/10 8:26,2.55,17850,United Kingdom
700001,71053,WHITE METAL LANTERN,6,12/1/10 8:26,3.39,17850,United Kingdom
700002,85123A,WHITE HANGING HEART T-LIGHT HOLDER,2,12/1/10 9:00,2.95,13047,United Kingdom
700003,22632,"HAND WARMER, ""RED"" DOT",100,12/1/2010 9:02,1.85,,France
700004,BANK CHARGES,Bank Charges,1,12/1/10 10:00,18.00,,United Kingdom
700004,M,,1,12/1/10 10:00,0.01,,United Kingdom
C700005,85123A,WHITE HANGING HEART T-LIGHT HOLDER,-1,12/1/10 10:30,2.55,17850,United Kingdom
C700005,71053,WHITE METAL LANTERN,-1,12/1/10 10:30,3.39,17850,United Kingdom
700006,85123A,damaged,-5,12/1/10 11:00,0,,United Kingdom
700006,71053,amazon,3,12/1/10 11:00,0,,United Kingdom
700007,71053,WHITE METAL LANTERN,1,12/1/10 11:30,3.39,15311,United Kingdom
700007,71053,WHITE METAL LANTERN,4,12/1/10 11:30,3.39,15311,United Kingdom
700007,71053,WHITE METAL LANTERN,four,12/1/10 11:30,3.39,15311,United Kingdom
700008,84029G,KNITTED UNION FLAG,10,12/1/10 12:00,3.75,14527,Eire
700008,84029G,KNITTED UNION FLAG,10,12/1/10 12:00,3.75
700008,84029G,KNITTED UNION FLAG,10,12/1/10 12:00,3.75,14527,Eire,once too often
700009,84029G,KNITTED UNION FLAG,1,12/1/10 12:10,3.75,14527,Eire
700009,84029G,KNITTED UNION FLAG,1,31/12/10 12:10,3.75,14527,Eire
700009,84029G,KNITTED UNION FLAG,1,12/1/10 12:10,3.755,14527,Eire
700010,21730,GLASS STAR FROSTED T-LIGHT HOLDER,12,12/1/10 13:00,4.25,16250,United Kingdom
`

let state: State
let google: GoogleClients
let dataDirectory: string

beforeAll(async () => {
  const { platform, ...announced } = platformInTurn()
  dataDirectory = announced.dataDirectory
  state = stateOf(platform)
  google = googleClients(platform)
  await state.seeded()
}, 120_000)
afterAll(async () => {
  await google?.close()
  await state?.close()
}, 30_000)

const fileOf = (content: string | Buffer): string => {
  const path = join(dataDirectory, `${crypto.randomUUID()}.csv`)
  writeFileSync(path, content)
  return path
}
const imported = (...args: string[]): Promise<Ended> => run('functions/shop/cli/import.ts', args, dataDirectory)

describe('an unreadable file', () => {
  it.each<[string, () => string, RegExp]>([
    ['a missing file', () => join(dataDirectory, 'none.csv'), /^There is no file .*none\.csv\.\n$/],
    ['a folder', () => dataDirectory, /^\S+ is not a CSV file that can be read: /],
    ['an empty file', () => fileOf(''), /^\S+ is empty: it needs a header line InvoiceNo,/],
    ['JSON', () => fileOf('{"invoices": []}\n'), /^\S+ is not a CSV file that can be read: .*line 1/],
    ['prose', () => fileOf('Dear shop,\nthank you.\n'), /^\S+ lacks the columns InvoiceNo, /],
    [
      'bytes',
      () => fileOf(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0])),
      /lacks the columns/,
    ],
    [
      'other columns',
      () => fileOf(shop.replace('Quantity', 'Amount').replace('UnitPrice', 'Price')),
      /^\S+ lacks the columns Quantity, UnitPrice: it needs InvoiceNo,/,
    ],
    [
      'a quote that never ends',
      () => fileOf(`${shop}700011,21730,"GLASS STAR,12,12/1/10 13:00,4.25,16250,United Kingdom\n`),
      /^\S+ is not a CSV file that can be read: .*line 22/,
    ],
  ])('%s is refused in one line, and nothing is changed', async (_, file, message) => {
    const before = await state.all()
    const { code, stdout, stderr } = await imported(file())
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(await state.all()).toEqual(before)
  })

  it('two files at once are refused', async () => {
    const { code, stdout, stderr } = await imported('a.csv', 'b.csv')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^This command takes one word, and then options: "b\.csv" is one too many/)
  })

  it('a file with only a header imports nothing', async () => {
    const before = await state.all()
    const { code, stdout, stderr } = await imported(fileOf(`${header}\n`))
    expect(stderr).not.toMatch(/Error/)
    expect(stdout).toMatch(/^0 lines = 0 imported \+ 0 rejected \+ 0 unmatched$/m)
    expect(code).toBe(0)
    expect(await state.all()).toEqual(before)
  })
})

describe('a shop of ten invoices', () => {
  let file: string
  /** Before the import: the events by their type, and the timelines. */
  let before: { readonly events: ReadonlyMap<string, number>; readonly timelines: number }
  beforeAll(async () => {
    file = fileOf(shop)
    before = { events: await eventsByType(), timelines: await timelines() }
  })
  const report = [
    '20 lines = 11 imported + 7 rejected + 2 unmatched',
    '  1 rejected: quantity is not above 0 (line 10)',
    '  1 rejected: price is not above 0 (line 11)',
    '  1 rejected: quantity … is not a whole number (line 14)',
    '  1 rejected: has 6 columns instead of 8 (line 16)',
    '  1 rejected: has 9 columns instead of 8 (line 17)',
    '  1 rejected: date … is not month/day/year hour:minute (line 19)',
    '  1 rejected: price 3.755 has parts of a penny (line 20)',
    '  2 unmatched: cancellation (line 8, 9)',
    '8 orders: 8 completed, 0 rejected, 0 refused, 0 open',
    '  file      GBP: 8 orders, 144 units, 353.75 GBP',
    '  BigQuery  GBP: 8 orders, 144 units, 353.75 GBP',
    'The file and BigQuery agree: orders, units and revenue by currency, units per SKU.',
  ]
  const timelines = async (): Promise<number> => (await state.collection('history', 'timelines')).length
  const eventsByType = async (): Promise<Map<string, number>> => {
    const rows = await google.rows<{ type: string; events: number }>(
      'SELECT type, COUNT(*) AS events FROM analytics.event_log GROUP BY type ORDER BY type',
    )
    return new Map(rows.map(({ type, events }) => [type, events]))
  }
  const figures = async (): Promise<object> => {
    const orders = await google.rows(
      `SELECT COUNT(*) AS orders, SUM(total_minor) AS minor FROM analytics.orders WHERE currency = 'GBP' AND status = 'completed'`,
    )
    const units = await google.rows(
      `SELECT line.sku AS sku, SUM(line.quantity) AS units FROM analytics.order_lines AS line WHERE line.currency = 'GBP' GROUP BY sku ORDER BY sku`,
    )
    const all = await eventsByType()
    const events = Object.fromEntries([...all].map(([type, count]) => [type, count - (before.events.get(type) ?? 0)]))
    return { orders, units, events }
  }
  let first: object

  it('is imported, each line accounted for', { timeout: 60_000 }, async () => {
    const { code, stdout, stderr } = await imported(file)
    expect(stderr).not.toMatch(/Error/)
    for (const line of report) expect(stdout).toContain(line)
    expect(code).toBe(0)
    first = await figures()
    // Nothing of it was held, charged, shipped or notified.
    const { events, ...totals } = first as { readonly events: Readonly<Record<string, number>> }
    expect(Object.entries(events).filter(([, count]) => count !== 0)).toEqual([['order.imported', 8]])
    expect(totals).toEqual({
      orders: [{ orders: 8, minor: 35_375 }],
      units: [
        { sku: '21730', units: 12 },
        { sku: '22632', units: 100 },
        { sku: '71053', units: 11 },
        { sku: '84029G', units: 11 },
        { sku: '85123A', units: 8 },
        { sku: 'BANK CHARGES', units: 1 },
        { sku: 'M', units: 1 },
      ],
    })
  })

  it('changes nothing when it is imported again', { timeout: 60_000 }, async () => {
    // The timelines of the eight orders are the last that follows from them.
    await vi.waitUntil(async () => (await timelines()) === before.timelines + 8, { timeout: 20_000 })
    const stored = await state.all()
    const { code, stdout } = await imported(file)
    for (const line of report) expect(stdout).toContain(line)
    expect(code).toBe(0)
    expect(await figures()).toEqual(first)
    expect(await state.all()).toEqual(stored)
  })

  it('reports a difference when one row is deleted from BigQuery', { timeout: 60_000 }, async () => {
    // The invoice with the smallest amounts: BANK CHARGES and M of 700004.
    await google.rows(`
        DELETE FROM events.orders
        WHERE publish_time >= TIMESTAMP '2020-01-01' AND JSON_VALUE(data, '$.type') = 'order.imported' AND JSON_VALUE(data, '$.data.totalMinor') = '1801'`)
    const { code, stdout } = await imported(file, '--timeout', '1')
    expect(stdout).toContain('8 orders: 7 completed, 0 rejected, 0 refused, 1 open')
    expect(stdout).toMatch(/has no end in BigQuery$/m)
    expect(stdout).toContain('The file and BigQuery differ in 5 figures:')
    expect(stdout).toContain('  orders in GBP: 8 in the file, 7 in BigQuery')
    expect(stdout).toContain('  revenue in minor units of GBP: 35375 in the file, 33574 in BigQuery')
    expect(stdout).toContain('  units of BANK CHARGES: 1 in the file, 0 in BigQuery')
    expect(code).toBe(1)
  })
})
