/** Native gRPC reaches a container as HTTP/2, everything else as HTTP/1.1: asked by clients of other makers. */

import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { Agent, createServer as createHttp1 } from 'node:http'
import { connect, createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeContext } from '../../core/fake-context.testing.ts'
import { sniff } from '../../core/first-bytes.ts'
import { freePort } from '../../core/free-ports.ts'
import type { Instance } from '../process/process.ts'
import type { ServiceResource } from '../values/service.ts'
import { type DataPlane, openDataPlane } from './data-plane.ts'

let plane: DataPlane
let port: number
let isInvoker: boolean
/** The container's own part of a call. */
let onCall: (stream: ServerHttp2Stream) => void
const seen: string[] = []
const closing: (() => void)[] = []

async function startContainer(): Promise<Instance> {
  const http1 = createHttp1((request, response) => {
    seen.push(`HTTP/${request.httpVersion} ${request.url} ${request.headers['x-forwarded-for']}`)
    response.end('ok')
  })
  const http2 = createHttp2()
  http2.on('stream', (stream, headers) => {
    seen.push(`HTTP/2 ${headers[':path']} ${headers['x-forwarded-for']}`)
    onCall(stream)
  })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    sniff(socket, (isHttp2) => (isHttp2 ? http2 : http1).emit('connection', socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return {
    pid: 1,
    port: (server.address() as AddressInfo).port,
    agent: new Agent({ keepAlive: true }),
    revision: '1',
    startedAt: '',
    exited: false,
    setCpu: () => {},
    kill: () => Promise.resolve(),
    listens: () => Promise.resolve(true),
    get: () => Promise.resolve({ status: 200, text: '' }),
    stop: () => Promise.resolve(),
  }
}

/** Each message is the text that was sent, as the container sends it back. */
const echo = (stream: ServerHttp2Stream): void => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-own': 'trailer' }))
  stream.pipe(stream)
}

const text = { to: (value: string) => Buffer.from(value), from: (bytes: Buffer) => bytes.toString() }

function grpcCall(deadline?: number): { answer: Promise<{ text: string; trailer: Metadata }>; cancel(): void } {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  closing.push(() => client.close())
  const { promise, resolve, reject } = Promise.withResolvers<{ text: string; trailer: Metadata }>()
  let answered = ''
  const call = client.makeUnaryRequest(
    '/echo.Echo/Say',
    text.to,
    text.from,
    'hello',
    new Metadata(),
    deadline === undefined ? {} : { deadline },
    (error: ServiceError | null, value?: string) => {
      if (error) reject(error)
      answered = value ?? ''
    },
  )
  call.on('status', ({ metadata }) => resolve({ text: answered, trailer: metadata }))
  promise.catch(() => {})
  return { answer: promise, cancel: () => call.cancel() }
}

beforeEach(async () => {
  isInvoker = true
  onCall = echo
  port = await freePort()
  plane = await openDataPlane({
    context: fakeContext({ peers: { iam: { bindings: () => [] } } }).context,
    service: 'echo',
    port,
    idleMs: 60_000,
    withdrawsCpu: false,
    endsSilent: true,
    maxInstances: 1,
    signal: () => Promise.resolve(undefined),
    start: startContainer,
    resource: () =>
      ({
        name: 'services/echo',
        ingress: 'INGRESS_TRAFFIC_ALL',
        invokerIamDisabled: isInvoker,
        template: { maxInstanceRequestConcurrency: 10, containers: [{}] },
      }) as unknown as ServiceResource,
  })
})
afterEach(async () => {
  for (const close of closing.splice(0)) close()
  await plane.close()
  seen.length = 0
})

describe('a call of gRPC', () => {
  it('reaches the container as HTTP/2, and its trailers the caller', async () => {
    const { text: answer, trailer } = await grpcCall().answer
    expect(answer).toBe('hello')
    expect(trailer.get('x-own')).toEqual(['trailer'])
    expect(seen).toEqual(['HTTP/2 /echo.Echo/Say 127.0.0.1'])
  })

  it('that has no grant is refused before a container starts', async () => {
    isInvoker = false
    await expect(grpcCall().answer).rejects.toMatchObject({ code: 7 })
    expect(seen).toEqual([])
  })

  it('that its caller cancels ends at the container', async () => {
    const begun = Promise.withResolvers<ServerHttp2Stream>()
    onCall = (stream) => begun.resolve(stream)
    const { answer, cancel } = grpcCall()
    const stream = await begun.promise
    const closed = new Promise((resolve) => stream.once('close', resolve))
    stream.on('error', () => {})
    cancel()
    await closed
    await expect(answer).rejects.toMatchObject({ code: 1 })
    expect(plane.active()).toBe(0)
  })

  it('whose container breaks off fails, and the next one is answered', async () => {
    onCall = (stream) => stream.session!.destroy()
    await expect(grpcCall().answer).rejects.toMatchObject({ code: 14 })
    onCall = echo
    expect((await grpcCall().answer).text).toBe('hello')
  })
})

describe('another request over HTTP/2', () => {
  it('reaches the container as HTTP/1.1, as gRPC-Web does', async () => {
    const session = connect(`http://127.0.0.1:${port}`)
    closing.push(() => session.destroy())
    const ask = (headers: Record<string, string>): Promise<string> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/v1/things?a=b', ...headers })
        let body = ''
        stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        stream.once('end', () => resolve(body)).once('error', reject)
        stream.end()
      })
    expect(await ask({})).toBe('ok')
    expect(await ask({ ':method': 'POST', 'content-type': 'application/grpc-web+proto' })).toBe('ok')
    expect(seen).toEqual(['HTTP/1.1 /v1/things?a=b 127.0.0.1', 'HTTP/1.1 /v1/things?a=b 127.0.0.1'])
  })

  it('to another name than the port has is refused', async () => {
    const session = connect(`http://127.0.0.1:${port}`)
    closing.push(() => session.destroy())
    const status = await new Promise((resolve) =>
      session
        .request({ ':path': '/', ':authority': 'evil.example.com' })
        .once('response', (headers) => resolve(headers[':status'])),
    )
    expect(status).toBe(421)
  })
})
