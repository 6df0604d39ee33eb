import * as known from 'dinero.js/currencies'
import { expect, it } from 'vitest'
import { currencyCodes, otherDigits } from './currencies.ts'
import { currency } from './fields.ts'

it('are those whose digits are known', () => {
  expect(currencyCodes).toEqual(Object.keys(known).toSorted())
})

it('have the digits of ISO 4217, as dinero.js has them', () => {
  const others = Object.values(known).filter(({ base, exponent }) => base === 10 && exponent !== 2)
  const codesOf = (digits: number): string[] =>
    others.filter(({ exponent }) => exponent === digits).map(({ code }) => code)
  const digits = [...new Set(others.map(({ exponent }) => exponent))]
  expect(otherDigits).toEqual(Object.fromEntries(digits.map((one) => [one, codesOf(one).toSorted()])))
})

it.each(['DEM', 'ABC', 'XXX', 'eur', 'EURO', ''])('%j is refused', (code) => {
  expect(currency.safeParse(code).error?.issues[0]?.message).toBe(
    'takes the code of a currency in use (ISO 4217), such as EUR',
  )
})
