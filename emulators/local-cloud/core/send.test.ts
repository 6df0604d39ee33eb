import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { send } from './send.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/path?a=1`
}
const post = (url: string, more: object = {}) =>
  send(url, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'x-one': '1' },
    body: 'ü',
    signal: new AbortController().signal,
    redirect: 'manual',
    ...more,
  })

it('sends method, headers and body, and returns status and headers', async () => {
  const seen: unknown[] = []
  const url = await serve((request, response) => {
    request.setEncoding('utf8')
    let body = ''
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      seen.push([request.method, request.url, request.headers['x-one'], request.headers['content-length'], body])
      response.writeHead(302, { location: '/elsewhere', 'Retry-After': '7' }).end('never read')
    })
  })
  const { status, headers } = await post(url)
  expect([status, headers.get('retry-after'), headers.get('x-none')]).toEqual([302, '7', null])
  expect(seen).toEqual([['POST', '/path?a=1', '1', '2', 'ü']])
})

it('reuses a connection', async () => {
  const ports = new Set<number>()
  const url = await serve((request, response) => {
    ports.add(request.socket.remotePort!)
    request.resume().on('end', () => response.end('x'.repeat(100_000)))
  })
  for (let at = 0; at < 5; at++) await post(url)
  expect(ports.size).toBe(1)
})

it('rejects when no server listens, when the answer breaks off, and when it is aborted', async () => {
  await expect(post('http://127.0.0.1:1/')).rejects.toThrow('ECONNREFUSED')
  const broken = await serve((_, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('x')
    setImmediate(() => response.destroy())
  })
  await expect(post(broken)).rejects.toThrow()
  const controller = new AbortController()
  const silent = await serve(() => controller.abort(new Error('too late')))
  await expect(post(silent, { signal: controller.signal })).rejects.toThrow()
})
