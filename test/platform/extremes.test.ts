/** Orders with the extremes that the public API accepts go through the whole platform and into every view; what a store would not take is refused at the edge. */

import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { business } from '../../functions/index.ts'
import { references } from '../../functions/shop/cli/references.ts'
import { limits } from '../../functions/shop/fields.ts'
import { googleClients } from '../support/google-clients.ts'
import { joinPlatform } from '../support/joined-platform.ts'

const platform = joinPlatform('extremes')
const google = googleClients(platform)
afterAll(() => google.close())

const importer = platform.staff(['importer', 'customer'])
const SKU = '茶'.repeat(limits.skuCharacters)
const line = { sku: SKU, quantity: 1, unitMinor: 1 }
const IN_DINARS = 'EXTREME-KWD'
beforeAll(
  () => platform.sell({ sku: SKU, unitMinor: 1, currency: 'CHF' }, { sku: IN_DINARS, unitMinor: 1, currency: 'KWD' }),
  60_000,
)
const place = async (given: object): Promise<string> => {
  const body = { currency: 'CHF', lines: [line], ...(await references(importer, 'card-ok')), ...given }
  return (await importer.send<{ orderId: string }>('POST', '/v1/orders', { key: crypto.randomUUID(), body })).body
    .orderId
}

it('accepted extremes are in the views as they were sent', { timeout: 120_000 }, async () => {
  const lines = Array.from({ length: limits.linesPerOrder }, () => ({ ...line, unitMinor: limits.unitMinor }))
  const sent: readonly (readonly [order: object, total: string, placedAt: string])[] = [
    [{ placedAt: '0001-01-01T00:00:00Z' }, '0.01', '-62135596800000000'],
    [{ placedAt: '0001-01-01T14:00:00.000001+14:00' }, '0.01', '-62135596799999999'],
    [{ placedAt: '9999-12-31T23:59:59.999999Z' }, '0.01', '253402300799999999'],
    [{ placedAt: '2026-01-01T00:00:00Z', lines }, '10000000000', '1767225600000000'],
    [
      {
        placedAt: '2026-01-01T00:00:00Z',
        lines: [{ sku: IN_DINARS, quantity: limits.quantityPerLine, unitMinor: 10_000_000 }],
        currency: 'KWD',
      },
      '1000000000',
      '1767225600000000',
    ],
  ]
  const ids: string[] = []
  for (const [order] of sent) ids.push(await place(order))
  await vi.waitFor(
    async () => {
      const found = await google.rows<{ order_id: string; total: unknown; placed_at: string }>(
        'SELECT order_id, total, CAST(UNIX_MICROS(placed_at) AS STRING) AS placed_at FROM analytics.orders WHERE order_id IN UNNEST(@ids)',
        { ids },
      )
      const byId = new Map(found.map((row) => [row.order_id, [String(row.total), row.placed_at]]))
      expect(ids.map((id) => byId.get(id))).toEqual(sent.map(([, total, placedAtMicros]) => [total, placedAtMicros]))
    },
    { timeout: 60_000, interval: 500 },
  )
  for (const name of business.views.names) await google.rows(`SELECT * FROM analytics.${name}`)
})

it.each<[string, object, RegExp]>([
  ['a year 0', { placedAt: '0000-12-31T23:59:59Z' }, /placedAt: takes a time from 0001/],
  ['a year 10000 in UTC', { placedAt: '9999-12-31T23:59:59-01:00' }, /placedAt: takes a time from 0001.* to 9999/],
  ['nanoseconds', { placedAt: '2026-01-01T00:00:00.1234567Z' }, /placedAt: takes at most six digits/],
  ['a withdrawn currency', { currency: 'DEM' }, /currency: takes the code of a currency in use/],
  [
    'a total above the limit',
    { lines: [{ ...line, quantity: limits.quantityPerLine, unitMinor: limits.unitMinor }] },
    /total of 100000000000000 minor units/,
  ],
  ['too many lines', { lines: Array.from({ length: limits.linesPerOrder + 1 }, () => line) }, /lines: /],
  ['an unpaired surrogate', { addressRef: 'a\uD800' }, /addressRef: .*U\+D800/],
])('%s is refused by its name', async (_, given, problem) => {
  await expect(place(given)).rejects.toThrow(problem)
})
