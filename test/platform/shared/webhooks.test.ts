/** A customer's endpoint is verified and gets the events of an order, by way of every process. */

import { expect, it, onTestFinished } from 'vitest'
import { Webhook } from 'standardwebhooks'
import { openReceiver } from '../../../shared/http/receiver.testing.ts'
import { joinPlatform } from '../../support/joined-platform.ts'

const platform = joinPlatform('webhooks')

it('an endpoint gets the events of an order once it has returned the challenge, and by a replay those that failed', async () => {
  await platform.sell({ sku: 'WEBHOOKS-1', unitMinor: 1190 })
  const receiver = await openReceiver()
  onTestFinished(() => receiver.close())
  const customer = platform.customer()
  const path = '/v1/webhook-endpoints'
  const { body } = await customer.send<{ endpointId: string; secret: string; status: string }>('POST', path, {
    key: receiver.url,
    body: { url: receiver.url, types: ['order.placed', 'order.completed'] },
  })
  expect(body.status).toBe('unverified')
  const verified = await customer.send<{ status: string }>('POST', `${path}/${body.endpointId}/verification`)
  expect([verified.body.status, receiver.challenges.length]).toEqual(['enabled', 1])
  const orderId = await platform.place({ sku: 'WEBHOOKS-1', quantity: 1 })
  await expect.poll(() => receiver.received.length, { timeout: 60_000 }).toBe(2)
  const sent = receiver.received.map((one) => new Webhook(body.secret).verify(one.body, one.headers))
  const data = { orderId, href: `/v1/orders/${orderId}` }
  expect(sent).toHaveLength(2)
  for (const type of ['order.placed', 'order.completed'])
    expect(sent).toContainEqual({ type, timestamp: expect.any(String) as string, data })
  receiver.answer(410)
  await platform.place({ sku: 'WEBHOOKS-1', quantity: 1 })
  const readEndpoint = async () =>
    (await customer.send<{ endpoints: { disabledAt?: string }[] }>('GET', path)).body.endpoints[0]!
  await expect.poll(readEndpoint, { timeout: 60_000 }).toHaveProperty('disabledAt')
  const { disabledAt: since } = await readEndpoint()
  receiver.answer(200)
  receiver.received.length = 0
  // By the index of its failure: the order was placed before.
  const replayed = await customer.send('POST', `${path}/${body.endpointId}/replay`, { body: { since } })
  expect(replayed.body).toEqual({ replayed: expect.any(Number) as number, more: false })
  await expect
    .poll(() => receiver.received.map((one) => (JSON.parse(one.body) as { type: string }).type), { timeout: 60_000 })
    .toContain('order.placed')
  await customer.send('DELETE', `${path}/${body.endpointId}`)
})
