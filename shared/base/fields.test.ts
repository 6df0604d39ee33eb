/** The times that a contract allows: every store reads them as times. */

import { expect, it } from 'vitest'
import { z } from 'zod'
import { timestamp, timestampAtEdge } from './fields.ts'

it.each([
  '2026-01-15T00:00:00Z',
  '2026-01-15T00:00:00.123456+14:00',
  '2026-01-15T00:00:00-14:00',
  '0001-01-01T14:00:00+14:00',
  '9999-12-31T23:59:59.999999Z',
])('%s is a time', (time) => {
  expect(timestamp.safeParse(time).error?.issues ?? []).toEqual([])
  expect(timestampAtEdge.safeParse(time).error?.issues ?? []).toEqual([])
})

it.each(['2026-01-15T00:00:00+14:01', '2026-01-15T00:00:00-15:00', '2026-01-15T00:00:00.5+23:59'])(
  '%s is read where it was recorded, and refused at the edge',
  (time) => {
    expect(timestamp.safeParse(time).error?.issues ?? []).toEqual([])
    expect(timestampAtEdge.safeParse(time).error?.issues.map(({ message }) => message)).toEqual([
      'takes an offset of at most 14 hours',
    ])
  },
)

it.each([
  ['2026-01-15T00:00:00.1234567Z', 'takes at most six digits after the seconds'],
  ['0000-12-31T23:59:59Z', 'takes a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z'],
  ['9999-12-31T23:59:59-01:00', 'takes a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z'],
])('%s is refused: it %s', (time, refusal) => {
  for (const one of [timestamp, timestampAtEdge])
    expect(one.safeParse(time).error?.issues.map(({ message }) => message)).toEqual([refusal])
})

it('the rule of the edge stands in the schema that clients read', () => {
  const { allOf, format } = z.toJSONSchema(timestampAtEdge)
  const taken = (time: string): boolean => allOf!.every(({ pattern }) => new RegExp(pattern!).test(time))
  expect(format).toBe('date-time')
  expect(['Z', '+14:00', '-13:59', '+09:30'].map((offset) => taken(`2026-01-15T00:00:00${offset}`))).not.toContain(
    false,
  )
  expect(['', '+14:01', '-15:00', '+23:59'].map((offset) => taken(`2026-01-15T00:00:00${offset}`))).not.toContain(true)
})
