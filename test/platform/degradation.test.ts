/** What the gateway still answers when a service behind it hangs: a stopped process takes the request and says nothing. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { OrderView } from '../../functions/shop/cli/order-view.ts'
import { references } from '../../functions/shop/cli/references.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
let orderId: string
const stopped = new Set<number>()

beforeAll(async () => {
  platform = await startTestPlatform()
  order = { ...order, ...(await references(platform.customer())) }
  const { body } = await platform.customer().send<OrderView>('POST', '/v1/orders', { key: 'k', body: order })
  orderId = body.orderId
  await platform.followed(platform.customer(), orderId)
}, 120_000)
afterAll(async () => {
  for (const pid of stopped) process.kill(pid, 'SIGCONT')
  await platform?.close()
}, 30_000)

let order: object = { currency: 'EUR', lines: [{ sku: 'TEA-001', quantity: 1 }] }

async function whileHanging(service: string, look: () => Promise<void>): Promise<void> {
  const pids = platform.run
    .processes()
    .filter((one) => one.service === service)
    .map(({ pid }) => pid)
  expect(pids.length).toBeGreaterThan(0)
  for (const pid of pids) {
    stopped.add(pid)
    process.kill(pid, 'SIGSTOP')
  }
  try {
    await look()
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT')
    stopped.clear()
  }
}
async function ask(method: string, path: string, body?: object) {
  const { token } = await platform.identity.mint({ sub: 'customer-1', roles: ['customer'] })
  const startedMs = performance.now()
  const response = await fetch(`${platform.running.gatewayUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
    tookMs: performance.now() - startedMs,
  }
}

describe('while history hangs', { timeout: 60_000 }, () => {
  it('an order is returned without its timeline, which is marked, and orders are placed', async () => {
    await whileHanging('history', async () => {
      const answer = await ask('GET', `/v1/orders/${orderId}`)
      expect(answer).toMatchObject({
        status: 200,
        body: { orderId, status: 'completed', totalMinor: 1190, timeline: { unavailable: true } },
      })
      // History has two seconds; the request as a whole twenty-five.
      expect(answer.tookMs).toBeLessThan(15_000)
      expect((await ask('POST', '/v1/orders', order)).status).toBe(201)
    })
    await vi.waitUntil(
      async () => {
        const { body } = await ask('GET', `/v1/orders/${orderId}`)
        return 'entries' in (body['timeline'] as object)
      },
      { timeout: 20_000, interval: 200 },
    )
  })
})

describe('while orders hangs', { timeout: 90_000 }, () => {
  it('what needs it is 503 with when to come back, what does not is answered, and readiness says so', async () => {
    await whileHanging('orders', async () => {
      const answer = await ask('GET', `/v1/orders/${orderId}`)
      expect([answer.status, answer.headers.get('retry-after'), answer.body['code']]).toEqual([503, '1', 'unavailable'])
      expect((await ask('GET', '/v1/products/TEA-001')).status).toBe(200)
      // Enough failures in a row: orders is not asked for now, and the answer comes at once.
      await Promise.all(Array.from({ length: 8 }, () => ask('GET', `/v1/orders/${orderId}`)))
      const ready = await fetch(`${platform.running.gatewayUrl}/health/ready`)
      expect([ready.status, await ready.json()]).toEqual([200, { status: 'degraded' }])
    })
    await vi.waitUntil(async () => (await ask('GET', `/v1/orders/${orderId}`)).status === 200, {
      timeout: 20_000,
      interval: 200,
    })
  })
})
