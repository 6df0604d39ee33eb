import { describe, expect, it } from 'vitest'
import { childOf, parseTrace, traceparentOf } from './trace.ts'

const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

describe('a traceparent', () => {
  it('is read and written', () => {
    const context = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true }
    expect(parseTrace(valid)).toEqual(context)
    expect(traceparentOf(context)).toBe(valid)
    expect(parseTrace(valid.replace(/01$/, '00'))).toEqual({ ...context, sampled: false })
  })

  it.each([
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03',
    valid.replace('00-', '42-'),
    `${valid.replace('00-', '42-')}-more`,
  ])('of a later version or with other flags is parsed in its known parts: %s', (later) => {
    expect(parseTrace(later)).toEqual(parseTrace(valid))
  })

  it.each([
    undefined,
    '',
    'hello',
    valid.toUpperCase(),
    valid.replace('00-', 'ff-'),
    `${valid}-more`,
    `${valid}0`,
    ` ${valid}`,
    `${valid},${valid}`,
    valid.slice(0, -1),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
    'é'.repeat(10_000),
  ])('that is malformed is ignored: %s', (broken) => {
    expect(parseTrace(broken)).toBeUndefined()
  })

  it('of a decision is derived from its cause and in the same trace', () => {
    const id = 'b1946ac9-2492-8d23-87e4-2e9a4b1c0f11'
    expect(childOf(valid, id)).toBe('00-0af7651916cd43dd8448eb211c80319c-b1946ac924928d23-01')
    // A cause without a trace gives a derived, sampled trace.
    expect(childOf('hello', id)).toBe('00-b1946ac924928d2387e42e9a4b1c0f11-b1946ac924928d23-01')
  })
})
