import { expect, it } from 'vitest'
import { lineFilter, readable } from './line.ts'

const line = (fields: object): string =>
  JSON.stringify({ time: '2026-01-01T10:20:30.456Z', service: 'seating', ...fields })
const stack = `TypeError: Cannot read properties of undefined (reading 'row')
    at parse (/app/node_modules/zod/parse.js:1:1)
    at rowOf (/app/functions/seating/rows.ts:4:7)
    at take (/app/functions/seating/app.ts:9:3)
    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)`

it('an error is printed with its fields, its message and the frames in own files', () => {
  expect(
    readable(
      'seating',
      line({
        severity: 'ERROR',
        message: 'request.failed',
        correlationId: 't-1',
        path: '/v1/seats',
        error: stack,
        'logging.googleapis.com/spanId': '1',
      }),
    ),
  ).toBe(`10:20:30.456 seating       ERROR   request.failed  t-1
                           path=/v1/seats
                           TypeError: Cannot read properties of undefined (reading 'row')
                               at rowOf (/app/functions/seating/rows.ts:4:7)
                               at take (/app/functions/seating/app.ts:9:3)`)
})

it('a warning is printed with its reason, and an error without own frames with its first frames', () => {
  const dead = line({ severity: 'WARNING', message: 'message.retry-later', attempt: 2, reason: 'seats: no answer' })
  expect(readable('seating', dead).split('\n').slice(1)).toEqual([
    `${' '.repeat(27)}attempt=2`,
    `${' '.repeat(27)}seats: no answer`,
  ])
  const foreign = line({ severity: 'ERROR', message: 'x', error: 'Error: a\nb\n    at c (node:net:1:1)' })
  expect(
    readable('seating', foreign)
      .split('\n')
      .slice(1)
      .map((detail) => detail.slice(27)),
  ).toEqual(['Error: a', 'b', '    at c (node:net:1:1)'])
})

it('a line of information stays one line, and text that is not JSON is unchanged', () => {
  expect(readable('seating', line({ severity: 'INFO', message: 'seat.taken', error: 'a\nb' }))).toBe(
    '10:20:30.456 seating       INFO    seat.taken',
  )
  expect(readable('seating', 'SyntaxError: x')).toBe(`${' '.repeat(13)}seating       SyntaxError: x`)
})

it('a filter keeps lines of at least this level, with this correlation id, that contain this text', () => {
  const info = line({ severity: 'INFO', message: 'seat.taken', correlationId: 't-1' })
  const error = line({ severity: 'ERROR', message: 'message.failed', correlationId: 't-2', error: 'Error: Row 7' })
  const plain = 'SyntaxError: Unexpected token'
  const kept = (filter: Parameters<typeof lineFilter>[0]): string[] => [info, error, plain].filter(lineFilter(filter))
  expect(kept({})).toEqual([info, error, plain])
  // A crash has no severity.
  expect(kept({ level: 'warning' })).toEqual([error, plain])
  expect(kept({ correlationId: 't-1' })).toEqual([info])
  expect(kept({ text: 'row 7' })).toEqual([error])
  expect(kept({ text: 'ERROR', correlationId: 't-1' })).toEqual([])
})

it('refuses a level that there is not', () => {
  expect(() => lineFilter({ level: 'fatal' })).toThrow(
    '"fatal" is not a level. There are: debug, info, notice, warning',
  )
})
