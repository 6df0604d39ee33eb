import { describe, expect, it } from 'vitest'
import type { LogLine, Span } from './spans.ts'
import { waterfall } from './waterfall.ts'

const span = (
  spanId: string,
  parentSpanId: string | undefined,
  startMs: number,
  durationMs: number,
  more: object = {},
): Span => ({
  traceId: 't',
  spanId,
  ...(parentSpanId === undefined ? {} : { parentSpanId }),
  service: 'orders',
  name: spanId,
  kind: 'consumer',
  startMs,
  durationMs,
  attributes: {},
  ...more,
})
const line = (spanId: string, message: string, more: object = {}): LogLine => ({
  time: '',
  severity: 'INFO',
  message,
  service: 'orders',
  spanId,
  ...more,
})
const drawn = (text: string): string[] => text.split('\n').map((one) => /[·█]{30}/.exec(one)?.[0] ?? '')

describe('a waterfall', () => {
  it('draws each span under its parent, by time, and log lines under their span', () => {
    const spans = [
      span('later', 'root', 60, 40, { error: 'gone', attributes: { 'millrace.attempt': 2 } }),
      span('root', undefined, 0, 100),
      span('first', 'root', 10, 50, { attributes: { 'millrace.attempt': 1 } }),
    ]
    const text = waterfall(spans, [
      line('first', 'order.placed'),
      line('later', 'message.retry-later', { reason: 'gone' }),
    ])
    expect(text.split('\n').map((one) => one.replaceAll(/ +/g, ' '))).toEqual([
      'orders root 0 ms 100 ms ██████████████████████████████ ok',
      'orders first 10 ms 50 ms ···███████████████············ #1 ok',
      ' INFO order.placed',
      'orders later 60 ms 40 ms ··················████████████ #2 FAILED gone',
      ' INFO message.retry-later reason=gone',
    ])
  })

  it('shortens a long pause, so that the other spans stay wider than one column', () => {
    const spans = [span('root', undefined, 0, 100), span('half', 'root', 0, 50), span('timer', 'root', 90_000, 10)]
    const [root, half, timer] = drawn(waterfall(spans, []))
    expect(root!.indexOf('·')).toBeGreaterThan(20)
    expect(half!.indexOf('·')).toBeGreaterThan(10)
    expect(timer!.endsWith('█')).toBe(true)
  })

  it('keeps spans without a parent and log lines without a span', () => {
    const text = waterfall([span('orphan', 'gone', 5, 0)], [line('gone', 'hello')])
    expect(text).toContain('orphan')
    expect(text).toContain('INFO hello  (its span is missing)')
    expect(text).not.toContain('NaN')
  })
})
