/** Values from a Zod contract: mostly valid ones, some with one fault. */

import * as fc from 'fast-check'
import { z } from 'zod'

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly additionalProperties?: Schema | boolean
}

/** Values that match a pattern, written by hand, since some patterns use Unicode classes. */
const texts = ['TEA-001', 'TEA-002', 'BANK CHARGES', 'É1', 'a.b_c-d', '0', 'EUR', 'GBP', 'o-1', 'customer-1']
const times = [
  '2026-01-01T00:00:00.000Z',
  '2010-12-01T08:26:00Z',
  '2026-06-30T23:59:60.5+14:00',
  '9999-12-31T23:59:59.999999Z',
  '0001-01-01T14:00:00.000001+14:00',
  // Times that a store would not take.
  '2026-01-01T00:00:00.123456789Z',
  '0000-12-31T23:59:59Z',
  '9999-12-31T23:59:59-01:00',
]

export const keeping = (schema: z.ZodType): fc.Arbitrary<unknown> =>
  from(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema)

function from(schema: Schema): fc.Arbitrary<unknown> {
  const some = schema.anyOf ?? schema.oneOf
  if (some) return fc.oneof(...some.map(from))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  switch (schema.type) {
    case 'object':
      return objectOf(schema)
    case 'array':
      return fc.array(from(schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength: 4 })
    case 'integer':
    case 'number':
      return numberOf(schema)
    case 'string':
      return stringOf(schema)
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case undefined:
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

function objectOf({ properties = {}, required = [], additionalProperties }: Schema): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, from(one)]))
  if (Object.keys(fields).length === 0 && typeof additionalProperties === 'object')
    return fc.dictionary(fc.constantFrom(...texts), from(additionalProperties), { maxKeys: 3 })
  return fc.record(fields, { requiredKeys: [...required] })
}

const numberOf = ({ minimum, exclusiveMinimum, maximum }: Schema): fc.Arbitrary<number> => {
  const min = Math.max(minimum ?? exclusiveMinimum ?? 0, Number.MIN_SAFE_INTEGER)
  const max = Math.min(maximum ?? 1_000_000, Number.MAX_SAFE_INTEGER)
  return fc.oneof(fc.integer({ min, max: Math.max(min, Math.min(max, min + 100)) }), fc.constantFrom(min, max))
}

function stringOf({ pattern, format, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid()
  if (format === 'date-time') return fc.constantFrom(...times)
  const known = texts.filter((text) => pattern === undefined || new RegExp(pattern, 'u').test(text))
  if (pattern !== undefined)
    return known.length > 0 ? fc.constantFrom(...known) : fc.stringMatching(new RegExp(pattern), { maxLength: 80 })
  return fc.oneof(
    fc.constantFrom(...texts),
    fc.string({ minLength, maxLength: Math.min(maxLength, 40), unit: 'binary' }),
    fc.constant('x'.repeat(Math.min(maxLength, 2_000))),
  )
}

/** Values that often break programs. */
const odd = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(
      null,
      '',
      0,
      -0,
      -1,
      1.5,
      1e308,
      2 ** 53,
      true,
      [],
      {},
      [[]],
      '__proto__',
      '\u0000',
      '\uD800',
      'NaN',
      '1; DROP TABLE orders',
      '../../etc/passwd',
      '${x}',
      'x'.repeat(10_000),
    ),
  },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
)

/** The same value with one field changed, removed or added. */
export function breaking(arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(arbitrary, odd, fc.nat(), fc.constantFrom('replace', 'leave out', 'add', 'instead'))
    .map(([value, junk, at, how]) => {
      if (how === 'instead') return junk
      const copy = structuredClone(value)
      const places = placesOf(copy)
      if (places.length === 0) return junk
      const [holder, key] = places[at % places.length]!
      if (how === 'replace') holder[key] = junk
      else if (how === 'leave out') delete holder[key]
      else Object.defineProperty(holder, '__proto__', { value: junk, enumerable: true, configurable: true })
      return copy
    })
}

function placesOf(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null) return []
  const holder = value as Record<string, unknown>
  return Object.keys(holder).flatMap((key) => [
    [holder, key] as [Record<string, unknown>, string],
    ...placesOf(holder[key]),
  ])
}
