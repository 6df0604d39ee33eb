import { describe, expect, it } from 'vitest'
import { createLog } from './log.ts'
import { testTrace } from './testing/platform.ts'
import { continued, spanIdOf, traceIdOf } from './trace.ts'

function written(...given: Parameters<ReturnType<typeof createLog>>): Record<string, unknown> {
  const lines: string[] = []
  createLog({ service: 'orders', projectId: 'p', write: (line) => lines.push(line) })(...given)
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0]!) as Record<string, unknown>
}

describe('a line of the log', () => {
  it('is JSON as Cloud Logging reads it, with the trace', () => {
    expect(written('INFO', 'order.placed', { correlationId: 'o-1', traceparent: testTrace })).toMatchObject({
      severity: 'INFO',
      message: 'order.placed',
      service: 'orders',
      correlationId: 'o-1',
      'logging.googleapis.com/trace': `projects/p/traces/${traceIdOf(testTrace)}`,
      'logging.googleapis.com/spanId': spanIdOf(testTrace),
    })
  })

  it('tells where an error came from', () => {
    expect(written('ERROR', 'request.failed', { error: new TypeError('oops') })['error']).toMatch(
      /TypeError: oops\n +at /,
    )
  })

  it('is one line whatever is in it', () => {
    expect(written('INFO', 'a\nb', { text: 'c\nd' })).toMatchObject({ message: 'a\nb', text: 'c\nd' })
  })
})

describe('a trace', () => {
  it('goes on with a span of its own', () => {
    const next = continued(testTrace)
    expect(traceIdOf(next)).toBe(traceIdOf(testTrace))
    expect(spanIdOf(next)).not.toBe(spanIdOf(testTrace))
    expect(next.endsWith('-01')).toBe(true)
  })

  it.each([
    undefined,
    '',
    'hello',
    testTrace.toUpperCase(),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    testTrace.replace('00-', 'ff-'),
  ])('begins anew when %j came', (broken) => {
    const fresh = continued(broken)
    expect(fresh).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
    expect(traceIdOf(fresh)).not.toMatch(/^0+$/)
    expect(traceIdOf(fresh)).not.toBe(traceIdOf(testTrace))
  })
})
