/** An order in which a former revision recorded what people did: in its stream alone, without the order's id. */

import { expect, it } from 'vitest'
import { type Memory, memory } from '../../shared/messaging/memory.testing.ts'
import { line, openShop, replies, type Shop } from './shop.testing.ts'

const acts = ['address.corrected', 'recapture.requested', 'checkout.retried'] as const
const about = { actor: 'staff:jo', sequence: 0 }

/** The carrier refuses its parcel and takes it to another address; its capture is refused, and staff recaptures and retries it. */
async function halted(shop: Shop): Promise<string> {
  const { orderId } = (await (await shop.place()).json()) as { orderId: string }
  const facts = ['reserved', 'authorized', 'refusedByCarrier', 'dispatched', 'captureFailed', 'committed'] as const
  const all = { ...replies, refusedByCarrier }
  for (const fact of facts) {
    await shop.deliver(...all[fact](orderId))
    if (fact === 'refusedByCarrier') await shop.deliver('CorrectAddress', { orderId, addressRef: 'a-2' }, about)
  }
  await shop.deliver('RecaptureOrder', { orderId, paymentMethodRef: 'pm-2', reason: 'a new card' }, about)
  await shop.deliver('RetryCheckout', { orderId, reason: 'no answer' }, about)
  return orderId
}

const refusedByCarrier = (orderId: string): ReturnType<typeof replies.captured> => [
  'shipment.failed',
  {
    orderId,
    shipmentId: 's-1',
    lines: [line],
    code: 'address-unknown',
    stage: 'booking',
    attempt: 1,
    correction: 0,
  },
]

/** The same stream with the acts as version 1 has them. */
async function asBefore(present: Memory, orderId: string): Promise<Memory> {
  const former = memory()
  for (const commit of (await present.store.load(orderId)).commits) {
    const events = commit.events.map((event) => {
      if (!(acts as readonly string[]).includes(event.type)) return event
      const { orderId: _, amountMinor: __, currency: ___, ...data } = event.data as Record<string, unknown>
      return { ...event, version: 1, sequence: 0, data }
    })
    await former.store.append(await former.store.load(orderId), { ...commit, events })
  }
  return former
}

it('stands as it did and goes on, and none of them is published later', async () => {
  const present = memory()
  const shop = await openShop({ kept: present })
  const orderId = await halted(shop)
  expect(shop.publishedTypes()).toEqual(expect.arrayContaining([...acts]))
  const former = await openShop({ kept: await asBefore(present, orderId) })
  expect(await former.read(orderId)).toEqual(await shop.read(orderId))
  const again = former.deliver(
    'RecaptureOrder',
    { orderId, paymentMethodRef: 'pm-3', reason: 'x' },
    { ...about, key: 2 },
  )
  await expect(again).rejects.toMatchObject({ code: 'recapture-pending' })
  await former.platform.streams.republish(orderId)
  for (const act of acts) expect(former.publishedTypes()).not.toContain(act)
  for (const reply of ['captured', 'delivered'] as const) await former.deliver(...replies[reply](orderId))
  expect(former.publishedTypes().at(-1)).toBe('order.completed')
})
