import { describe, expect, it } from 'vitest'
import { parseFilter } from './filter.ts'

const com = { domain: 'com' }
const company = { domain: 'company', lang: 'en' }

describe('a filter', () => {
  it.each([
    ['', {}, true],
    ['attributes:domain', com, true],
    ['attributes:domain', {}, false],
    ['attributes:toString', {}, false],
    ['attributes.domain = "com"', com, true],
    ['attributes.domain = "com"', company, false],
    ['attributes.domain = "Com"', com, false],
    ['attributes.domain="com"', com, true],
    ['attributes.domain != "com"', com, false],
    ['attributes.domain != "com"', company, true],
    ['attributes.domain != "com"', {}, true],
    ['attributes."iana.org/language_tag" = "en"', { 'iana.org/language_tag': 'en' }, true],
    ['attributes:"iana.org/language_tag"', { 'iana.org/language_tag': '' }, true],
    ['hasPrefix(attributes.domain, "co")', company, true],
    ['hasPrefix(attributes.domain, "xo")', company, false],
    ['hasPrefix(attributes.lang, "co")', com, false],
    ['NOT attributes:lang', com, true],
    ['-attributes:lang', company, false],
    ['NOT NOT attributes:lang', company, true],
    ['attributes:domain AND attributes.lang = "en"', company, true],
    ['attributes:domain AND attributes.lang = "en"', com, false],
    ['attributes:nope OR attributes.lang = "en" OR attributes:no', company, true],
    ['attributes:lang AND (attributes.domain = "x" OR hasPrefix(attributes.domain, "co"))', company, true],
    ['(attributes:lang AND attributes:nope) OR attributes:domain', com, true],
    ['NOT (attributes:lang OR attributes:nope)', com, true],
    [String.raw`attributes.domain = "\u0063om"`, com, true],
    [String.raw`attributes.domain = "\143\x6fm"`, com, true],
    [String.raw`attributes.domain = "a\"b"`, { domain: 'a"b' }, true],
    ['attributes.name-with_1 = "x"', { 'name-with_1': 'x' }, true],
  ])('%s on %j is %s', (source, attributes, expected) => {
    expect(parseFilter(source)(attributes as Record<string, string>)).toBe(expected)
  })

  it.each([
    ['attributes:a AND attributes:b OR attributes:c', 'parentheses'],
    ['attributes:a OR', 'attributes, hasPrefix, NOT'],
    ['attributes.a = com', '"""'],
    ['attributes.a = "com', 'closing quotation mark'],
    ['attributes.a', '"="'],
    ['attributes.a > "1"', '"="'],
    ['data = "x"', 'but found "data"'],
    ['hasSuffix(attributes.a, "x")', 'but found "hasSuffix"'],
    ['(attributes:a', '")"'],
    ['attributes:a)', 'the end of the filter'],
    ['attributes:a attributes:b', 'the end of the filter'],
    [String.raw`attributes.a = "\q"`, 'an escape sequence'],
    [`attributes.a = "${'x'.repeat(256)}"`, 'maximum value is 256'],
  ])('%s is refused: %s', (source, reason) => {
    expect(() => parseFilter(source)).toThrow(reason)
    expect(() => parseFilter(source)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})
