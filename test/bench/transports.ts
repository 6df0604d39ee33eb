/** The same read by each transport of the gateway: requests, processor time, bytes, first call; and a call between services. */

import { Metadata } from '@grpc/grpc-js'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { grpcClient } from '../../shared/edge/rpc.testing.ts'
import { betweenServices } from './between-services.ts'
import { median, rounded, underLoad } from './measure.ts'
import type { Section } from './section.ts'

const CLIENTS = 64
const WARM_UP = 1_000
const REQUESTS = 4_000
/** On one connection, so that its beginning is a small part. */
const COUNTED = 200

const PROTO = join(import.meta.dirname, '../../proto/millrace/catalog/v2/catalog.proto')
const RPC = '/millrace.catalog.v2.CatalogService/ReadProduct'
const QUERY = 'query ($sku: String!) { readProduct(sku: $sku) { sku name prices { unitMinor currency validFrom } } }'
const transports = ['REST', 'gRPC', 'gRPC-Web', 'Connect, protobuf', 'Connect, JSON', 'GraphQL'] as const
type Transport = (typeof transports)[number]

interface Gateway {
  readonly child: ChildProcess
  readonly port: number
  readonly token: string
  readonly derivedCpuMs: number
  readonly routedCpuMs: number
}

interface Client {
  read(): Promise<void>
  close(): void
}

interface Measured {
  readonly perSecond: number
  readonly cpuMs: number
  readonly p99Ms: number
}

export const transportsSection: Section = {
  name: 'transports',
  about:
    'one read by REST, gRPC, gRPC-Web, Connect and GraphQL: requests/s, CPU-ms, p99, bytes, first call; a query between services',
  async run({ runs }) {
    const firstCalls = await Promise.all(transports.map(async () => [] as number[]))
    const starts: Gateway[] = []
    // An instance of its own for each, since the first call loads what the transport needs.
    for (let at = 0; at < runs; at++)
      for (const [index, transport] of transports.entries()) {
        const gateway = await start()
        starts.push(gateway)
        const client = clientOf(transport, gateway, gateway.port)
        const before = await cpuOf(gateway)
        await client.read()
        firstCalls[index]!.push((await cpuOf(gateway)) - before)
        client.close()
        await end(gateway)
      }
    const gateway = await start()
    const measured = transports.map(() => [] as Measured[])
    for (const transport of transports) await load(gateway, transport, WARM_UP)
    // In turns, so that a slow minute affects each.
    for (let at = 0; at < runs; at++)
      for (const [index, transport] of transports.entries())
        measured[index]!.push(await load(gateway, transport, REQUESTS))
    const bytes: Awaited<ReturnType<typeof bytesOf>>[] = []
    for (const transport of transports) bytes.push(await bytesOf(gateway, transport))
    await end(gateway)
    const of = (index: number, figure: keyof Measured): number => median(measured[index]!.map((one) => one[figure]))
    return [
      {
        title: `one product, ${CLIENTS} clients, ${REQUESTS} requests, medians of ${runs} runs`,
        rows: transports.map((transport, index) => ({
          transport,
          'requests/s': rounded(of(index, 'perSecond'), 0),
          'CPU-ms a request': rounded(of(index, 'cpuMs'), 2),
          'p99 ms': rounded(of(index, 'p99Ms'), 0),
          'bytes sent': bytes[index]!.sent,
          'bytes received': bytes[index]!.received,
          'first call: CPU-ms': rounded(median(firstCalls[index]!), 0),
        })),
      },
      {
        title: `the start of the gateway, medians of ${starts.length} starts`,
        rows: [
          { 'of its code': 'operations of all services, derived', 'CPU-ms': figure(starts, 'derivedCpuMs') },
          { 'of its code': 'their routes, checks and procedures', 'CPU-ms': figure(starts, 'routedCpuMs') },
        ],
      },
      await betweenServices(runs),
    ]
  },
}

const figure = (starts: readonly Gateway[], name: 'derivedCpuMs' | 'routedCpuMs'): number =>
  rounded(median(starts.map((one) => one[name])), 1)

async function start(): Promise<Gateway> {
  const child = fork(join(import.meta.dirname, 'transports-gateway.child.ts'))
  const [started] = (await once(child, 'message')) as [Omit<Gateway, 'child'>]
  return { child, ...started }
}

async function cpuOf({ child }: Gateway): Promise<number> {
  const answer = once(child, 'message')
  child.send('cpu')
  return ((await answer) as [number])[0]
}

async function end({ child }: Gateway): Promise<void> {
  child.disconnect()
  if (child.exitCode === null) await once(child, 'exit')
}

async function load(gateway: Gateway, transport: Transport, orders: number): Promise<Measured> {
  const client = clientOf(transport, gateway, gateway.port)
  const before = await cpuOf(gateway)
  const { perSecond, p99Ms } = await underLoad({ clients: CLIENTS, orders, order: () => client.read() })
  const cpuMs = ((await cpuOf(gateway)) - before) / orders
  client.close()
  return { perSecond, p99Ms, cpuMs }
}

/** A client of the transport that reads one product, and throws for any other answer than that product. */
function clientOf(transport: Transport, { token }: Gateway, port: number): Client {
  const authorization = `Bearer ${token}`
  if (transport === 'gRPC') {
    const client = grpcClient(`127.0.0.1:${port}`, [PROTO])
    const metadata = new Metadata()
    metadata.set('authorization', authorization)
    return {
      async read() {
        check((await client.call(RPC, { sku: 'TEA-001' }, metadata)).message)
      },
      close: () => client.close(),
    }
  }
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const { path, type, body, decode } = requestBy(transport)
  const method = body === undefined ? 'GET' : 'POST'
  const options = { host: '127.0.0.1', port, agent, path, method }
  const headers = {
    authorization,
    ...(body === undefined ? {} : { 'content-type': type, 'content-length': body.byteLength }),
  }
  return {
    read: () =>
      new Promise((resolve, reject) => {
        const sent = request({ ...options, headers }, (response) => {
          void response.toArray().then((chunks: Buffer[]) => {
            check(decode(Buffer.concat(chunks)))
            resolve()
          }, reject)
        })
        sent.once('error', reject)
        sent.end(body)
      }),
    close: () => agent.destroy(),
  }
}

interface HttpRequest {
  readonly path: string
  readonly type: string
  readonly body?: Buffer
  decode(bytes: Buffer): unknown
}

/** A byte of flags and four of the length: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md */
const FRAME_HEAD_BYTES = 5
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  head.writeUInt32BE(message.byteLength, 1)
  return Buffer.concat([head, message])
}

const json = 'application/json'
const parsed = (bytes: Buffer): unknown => JSON.parse(bytes.toString('utf8'))

function requestBy(transport: Exclude<Transport, 'gRPC'>): HttpRequest {
  const given = { sku: 'TEA-001' }
  if (transport === 'REST') return { path: '/v2/products/TEA-001', type: json, decode: parsed }
  if (transport === 'Connect, JSON')
    return { path: RPC, type: json, body: Buffer.from(JSON.stringify(given)), decode: parsed }
  if (transport === 'GraphQL')
    return {
      path: '/graphql',
      type: json,
      body: Buffer.from(JSON.stringify({ query: QUERY, variables: given })),
      decode: (bytes) => (parsed(bytes) as { data: { readProduct: unknown } }).data.readProduct,
    }
  const root = protobuf.loadSync(PROTO)
  const [input, output] = ['Request', 'Response'].map((kind) =>
    root.lookupType(`millrace.catalog.v2.ReadProduct${kind}`),
  )
  const message = Buffer.from(input!.encode(given).finish())
  const decode = (bytes: Buffer): unknown => output!.toObject(output!.decode(bytes), { longs: Number })
  if (transport === 'gRPC-Web')
    return {
      path: RPC,
      type: 'application/grpc-web+proto',
      body: framed(message),
      // Behind the message is a second frame with the trailers.
      decode: (bytes) => decode(bytes.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + bytes.readUInt32BE(1))),
    }
  return { path: RPC, type: 'application/proto', body: message, decode }
}

function check(answer: unknown): void {
  const { sku, prices } = answer as { readonly sku?: string; readonly prices?: readonly unknown[] }
  if (sku !== 'TEA-001' || prices?.length !== 2) throw new Error(`The answer is ${JSON.stringify(answer)}.`)
}

/** The bytes of one request and its answer, heads included, on a connection that is there already. */
async function bytesOf(gateway: Gateway, transport: Transport): Promise<{ sent: number; received: number }> {
  const count = { sent: 0, received: 0 }
  const sockets = new Set<Socket>()
  const between = createServer((socket) => {
    const onward = connect(gateway.port, '127.0.0.1')
    for (const one of [socket, onward]) sockets.add(one.on('error', () => {}))
    socket.on('data', (chunk) => (count.sent += chunk.byteLength)).pipe(onward)
    onward.on('data', (chunk) => (count.received += chunk.byteLength)).pipe(socket)
  })
  await once(between.listen(0, '127.0.0.1'), 'listening')
  const client = clientOf(transport, gateway, (between.address() as AddressInfo).port)
  await client.read()
  const before = { ...count }
  for (let at = 0; at < COUNTED; at++) await client.read()
  const each = {
    sent: Math.round((count.sent - before.sent) / COUNTED),
    received: Math.round((count.received - before.received) / COUNTED),
  }
  client.close()
  for (const one of sockets) one.destroy()
  between.close()
  return each
}
