/** A customer withdraws a payment method while an order that names it is placed. */

import { expect, it } from 'vitest'
import { interleave } from './interleavings.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { type Activity, everyWay } from '../support/simulation/scheduler.ts'
import { createWorld } from '../support/simulation/world.ts'
import { expectQuiescence } from './quiescence.testing.ts'

/** The steps that can interfere: on the vault's document, and at the provider's payment methods. */
const isAtSharedStep = ({ waiting: [step] }: Activity): boolean =>
  step !== undefined &&
  (step.what.startsWith('ask ') || (step.store === 'customers' && /^(read|commit)/.test(step.what)))

it('in any interleaving the order is refused, or completes if it was paid before, or is declined', async () => {
  const outcomes = new Set<string>()
  const ways = await everyWay(async (choose) => {
    const world = await createWorld()
    const { activity: placing, answer } = world.placing()
    const withdrawing = world.withdrawing('card-ok')
    await interleave(world, [placing, withdrawing], choose, {
      stopsAt: isAtSharedStep,
      isUndecided: ({ state }) => state === 'running',
    })
    const { status } = answer()!
    if (status === 422) expect(ordersOf(world)).toEqual([])
    else {
      expect(status).toBe(201)
      await expectQuiescence(world, ['completed', 'expired'])
    }
    const [order] = ordersOf(world)
    outcomes.add(`${status} ${order?.status ?? 'none'}`)
    // The payment method is withdrawn with either result of the order.
    expect((await world.place({ key: 'later' })).status).toBe(422)
  })
  expect(ways).toBeGreaterThan(5)
  expect([...outcomes].toSorted()).toEqual(['201 expired', '422 none'])
}, 240_000)

it('an order whose payment method is withdrawn after the authorization completes', async () => {
  const world = await createWorld()
  await world.place()
  const authorized = (): boolean => world.provider.ledger.all().some(({ status }) => status === 'authorized')
  await world.run({ until: authorized })
  await world.finish(world.withdrawing('card-ok'))
  await expectQuiescence(world, 'completed')
})
