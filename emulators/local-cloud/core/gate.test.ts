import { v1 } from '@google-cloud/pubsub'
import { credentials } from '@grpc/grpc-js'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { fakePublisher } from './fake-publisher.testing.ts'
import { createLocalCloud, type LocalCloud } from './local-cloud.ts'

const topic = 'projects/p/topics/abc'
const published: unknown[] = []
const publisher = fakePublisher({
  publish(message: unknown) {
    published.push(message)
    return { messageIds: ['1'] }
  },
  getTopic: () => ({ name: topic }),
})
let cloud: LocalCloud
let port: number

beforeAll(async () => {
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  cloud = await createLocalCloud({
    plugins: [publisher],
    project: { id: 'p', number: '1', region: 'r' },
    accounts: [{ email: 'orders@p.iam.gserviceaccount.com', port: 0 }],
  })
  port = cloud.ownerPort
})
afterAll(async () => {
  await cloud.close()
  vi.unstubAllEnvs()
})

interface TestRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** With exactly these headers, `Host` among them. */
function statusOf({
  method = 'POST',
  path = `/v1/${topic}:publish`,
  headers = {},
  body,
}: TestRequest): Promise<number> {
  const all = { host: `127.0.0.1:${port}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', method, path, headers: { ...all, ...headers } }, (answer) => {
      answer.resume()
      resolve(answer.statusCode!)
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

const body = '{"messages":[{"data":"aGk="}]}'
const own = (): string => `http://127.0.0.1:${port}`

describe('a request is admitted', () => {
  it.each<[string, Record<string, () => string>]>([
    ['to the address', {}],
    ['to its name', { host: () => `localhost:${port}` }],
    ['to a name in capitals', { host: () => `LOCALHOST:${port}` }],
    ['to the IPv6 address', { host: () => `[::1]:${port}` }],
    ['with a content type with a charset', { 'content-type': () => 'application/json; charset=utf-8' }],
    ['from a page of this port', { origin: own, 'sec-fetch-site': () => 'same-origin' }],
    ['from the address bar', { 'sec-fetch-site': () => 'none' }],
  ])('%s', async (_, headers) => {
    expect(await statusOf({ body, headers: made(headers) })).toBe(200)
  })

  it('without body and content type', async () => {
    expect(await statusOf({ method: 'GET', path: `/v1/${topic}` })).toBe(200)
  })
})

describe('a request is refused', () => {
  it.each<[string, number, Record<string, () => string>]>([
    ['a name that resolves to loopback', 421, { host: () => `evil.example:${port}` }],
    ['a name that begins like one of loopback', 421, { host: () => `127.0.0.1.evil.example:${port}` }],
    ['another port', 421, { host: () => '127.0.0.1:80' }],
    ['no port', 421, { host: () => '127.0.0.1' }],
    ['credentials before the name', 421, { host: () => `127.0.0.1:${port}@evil.example` }],
    ['a page of another site', 403, { origin: () => 'https://evil.example' }],
    ['a page without an origin', 403, { origin: () => 'null' }],
    ['a page of another port', 403, { origin: () => 'http://127.0.0.1:5173', 'sec-fetch-site': () => 'same-site' }],
    ['a page of the other name', 403, { origin: () => `http://localhost:${port}` }],
    ['an image of another site', 403, { 'sec-fetch-site': () => 'cross-site' }],
    ['a form', 415, { 'content-type': () => 'application/x-www-form-urlencoded' }],
    ['a form with files', 415, { 'content-type': () => 'multipart/form-data; boundary=x' }],
    ['text', 415, { 'content-type': () => 'text/plain;charset=UTF-8' }],
    ['text that mentions JSON', 415, { 'content-type': () => 'text/plain; application/json' }],
    ['no content type', 415, { 'content-type': () => '' }],
  ])('%s', async (_, status, headers) => {
    published.length = 0
    expect(await statusOf({ body, headers: made(headers) })).toBe(status)
    expect(published).toEqual([])
  })

  it('when it has a text body without a length', async () => {
    const headers = { 'transfer-encoding': 'chunked', 'content-type': 'text/plain' }
    expect(await statusOf({ body, headers })).toBe(415)
  })

  it('when it asks for a WebSocket, with an origin or without', async () => {
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
    expect(await statusOf({ method: 'GET', path: '/', headers: upgrade })).toBe(403)
    expect(await statusOf({ method: 'GET', path: '/', headers: { ...upgrade, origin: 'https://evil.example' } })).toBe(
      403,
    )
  })

  it('when it is a preflight', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
    expect(await statusOf({ method: 'OPTIONS', headers })).toBe(403)
  })

  it('when it names no host', async () => {
    const socket = connect(port, '127.0.0.1')
    socket.end(`GET /v1/${topic} HTTP/1.0\r\n\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(String(answer)).toMatch(/^HTTP\/1\.1 421 /)
  })

  it('when it uses the port as a proxy', async () => {
    expect(await statusOf({ method: 'GET', path: `http://evil.example/v1/${topic}` })).toBe(421)
    const socket = connect(port, '127.0.0.1')
    socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    const received: string[] = []
    socket.on('data', (chunk) => received.push(String(chunk)))
    await once(socket, 'close')
    expect(received.join('')).not.toMatch(/ 200 /)
  })
})

describe('gRPC', () => {
  const calling = async (
    options: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<string | undefined> => {
    const client = new v1.PublisherClient({
      projectId: 'p',
      apiEndpoint: '127.0.0.1',
      port,
      sslCreds: credentials.createInsecure(),
      ...options,
    })
    try {
      const [answer] = await client.getTopic({ topic }, { otherArgs: { headers } })
      return answer.name!
    } finally {
      await client.close()
    }
  }

  it('is answered at the address', async () => {
    expect(await calling({})).toBe(topic)
  })
  it('is refused under another host name', async () => {
    const named = calling({ 'grpc.default_authority': `evil.example:${port}` })
    await expect(named).rejects.toThrow(/PERMISSION_DENIED.*evil\.example/)
  })
  it('is refused when it comes from a web page', async () => {
    await expect(calling({}, { origin: 'https://evil.example' })).rejects.toThrow(/PERMISSION_DENIED.*another origin/)
  })
})

const made = (headers: Record<string, () => string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value()]))
