import { describe, expect, it } from 'vitest'
import { code, freeText, identifier } from './text.ts'

const name = identifier({ characters: 200, bytes: 500 })
const words = freeText({ characters: 200, bytes: 800 })
/** The first fault of a text; undefined if it is accepted. */
const faultOf = (schema: typeof name, text: unknown): string | undefined =>
  schema.safeParse(text).error?.issues[0]?.message

describe('an identifier', () => {
  it.each(['a', 'BANK CHARGES', 'é', 'ÅSA', '注文', 'x'.repeat(200), '😀'.repeat(125)])('accepts %j', (text) => {
    expect(name.parse(text)).toBe(text)
  })

  it.each([
    ['\uD800', 'U+D800 at 0'],
    ['a\uDC00', 'U+DC00 at 1'],
    ['a\u0000', 'U+0000 at 1'],
    ['\u001B]0;x\u0007', 'U+001B at 0'],
    ['a\nb', 'U+000A at 1'],
    ['a\u007F', 'U+007F at 1'],
    ['a\u0085', 'U+0085 at 1'],
    ['a\u202Eb', 'U+202E at 1'],
    ['a\u2067b', 'U+2067 at 1'],
    ['a\u200Bb', 'U+200B at 1'],
    ['a\uFEFF', 'U+FEFF at 1'],
    ['a\u3164', 'U+3164 at 1'],
    ['a\u{E0041}', 'U+E0041 at 1'],
    ['a\u00A0b', 'U+00A0 at 1'],
    ['a\u2028b', 'U+2028 at 1'],
    [' a', 'begins or ends with white space'],
    ['a ', 'begins or ends with white space'],
    ['e\u0301', 'NFC'],
    ['\u212B', 'NFC'],
    ['', '1 to 200 characters'],
    ['x'.repeat(201), '1 to 200 characters'],
    ['😀'.repeat(201), '1 to 200 characters'],
    ['😀'.repeat(200), 'at most 500 bytes of UTF-8, and this has 800'],
  ])('refuses %j with the fault', (text, fault) => {
    expect(faultOf(name, text)).toContain(fault)
  })

  it('refuses a million characters at once', () => {
    expect(faultOf(name, 'x'.repeat(1_000_000))).toContain('1 to 200 characters')
  })

  it('with a narrower pattern accepts only matches of it', () => {
    const two = identifier({ characters: 9, bytes: 9 }, { pattern: /^[ab ]{2}$/u, takes: 'two of "a" and "b"' })
    expect(faultOf(two, 'ab')).toBeUndefined()
    expect(faultOf(two, 'abc')).toBe('takes two of "a" and "b"')
    expect(faultOf(two, 'a ')).toBe('begins or ends with white space')
  })
})

describe('free text', () => {
  it.each(['Sencha, 50 g', ' BOX ', '👨‍👩‍👧', '❤️', 'می‌خواهم', 'e\u0301', '😀'.repeat(200)])('accepts %j', (text) => {
    expect(words.parse(text)).toBe(text)
  })

  it.each(['a\nb', 'a\tb', 'a\u001B[2J', 'a\u009B', '\uD800', 'a\u202Eb', 'a\u2069', 'a\u2029b', 'a\n', ''])(
    'refuses %j',
    (text) => {
      expect(faultOf(words, text)).toBeDefined()
    },
  )
})

it('a code accepts only its own form', () => {
  const currency = code(/^[A-Z]{3}$/, 'three capital letters')
  expect(faultOf(currency, 'EUR')).toBeUndefined()
  expect(faultOf(currency, 'EUR\n')).toBe('takes three capital letters')
})
