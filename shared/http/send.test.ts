import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { send } from './send.ts'

let server: Server | undefined
let connections = 0
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serverOf(answer: RequestListener): Promise<string> {
  connections = 0
  const opened = createServer(answer).on('connection', () => (connections += 1))
  server = opened
  await new Promise<void>((resolve) => opened.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(opened.address() as AddressInfo).port}/`
}
const { signal } = new AbortController()
const get = { method: 'GET', headers: {}, signal }

it('sends the body, and resolves with the whole answer, by one connection after the other', async () => {
  const url = await serverOf((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const { method, headers } = request
        const length = headers['content-length']
        response.setHeader('set-cookie', ['a=1', 'b=2'])
        response.writeHead(201, { 'x-one': 'é' }).write(JSON.stringify({ method, length }))
        response.end(Buffer.concat(chunks))
      })
  })
  const post = await send(url, { ...get, method: 'POST', body: '"é"' })
  expect([post.status, post.headers.get('x-one'), post.headers.getSetCookie()]).toEqual([201, 'é', ['a=1', 'b=2']])
  expect(await post.text()).toBe('{"method":"POST","length":"4"}"é"')
  expect(await (await send(url, { ...get, method: 'POST' })).json()).toEqual({ method: 'POST', length: '0' })
  expect(await (await send(url, get)).json()).toEqual({ method: 'GET' })
  expect(connections).toBe(1)
})

it.each([204, 304])('%i has no body', async (status) => {
  const url = await serverOf((_, response) => response.writeHead(status).end())
  expect(await (await send(url, get)).text()).toBe('')
})

it('reads an answer that the end of its connection ends', async () => {
  const url = await serverOf((request) => request.socket.end('HTTP/1.1 200 OK\r\n\r\nwhole'))
  expect(await (await send(url, get)).text()).toBe('whole')
})

describe('on a connection that was kept, and that the server closes as the request comes', () => {
  /** The requests that reached the server after the first one, which has an answer. */
  async function sentTwice(request: Partial<Parameters<typeof send>[1]>) {
    const seen: string[] = []
    const connected = new Map<object, number>()
    const url = await serverOf(({ socket, method = '' }, response) => {
      const before = connected.get(socket) ?? 0
      connected.set(socket, before + 1)
      seen.push(method)
      if (before === 0) response.end('a')
      else socket.destroy()
    })
    await send(url, get)
    const second = await send(url, { ...get, ...request }).then(
      ({ status }) => status,
      (error: Error) => error.name,
    )
    return { seen: seen.slice(1), second, connections }
  }

  it.each<[string, Partial<Parameters<typeof send>[1]>]>([
    ['a request that only reads', {}],
    ['one with an idempotency key', { method: 'POST', body: 'b', headers: { 'idempotency-key': 'k-1' } }],
  ])('sends %s once more, on a new one', async (_name, request) => {
    const { method = 'GET' } = request
    expect(await sentTwice(request)).toEqual({ seen: [method, method], second: 200, connections: 2 })
  })

  it('repeats no request that would have its effect twice', async () => {
    const request = { method: 'POST', body: 'b' }
    expect(await sentTwice(request)).toEqual({ seen: ['POST'], second: 'TypeError', connections: 1 })
  })
})

it.each<[string, RequestListener, object]>([
  ['is broken off', (request) => request.socket.destroy(), { name: 'TypeError' }],
  [
    'ends before its length',
    (request, response) => response.writeHead(200, { 'content-length': '9' }).write('a', () => request.socket.end()),
    { name: 'TypeError' },
  ],
  [
    'changes the protocol',
    (request) => void request.socket.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n'),
    { name: 'TypeError' },
  ],
  ['has more than 8 MiB', (_, response) => response.end(Buffer.alloc(8 * 1024 * 1024 + 1)), { name: 'Error' }],
  ['has no status of HTTP', (_, response) => response.writeHead(999).end('a'), { name: 'TypeError' }],
  [
    'is compressed, which it was not to be',
    (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('a'),
    { message: expect.stringContaining('with the content-encoding "gzip", which is not read') as unknown },
  ],
])('rejects for an answer that %s', async (_name, answer, expected) => {
  const url = await serverOf(answer)
  await expect(send(url, get)).rejects.toMatchObject(expected)
})

it('rejects with the reason of its signal, also while the answer is read', async () => {
  const reason = new Error('The time is up.')
  const ended = new AbortController()
  const url = await serverOf((_, response) => response.writeHead(200).write('a', () => ended.abort(reason)))
  await expect(send(url, { ...get, signal: ended.signal })).rejects.toBe(reason)
  await expect(send(url, { ...get, signal: ended.signal })).rejects.toBe(reason)
})
