/** The refusals of parcels that orders records, and those of a former address. */

import { expect, it } from 'vitest'
import { line, openShop, replies, type Shop } from './shop.testing.ts'

interface Refusal {
  readonly shipmentId: string
  readonly attempt: number
  /** Absent: an earlier revision of shipping has reported it. */
  readonly correction?: number
}

async function released(): Promise<{ shop: Shop; orderId: string }> {
  const shop = await openShop()
  const { orderId } = (await (await shop.place()).json()) as { orderId: string }
  for (const reply of ['reserved', 'authorized'] as const) await shop.deliver(...replies[reply](orderId))
  return { shop, orderId }
}

const refuse = (shop: Shop, orderId: string, refusal: Refusal): Promise<void> => {
  const data = { orderId, lines: [line], code: 'address-unknown', stage: 'booking', ...refusal }
  return shop.deliver('shipment.failed', data, { key: JSON.stringify(refusal) })
}
const correct = (shop: Shop, orderId: string, addressRef: string): Promise<void> =>
  shop.deliver('CorrectAddress', { orderId, addressRef }, { key: addressRef, sequence: 0 })
const refusedIn = async (shop: Shop, orderId: string): Promise<unknown[]> => {
  const { shipments = [] } = (await shop.read(orderId)).body as { shipments?: readonly { shipmentId: string }[] }
  return shipments.map(({ shipmentId }) => shipmentId)
}

it('a correction goes to shipping with its number', async () => {
  const { shop, orderId } = await released()
  for (const correction of [1, 2]) {
    await refuse(shop, orderId, { shipmentId: 's-1', attempt: correction, correction: correction - 1 })
    await correct(shop, orderId, `a-${correction}`)
    expect(shop.platform.sent.at(-1)).toMatchObject({
      target: 'shipping',
      envelope: { type: 'ChangeAddress', data: { addressRef: `a-${correction}`, correction } },
    })
  }
})

it('a correction is published with its actor, and without the address itself', async () => {
  const { shop, orderId } = await released()
  await refuse(shop, orderId, { shipmentId: 's-1', attempt: 1, correction: 0 })
  const about = { key: 'a-2', sequence: 0, actor: 'customer:customer-1' }
  await shop.deliver('CorrectAddress', { orderId, addressRef: 'a-2' }, about)
  const corrected = shop.platform.published.filter(({ type }) => type === 'address.corrected')
  expect(corrected.map(({ actor, data }) => ({ actor, data }))).toEqual([
    { actor: about.actor, data: { orderId, addressRef: 'a-2', by: about.actor } },
  ])
})

it.each<[string, Refusal, readonly string[]]>([
  ['at the former address changes nothing, whatever its attempt', { shipmentId: 's-2', attempt: 7, correction: 0 }, []],
  ['at the present address counts', { shipmentId: 's-2', attempt: 2, correction: 1 }, ['s-2']],
  ['of an earlier revision counts', { shipmentId: 's-2', attempt: 1 }, ['s-2']],
  ['of an earlier revision that is older than the known one changes nothing', { shipmentId: 's-1', attempt: 1 }, []],
])('after a correction, a refusal %s', async (_name, refusal, expected) => {
  const { shop, orderId } = await released()
  await refuse(shop, orderId, { shipmentId: 's-1', attempt: 1, correction: 0 })
  await correct(shop, orderId, 'a-2')
  await refuse(shop, orderId, refusal)
  expect(await refusedIn(shop, orderId)).toEqual(expected)
})
