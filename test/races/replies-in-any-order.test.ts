/** The checkout ends in the same state whatever the order of its replies: samples of all orders, which `npm run verify` tries. */

import { expect, it } from 'vitest'
import { cancelDecided, openShop, permutations, replies, type Shop } from '../../functions/orders/shop.testing.ts'
import { oneOf, wholeLists } from '../support/whole-lists.ts'

const MINUTE = 60_000
const timeout = wholeLists ? 20 * MINUTE : MINUTE

async function placed(): Promise<{ shop: Shop; orderId: string }> {
  const shop = await openShop()
  const { orderId } = (await (await shop.place()).json()) as { orderId: string }
  return { shop, orderId }
}

const facts = (orderId: string) => [
  replies.dispatched(orderId, 's-1', 1),
  replies.captured(orderId, 's-1'),
  replies.committed(orderId, 's-1', 1),
  replies.dispatched(orderId, 's-2', 1),
  replies.captured(orderId, 's-2'),
  replies.committed(orderId, 's-2', 1),
  replies.delivered(orderId, 's-2'),
]

it('a confirmed order completes once, with the last of its facts, in any order', { timeout }, async () => {
  const orders = oneOf(73, permutations([0, 1, 2, 3, 4, 5, 6]))
  expect(orders.length).toBeGreaterThan(60)
  for (const indexes of orders) {
    const { shop, orderId } = await placed()
    await shop.deliver(...replies.reserved(orderId))
    await shop.deliver(...replies.authorized(orderId))
    // The carrier reports the delivery of one parcel before all else.
    await shop.deliver(...replies.delivered(orderId, 's-1'))
    for (const [position, index] of indexes.entries()) {
      expect(shop.publishedTypes()).not.toContain('order.completed')
      await shop.deliver(...facts(orderId)[index]!, { key: position })
      await shop.deliver(...facts(orderId)[index]!, { key: `again ${position}` })
    }
    expect(shop.publishedTypes().filter((type) => type === 'order.completed')).toHaveLength(1)
  }
})

/** Two of a kind are alike: their 720 permutations are 180 orders. */
const kinds = ['reserved', 'released', 'released', 'authorized', 'voided', 'reserved'] as const
const repliesInOrder = [...new Map(permutations(kinds).map((order) => [order.join(), order])).values()]

it('an order whose steps timed out ends in the same state, in any order of late replies', { timeout }, async () => {
  expect(repliesInOrder).toHaveLength(180)
  for (const order of oneOf(7, repliesInOrder)) {
    const { shop, orderId } = await placed()
    await shop.deliver(...replies.reserved(orderId), { key: 'first' })
    shop.platform.advance(3 * MINUTE)
    await shop.fireTimers()
    // The inquiry is not answered either.
    shop.platform.advance(MINUTE)
    await shop.fireTimers()
    for (const [index, kind] of order.entries()) await shop.deliver(...replies[kind](orderId), { key: index })
    // Every compensation that was sent is answered.
    for (let round = 0; round < 3; round++) {
      shop.platform.advance(MINUTE)
      await shop.fireTimers()
      await shop.deliver(...replies.released(orderId), { key: `round ${round}` })
      await shop.deliver(...replies.voided(orderId), { key: `round ${round}` })
    }
    const sent = shop.platform.sent.length
    shop.platform.advance(60 * MINUTE)
    await shop.fireTimers()
    expect(shop.platform.sent).toHaveLength(sent)
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.rejected'])
  }
})

/** One of two pieces has left when shipping answers; both services take their part of the other one back after that. */
const partFacts = ['dispatched', 'captured', 'committed', 'delivered', 'decided', 'released', 'reduced'] as const
const partOrders = permutations(partFacts).filter(
  (order) =>
    order.indexOf('decided') < order.indexOf('released') && order.indexOf('decided') < order.indexOf('reduced'),
)

it('a partly cancelled order completes once, with the last of its facts, in any order', { timeout }, async () => {
  expect(partOrders).toHaveLength(1680)
  for (const order of oneOf(47, partOrders)) {
    const { shop, orderId } = await placed()
    for (const reply of ['reserved', 'authorized'] as const) await shop.deliver(...replies[reply](orderId))
    await shop.deliver('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' })
    const request = shop.platform.published.find(({ type }) => type === 'order.cancel-requested')!
    const { cancellationId } = request.data as { cancellationId: string }
    const replyOf = {
      dispatched: replies.dispatched(orderId, 's-1', 1),
      captured: replies.captured(orderId),
      committed: replies.committed(orderId, 's-1', 1),
      delivered: replies.delivered(orderId),
      decided: cancelDecided(orderId, cancellationId, 1),
      released: replies.released(orderId),
      reduced: replies.reduced(orderId),
    }
    for (const [position, fact] of order.entries()) {
      expect(shop.publishedTypes(), order.join()).not.toContain('order.completed')
      await shop.deliver(...replyOf[fact], { key: position })
      await shop.deliver(...replyOf[fact], { key: `again ${position}` })
    }
    const ends = shop.publishedTypes().filter((type) => /^order\.(completed|cancelled|partly)/.test(type))
    expect(ends, order.join()).toEqual(['order.partly-cancelled', 'order.completed'])
  }
})
