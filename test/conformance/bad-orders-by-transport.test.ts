/** The whole list of invalid orders by each spelling of the API: refused with the code of REST, and nothing is placed. */

import { Metadata } from '@grpc/grpc-js'
import { serve } from '@hono/node-server'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { detailsOf, grpcClient, type GrpcClient } from '../../shared/edge/rpc.testing.ts'
import { acceptHttp2, type Http2Side } from '../../shared/runtime/http2.ts'
import { badOrders, order, own } from '../support/bad-orders.ts'
import { openDoor } from '../support/door.ts'
import { root } from '../support/root.ts'
import { createWorld, type World } from '../support/simulation/world.ts'

let issuer: TestIssuer
let world: World
let server: Server
let http2: Http2Side
let grpc: GrpcClient
let authorization: string
beforeAll(async () => {
  issuer = await openIssuer()
  world = await createWorld({ stock: 100 })
  const { fetch } = await openDoor(world, issuer)
  server = await new Promise((resolve) => {
    const opened = serve({ fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(opened as Server))
  })
  http2 = acceptHttp2(server, fetch)
  const { port } = server.address() as AddressInfo
  grpc = grpcClient(`127.0.0.1:${port}`, [join(root, 'proto/millrace/orders/v1/orders.proto')])
  authorization = `Bearer ${await issuer.token({ sub: 'admin-1', roles: ['admin'] })}`
  const product = { sku: 'TEA-001', name: 'Tea', unitMinor: 1190, currency: 'EUR' }
  expect((await send('/v1/products', product)).status).toBe(202)
  await world.run()
  authorization = `Bearer ${await issuer.token()}`
})
afterAll(() => {
  grpc.close()
  http2.close()
  server.close()
  issuer.close()
})

async function send(path: string, body: object) {
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> }
}

/** With the customer's references in place of the placeholders. */
function referring(given: object): object {
  const references = { addressRef: world.addressRef, paymentMethodRef: world.paymentMethodOf('card-ok')! }
  const text = Object.entries(own).reduce(
    (before, [name, placeholder]) => before.replace(`"${placeholder}"`, `"${references[name as keyof typeof own]}"`),
    JSON.stringify(given),
  )
  return JSON.parse(text) as object
}

/** As arguments of a document: a variable that no document declares would be left aside. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  return typeof value === 'object' && value !== null ? `{ ${fields(value)} }` : JSON.stringify(value)
}
const fields = (value: object): string =>
  Object.entries(value)
    .map(([name, one]) => `${name}: ${literal(one)}`)
    .join(', ')

const PLACE_ORDER = '/millrace.orders.v1.OrdersService/PlaceOrder'
const byConnect = (given: object) => send(PLACE_ORDER, given)
/** The code of the refusal; undefined: it was placed. */
async function byGrpc(given: object): Promise<unknown> {
  const metadata = new Metadata()
  metadata.set('authorization', authorization)
  metadata.set('idempotency-key', crypto.randomUUID())
  const refusal = await grpc.call(PLACE_ORDER, given, metadata).then(
    () => undefined,
    (error: unknown) => detailsOf(error)['ErrorInfo'] ?? String(error),
  )
  return typeof refusal === 'object' ? (refusal as { metadata: { code: string } }).metadata.code : refusal
}
/** A client's encoder leaves them out, or writes another value: no message can say them. */
const inNoMessage =
  /^(a fractional quantity|a quantity (beyond integers|as text)|an unknown field( of a line)?|another customer|a (price|time) set by a customer)$/
const byGraph = (given: object) => send('/graphql', { query: `mutation { placeOrder(${fields(given)}) { orderId } }` })
const placed = (): number => world.platform('orders').streamIds().length

interface Detail {
  readonly type: string
  readonly value: string
}
/** Of the only error of an answer by GraphQL. */
const codeOf = ({ body }: Awaited<ReturnType<typeof send>>): unknown =>
  (body['errors'] as readonly { readonly extensions: { readonly code: string } }[] | undefined)?.[0]?.extensions.code

it.each(badOrders)('%s is refused by each spelling with the code of REST', async (name, given, status, code) => {
  const bad = referring(given)
  const before = placed()
  const rest = await send('/v1/orders', bad)
  expect([rest.status, rest.body['code']]).toEqual([status, code])
  // By protobuf's JSON a whole number may be a text: https://protobuf.dev/programming-guides/json
  if (name !== 'a quantity as text') {
    const { status: answered, body } = await byConnect(bad)
    expect(answered).toBeLessThan(500)
    const info = (body['details'] as readonly Detail[] | undefined)?.find(({ type }) => type === 'google.rpc.ErrorInfo')
    if (info) expect(Buffer.from(info.value, 'base64').toString('utf8')).toContain(code)
    // JSON that is no message is refused by the protocol itself, with the member in its sentence (docs/grpc.md).
    else
      expect([body['code'], body['message'], code]).toEqual([
        'invalid_argument',
        expect.stringMatching(/JSON/),
        'invalid-body',
      ])
  }
  if (!inNoMessage.test(name)) expect(await byGrpc(bad)).toBe(code)
  const graph = await byGraph(bad)
  // An unknown field, a fraction and a text are no document of this schema; nor is one of 1,001 lines small enough.
  const ofDocument = ['invalid-document', 'document-too-complex']
  expect([graph.status < 500, [code, ...ofDocument].includes(String(codeOf(graph)))], JSON.stringify(graph)).toEqual([
    true,
    true,
  ])
  expect(placed()).toBe(before)
})

it('the order that all of them change is taken by each spelling', async () => {
  const before = placed()
  expect(await send('/v1/orders', referring(order()))).toMatchObject({ status: 201 })
  expect(await byConnect(referring(order()))).toMatchObject({ status: 200, body: { totalMinor: expect.anything() } })
  expect((await byGraph(referring(order()))).body).toEqual({ data: { placeOrder: { orderId: expect.any(String) } } })
  expect(await byGrpc(referring(order()))).toBeUndefined()
  expect(placed()).toBe(before + 4)
})
