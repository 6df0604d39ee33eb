import * as known from 'dinero.js/currencies'
import { expect, it } from 'vitest'
import { currencyCodes } from './currencies.ts'
import { currency } from './fields.ts'

it('are those whose digits are known', () => {
  expect(currencyCodes).toEqual(Object.keys(known).toSorted())
})

it.each(['DEM', 'ABC', 'XXX', 'eur', 'EURO', ''])('%j is refused', (code) => {
  expect(currency.safeParse(code).error?.issues[0]?.message).toBe(
    'takes the code of a currency in use (ISO 4217), such as EUR',
  )
})
