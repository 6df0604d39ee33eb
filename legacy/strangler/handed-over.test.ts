/** Orders that were handed to the platform are asked about a few at a time, and none of them keeps the others waiting. */

import { expect, it } from 'vitest'
import { openDatabase } from '../shop/database.ts'
import { inquireAbout, MAX_INQUIRIES } from './handed-over.ts'
import { HANDED_OVER_MS, openStore } from './store.ts'
import type { PlatformOrder } from './to-platform.ts'

function handedOver(ids: readonly string[]) {
  const store = openStore(openDatabase())
  for (const id of ids) store.handOver(id, 0)
  const inquiries: string[] = []
  const answers = new Map<string, () => Promise<PlatformOrder | undefined>>()
  const api = {
    async orderOf(id: string) {
      inquiries.push(id)
      return answers.get(id)?.()
    },
  }
  const { forgetRefused } = inquireAbout({ store, api, now: () => HANDED_OVER_MS })
  const left = () => store.handedOver().map(({ id }) => id)
  return { store, forgetRefused, answers, inquiries, left }
}
const numbered = (count: number) => Array.from({ length: count }, (_, at) => `o-${String(at).padStart(3, '0')}`)
const order = (orderId: string): PlatformOrder => ({ orderId, currency: 'EUR', lines: [] })

it('orders of which the platform gives no answer keep no other from being forgotten, and have their turn again', async () => {
  const ids = numbered(12)
  const { forgetRefused, answers, inquiries, left } = handedOver(ids)
  const silent = ids.slice(0, MAX_INQUIRIES)
  for (const id of silent) answers.set(id, () => Promise.reject(new Error('The platform is off.')))
  for (let round = 0; round < 3; round++) await forgetRefused()
  expect(left()).toEqual(silent)
  answers.clear()
  inquiries.length = 0
  for (let round = 0; round < 2; round++) await forgetRefused()
  expect([inquiries, left()]).toEqual([silent, []])
})

it('one that the platform does not answer at once keeps none of its round waiting', async () => {
  const ids = numbered(MAX_INQUIRIES)
  const { forgetRefused, answers, left } = handedOver(ids)
  const slow = Promise.withResolvers<undefined>()
  answers.set(ids[0]!, () => slow.promise)
  const round = forgetRefused()
  await new Promise(setImmediate)
  expect(left()).toEqual([ids[0]])
  slow.resolve(undefined)
  await round
  expect(left()).toEqual([])
})

it('a round asks about a few, and reads no more of a long list; one that was taken is asked about once', async () => {
  const ids = numbered(1_000)
  const { store, forgetRefused, answers, inquiries } = handedOver(ids)
  for (const id of ids) answers.set(id, async () => order(id))
  store.handOver('o-0', HANDED_OVER_MS)
  const read: number[] = []
  const { finalHandedOver } = store
  store.finalHandedOver = (range) => {
    const found = finalHandedOver(range)
    read.push(found.length)
    return found
  }
  store.handedOver = () => expect.unreachable('it reads the whole list')
  for (let round = 0; round < 2 * (ids.length / MAX_INQUIRIES + 1); round++) await forgetRefused()
  expect(Math.max(...read)).toBe(MAX_INQUIRIES)
  // Not the one that was handed over just now.
  expect(inquiries).toEqual(ids)
})
