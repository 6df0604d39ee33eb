import { expect, it } from 'vitest'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decimals, money } from './money.ts'

it.each<[number, string, string]>([
  [1_250, 'EUR', '12.50 EUR'],
  [5, 'EUR', '0.05 EUR'],
  [0, 'GBP', '0.00 GBP'],
  [-1_250, 'EUR', '-12.50 EUR'],
  [1_250, 'JPY', '1250 JPY'],
  [1_250, 'KWD', '1.250 KWD'],
  [1_250, 'CLF', '0.1250 CLF'],
  // Node's Intl gives these currencies no minor digits; ISO 4217 gives them two.
  [1_250, 'HUF', '12.50 HUF'],
  [1_250, 'MGA', '12.50 MGA'],
  [1_250, 'QQQ', '12.50 QQQ'],
  [1_250, 'toString', '12.50 toString'],
  [Number.MAX_SAFE_INTEGER, 'EUR', '90071992547409.91 EUR'],
  [Number.MAX_SAFE_INTEGER, 'JPY', '9007199254740991 JPY'],
])('%i minor units of %s are %s', (minor, code, shown) => {
  expect(money(minor, code)).toBe(shown)
})

it.each<[string, object, number | undefined]>([
  ['total', { currency: 'EUR' }, 2],
  ['revenue', { currency: 'JPY' }, 0],
  ['revenue', { currency: 'KWD' }, 3],
  ['amount', { currency: 'EUR' }, 2],
  ['total', {}, undefined],
  ['orders', { currency: 'EUR' }, undefined],
])('the column %s of a row with %j has the decimals %s', (column, row, expected) => {
  expect(decimals(column, row as Readonly<Record<string, unknown>>)).toBe(expected)
})

it('every amount that a view makes has the decimals of its currency', () => {
  const folder = join(import.meta.dirname, '..', 'views')
  const columns = globSync('*.sql', { cwd: folder }).flatMap((file) => {
    const view = readFileSync(join(folder, file), 'utf8')
    const names = new Set([...view.matchAll(/ AS (\w+)/g)].map(([, name]) => name!))
    // An amount stands beside the same in minor units.
    return [...view.matchAll(/\b(\w+)_minor\b/g)].map(([, name]) => name!).filter((name) => names.has(name))
  })
  expect(new Set(columns).size).toBeGreaterThan(6)
  for (const column of [...columns, 'unit_price'])
    expect([column, decimals(column, { currency: 'KWD' })]).toEqual([column, 3])
})
