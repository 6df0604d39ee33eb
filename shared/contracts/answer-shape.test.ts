import { expect, it } from 'vitest'
import { z } from 'zod'
import { shapeOf } from './answer-shape.ts'

it.each<[string, z.ZodType, unknown]>([
  ['a fraction of the format float64', z.float64().max(1), 7.5],
  ['a fraction of the format float32', z.float32().max(1), 7.5],
  ['an integer beyond its bounds', z.int32().max(1), 2 ** 40],
  ['a field that a loose object does not name', z.looseObject({ a: z.string().max(1) }), { a: 'aa', b: 1 }],
  [
    'a further field beyond the bounds of its schema',
    z.object({ a: z.string() }).catchall(z.int().max(1)),
    { a: 'aa', b: 2 },
  ],
  ['a loose object within another', z.object({ in: z.array(z.looseObject({})) }), { in: [{ b: 1 }] }],
  [
    'each alternative of a discriminated union',
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('a'), a: z.string().max(1) }),
      z.strictObject({ kind: z.literal('b'), a: z.string(), b: z.int() }),
    ]),
    { kind: 'b', a: 'x', b: 1 },
  ],
])('the shape of an answer keeps %s', (_, schema, value) => {
  expect(shapeOf(schema).parse(value)).toEqual(value)
})

it.each<[string, z.ZodType, unknown]>([
  ['a fraction where the contract has an integer', z.int32(), 1.5],
  ['a further field of another type', z.object({}).catchall(z.int()), { b: 'text' }],
])('the shape of an answer does not accept %s', (_, schema, value) => {
  expect(shapeOf(schema).safeParse(value).success).toBe(false)
})

it('the shape of an answer leaves out a field that a strict object does not name', () => {
  expect(shapeOf(z.strictObject({ a: z.string() })).parse({ a: 'a', b: 1 })).toEqual({ a: 'a' })
})

it('objects that only their strictness tells apart are refused: a shape would take one for the other', () => {
  const either = z.union([z.strictObject({ a: z.string() }), z.strictObject({ a: z.string(), b: z.int() })])
  expect(() => shapeOf(either)).toThrow('z.discriminatedUnion')
})
