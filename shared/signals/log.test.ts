import { describe, expect, it } from 'vitest'
import { createLog } from './log.ts'
import { createTracer } from './span.ts'

function written(...given: Parameters<ReturnType<typeof createLog>>): Record<string, unknown> {
  const lines: string[] = []
  createLog({ service: 'orders', projectId: 'p', write: (line) => lines.push(line) })(...given)
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0]!) as Record<string, unknown>
}

describe('a line of the log', () => {
  it('is JSON of Cloud Logging, with trace, span and correlation id of the present work', async () => {
    const inSpan = createTracer({ sampledShare: 0, ended: () => {} })
    await inSpan({ name: 'work', kind: 'consumer', correlationId: 'o-1' }, async ({ context }) => {
      await Promise.resolve()
      expect(written('INFO', 'order.placed')).toMatchObject({
        severity: 'INFO',
        message: 'order.placed',
        service: 'orders',
        correlationId: 'o-1',
        'logging.googleapis.com/trace': `projects/p/traces/${context.traceId}`,
        'logging.googleapis.com/spanId': context.spanId,
        'logging.googleapis.com/trace_sampled': false,
      })
    })
  })

  it('outside of traced work has no trace', () => {
    expect(Object.keys(written('INFO', 'started'))).toEqual(['severity', 'message', 'time', 'service'])
  })

  it('has the stack of an error', () => {
    expect(written('ERROR', 'request.failed', { error: new TypeError('oops') })['error']).toMatch(
      /TypeError: oops\n +at /,
    )
  })

  it.each<[string, Record<string, unknown>]>([
    ['a text', { reason: 'x'.repeat(900_000) }],
    ['a text inside another field', { event: { data: { addressRef: '\u{1F600}'.repeat(500_000) } } }],
    ['an error', { error: new Error('y'.repeat(900_000)) }],
    ['the cause of an error inside a list', { errors: Array.from({ length: 9 }, () => new Error('z'.repeat(9_000))) }],
    ['many fields', Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`field-${at}`, at]))],
  ])('has a bounded length with %s from an untrusted client', (_, fields) => {
    const line = JSON.stringify(written('INFO', 'message.refused', fields))
    expect(line.length).toBeLessThan(33_000)
    expect(line.isWellFormed()).toBe(true)
    expect(line).not.toMatch(/\\ud83d"/)
  })

  it('is a single line, also with line breaks in its fields', () => {
    expect(written('INFO', 'a\nb', { text: 'c\nd' })).toMatchObject({ message: 'a\nb', text: 'c\nd' })
  })
})
