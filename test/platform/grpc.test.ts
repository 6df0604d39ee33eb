/** A client of gRPC at the address of the public service: through the local ingress, to a container that takes both protocols on one port. */

import { Metadata } from '@grpc/grpc-js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { references } from '../../functions/shop/cli/references.ts'
import { grpcClient } from '../../shared/edge/rpc.testing.ts'
import { temporaryDirectory } from '../support/command.ts'
import { root } from '../support/root.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { stateOf, type State } from '../support/state.ts'
import { join } from 'node:path'

const data = temporaryDirectory()
let platform: TestPlatform
let state: State

beforeAll(async () => {
  platform = await startTestPlatform({ dataDirectory: data.path })
  state = stateOf(platform)
  await state.seeded()
}, 120_000)
afterAll(async () => {
  await state?.close()
  await platform?.close()
  data.remove()
}, 30_000)

it('places an order, which completes', { timeout: 120_000 }, async () => {
  const { token } = await platform.identity.mint({ sub: 'customer-1', roles: ['customer'] })
  const { host } = new URL(platform.running.publicUrl)
  const client = grpcClient(host, [join(root, 'proto/millrace/orders/v1/orders.proto')])
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  metadata.set('idempotency-key', 'grpc-1')
  const order = {
    currency: 'EUR',
    lines: [{ sku: 'TEA-001', quantity: 1 }],
    ...(await references(platform.customer())),
  }
  const { message } = await client.call('/millrace.orders.v1.OrdersService/PlaceOrder', order, metadata)
  expect(message).toMatchObject({ status: 'pending', currency: 'EUR' })
  const orderId = message['orderId'] as string
  await platform.followed(platform.customer(), orderId)
  const { message: read } = await client.call('/millrace.orders.v1.OrdersService/ReadOrder', { orderId }, metadata)
  expect(read).toMatchObject({ orderId, status: 'completed' })
  client.close()
})
