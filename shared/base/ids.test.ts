import { describe, expect, it } from 'vitest'
import { envelopeSchema } from '../contracts/envelope.ts'
import { derivedId, derivedName, documentId, freshId, hashOf } from './ids.ts'

describe('a derived id', () => {
  it('never changes for the same parts', () => {
    expect(derivedId('orders', 'o-1', 'cause', 0)).toBe('b59904c2-2b8c-8492-a1da-6d41b3c99ef2')
  })

  it('is a UUID of version 8, which an envelope accepts', () => {
    const id = derivedId('a')
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(envelopeSchema.shape.id.safeParse(id).success).toBe(true)
  })

  it('differs for parts that are equal only when they are joined', () => {
    const ids = [
      derivedId('ab', 'c'),
      derivedId('a', 'bc'),
      derivedId('abc'),
      derivedId('ab', 'c', ''),
      derivedId('1:a;', 'b'),
      derivedId('c', 'ab'),
    ]
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('a fresh id', () => {
  it('is a UUID of version 7 that begins with the time', () => {
    const nowMs = Date.parse('2026-01-01T00:00:00.000Z')
    const id = freshId(nowMs)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(nowMs)
    expect(freshId(nowMs)).not.toBe(id)
  })
})

describe('a derived name', () => {
  it('has a prefix and 26 characters that are valid in any document id', () => {
    expect(derivedName('o', 'customer-1', 'key-1')).toMatch(/^o-[0-9a-z]{26}$/)
  })

  it('differs for parts that are equal only when they are joined', () => {
    expect(derivedName('o', 'a', 'b-c')).not.toBe(derivedName('o', 'a-b', 'c'))
    expect(derivedName('o', '["a"]')).not.toBe(derivedName('o', 'a'))
  })
})

it.each<[string, (text: string) => string]>([
  ['a hash', hashOf],
  ['a derived id', (text) => derivedId('a', text)],
  ['a derived name', (text) => derivedName('a', text)],
])('%s differs for texts that have the same bytes in UTF-8 because an unpaired surrogate is replaced', (_, make) => {
  const texts = ['\ud800', '\udfff', '\ufffd', '"\\ud800"']
  expect(new Set(texts.map(make)).size).toBe(texts.length)
})

it('a hash of bytes is correct for bytes that are not UTF-8', () => {
  expect(hashOf(Buffer.from('ü'))).toBe(hashOf('ü'))
  expect(hashOf(Buffer.of(0xff))).not.toBe(hashOf(Buffer.of(0xfe)))
})

it('a hash is SHA-256 in hex', () => {
  expect(hashOf('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})

describe("a document's id", () => {
  it.each(['o-1', 'BANK CHARGES', 'a/b', '.', '..', '__x__', '__', 'ü~%2E', 'x'.repeat(1_500)])(
    'of %s can be decoded again',
    (text) => {
      const id = documentId(text)
      expect(id).not.toMatch(/[./]|^__.*__$/)
      expect(decodeURIComponent(id)).toBe(text)
    },
  )

  it('of a long text is within the limit and unique', () => {
    const ids = ['a', 'b'].map((end) => documentId('€'.repeat(2_000) + end))
    expect(ids[0]).not.toBe(ids[1])
    for (const id of ids) expect(Buffer.byteLength(id)).toBeLessThanOrEqual(1_500)
  })

  it('of a text with unpaired surrogates is valid', () => {
    const ids = ['\ud800', '\udfff', '\ufffd'].map(documentId)
    expect(new Set(ids).size).toBe(3)
    expect(ids[0]).toMatch(/^%EF%BF%BD~[0-9a-f]{64}$/)
  })
})
