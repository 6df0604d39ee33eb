/** The versions of an operation are those that its declaration names. */

import { expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../contracts/contract.ts'
import { apisFor } from './define-api.ts'
import { shaped, upcastBody } from './earlier-version.ts'
import { servedBy } from './versions.ts'

const contracts = defineContracts({
  service: 'seats',
  events: {},
  commands: {
    TakeSeat: {
      version: 1,
      data: z.strictObject({ seat: z.string(), guests: z.array(z.string()) }),
      example: { seat: 'a', guests: ['b'] },
    },
  },
  queries: {
    readSeat: {
      method: 'get',
      path: '/seats/{seat}',
      parameters: { seat: z.string() },
      answers: { 200: z.object({ row: z.int(), place: z.int() }) },
    },
  },
})
const defineApi = apisFor<'guest', 'guests'>()
const common = { summary: 'See', access: 'guests' } as const
const read = { ...common, answers: { 200: 'It.' } } as const
const v1 = z.object({ name: z.string() })

it('a former version has the name, the path, the shapes and the deprecation of its own, and all else of the newest', () => {
  const api = defineApi(contracts, ({ asks }) => ({
    readSeat: asks('readSeat', {
      ...read,
      path: '/v3/seats/{seat}',
      notFor: { guest: 'No.' },
      earlier: [
        {
          path: '/v1/seats/{seat}',
          deprecated: { since: '2026-01-01' },
          answers: {
            200: shaped(v1, ({ row, place }: { row: number; place: number }) => ({ name: `${row}-${place}` })),
          },
        },
        { path: '/v2/seats/{seat}' },
      ],
    }),
  }))
  const served = servedBy(api)
  expect(served.map(({ id, method, path }) => [id, method, path])).toEqual([
    ['readSeat', 'get', '/v3/seats/{seat}'],
    ['readSeatV1', 'get', '/v1/seats/{seat}'],
    ['readSeatV2', 'get', '/v2/seats/{seat}'],
  ])
  const [newest, first, second] = served.map(({ describe }) => describe())
  expect(first).toEqual({
    ...newest,
    path: '/v1/seats/{seat}',
    answers: { 200: ['It.', v1] },
    deprecated: { since: '2026-01-01', successor: '/v3/seats/{seat}' },
  })
  expect(second).toEqual({ ...newest, path: '/v2/seats/{seat}', deprecated: undefined })
})

it.each([
  ['/v2/seats/{seat}', '/v2/rows/{seat}', 'is no earlier version'],
  ['/v2/seats/{seat}', '/v3/seats/{seat}', 'is no earlier version'],
  ['/v2/seats/{seat}', '/v1/seats/{place}', 'has other parameters than /v2/seats/{seat}'],
  ['/seats/{seat}', '/v1/seats/{seat}', 'has versions, and /seats/{seat} names none'],
] as const)('of %s, the version %s is refused', (path, earlier, fault) => {
  const one = { ...read, path, earlier: [{ path: earlier }] }
  const api = { operations: { one: { ...one, method: 'get', isHandled: true, describe: () => one } } }
  expect(() => servedBy(api as unknown as Parameters<typeof servedBy>[0])).toThrow(fault)
})

it('a shape that the answer does not fit, and an upcaster that misses the body, do not compile', () => {
  defineApi(contracts, ({ asks }) => ({
    readSeat: asks('readSeat', {
      ...read,
      path: '/v2/seats/{seat}',
      shapes: { 200: shaped(z.object({ at: z.string() }), ({ row }: { row: number }) => ({ at: `${row}` })) },
      earlier: [
        // @ts-expect-error the newest version has `at` alone
        { path: '/v1/seats/{seat}', answers: { 200: shaped(v1, ({ row }: { row: number }) => ({ name: `${row}` })) } },
      ],
    }),
    readRow: asks('readSeat', {
      ...read,
      path: '/v2/rows/{seat}',
      // @ts-expect-error `of` is no text
      shapes: { 200: shaped(z.object({ of: z.string() }), ({ row }: { row: number }) => ({ of: row })) },
    }),
  }))
  // @ts-expect-error there is no field `guest`
  upcastBody(z.object({ name: z.string() }), ({ guest }) => ({ guests: [guest] }))
})
