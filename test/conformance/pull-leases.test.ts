/** A worker that handles a message for long, and one whose connection has become silent: against the local Pub/Sub. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { virtualClock } from 'local-google-cloud/host'
import { pubsub } from 'local-google-cloud/pubsub'
import { makeSubscriber } from '../../shared/gcp/clients.ts'
import { startPulling } from '../../shared/gcp/puller.ts'

const project = { id: 'p', number: '1', region: 'europe-west1' }
const topic = 'projects/p/topics/pulled'
const subscription = 'projects/p/subscriptions/pulled'
const LONG = { timeout: 20_000 }
const SLOW = 'slow'

type Client = Awaited<ReturnType<typeof makeSubscriber>>

let clock: ReturnType<typeof virtualClock>
let cloud: LocalCloud
/** Of the messages whose handling has begun, in order. */
let texts: string[]
let interruptions: number
beforeEach(async () => {
  clock = virtualClock()
  texts = []
  interruptions = 0
  cloud = await createLocalCloud({ plugins: [pubsub], project, clock, iam: 'off' })
  onTestFinished(() => cloud.close())
  await cloud.api('PUT', `/v1/${topic}`, {})
  await cloud.api('PUT', `/v1/${subscription}`, { topic, ackDeadlineSeconds: 60 })
})

/** The handling of slow messages ends with the test. */
function pull(client: Client): void {
  const { promise: over, resolve: end } = Promise.withResolvers<boolean>()
  const puller = startPulling({
    client,
    subscriptions: [subscription],
    gatherMs: 0,
    extendMs: 10,
    handle(_, { data }) {
      texts.push(data.toString())
      return texts.at(-1) === SLOW ? over : Promise.resolve(true)
    },
    failed() {},
    interrupted: () => interruptions++,
  })
  onTestFinished(async () => {
    end(true)
    await puller.stop()
    await client.close()
  })
}
const publish = (text: string): Promise<unknown> =>
  cloud.api('POST', `/v1/${topic}:publish`, { messages: [{ data: Buffer.from(text).toString('base64') }] })
const unacknowledged = async (): Promise<number> => {
  const answer = await cloud.api('GET', '/_local/pubsub/subscriptions')
  return (answer as { subscriptions: readonly { waiting: number }[] }).subscriptions[0]!.waiting
}

it('a message that is handled for longer than its lease is not delivered a second time', LONG, async () => {
  const client = await makeSubscriber(cloud.ownerHost)
  let extensions = 0
  const { streamingPull } = client
  vi.spyOn(client, 'streamingPull').mockImplementation(() => {
    const stream = streamingPull.call(client)
    const write = stream.write.bind(stream) as (request: object) => boolean
    stream.write = (request: { modifyDeadlineAckIds?: readonly string[] }) => {
      if (request.modifyDeadlineAckIds?.length) extensions++
      return write(request)
    }
    return stream
  })
  pull(client)
  await publish(SLOW)
  await expect.poll(() => texts, LONG).toEqual([SLOW])
  for (const other of ['a', 'b', 'c', 'd']) {
    const before = extensions
    await expect.poll(() => extensions, LONG).toBeGreaterThan(before)
    // Its acknowledgement follows the extension on the same stream.
    await publish(other)
    await expect.poll(() => texts.at(-1), LONG).toBe(other)
    await expect.poll(unacknowledged, LONG).toBe(1)
    await clock.advance(10_000)
  }
  await publish('last')
  await expect.poll(() => texts, LONG).toEqual([SLOW, 'a', 'b', 'c', 'd', 'last'])
})

it('a connection on which nothing comes any more is replaced', LONG, async () => {
  const proxy = await startProxy(cloud.ownerHost)
  const client = await makeSubscriber(proxy.address, {
    'grpc.keepalive_time_ms': 50,
    'grpc.keepalive_timeout_ms': 1_000,
    // The port answers to its own name alone.
    'grpc.default_authority': cloud.ownerHost,
  })
  pull(client)
  await publish('before')
  await expect.poll(() => texts, LONG).toEqual(['before'])
  proxy.silence()
  await expect.poll(() => interruptions, LONG).toBeGreaterThan(0)
  await publish('after')
  await expect.poll(() => texts, LONG).toEqual(['before', 'after'])
})

/** Passes on what comes. A connection that it silences stays open on the side of the client, as one does of which a router has lost track. */
async function startProxy(target: string): Promise<{ readonly address: string; silence(): void }> {
  const [host, port] = target.split(':') as [string, string]
  const pairs: (readonly [client: Socket, upstream: Socket])[] = []
  const server = createServer((client) => {
    const upstream = connect(Number(port), host)
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.pipe(upstream).pipe(client)
    pairs.push([client, upstream])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    silence() {
      for (const [client, upstream] of pairs) {
        upstream.unpipe(client)
        client.unpipe(upstream)
        client.resume()
        upstream.destroy()
      }
    },
  }
}
