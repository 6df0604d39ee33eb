/** An import counts recorded orders alone, and ends before the last one when the platform takes none. */

import { expect, it } from 'vitest'
import { type Api, Refusal } from '../../../../cli/api.ts'
import { recordOrders } from './place.ts'
import type { Order } from './read.ts'

const order = (invoice: string): Order => ({
  invoice,
  customerRef: 'c-1',
  placedAt: '2010-12-01T08:26:00.000Z',
  country: 'GB',
  lines: [{ sku: 'A', name: 'a pot', quantity: 1, unitMinor: 255 }],
})

/** Its steps, and an API that answers each invoice with this status. */
const recording = (statusOf: (invoice: string) => number) => {
  let steps = 0
  const api: Api = {
    send<Body>(_method: string, _path: string, { key = '' }: { key?: string } = {}) {
      const status = statusOf(key.replace('invoice-', ''))
      return status === 202
        ? Promise.resolve({ status, body: { orderId: `o-${key}` } as Body })
        : Promise.reject(new Refusal({ status, code: 'x', detail: `answer ${status}` }))
    },
  }
  const progress = { begin: () => {}, step: () => void (steps += 1), set: () => {}, end: () => {} }
  let waits = 0
  const waiting = (): Promise<void> => Promise.resolve(void (waits += 1))
  const pause = (): Promise<void> => Promise.resolve()
  const run = recordOrders(api, ['1', '2', '3'].map(order), { progress, waiting, pause })
  return { run, steps: () => steps, waits: () => waits }
}

it('an order that is refused is reported, and not counted as recorded', async () => {
  const { run, steps } = recording((invoice) => (invoice === '2' ? 422 : 202))
  const { placed, refused } = await run
  expect([placed.length, refused.map((one) => one.order.invoice), steps()]).toEqual([2, ['2'], 2])
})

it('a platform that does not take orders ends the import, after it was asked why', async () => {
  const { run, steps, waits } = recording(() => 503)
  await expect(run).rejects.toThrow('answer 503')
  expect(steps()).toBe(0)
  expect(waits()).toBeGreaterThan(0)
})
