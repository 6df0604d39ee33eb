/** Clients of gRPC and of GraphQL at the address of the public service: through the local ingress, to a container that takes both protocols on one port. */

import { Metadata } from '@grpc/grpc-js'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { signIn } from '../../../cli/api.ts'
import { references } from '../../../functions/shop/cli/references.ts'
import { grpcClient } from '../../../shared/edge/rpc.testing.ts'
import { joinPlatform } from '../../support/joined-platform.ts'
import { root } from '../../support/root.ts'

const sub = 'grpc'
const sku = 'GRPC-1'
const platform = joinPlatform(sub)

it('places an order, which completes', { timeout: 120_000 }, async () => {
  await platform.sell({ sku, unitMinor: 1190 })
  const { host } = new URL(platform.running.publicUrl)
  const client = grpcClient(host, [join(root, 'proto/millrace/orders/v1/orders.proto')])
  const metadata = new Metadata()
  const { token } = await signIn(platform.running, { sub, roles: ['customer'] })
  metadata.set('authorization', `Bearer ${token}`)
  metadata.set('idempotency-key', 'grpc-1')
  const order = {
    currency: 'EUR',
    lines: [{ sku, quantity: 1 }],
    ...(await references(platform.customer(sub))),
  }
  const { message } = await client.call('/millrace.orders.v1.OrdersService/PlaceOrder', order, metadata)
  expect(message).toMatchObject({ status: 'pending', currency: 'EUR' })
  const orderId = message['orderId'] as string
  await platform.followed(platform.customer(sub), orderId)
  const { message: read } = await client.call('/millrace.orders.v1.OrdersService/ReadOrder', { orderId }, metadata)
  expect(read).toMatchObject({ orderId, status: 'completed' })
  client.close()
})

it('shows the order with its product and its timeline as a graph', async () => {
  const { token } = await signIn(platform.running, { sub, roles: ['customer'] })
  const query =
    '{ listOrders(limit: 1) { orders { order { status lines { product { sku } } timeline { entries { type } } } } } }'
  const response = await fetch(new URL('/graphql', platform.running.publicUrl), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const order = {
    status: 'completed',
    lines: [{ product: { sku } }],
    timeline: { entries: expect.arrayContaining([{ type: 'order.placed' }, { type: 'order.completed' }]) as unknown },
  }
  expect(await response.json()).toEqual({ data: { listOrders: { orders: [{ order }] } } })
})
