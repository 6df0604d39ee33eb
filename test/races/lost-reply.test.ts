/** A reply to a step that orders could not parse is dead-lettered, and an operator retries the saga. */

import { expect, it } from 'vitest'
import { checkout } from '../../functions/orders/checkout.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld } from '../support/simulation/world.ts'
import { expectQuiescence, sentTypes } from './quiescence.testing.ts'

it.each(checkout.steps)(
  '$done is dead-lettered, the operator retries, and the order completes',
  async ({ done, command }) => {
    const world = await createWorld()
    const replies = world.schedule.hold(to('orders', done))
    const { orderId } = await world.place()
    await world.run({ until: () => replies.held().length > 0 })
    const [reply] = replies.held()
    world.schedule.take(reply!)
    // As by a revision of its sender that had a bug.
    world.bus.deliver('orders', done, JSON.stringify({ ...reply!.envelope, data: {} }))
    replies.release()
    await world.run({ forMs: 30_000 })
    expect(world.bus.deadLetters()).toMatchObject([{ service: 'orders', type: done }])

    const envelope = message('RetryCheckout', { orderId, reason: 'the sender is mended' })
    world.bus.send([{ target: 'orders', envelope }])
    await expectQuiescence(world, 'completed', { deadLetters: 1 })
    // The step was performed once; the retried command found it done.
    expect(sentTypes(world).filter((type) => type === command)).toHaveLength(2)
  },
)
