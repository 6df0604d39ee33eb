/** A client that has an answer gets no second copy of it, and a condition that no operation checks is refused by name. */

import { serve } from '@hono/node-server'
import { createHash } from 'node:crypto'
import { Agent, get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { answerProblem } from '../http/http.ts'
import type { Operation } from '../service/operation.ts'
import type { OperationContext } from '../service/operation-context.ts'
import { bind, routeRest } from './handle.ts'

const common = { path: '/v1/seats', summary: 'Seats', access: 'public' } as const
const seats = z.object({ seats: z.string() })
const read = { ...common, method: 'get', answers: { 200: ['Seats.', seats], 204: ['None.'] } } as const

function served(operation: Operation, handle: (c: OperationContext) => Response) {
  const http = new Hono()
  http.onError((error, c) => answerProblem(c, error))
  const handled: string[] = []
  const handler = ({ c }: { readonly c: OperationContext }) => {
    handled.push(c.instance)
    c.header('ratelimit', 'r=1')
    return handle(c)
  }
  routeRest(http, operation, bind(operation, handler, {}, { caller: () => Promise.reject(new Error()) }))
  const send = async (headers: Record<string, string> = {}, method: string = operation.method.toUpperCase()) => {
    const response = await http.request('/v1/seats', { method, headers })
    const text = await response.text()
    return { status: response.status, headers: response.headers, etag: response.headers.get('etag'), text }
  }
  return { http, send, handled }
}
const readSeats = served(read, (c) => c.json({ seats: 'änne' }, 200)).send

describe('a JSON answer to a GET', () => {
  it('has the hash of its bytes as a strong tag, whether it is made here or handed on', async () => {
    const { etag, text } = await readSeats()
    expect(text).toBe('{"seats":"änne"}')
    expect(etag).toBe(`"${createHash('sha256').update(Buffer.from(text)).digest('base64url')}"`)
    const handedOn = served(read, (c) => c.checked(text, 200, 'application/json; charset=utf-8'))
    const again = await handedOn.send()
    expect([again.etag, again.text, again.headers.get('content-type')]).toEqual([
      etag,
      text,
      'application/json; charset=utf-8',
    ])
    expect((await served(read, (c) => c.json({ seats: 'anne' }, 200)).send()).etag).not.toBe(etag)
  })

  it.each<[string, (tag: string) => string]>([
    ['its tag', (tag) => tag],
    ['its tag, made weak by a proxy', (tag) => `W/${tag}`],
    ['a list with it', (tag) => `"a,b", W/"c" ,${tag}`],
    ['any', () => ' * '],
  ])('is 304 with the same headers and no body for a client that has %s', async (_, header) => {
    const { etag } = await readSeats()
    const { status, text, headers, etag: again } = await readSeats({ 'if-none-match': header(etag!) })
    expect([status, text, again]).toEqual([304, '', etag])
    expect(headers.get('ratelimit')).toBe('r=1')
  })

  it.each<[string, (tag: string) => string]>([
    ['another tag', () => '"other"'],
    ['its tag without quotes', (tag) => tag.replaceAll('"', '')],
    ['a part of its tag', (tag) => `${tag.slice(0, 9)}"`],
    ['its tag within another', (tag) => `"x${tag.slice(1)}`],
    ['a star in a tag', () => '"*"'],
    ['nothing', () => ''],
  ])('is whole for a client that has %s', async (_, header) => {
    const { etag } = await readSeats()
    const answer = await readSeats({ 'if-none-match': header(etag!) })
    expect([answer.status, answer.text]).toEqual([200, '{"seats":"änne"}'])
  })

  it('has the same tag for HEAD', async () => {
    const { etag } = await readSeats()
    const head = await readSeats({}, 'HEAD')
    expect([head.status, head.etag, head.text]).toEqual([200, etag, ''])
    expect((await readSeats({ 'if-none-match': etag! }, 'HEAD')).status).toBe(304)
  })
})

describe('a read with a cache', () => {
  const kept = { ...read, cache: { seconds: 30 } } as const
  const headersOf = async (handle: (c: OperationContext) => Response, ...request: Parameters<typeof readSeats>) => {
    const { status, headers } = await served(kept, handle).send(...request)
    return [status, headers.get('cache-control'), headers.get('vary')]
  }
  const seen = (c: OperationContext) => c.json({ seats: '' }, 200)

  it('may be kept by its caller alone, with its tag: the answer, that to HEAD, and 304', async () => {
    const { send } = served(kept, seen)
    const { etag, headers } = await send()
    expect(headers.get('cache-control')).toBe('private, max-age=30')
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    expect(await headersOf(seen)).toEqual([200, 'private, max-age=30', 'Authorization'])
    expect(await headersOf(seen, {}, 'HEAD')).toEqual([200, 'private, max-age=30', 'Authorization'])
    expect(await headersOf(seen, { 'if-none-match': etag! })).toEqual([304, 'private, max-age=30', 'Authorization'])
  })

  it.each<[string, (c: OperationContext) => Response, Record<string, string>, number]>([
    ['a problem of its owner', (c) => c.problem({ code: 'sold-out' }, 409), {}, 409],
    ['a failure', () => expect.unreachable(), {}, 500],
    ['a refused condition', seen, { 'if-match': '"a"' }, 400],
    ['an answer without a body', (c) => c.empty(204), {}, 204],
  ])('is not kept where it is %s', async (_, handle, headers, status) => {
    expect(await headersOf(handle, headers)).toEqual([status, null, null])
  })

  it('is kept by none without one', async () => {
    expect((await readSeats()).headers.get('cache-control')).toBeNull()
  })
})

it('over a socket, an answer 304 ends with its headers, and the connection serves the next request', async () => {
  const { http } = served(read, (c) => c.json({ seats: 'änne' }, 200))
  const server = serve({ fetch: http.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  await new Promise((resolve) => void server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const send = async (headers: Record<string, string>) => {
    const options = { port, path: '/v1/seats', headers, agent }
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(options, resolve).once('error', reject)
    })
    const { localPort } = response.socket
    const text = Buffer.concat(await response.toArray()).toString()
    return [response.statusCode, text, response.headers.etag, localPort] as const
  }
  try {
    const [status, text, etag, localPort] = await send({})
    expect([status, text]).toEqual([200, '{"seats":"änne"}'])
    expect(await send({ 'if-none-match': etag! })).toEqual([304, '', etag, localPort])
    expect(await send({})).toEqual([200, text, etag, localPort])
  } finally {
    agent.destroy()
    await new Promise((resolve) => void server.close(resolve))
  }
})

describe('no tag', () => {
  const any = { 'if-none-match': '*' }

  it.each<[string, Operation, (c: OperationContext) => Response, number]>([
    ['without a body', read, (c) => c.empty(204), 204],
    ['that is a problem', read, (c) => c.problem({ code: 'sold-out' }, 409), 409],
    ['that is a page', { ...read, answers: { 200: ['A page.'] } }, (c) => c.checked('<p>', 200, 'text/html'), 200],
  ])('has an answer %s, which is never 304', async (_, operation, handle, status) => {
    const answer = await served(operation, handle).send(any)
    expect([answer.status, answer.etag]).toEqual([status, null])
  })

  it('has the answer to a POST', async () => {
    const post = { ...read, method: 'post', isIdempotent: true } as const
    expect((await served(post, (c) => c.json({ seats: '' }, 200)).send()).etag).toBeNull()
  })
})

describe('an object with a version', () => {
  const seen: (number | undefined)[] = []
  const versioned = z.object({ seats: z.string(), version: z.int().optional() })
  const reading = { ...common, method: 'get', hasVersion: true, answers: { 200: ['Seats.', versioned] } } as const
  const taking = { ...common, method: 'post', isIdempotent: true, checksVersion: true, answers: read.answers } as const
  const { send } = served(taking, (c) => {
    seen.push(c.expectedVersion)
    return c.json({ seats: '' }, 200)
  })

  it('has its version before the hash in its tag, and none while it has no version', async () => {
    const answer = await served(reading, (c) => c.json({ seats: '', version: 7 }, 200)).send()
    expect(answer.etag).toBe(`"7-${createHash('sha256').update(answer.text).digest('base64url')}"`)
    expect((await served(reading, (c) => c.json({ seats: '' }, 200)).send()).etag).toMatch(/^"[\w-]{43}"$/)
  })

  it.each([
    [`"7-${'h'.repeat(43)}"`, 7],
    // A proxy that compresses may append to a tag.
    [`"7-${'h'.repeat(43)}-gzip"`, 7],
    [' "7" ', 7],
    ['*', undefined],
  ])('is named to the handler by If-Match: %s', async (header, version) => {
    seen.length = 0
    expect((await send({ 'if-match': header })).status).toBe(200)
    expect(seen).toEqual([version])
  })

  it.each([
    // The hash of an answer without a version.
    [`"7-${'h'.repeat(41)}"`, 412, 'precondition-failed'],
    ['W/"7"', 412, 'precondition-failed'],
    ['"abc"', 412, 'precondition-failed'],
    ['"0"', 412, 'precondition-failed'],
    ['""', 412, 'precondition-failed'],
    ['"7.5"', 412, 'precondition-failed'],
    [`"${'9'.repeat(400)}"`, 412, 'precondition-failed'],
    ['7', 400, 'invalid-parameter'],
    ['', 400, 'invalid-parameter'],
    ['"7", "8"', 400, 'invalid-parameter'],
  ])('is guarded from %s', async (header, status, code) => {
    seen.length = 0
    const answer = await send({ 'if-match': header })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([status, { code }])
    expect(seen).toEqual([])
  })

  it('is guarded from the conditions that are still unknown', async () => {
    expect((await send({ 'if-unmodified-since': 'Thu, 01 Jan 2026 00:00:00 GMT' })).status).toBe(400)
  })
})

describe('a condition that the operation does not check', () => {
  const post = { ...read, method: 'post', isIdempotent: true } as const

  it.each([
    [read, 'If-Match'],
    [read, 'If-Unmodified-Since'],
    [post, 'If-Match'],
    [post, 'If-Unmodified-Since'],
    [post, 'If-None-Match'],
  ])('is refused by name before the handler runs: %j %s', async (operation, name) => {
    const { send, handled } = served(operation, (c) => c.json({ seats: '' }, 200))
    const { status, text } = await send({ [name]: '*' })
    expect([status, JSON.parse(text)]).toMatchObject([
      400,
      { code: 'unsupported-precondition', detail: expect.stringContaining(`does not check ${name},`) },
    ])
    expect(handled).toEqual([])
  })

  it('may be ignored where it only spares bytes: there is no time of the last change', async () => {
    expect((await readSeats({ 'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT' })).status).toBe(200)
  })
})
