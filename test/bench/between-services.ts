/** A query between two services by JSON, as it is, and by the message of the Connect protocol: the processor time of both sides, and bytes. */

import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { z } from 'zod'
import orders from '../../functions/orders/rpc.json' with { type: 'json' }
import { ordersContracts } from '../../functions/orders/contracts.ts'
import type { PackageRecord } from '../../shared/contracts/rpc-record.ts'
import { send } from '../../shared/http/send.ts'
import { jsonOf, messageOf } from '../../shared/rpc/convert.ts'
import { fileDescriptor, registryOf } from '../../shared/rpc/descriptors.ts'
import { median, ownCpuMs, rounded } from './measure.ts'
import type { Figures } from './section.ts'

const TIMES = 2_000
const CONCURRENT = 16
const LINES = [1, 30]

const PACKAGE = 'millrace.orders.v1'
const registry = registryOf([fileDescriptor(PACKAGE, (orders as unknown as Record<string, PackageRecord>)[PACKAGE]!)])
const [input, output] = ['ReadOrderRequest', 'ReadOrderResponse'].map((name) =>
  registry.getMessage(`${PACKAGE}.${name}`)!,
)
const schema: z.ZodType = ordersContracts.queries.readOrder.answers[200]

const orderOf = (lines: number) => ({
  orderId: 'o-1',
  version: 7,
  status: 'pending',
  customerRef: 'customer-1',
  currency: 'EUR',
  totalMinor: 2_380 * lines,
  shippingMinor: 0,
  lines: Array.from({ length: lines }, (_, at) => ({
    lineId: `${at + 1}`,
    sku: `TEA-${at}`,
    quantity: 2,
    unitMinor: 1_190,
  })),
  placedAt: '2026-01-01T00:00:00.000Z',
})

interface Way {
  readonly name: string
  readonly type: string
  encode(order: object): Buffer
  decode(bytes: Buffer): unknown
  /** Of Connect a POST with a message, of JSON a GET. */
  readonly request?: () => string
  readRequest?(bytes: Buffer): unknown
}

const ways: readonly Way[] = [
  {
    name: 'JSON, as services ask each other',
    type: 'application/json',
    encode: (order) => Buffer.from(JSON.stringify(order)),
    decode: (bytes) => JSON.parse(bytes.toString('utf8')),
  },
  {
    // Without the library that checks heads and finds the method, which would come on top.
    name: 'the message of Connect',
    type: 'application/proto',
    encode: (order) => Buffer.from(toBinary(output!, messageOf(order as never, output!))),
    decode: (bytes) => jsonOf(fromBinary(output!, bytes), output!),
    request: () => Buffer.from(toBinary(input!, messageOf({ orderId: 'o-1' }, input!))).toString('latin1'),
    readRequest: (bytes) => jsonOf(fromBinary(input!, bytes), input!),
  },
]

/** Both sides are this process, in turns. */
export async function betweenServices(runs: number): Promise<Figures> {
  const rows = []
  for (const lines of LINES) {
    const order = orderOf(lines)
    const served = await Promise.all(ways.map((way) => serve(way, order)))
    const cpu = ways.map(() => [] as number[])
    for (const one of served) await one.calls(TIMES / 4)
    for (let at = 0; at < runs; at++)
      for (const [index, one] of served.entries()) {
        const before = ownCpuMs()
        await one.calls(TIMES)
        cpu[index]!.push((ownCpuMs() - before) / TIMES)
      }
    for (const [index, { name, encode }] of ways.entries())
      rows.push({
        'an order of lines': lines,
        by: name,
        'CPU-ms of both sides': rounded(median(cpu[index]!), 3),
        'bytes of the answer': encode(order).byteLength,
      })
    for (const one of served) one.close()
  }
  return { title: `a query between services, ${TIMES} calls, ${CONCURRENT} at once, medians of ${runs} runs`, rows }
}

async function serve(way: Way, order: object) {
  const server = createServer((incoming, response) => {
    void incoming.toArray().then((chunks: Buffer[]) => {
      way.readRequest?.(Buffer.concat(chunks))
      response.writeHead(200, { 'content-type': way.type }).end(way.encode(order))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders/o-1`
  const { signal } = new AbortController()
  const call = async (): Promise<void> => {
    const body = way.request?.()
    const sent = body === undefined ? { method: 'GET' } : { method: 'POST', body }
    const answer = await send(url, { ...sent, headers: { 'content-type': way.type }, signal })
    // The asking service checks each answer by the contract, however it came.
    schema.parse(way.decode(Buffer.from(await answer.arrayBuffer())))
  }
  return {
    async calls(times: number) {
      let left = times
      await Promise.all(
        Array.from({ length: CONCURRENT }, async () => {
          while (left-- > 0) await call()
        }),
      )
    },
    close: () => void server.close(),
  }
}
