/** A compensation and its command in both orders of arrival, and a success that comes after both. */

import { describe, expect, it } from 'vitest'
import { checkout } from '../../functions/orders/checkout.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld } from '../support/simulation/world.ts'
import { expectQuiescence, MINUTE, sentTypes } from './quiescence.testing.ts'

/** Every step with a compensation; these tests assert the promise of its contract. */
const steps = checkout.steps.flatMap(({ command, done, compensate }) =>
  compensate
    ? [
        {
          command,
          compensation: compensate.command,
          owner: checkout.contracts.find(({ commands }) => command in commands)!.service,
          done,
          compensated: compensate.compensated,
        },
      ]
    : [],
)

describe.each(steps)('$command and $compensation', ({ command, compensation, owner, done, compensated }) => {
  it('the compensation arrives first: the later command is refused', async () => {
    const world = await createWorld()
    const late = world.schedule.hold(to(owner, command))
    await world.place()
    await world.run({ forMs: 10 * MINUTE })
    expect(world.platform(owner).published.map(({ type }) => type)).toContain(compensated)
    late.release()
    await expectQuiescence(world, 'rejected')
    expect(world.platform(owner).published.map(({ type }) => type)).not.toContain(done)
  })

  it('the command arrives first, its reply after the compensation: its effect is compensated', async () => {
    const world = await createWorld()
    const late = world.schedule.hold(to('orders', done))
    await world.place()
    await world.run({ forMs: 10 * MINUTE })
    late.release()
    await expectQuiescence(world, 'rejected')
    expect(world.platform(owner).published.map(({ type }) => type)).toContain(done)
  })

  it('a late success after the reply to the compensation is compensated again, with a new id', async () => {
    const world = await createWorld()
    const late = world.schedule.hold(to('orders', done))
    await world.place()
    await world.run({ forMs: 10 * MINUTE })
    const before = sentTypes(world).filter((type) => type === compensation).length
    expect(before).toBe(1)
    late.release()
    await expectQuiescence(world, 'rejected')
    const sent = world.platform('orders').sent.filter(({ envelope }) => envelope.type === compensation)
    expect(new Set(sent.map(({ envelope }) => envelope.id)).size).toBe(2)
  })

  it('a late success before the reply to the compensation leaves the order rejected', async () => {
    const world = await createWorld()
    const late = world.schedule.hold(to('orders', done))
    const answer = world.schedule.hold(to('orders', compensated))
    await world.place()
    await world.run({ forMs: 4 * MINUTE })
    expect(answer.held()).not.toEqual([])
    late.release()
    await world.run({ forMs: MINUTE })
    answer.release()
    await expectQuiescence(world, 'rejected')
  })

  it('a compensation whose replies are lost is sent until one arrives', async () => {
    const world = await createWorld()
    const late = [world.schedule.hold(to('orders', done)), world.schedule.hold(to('orders', compensated))]
    await world.place()
    await world.run({ forMs: 60 * MINUTE })
    expect(world.platform('orders').published.map(({ type }) => type)).toContain('saga.stuck')
    for (const hold of late) hold.release()
    await expectQuiescence(world, 'rejected')
  })
})

it('AuthorizePayment after VoidPayment holds no money, also before the provider was called', async () => {
  const world = await createWorld()
  const late = world.schedule.hold(to('payments', 'AuthorizePayment'))
  const provider = world.schedule.hold(to('payments', 'VoidAuthorization'))
  await world.place()
  await world.run({ forMs: 10 * MINUTE })
  expect(provider.held()).toHaveLength(1)
  late.release()
  await world.run({ forMs: 10 * MINUTE })
  expect(world.provider.ledger.all()).toEqual([])
  provider.release()
  await expectQuiescence(world, 'rejected')
})

describe('a command in progress during its compensation', () => {
  it.each(steps)(
    '$command, paused at each of its steps until $compensation is done, leaves nothing held',
    async ({ command, owner }) => {
      for (let stop = 0; ; stop++) {
        const world = await createWorld()
        const hold = world.schedule.hold(to(owner, command))
        await world.place()
        await world.run({ until: () => hold.held().length > 0 })
        const activity = world.begin(hold.held()[0]!)
        for (let step = 0; step < stop && activity.state === 'running'; step++) await world.scheduler.step(activity)
        const ended = activity.state === 'ended'
        activity.paused = true
        hold.release()
        await world.run({ forMs: 20 * MINUTE })
        activity.paused = false
        await expectQuiescence(world, ended ? 'completed' : ['rejected', 'completed'])
        if (ended) return expect(stop).toBeGreaterThan(3)
      }
    },
  )
})
