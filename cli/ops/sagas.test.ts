import { expect, it } from 'vitest'
import type { Api } from '../api.ts'
import { stuckSagas } from './sagas.ts'
import type { PullSubscriptions, Waiting } from './pull-subscriptions.ts'

const report = (source: string, sagaId: string, sinceMs = 1): Waiting => ({
  subscription: 'operators.saga.stuck',
  messageId: `${source} ${sagaId}`,
  ackId: `${source} ${sagaId}`,
  data: Buffer.from(
    JSON.stringify({ source, data: { sagaId, step: 'compensate book-hotel', attempt: 5, reason: 'no answer' } }),
  ),
  attributes: {},
  sinceMs,
})

it("lists stuck orders in their present state, and other services' sagas as they were reported", async () => {
  const taken: string[] = []
  const subscription = {
    pull: async () => [report('orders', 'o-1'), report('orders', 'o-2'), report('travel', 'o-2', 2)],
    acknowledge: async ({ messageId }: Waiting) => void taken.push(messageId),
  } as unknown as PullSubscriptions
  const requested: string[] = []
  const api = {
    async send(_method: string, path: string) {
      requested.push(path)
      const stuck = path.includes('o-1')
      const waitsFor = stuck ? [{ step: 'compensate reserve-stock', attempt: 7, until: null }] : []
      return { body: { orderId: path.split('/')[3], status: 'rejected', stuck, waitsFor } }
    },
  } as unknown as Api

  const found = await stuckSagas(subscription, api)

  expect(found).toMatchObject([
    { service: 'orders', orderId: 'o-1', status: 'rejected', waitsFor: [{ attempt: 7 }], reason: 'no answer' },
    { service: 'travel', orderId: 'o-2', status: 'unknown', waitsFor: [{ step: 'compensate book-hotel', attempt: 5 }] },
  ])
  expect(requested.toSorted()).toEqual(['/v1/orders/o-1/saga', '/v1/orders/o-2/saga'])
  // A saga that has continued is left out; a saga that can't be read stays listed.
  expect(taken).toEqual(['orders o-2'])
})
