/**
 * Answers with server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): the events of a list that grows,
 * each with an id by which a client resumes. A stream outlives the deadline of requests, and ends before Cloud Run cuts it.
 */

import type { Context } from 'hono'
import { outsideRequest, withDeadline } from '../base/deadline.ts'
import { Limited, Unavailable } from '../base/errors.ts'
import type { EventList } from '../service/operation-context.ts'
import type { Log } from '../signals/log.ts'
import { createSlots } from './slots.ts'

/** Open streams of one caller at one instance, and of all its callers: beside the requests in flight they are below Cloud Run's maximum. */
export const STREAMS_PER_CALLER = 4
export const STREAMS = 40
/** Cloud Run ends an answer after 60 s. The client resumes. */
export const STREAM_MS = 50_000
/** The time between two readings of the list, and for one of them. */
export const POLL_MS = 1_000
const READ_MS = 5_000
/** Without an event for so long, a comment keeps proxies from closing the connection. */
export const HEARTBEAT_MS = 15_000
/** The time after which a client resumes a stream that has ended. */
const RETRY_MS = 1_000
const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8' }

declare module 'hono' {
  interface ContextVariableMap {
    /** How the request wants the events of its stream; absent: their data as it is. */
    eventFrames?: EventFrames
  }
}

export interface EventFrames {
  /** The lines of an event behind its id. */
  event(data: object): Promise<string>
  /** The event that says that none follows. */
  readonly end: string
}

const plainFrames: EventFrames = {
  event: async (data) => `data: ${JSON.stringify(data)}\n`,
  end: 'event: end\ndata: {}\n\n',
}

interface Parts {
  readonly log: Log
  /** The instance got SIGTERM: streams end, and clients resume at another one. */
  isStopping(): boolean
}

/** @throws Limited when the caller, or the instance, has too many open streams; what the first reading throws */
export type OpenStream = (c: Context, read: () => Promise<EventList>) => Promise<Response>

export function createEventStreams({ log, isStopping }: Parts): OpenStream {
  const own = createSlots(STREAMS_PER_CALLER)
  const all = createSlots(STREAMS)
  const take = (caller: string): (() => void) => {
    const leaveOwn = own.take(caller)
    if (!leaveOwn) throw new Limited(`This caller has ${STREAMS_PER_CALLER} open streams: close one, or retry.`, 1)
    const leave = all.take('all')
    if (leave)
      return () => {
        leaveOwn()
        leave()
      }
    leaveOwn()
    throw new Limited('This instance has too many open streams: retry in 1 s.', 1, 'overloaded')
  }
  return async (c, read) => {
    // Its body is never read and never ended: a stream would hold its slot until its time is up.
    if (c.req.method === 'HEAD') return answerHead(c, await read())
    const leave = take(c.get('subject') ?? c.get('address') ?? '')
    try {
      const first = await read()
      const sent = sentBefore(first, c.req.header('last-event-id'))
      if (hasAll(first, sent)) {
        leave()
        return c.body(null, 204)
      }
      const stop = new AbortController()
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          const spelling = c.get('eventFrames') ?? plainFrames
          const write = (text: string): void => controller.enqueue(new TextEncoder().encode(text))
          const frames = { spelling, write, first, sent }
          const work = outsideRequest(() => follow(read, frames, { signal: stop.signal, log, isStopping }))
          void work.finally(leave).then(() => stop.signal.aborted || controller.close())
        },
        cancel: () => stop.abort(),
      })
      return c.body(body, 200, STREAM_HEADERS)
    } catch (error) {
      leave()
      throw error
    }
  }
}

function answerHead(c: Context, list: EventList): Response {
  const isOver = hasAll(list, sentBefore(list, c.req.header('last-event-id')))
  return isOver ? c.body(null, 204) : c.body(null, 200, STREAM_HEADERS)
}

/** A client that has it all would resume for ever: by 204 a browser stops. */
const hasAll = ({ isComplete, events }: EventList, sent: ReadonlySet<string>): boolean =>
  isComplete && events.length === sent.size

/**
 * The events that a client has which resumes after this id: the event's own, and how many it had. An event that was inserted before
 * it since then is unknown to the client: all are sent again, with the same ids in their data.
 */
function sentBefore({ events }: EventList, lastEventId: string | undefined): Set<string> {
  const [, id, count] = /^([\x21-\x7D]{1,200})~(\d{1,6})$/.exec(lastEventId ?? '') ?? []
  const at = events.findIndex((one) => one.id === id)
  return new Set(at >= 0 && at + 1 === Number(count) ? events.slice(0, at + 1).map((one) => one.id) : [])
}

interface Frames {
  readonly first: EventList
  /** The ids of the events that the client has. */
  readonly sent: Set<string>
  readonly spelling: EventFrames
  write(text: string): void
}

interface Follow extends Parts {
  /** The client hung up. */
  readonly signal: AbortSignal
}

/** Returns when the list is complete, the time is up, the client hung up, or the instance stops. */
async function follow(
  read: () => Promise<EventList>,
  { spelling, first, sent, write }: Frames,
  { signal, log, isStopping }: Follow,
) {
  const endMs = performance.now() + STREAM_MS
  let wroteMs = performance.now()
  write(`retry: ${RETRY_MS}\n\n`)
  for (let list = first; ;) {
    for (const { id, data } of list.events) {
      if (sent.has(id)) continue
      sent.add(id)
      write(`id: ${id}~${sent.size}\n${await spelling.event(data)}\n`)
      wroteMs = performance.now()
    }
    if (list.isComplete) return write(spelling.end)
    if (performance.now() - wroteMs >= HEARTBEAT_MS) {
      write(': no event yet\n\n')
      wroteMs = performance.now()
    }
    await paused(POLL_MS, signal)
    if (signal.aborted || isStopping() || performance.now() >= endMs) return undefined
    try {
      list = await withDeadline(READ_MS, read, { disconnect: signal })
    } catch (error) {
      if (signal.aborted) return undefined
      // The next reading may succeed; after any other failure the client resumes, and gets the problem as an answer.
      if (error instanceof Unavailable) continue
      log('ERROR', 'stream.failed', { error })
      return undefined
    }
  }
}

const paused = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
