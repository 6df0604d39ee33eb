import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type ClientHttp2Session as Session, connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { acceptHttp2, type Http2Side } from './http2.ts'
import { serverOptions } from './server-limits.ts'

const SECRET = 'x'.repeat(32)
const open: { server: Server; http2: Http2Side }[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const { server, http2 } of open.splice(0)) {
    http2.close()
    server.close()
    server.closeAllConnections()
  }
})

/** A server whose connections begin with a secret, which is read before the connection is announced, as Cloud Run's stand-in does. */
async function serveBehindSecret(): Promise<number> {
  const server = createServer((_, response) => response.end('HTTP/1.1'))
  const http2 = acceptHttp2(server, () => Promise.resolve(new Response('HTTP/2')))
  open.push({ server, http2 })
  const emit = server.emit.bind(server)
  server.emit = (event: string, ...args: unknown[]): boolean => {
    if (event !== 'connection') return emit(event, ...args)
    const socket = args[0] as Socket
    const read = (): void => {
      if (socket.read(SECRET.length) === null) return
      socket.off('readable', read)
      emit(event, ...args)
    }
    return socket.on('readable', read) && true
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

describe('a connection whose first bytes came in one write with the secret before them', () => {
  it('is answered by HTTP/1.1', async () => {
    const socket = connect(await serveBehindSecret(), '127.0.0.1')
    socket.write(`${SECRET}GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    expect((await socket.toArray()).join('')).toMatch(/^HTTP\/1\.1 200 [^]*HTTP\/1\.1$/)
  })

  it('is answered by HTTP/2', async () => {
    const socket = connect(await serveBehindSecret(), '127.0.0.1')
    const session = connectHttp2('http://localhost', { createConnection: () => joined(socket) })
    const stream = session.request({ ':path': '/' })
    expect((await stream.toArray()).join('')).toBe('HTTP/2')
    session.close()
  })
})

describe('a connection of HTTP/2', () => {
  const serve = async (): Promise<{ server: Server; port: number; held: (() => void)[] }> => {
    const server = createServer()
    const held: (() => void)[] = []
    const http2 = acceptHttp2(server, async () => {
      await new Promise<void>((resolve) => void held.push(resolve))
      return new Response('HTTP/2')
    })
    open.push({ server, http2 })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return { server, port: (server.address() as AddressInfo).port, held }
  }

  it('without a stream makes room when all are taken; one with a request in flight stays', async () => {
    const { server, port, held } = await serve()
    server.maxConnections = 2
    const idle = connectHttp2(`http://127.0.0.1:${port}`)
    const busy = connectHttp2(`http://127.0.0.1:${port}`)
    await Promise.all([once(idle, 'remoteSettings'), once(busy, 'remoteSettings')])
    const stream = busy.request({ ':path': '/' })
    await expect.poll(() => held.length).toBe(1)
    const closed = once(idle, 'close')
    connect(port, '127.0.0.1').on('error', () => {})
    await closed
    held[0]!()
    expect((await stream.toArray()).join('')).toBe('HTTP/2')
    busy.close()
  })

  it('that asks nothing ends as one of HTTP/1.1 that sends no head', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { port, held } = await serve()
    const [silent, asking] = [0, 1].map(() => connectHttp2(`http://127.0.0.1:${port}`)) as [Session, Session]
    await Promise.all([once(silent, 'remoteSettings'), once(asking, 'remoteSettings')])
    const stream = asking.request({ ':path': '/' })
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const closed = once(silent, 'close')
    vi.advanceTimersByTime(serverOptions.headersTimeout)
    vi.useRealTimers()
    await closed
    held[0]!()
    expect((await stream.toArray()).join('')).toBe('HTTP/2')
    asking.close()
  })
})

/** Sends the secret in one write with the first bytes. */
function joined(socket: Socket): Duplex {
  let before = SECRET
  const duplex = new Duplex({
    read: () => {},
    write(chunk: Buffer, _, done) {
      socket.write(Buffer.concat([Buffer.from(before), chunk]), done)
      before = ''
    },
    final: (done) => void socket.end(done),
  })
  socket.on('data', (chunk) => duplex.push(chunk))
  socket.on('end', () => duplex.push(null))
  return duplex
}
