import type { Saga } from '../saga/definition.ts'
import { describe, expect, it } from 'vitest'
import { Refused, Unavailable } from '../base/errors.ts'
import type { Commit, StoredStream } from '../messaging/stream-store.ts'
import { message } from '../runtime/deliver.testing.ts'
import { testTrace } from '../runtime/platform.testing.ts'
import { testTelemetry } from './telemetry.testing.ts'
import { INNER_TRACE_HEADER, parseTrace } from '../base/trace.ts'
import { currentSpan } from '../signals/span.ts'
import { createTelemetry, type HttpRequest, traceHeaders, traceparent } from './telemetry.ts'

const parent = parseTrace(testTrace)!
const other = '00-11111111111111111111111111111111-2222222222222222-01'
const cooked = message('meal.cooked', { orderId: 'o-1' }, { correlationId: 'o-1' })
const about = { kind: 'event', type: 'meal.cooked', messageId: 'm-1', attempt: 1, message: cooked } as const

const request = (headers: Readonly<Record<string, string>> = {}, isDelivery = false): HttpRequest => ({
  method: 'POST',
  isDelivery,
  header: (name) => headers[name],
})
const answer = async () => ({ status: 201, route: '/orders' })

describe('an attempt', () => {
  it('is a span whose parent is the span of the sender', async () => {
    const { telemetry, spans, logs, measures } = testTelemetry({ service: 'kitchen' })
    await telemetry.attempt(about, async () => telemetry.handled(cooked))
    expect(spans).toMatchObject([
      {
        name: 'process meal.cooked',
        kind: 'consumer',
        context: { traceId: parent.traceId, sampled: true },
        parentSpanId: parent.spanId,
        attributes: { 'millrace.attempt': 1, 'millrace.correlation_id': 'o-1', 'messaging.message.id': 'm-1' },
      },
    ])
    expect(spans[0]!.error).toBeUndefined()
    expect(logs).toMatchObject([{ severity: 'INFO', event: 'meal.cooked', fields: { correlationId: 'o-1' } }])
    expect(measures).toEqual([])
  })

  it('that repeats another is counted, and has the same parent', async () => {
    const { telemetry, spans, measures } = testTelemetry({ service: 'kitchen' })
    await telemetry.attempt(about, async () => telemetry.retryLater(cooked, new Unavailable('later')))
    await telemetry.attempt({ ...about, attempt: 2 }, async () => telemetry.handled(cooked))
    expect(spans.map(({ attributes, error }) => [attributes['millrace.attempt'], error])).toEqual([
      [1, 'later'],
      [2, undefined],
    ])
    expect(new Set(spans.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([parent.spanId]))
    expect(new Set(spans.map(({ context }) => context.spanId)).size).toBe(2)
    expect(measures).toEqual([
      { name: 'millrace.retries', value: 1, attributes: { service: 'kitchen', kind: 'event' } },
    ])
  })

  it('of an unparseable message continues the trace of its attributes, or begins a trace', async () => {
    const { telemetry, spans, measures } = testTelemetry({ service: 'kitchen' })
    const unread = { kind: 'command', type: 'Cook', messageId: 't-1', attempt: 1 } as const
    await telemetry.attempt({ ...unread, traceparent: testTrace }, async () =>
      telemetry.deadLettered('Cook', 'not JSON'),
    )
    await telemetry.attempt({ ...unread, traceparent: 'hello' }, async () => telemetry.deadLettered('Cook', 'not JSON'))
    expect(spans[0]).toMatchObject({ parentSpanId: parent.spanId, error: 'dead-lettered: not JSON' })
    expect(spans[1]!.parentSpanId).toBeUndefined()
    expect(measures.filter(({ name }) => name === 'millrace.dead_letters')).toEqual(
      [1, 2].map(() => ({ name: 'millrace.dead_letters', value: 1, attributes: { service: 'kitchen', type: 'Cook' } })),
    )
  })

  it('that the rules refuse is no error; one that meets a bug is', async () => {
    const { telemetry, spans, logs } = testTelemetry({ service: 'kitchen' })
    await telemetry.attempt(about, async () => telemetry.refused(cooked, new Refused('not-found', 'no')))
    await telemetry.attempt(about, async () => telemetry.failed(cooked, new TypeError('oops')))
    expect(spans.map(({ error }) => error)).toEqual([undefined, 'oops'])
    expect(spans[0]!.attributes['millrace.refused']).toBe('not-found')
    expect(logs.map(({ severity }) => severity)).toEqual(['WARNING', 'ERROR'])
  })

  it('that throws marks its span as failed, and rethrows', async () => {
    const { telemetry, spans } = testTelemetry({ service: 'kitchen' })
    await expect(telemetry.attempt(about, () => Promise.reject(new Error('gone')))).rejects.toThrow('gone')
    expect(spans[0]!.error).toBe('gone')
  })

  it('of an unsampled trace is not recorded, and the trace stays unsampled', async () => {
    const { telemetry, spans } = testTelemetry({ service: 'kitchen' })
    const quiet = { ...cooked, traceparent: testTrace.replace(/01$/, '00') }
    await telemetry.attempt({ ...about, message: quiet }, async () => {
      expect(parseTrace(traceparent())).toMatchObject({ traceId: parent.traceId, sampled: false })
    })
    expect(spans).toEqual([])
  })
})

describe('nested work', () => {
  it('finds its own span among concurrent ones', async () => {
    const { telemetry } = testTelemetry({ service: 'kitchen' })
    const one = async (id: string): Promise<void> => {
      const mine = message('meal.cooked', {}, { correlationId: id })
      await telemetry.attempt({ ...about, message: mine }, async () => {
        const { spanId } = currentSpan()!.context
        for (let turn = 0; turn < 3; turn++) {
          await new Promise((resolve) => setImmediate(resolve))
          expect([currentSpan()!.correlationId, currentSpan()!.context.spanId]).toEqual([id, spanId])
        }
      })
    }
    await Promise.all(['a', 'b', 'c'].map(one))
    expect(currentSpan()).toBeUndefined()
  })
})

describe('a request', () => {
  it("to an internal service has its caller's span as parent, not the traceparent of Cloud Run", async () => {
    const { telemetry, spans, measures } = testTelemetry({ service: 'orders' })
    await telemetry.request(request({ traceparent: other, [INNER_TRACE_HEADER]: testTrace }), answer)
    expect(spans).toMatchObject([
      { name: 'POST /orders', kind: 'server', context: { traceId: parent.traceId }, parentSpanId: parent.spanId },
    ])
    expect(measures).toMatchObject([
      {
        name: 'http.server.request.duration',
        attributes: { 'http.request.method': 'POST', 'http.route': '/orders', 'http.response.status_code': 201 },
      },
    ])
  })

  it('from outside continues the trace, and can not switch its sampling off', async () => {
    const { telemetry, spans } = testTelemetry({
      service: 'gateway',
      isEdge: true,
      sampledShare: 0.5,
      random: () => 0.4,
    })
    await telemetry.request(
      request({ traceparent: other.replace(/01$/, '00'), [INNER_TRACE_HEADER]: testTrace }),
      answer,
    )
    expect(spans).toMatchObject([{ context: { traceId: '1'.repeat(32), sampled: true } }])
    expect(spans[0]!.parentSpanId).toBeUndefined()

    const rare = testTelemetry({ service: 'gateway', isEdge: true, sampledShare: 0.5, random: () => 0.6 })
    await rare.telemetry.request(request({ traceparent: other }), answer)
    expect(rare.spans).toEqual([])
  })

  it.each(['hello', testTrace.toUpperCase(), `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `${testTrace},${other}`])(
    'with a malformed trace begins a trace: %s',
    async (broken) => {
      for (const isEdge of [true, false]) {
        const { telemetry, spans } = testTelemetry({ service: 'gateway', isEdge })
        await telemetry.request(request({ traceparent: broken, [INNER_TRACE_HEADER]: broken }), answer)
        expect(spans[0]!.context.traceId).toMatch(/^[0-9a-f]{32}$/)
        expect(spans[0]!.context.traceId).not.toBe(parent.traceId)
      }
    },
  )

  it('that fails has an error in its span; one that delivers a message has only the span of its attempt', async () => {
    const { telemetry, spans, measures } = testTelemetry({ service: 'orders' })
    await telemetry.request(request(), async () => ({ status: 503, route: '/orders' }))
    await telemetry.request(request({}, true), async () => ({ status: 204, route: '/events/meal.cooked' }))
    await telemetry.request(request(), async () => ({ status: 404 }))
    expect(spans.map(({ name, error }) => [name, error])).toEqual([
      ['POST /orders', 'answered 503'],
      ['POST', undefined],
    ])
    expect(measures.map(({ attributes }) => attributes['http.route'])).toEqual([
      '/orders',
      '/events/meal.cooked',
      undefined,
    ])
  })
})

describe('a call', () => {
  it('to a service has no span of its own unless it failed, since the callee records one', async () => {
    const { telemetry, spans } = testTelemetry({ service: 'orders' })
    const query = (work: () => Promise<unknown>) => telemetry.query({ service: 'catalog', method: 'GET' }, work)
    await telemetry.attempt(about, async () => {
      await query(async () => undefined)
      await query(() => Promise.reject(new Unavailable('gone'))).catch(() => {})
      expect(parseTrace(traceHeaders()[INNER_TRACE_HEADER])).toEqual(currentSpan()!.context)
    })
    const [failed, attempt] = spans
    expect(spans).toHaveLength(2)
    expect(failed).toMatchObject({
      name: 'GET catalog',
      kind: 'client',
      error: 'gone',
      parentSpanId: attempt!.context.spanId,
    })
  })

  it('to a partner sends its span as traceparent', async () => {
    const { telemetry, spans } = testTelemetry({ service: 'payments' })
    let header = ''
    await telemetry.partner({ operation: 'provider.authorize', server: 'provider.example.com' }, async () => {
      header = traceparent()
      return { status: 402 }
    })
    expect(spans).toMatchObject([{ name: 'provider.authorize', attributes: { 'http.response.status_code': 402 } }])
    expect(parseTrace(header)).toEqual(spans[0]!.context)
  })
})

describe('a commit', () => {
  const commit = (time: string, ...types: string[]): Commit => ({
    cause: 'c',
    time,
    correlationId: 'o-1',
    actor: 'a',
    traceparent: testTrace,
    events: types.map((type) => ({ id: type, type, version: 1, sequence: 1, data: {} })),
    commands: [],
  })
  const stream = (...commits: Commit[]): StoredStream => ({
    id: 'o-1',
    version: commits.length,
    commits,
    size: 0,
    concurrencyToken: 0,
  })
  const saga = {
    name: 'checkout',
    startsOn: 'order.placed',
    endsOn: { 'order.completed': 'completed', 'order.rejected': 'rejected', 'order.expired': 'expired' },
    // Telemetry reads the names of the steps alone.
    definition: { steps: [{ name: 'authorize-payment' }], retired: [] } as unknown as Saga<never>,
    stateIn: () => undefined,
  }
  const placed = commit('2026-01-01T00:00:00.000Z', 'order.placed', 'checkout.progressed')

  it('that ends a saga counts it by outcome, with its time, in log, metrics and span', async () => {
    const { telemetry, spans, logs, measures } = testTelemetry({ service: 'orders', saga })
    await telemetry.attempt(about, async () => {
      telemetry.committed(commit('2026-01-01T00:00:02.500Z', 'note', 'order.completed'), stream(placed))
    })
    expect(measures).toEqual([
      { name: 'millrace.saga.duration', value: 2.5, attributes: { saga: 'checkout', outcome: 'completed' } },
    ])
    expect(logs).toMatchObject([{ event: 'saga.ended', fields: { outcome: 'completed', seconds: 2.5 } }])
    expect(spans[0]).toMatchObject({
      attributes: { 'millrace.outcome': 'completed' },
      events: [{ name: 'committed', attributes: { 'millrace.events': 'note order.completed' } }],
    })
  })

  it.each([
    ['order.rejected', 'card-declined', 'rejected'],
    ['order.rejected', 'authorize-payment-timed-out', 'timed-out'],
    ['order.expired', 'customer-did-not-act', 'expired'],
    // A code of the payment provider.
    ['order.rejected', 'issuer-timed-out', 'rejected'],
  ])("of %s for %s counts as %s, and our own timeout is not a customer's outcome", (type, reason, outcome) => {
    const { telemetry, measures } = testTelemetry({ service: 'orders', saga })
    const end = commit('2026-01-01T00:00:09.000Z', type)
    telemetry.committed({ ...end, events: [{ ...end.events[0]!, data: { orderId: 'o-1', reason } }] }, stream(placed))
    expect(measures.map(({ attributes }) => attributes['outcome'])).toEqual([outcome])
  })

  it('that finds the saga stuck logs a line with step and saga', async () => {
    const { telemetry, logs } = testTelemetry({ service: 'orders', saga })
    const data = {
      sagaId: 'o-1',
      step: 'compensate reserve-stock',
      attempt: 5,
      reason: 'the compensation is not answered',
    }
    const moved = commit('2026-01-01T00:00:09.000Z', 'checkout.progressed', 'saga.stuck')
    await telemetry.attempt({ ...about, kind: 'command', type: 'ContinueCheckout' }, async () =>
      telemetry.committed({ ...moved, events: [moved.events[0]!, { ...moved.events[1]!, data }] }, stream(placed)),
    )
    expect(logs).toEqual([
      expect.objectContaining({ severity: 'ERROR', event: 'saga.stuck', fields: { ...data, correlationId: 'o-1' } }),
    ])
  })

  it('that does not end a saga counts nothing', () => {
    const { telemetry, measures } = testTelemetry({ service: 'orders', saga })
    telemetry.committed(placed, stream())
    testTelemetry({ service: 'other' }).telemetry.committed(placed, stream())
    expect(measures).toEqual([])
  })

  it('by HTTP names the order in the span and in the log, since there is no message', async () => {
    const { telemetry, spans, logs } = testTelemetry({ service: 'orders', saga })
    await telemetry.request(request(), async () => {
      telemetry.committed(placed, stream())
      return { status: 201, route: '/orders' }
    })
    expect(spans[0]!.attributes['millrace.correlation_id']).toBe('o-1')
    expect(logs).toMatchObject([{ event: 'order.placed', fields: { correlationId: 'o-1' } }])
  })
})

describe('an export', () => {
  it('ends before the last request in flight does, and holds up no other', async () => {
    const events: string[] = []
    const telemetry = createTelemetry({
      service: 'kitchen',
      isEdge: false,
      log: () => {},
      sampledShare: 1,
      sink: {
        span: ({ name }) => void events.push(`span ${name}`),
        measure: () => {},
        flush: async () => {
          events.push('flush')
          await Promise.resolve()
          events.push('flushed')
        },
        close: async () => {},
      },
    })
    const slow = Promise.withResolvers<void>()
    const first = telemetry.request(request(), async () => {
      await slow.promise
      return { status: 200, route: '/slow' }
    })
    await telemetry.request(request({}, true), answer)
    events.push('answered')
    expect(events).toEqual(['answered'])
    slow.resolve()
    await first
    events.push('answered')
    expect(events).toEqual(['answered', 'span POST /slow', 'flush', 'flushed', 'answered'])
    // A request that fails has one as well.
    await expect(telemetry.request(request({}, true), () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(events.slice(-2)).toEqual(['flush', 'flushed'])
  })
})
