import { v1 } from '@google-cloud/pubsub'
import { credentials } from '@grpc/grpc-js'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, expect, it, vi } from 'vitest'
import { fakePublisher } from './fake-publisher.testing.ts'
import { createLocalCloud, type LocalCloud } from './local-cloud.ts'

const project = { id: 'p', number: '1', region: 'europe-west1' }
const publisher = fakePublisher({ getTopic: ({ topic }: { topic: string }) => ({ name: topic }) })
const start = (ownerPort = 0): Promise<LocalCloud> => createLocalCloud({ plugins: [publisher], project, ownerPort })

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
  vi.unstubAllEnvs()
})

/** Forwards the first bytes of a connection one at a time. */
async function slowProxy(to: number): Promise<number> {
  const proxy: Server = createServer((near) => {
    const far = connect(to, '127.0.0.1').setNoDelay(true)
    far.pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
    void writeSlowly(near, far)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  closers.push(() => proxy.close())
  return (proxy.address() as AddressInfo).port
}

async function writeSlowly(near: Socket, far: Socket): Promise<void> {
  let slow = 30
  for await (const chunk of near as AsyncIterable<Buffer>) {
    for (const byte of chunk.subarray(0, slow)) {
      far.write(Buffer.of(byte))
      await nextTurn()
      await nextTurn()
    }
    if (chunk.length > slow) far.write(chunk.subarray(slow))
    slow = Math.max(0, slow - chunk.length)
  }
  far.end()
}

it('distinguishes gRPC from HTTP when the first bytes arrive one at a time', async () => {
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  const cloud = await start()
  closers.push(() => cloud.close())
  const port = await slowProxy(cloud.ownerPort)
  const topic = 'projects/p/topics/abc'
  const options = { projectId: 'p', apiEndpoint: '127.0.0.1', port, sslCreds: credentials.createInsecure() }
  // The proxy forwards to the cloud.
  const client = new v1.PublisherClient({ ...options, 'grpc.default_authority': cloud.ownerHost })
  closers.push(() => client.close())
  expect((await client.getTopic({ topic }))[0].name).toBe(topic)
  for (const method of ['GET', 'PUT', 'POST', 'PATCH']) {
    const headers = { host: cloud.ownerHost, connection: 'close' }
    const outgoing = request({ host: '127.0.0.1', port, path: '/nothing', method, headers }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    expect(JSON.parse(await text(response))).toMatchObject({
      error: { message: `The local cloud has no route ${method} /nothing.` },
    })
  }
})

it('names an occupied port in its error', async () => {
  const cloud = await start()
  closers.push(() => cloud.close())
  await expect(start(cloud.ownerPort)).rejects.toThrow(new RegExp(`EADDRINUSE.*:${cloud.ownerPort}$`))
})

it('listens on loopback only', async () => {
  const cloud = await start()
  closers.push(() => cloud.close())
  const elsewhere = connect(cloud.ownerPort, '127.0.0.2')
  const [error] = (await once(elsewhere, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNREFUSED')
})

it('closes at once while gRPC and HTTP clients hold idle connections, and frees the port', async () => {
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  const cloud = await start()
  const options = {
    projectId: 'p',
    apiEndpoint: '127.0.0.1',
    port: cloud.ownerPort,
    sslCreds: credentials.createInsecure(),
  }
  const client = new v1.PublisherClient(options)
  closers.push(() => client.close())
  await client.getTopic({ topic: 'projects/p/topics/abc' })
  await (await fetch(`http://${cloud.ownerHost}/_local/health`)).text()
  const silent = connect(cloud.ownerPort, '127.0.0.1')
  await once(silent, 'connect')
  const hungUp = once(silent, 'close')
  await cloud.close()
  await hungUp
  const again = await start(cloud.ownerPort)
  await again.close()
})
