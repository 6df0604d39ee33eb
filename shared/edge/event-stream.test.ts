/** A stream of server-sent events, on a virtual clock: what it sends, how it is resumed, and when it ends. */

import { Hono } from 'hono'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Refused, Unavailable } from '../base/errors.ts'
import { answerProblem } from '../http/http.ts'
import type { EventList } from '../service/operation-context.ts'
import { createEventStreams, HEARTBEAT_MS, POLL_MS, STREAM_MS, STREAMS, STREAMS_PER_CALLER } from './event-stream.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const events = (...ids: string[]): EventList['events'] => ids.map((id) => ({ id, data: { of: id } }))

function started(read: () => EventList) {
  const logged: string[] = []
  let stopping = false
  let readings = 0
  const open = createEventStreams({
    log: (severity, event) => void logged.push(`${severity} ${event}`),
    isStopping: () => stopping,
  })
  const http = new Hono()
  http.onError((error, c) => answerProblem(c, error))
  http.get('/events', (c) => {
    c.set('subject', c.req.header('subject') ?? 'jo')
    return open(c, async () => {
      readings += 1
      return read()
    })
  })
  const request = async (headers: Record<string, string> = {}) => http.request('/events', { headers })
  const head = async (headers: Record<string, string> = {}) => http.request('/events', { method: 'HEAD', headers })
  return { request, head, logged, stop: () => void (stopping = true), readings: () => readings }
}

/** Reads as a client does: `text` is all that has come. */
function client(response: Response) {
  const reader = response.body!.getReader()
  const read = { text: '', ended: false, leave: () => reader.cancel() }
  const more = async (): Promise<void> => {
    const { done, value } = await reader.read()
    if (done) read.ended = true
    else {
      read.text += new TextDecoder().decode(value)
      await more()
    }
  }
  void more().catch(() => {})
  return read
}
const framed = (id: string, count: number): string => `id: ${id}~${count}\ndata: {"of":"${id}"}\n\n`
const retry = 'retry: 1000\n\n'
const end = 'event: end\ndata: {}\n\n'

it('sends the events there are, then each that follows once, and ends with the list', async () => {
  let list: EventList = { events: events('a'), isComplete: false }
  const { request } = started(() => list)
  const response = await request()
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const read = client(response)
  await vi.advanceTimersByTimeAsync(POLL_MS * 2)
  expect(read.text).toBe(retry + framed('a', 1))
  // An event that arrives late stands before those that were sent.
  list = { events: events('late', 'a', 'b'), isComplete: true }
  await vi.advanceTimersByTimeAsync(POLL_MS)
  expect([read.text, read.ended]).toEqual([retry + framed('a', 1) + framed('late', 2) + framed('b', 3) + end, true])
})

it.each([
  ['b~2', 'c'],
  // Between them something was inserted: the client has two, and three precede its last.
  ['c~2', 'a b c'],
  ['unknown~1', 'a b c'],
  ['b', 'a b c'],
  [`${'x'.repeat(1_000)}~1`, 'a b c'],
])('resumed after %s, it sends %s', async (lastEventId, sent) => {
  const { request } = started(() => ({ events: events('a', 'b', 'c'), isComplete: true }))
  const read = client(await request({ 'last-event-id': lastEventId }))
  await vi.advanceTimersByTimeAsync(0)
  expect([...read.text.matchAll(/^id: (\w+)~/gm)].map(([, id]) => id).join(' ')).toBe(sent)
  expect(read.ended).toBe(true)
})

it('resumed after the last event of a complete list, it is answered 204, so that browsers stop', async () => {
  const { request } = started(() => ({ events: events('a', 'b'), isComplete: true }))
  expect((await request({ 'last-event-id': 'b~2' })).status).toBe(204)
})

it('without an event it sends a comment, ends before Cloud Run would cut it, and asks no more', async () => {
  const { request, readings } = started(() => ({ events: [], isComplete: false }))
  const read = client(await request())
  await vi.advanceTimersByTimeAsync(HEARTBEAT_MS)
  expect(read.text).toBe(`${retry}: no event yet\n\n`)
  await vi.advanceTimersByTimeAsync(STREAM_MS - HEARTBEAT_MS - POLL_MS)
  expect(read.ended).toBe(false)
  await vi.advanceTimersByTimeAsync(POLL_MS)
  expect(read.ended).toBe(true)
  expect(STREAM_MS).toBeLessThan(60_000)
  const requested = readings()
  expect(requested).toBe(STREAM_MS / POLL_MS)
  await vi.advanceTimersByTimeAsync(STREAM_MS)
  expect(readings()).toBe(requested)
})

it('a caller has a number of open streams; each is free again when its client hangs up or it ends', async () => {
  const { request, readings } = started(() => ({ events: events('a'), isComplete: false }))
  const open = []
  for (let at = 0; at < STREAMS_PER_CALLER; at++) open.push(client(await request()))
  const refused = await request()
  expect([refused.status, await refused.json(), refused.headers.get('retry-after')]).toMatchObject([
    429,
    { code: 'rate-limited' },
    '1',
  ])
  expect((await request({ subject: 'someone' })).status).toBe(200)
  await open[0]!.leave()
  await vi.advanceTimersByTimeAsync(0)
  const before = readings()
  expect((await request()).status).toBe(200)
  await vi.advanceTimersByTimeAsync(POLL_MS)
  // The stream whose client hung up asks no more: of six that were begun, five are open.
  expect(readings() - before).toBe(1 + STREAMS_PER_CALLER + 1)
  await vi.advanceTimersByTimeAsync(STREAM_MS)
  for (let at = 0; at < STREAMS_PER_CALLER; at++) expect((await request()).status).toBe(200)
})

it('HEAD is answered as GET, and opens no stream', async () => {
  const { request, head, readings } = started(() => ({ events: events('a'), isComplete: true }))
  for (let at = 0; at < STREAMS_PER_CALLER; at++) {
    const { status, headers } = await head()
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
  }
  expect((await head({ 'last-event-id': 'a~1' })).status).toBe(204)
  const before = readings()
  await vi.advanceTimersByTimeAsync(STREAM_MS)
  expect(readings()).toBe(before)
  expect((await request()).status).toBe(200)
})

it('HEAD leaves the streams of its caller to GET', async () => {
  const { request, head } = started(() => ({ events: [], isComplete: false }))
  for (let at = 0; at <= STREAMS_PER_CALLER; at++) expect((await head()).status).toBe(200)
  expect((await request()).status).toBe(200)
})

it('an instance has a number of open streams', async () => {
  const { request } = started(() => ({ events: [], isComplete: false }))
  for (let at = 0; at < STREAMS; at++) expect((await request({ subject: `c-${at}` })).status).toBe(200)
  const refused = await request({ subject: 'one-more' })
  expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'overloaded' }])
})

it('a reading that fails at first is the answer, and holds no stream open', async () => {
  const { request } = started(() => {
    throw new Refused('not-found', 'There is no such list.')
  })
  for (let at = 0; at <= STREAMS_PER_CALLER; at++) expect((await request()).status).toBe(404)
})

it('later, one that is unavailable is tried again, and any other failure ends the stream and is logged', async () => {
  let read = (): EventList => ({ events: events('a'), isComplete: false })
  const { request, logged } = started(() => read())
  const streamed = client(await request())
  read = () => {
    throw new Unavailable('The service is away.')
  }
  await vi.advanceTimersByTimeAsync(POLL_MS * 3)
  read = () => ({ events: events('a', 'b'), isComplete: false })
  await vi.advanceTimersByTimeAsync(POLL_MS)
  expect([streamed.text, streamed.ended, logged]).toEqual([retry + framed('a', 1) + framed('b', 2), false, []])
  read = () => {
    throw new TypeError('a bug')
  }
  await vi.advanceTimersByTimeAsync(POLL_MS)
  expect([streamed.ended, logged]).toEqual([true, ['ERROR stream.failed']])
})

it('an instance that stops ends its streams, and clients resume at another', async () => {
  const { request, stop } = started(() => ({ events: events('a'), isComplete: false }))
  const read = client(await request())
  await vi.advanceTimersByTimeAsync(POLL_MS)
  stop()
  await vi.advanceTimersByTimeAsync(POLL_MS)
  expect([read.text, read.ended]).toEqual([retry + framed('a', 1), true])
})
