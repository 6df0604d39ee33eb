/** Each kind of change that breaks a client is named with its place, and no other is. */

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Operation } from '../service/operation.ts'
import { breaksOf, type Document, type Snapshot, snapshotOf } from './api-snapshot.testing.ts'
import { openApiDocument } from './openapi.ts'

const seat = z.object({
  seat: z.string(),
  row: z.int().optional(),
  kind: z.enum(['stalls', 'box']),
  until: z.iso.datetime(),
  fees: z.record(z.string(), z.int()),
  state: z.discriminatedUnion('is', [
    z.object({ is: z.literal('free') }),
    z.object({ is: z.literal('held'), by: z.string() }),
  ]),
})
const takeSeat: Operation = {
  method: 'post',
  path: '/v1/seats/{seat}',
  parameters: { seat: z.string().max(10), hall: z.enum(['large', 'small']).optional() },
  summary: 'Take a seat',
  access: 'guests',
  body: z.strictObject({
    note: z.string().max(100).optional(),
    guests: z.array(z.strictObject({ name: z.string().min(1) })).max(4),
    price: z.union([z.int(), z.literal('free')]).optional(),
    weight: z.number().min(0).optional(),
    wishes: z.record(z.string(), z.string().max(10)).optional(),
  }),
  answers: { 201: ['Taken.', seat], 204: ['Taken before.'] },
}

function snapshot(changes: Partial<Operation> = {}): Snapshot {
  const document = openApiDocument({
    description: { title: 'The theatre', text: 'Seats.' },
    access: { guests: [], crew: ['usher', 'clerk'], ushers: ['usher'] },
    operations: { takeSeat: { ...takeSeat, ...changes } },
  })
  return snapshotOf(document as unknown as Document)
}
const body = takeSeat.body as z.ZodObject
const breaks = (changes: Partial<Operation>): string[] => breaksOf(snapshot(), snapshot(changes))
const place = 'POST /v1/seats/{seat}'
const guest = z.strictObject({ name: z.string().min(1) })

describe('a change that breaks a client', () => {
  it.each<[string, Partial<Operation>, string[]]>([
    ['another path', { path: '/v2/seats/{seat}' }, [`${place} is gone`]],
    ['another method', { method: 'delete' }, [`${place} is gone`]],
    ['a required key', { requiresIdempotencyKey: true }, [`${place} header Idempotency-Key: is required`]],
    [
      'a parameter that is required, and one that is gone',
      { parameters: { seat: z.string().max(10), block: z.string() } },
      [`${place} query block: is required`, `${place} query hall: is gone`],
    ],
    [
      'a parameter with a smaller bound',
      { parameters: { ...takeSeat.parameters, seat: z.string().max(9) } },
      [`${place} path seat: maxLength is 9, and was 10`],
    ],
    [
      'a parameter with fewer values',
      { parameters: { ...takeSeat.parameters, hall: z.enum(['large']).optional() } },
      [`${place} query hall: takes ["large"], and took ["large","small"]`],
    ],
    [
      'a rule that JSON Schema can not say',
      {
        parameters: { ...takeSeat.parameters, seat: z.string().max(10).refine(Boolean, 'is no seat') },
        body: body.extend({
          guests: z.array(guest.extend({ name: z.string().min(1).refine(Boolean, 'is no name') })).max(4),
          // A field that is new may have any rule.
          tip: z.int().refine(Boolean, 'is no tip').optional(),
        }),
      },
      [
        `${place} path seat: refuses what it took: "is no seat"`,
        `${place} body.guests[].name: refuses what it took: "is no name"`,
      ],
    ],
    [
      'a parameter of another pattern',
      {
        parameters: {
          ...takeSeat.parameters,
          seat: z
            .string()
            .max(10)
            .regex(/^[A-Z]+$/),
        },
      },
      [`${place} path seat: pattern is "^[A-Z]+$", and was undefined`],
    ],
    ['a field that is required', { body: body.required({ note: true }) }, [`${place} body.note: is required`]],
    ['a field that is gone', { body: body.omit({ note: true }) }, [`${place} body.note: is gone`]],
    [
      'a field of another type',
      { body: body.extend({ note: z.int().optional() }) },
      [
        `${place} body.note: maximum is 9007199254740991, and was undefined`,
        `${place} body.note: minimum is -9007199254740991, and was undefined`,
        `${place} body.note: type is "integer", and was "string"`,
      ],
    ],
    [
      'a shorter list',
      { body: body.extend({ guests: z.array(guest).max(3) }) },
      [`${place} body.guests: maxItems is 3, and was 4`],
    ],
    [
      'a bound deep in a list',
      { body: body.extend({ guests: z.array(guest.extend({ name: z.string().min(2) })).max(4) }) },
      [`${place} body.guests[].name: minLength is 2, and was 1`],
    ],
    [
      'fewer kinds of values',
      { body: body.extend({ price: z.int().optional() }) },
      [`${place} body.price: takes fewer kinds of values`],
    ],
    ['an answer that is gone', { answers: { 201: takeSeat.answers[201]! } }, [`${place} answer 204: is gone`]],
    [
      'a field of an answer that is gone, and one that may be missing',
      { answers: { ...takeSeat.answers, 201: ['Taken.', seat.omit({ row: true }).partial({ seat: true })] } },
      [`${place} answer 201.seat: may be missing`, `${place} answer 201.row: is gone`],
    ],
    [
      'a field of an answer with other values',
      { answers: { ...takeSeat.answers, 201: ['Taken.', seat.extend({ kind: z.enum(['floor']) })] } },
      [`${place} answer 201.kind: has none of its values`],
    ],
    [
      'a field of an answer with another type',
      { answers: { ...takeSeat.answers, 201: ['Taken.', seat.extend({ seat: z.int() })] } },
      [`${place} answer 201.seat: type is "integer", and was "string"`],
    ],
    [
      'a number that is bounded without the bound itself',
      { body: body.extend({ weight: z.number().gt(0).optional() }) },
      [`${place} body.weight: exclusiveMinimum is 0, and was undefined`],
    ],
    [
      'a keyword of which it is not known what it takes',
      { body: body.extend({ weight: z.number().min(0).multipleOf(0.5).optional() }) },
      [`${place} body.weight: multipleOf is 0.5, and was undefined`],
    ],
    [
      'the values of a map',
      { body: body.extend({ wishes: z.record(z.string(), z.string().max(9)).optional() }) },
      [`${place} body.wishes{}: maxLength is 9, and was 10`],
    ],
    [
      'a field of an answer in another format',
      { answers: { ...takeSeat.answers, 201: ['Taken.', seat.extend({ until: z.iso.date() })] } },
      [`${place} answer 201.until: format is "date", and was "date-time"`],
    ],
    [
      'the values of a map of an answer',
      { answers: { ...takeSeat.answers, 201: ['Taken.', seat.extend({ fees: z.record(z.string(), z.string()) })] } },
      [`${place} answer 201.fees{}: type is "string", and was "integer"`],
    ],
    [
      'one kind of a union of an answer',
      {
        answers: {
          ...takeSeat.answers,
          201: [
            'Taken.',
            seat.extend({
              state: z.discriminatedUnion('is', [
                z.object({ is: z.literal('free') }),
                z.object({ is: z.literal('held') }),
              ]),
            }),
          ],
        },
      },
      [`${place} answer 201.state: has a further kind of value`],
    ],
  ])('%s', (_, changes, expected) => {
    expect(breaks(changes).toSorted()).toEqual(expected.toSorted())
  })

  it('one of fewer alternatives, and none of more', () => {
    const taking = (pattern: RegExp) => snapshot({ parameters: { seat: z.string().regex(pattern) } })
    const [few, more] = [taking(/^(?:A|B)$/), taking(/^(?:A|B|C)$/)]
    expect([breaksOf(few, more), breaksOf(more, few).length]).toEqual([[], 1])
  })

  it.each<[string, Partial<Operation>, Partial<Operation>, string]>([
    ['a role where every caller was served', {}, { access: 'ushers' }, 'takes the role usher, and took every caller'],
    ['fewer roles', { access: 'crew' }, { access: 'ushers' }, 'takes the role clerk no longer'],
    ['a refused role', {}, { notFor: { clerk: 'No.' } }, 'refuses the role clerk'],
    ['a smaller body', {}, { maxBodyBytes: 1_000 }, 'body: has 1000 bytes at most, and had 1048576'],
    [
      'a missing header',
      { submits: true, answers: { 201: takeSeat.answers[201]! } },
      { answers: { 201: takeSeat.answers[201]! } },
      'answer 201: has no header Location',
    ],
    [
      'an earlier end',
      { deprecated: { since: '2026-01-01', sunset: '2027-01-01' } },
      { deprecated: { since: '2026-01-01', sunset: '2026-12-31' } },
      'ends at 2026-12-31, and was to end at 2027-01-01',
    ],
  ])('%s', (_, was, is, fault) => {
    expect(breaksOf(snapshot(was), snapshot(is))).toContain(`${place} ${fault}`)
  })

  it('an answer that may be older than it was, and none that is newer', () => {
    const reading = (cache?: Operation['cache']) =>
      snapshot({ method: 'get', answers: { 200: ['Yes.', seat] }, ...(cache ? { cache } : {}) })
    const [never, some, more] = [reading(), reading({ seconds: 30 }), reading({ seconds: 31 })]
    const fault = 'GET /v1/seats/{seat} may be 31 s old, and was'
    expect(breaksOf(some, more)).toEqual([`${fault} 30 s at most`])
    expect(breaksOf(never, more)).toEqual([`${fault} 0 s at most`])
    expect([breaksOf(more, some), breaksOf(some, never)]).toEqual([[], []])
    const { cacheSeconds: _, ...former } = never['GET /v1/seats/{seat}']!
    expect(breaksOf({ 'GET /v1/seats/{seat}': former }, more)).toEqual([])
  })

  it('an operation that is gone before its end, and not after it', () => {
    const was = snapshot({ deprecated: { since: '2026-01-01', sunset: '2027-01-01' } })
    expect(breaksOf(was, {}, Date.parse('2026-12-31'))).toEqual([`${place} is gone`])
    expect(breaksOf(was, {}, Date.parse('2027-01-01'))).toEqual([])
  })

  it('a token where none was asked for', () => {
    expect(breaksOf(snapshot({ access: 'public' }), snapshot())).toEqual([`${place} takes a token`])
  })
})

describe('a change that breaks none', () => {
  it.each<[string, Partial<Operation>]>([
    ['none', {}],
    ['other words', { summary: 'Reserve a seat' }],
    ['a further parameter', { parameters: { ...takeSeat.parameters, block: z.string().optional() } }],
    ['a larger bound', { parameters: { ...takeSeat.parameters, seat: z.string().max(11) } }],
    ['a further field', { body: body.extend({ colour: z.string().optional() }) }],
    ['a field that is no longer required', { body: body.partial({ guests: true }) }],
    [
      'a further kind of value',
      { body: body.extend({ price: z.union([z.int(), z.literal(['free', 'half'])]).optional() }) },
    ],
    [
      'a further answer, field and value',
      {
        answers: {
          ...takeSeat.answers,
          200: ['Yes.'],
          201: ['Taken.', seat.extend({ kind: z.enum(['stalls', 'box', 'floor']), colour: z.string() })],
        },
      },
    ],
    ['a refusal', { problems: ['not-found'] }],
    ['no token', { access: 'public' }],
    ['a larger body', { maxBodyBytes: 2 * 1024 * 1024 }],
    ['a deprecation', { deprecated: { since: '2026-01-01', sunset: '2027-01-01' } }],
  ])('%s', (_, changes) => {
    expect(breaks(changes)).toEqual([])
  })

  it('further roles, an end that is later, and a record from before roles were recorded', () => {
    expect(breaksOf(snapshot({ access: 'ushers' }), snapshot({ access: 'crew' }))).toEqual([])
    const ending = (sunset: string) => snapshot({ deprecated: { since: '2026-01-01', sunset } })
    expect(breaksOf(ending('2027-01-01'), ending('2027-02-01'))).toEqual([])
    const { roles: _, maxBodyBytes: __, headers: ___, ...former } = snapshot()[place]!
    expect(breaksOf({ [place]: former }, snapshot({ access: 'ushers' }))).toEqual([])
  })
})
