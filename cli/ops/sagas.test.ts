import { expect, it } from 'vitest'
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

it('lists sagas that are still stuck in their present state, and those without a reader as they were reported', async () => {
  const acknowledged: string[] = []
  const noReport: Waiting = { ...report('visa', '?'), messageId: 'no report', data: Buffer.from('hello') }
  const subscription = {
    pull: async () => [
      report('visa', 'v-1'),
      report('visa', 'v-2'),
      report('visa', 'v-3'),
      noReport,
      report('travel', 'v-2', 2),
    ],
    acknowledge: async ({ messageId }: Waiting) => void acknowledged.push(messageId),
  } as unknown as PullSubscriptions
  const read: string[] = []
  const visa = async (sagaId: string) => {
    read.push(sagaId)
    const waitsFor = [{ step: 'compensate pay', attempt: 7, until: null }]
    return sagaId === 'v-3' ? undefined : { sagaId, status: 'refused', stuck: sagaId === 'v-1', waitsFor }
  }

  const found = await stuckSagas(subscription, { visa })

  expect(found).toMatchObject([
    { service: 'visa', sagaId: 'v-1', status: 'refused', waitsFor: [{ attempt: 7 }], reason: 'no answer' },
    { service: 'travel', sagaId: 'v-2', status: 'unknown', waitsFor: [{ step: 'compensate book-hotel', attempt: 5 }] },
  ])
  expect(read.toSorted()).toEqual(['v-1', 'v-2', 'v-3'])
  expect(acknowledged.toSorted()).toEqual(['no report', 'visa v-2', 'visa v-3'])
})
