import { describe, expect, it } from 'vitest'
import { holdsCardNumber } from './card-number.ts'

describe('a text with a card number', () => {
  it.each([
    ['Visa, 16 digits', '4242424242424242'],
    ['in groups', '4242 4242 4242 4242'],
    ['with hyphens', '4242-4242-4242-4242'],
    ['American Express, 15 digits', '378282246310005'],
    ['Mastercard of the second range', '2223003122003222'],
    ['13 digits', '4222222222222'],
    ['19 digits', '6304000000000000000'.replace(/0$/, '0')],
    ['amid words', 'card 5555555555554444 please'],
    ['before other digits', '4242424242424242 12'],
    ['behind other digits', '99 4242424242424242'],
    ['in full-width digits', '４２４２４２４２４２４２４２４２'],
  ])('%s is found', (_, text) => expect(holdsCardNumber(text)).toBe(true))
})

describe('a text without a card number', () => {
  it.each([
    ['a token', 'pm-1f3a9c'],
    ['a wrong check digit', '4111111111112'],
    ['a telephone number', '+49 30 1234567'],
    ['a street', '1 Mill Lane'],
    ['too few digits', '424242424242'],
    ['no digits', 'A. Customer'],
  ])('%s is not refused', (_, text) => expect(holdsCardNumber(text)).toBe(false))
})
