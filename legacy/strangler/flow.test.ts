/** Orders through all six steps and back, in one process. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { settings } from '../../functions/shop/settings.ts'
import { RULES_TTL_MS, WRITE_RULES_MAX_AGE_MS } from '../../shared/strangler/rules-source.ts'
import { openBoth } from './cluster.testing.ts'
import { createdOf, importedOrder } from './mapping.ts'
import { FORMER_RULES_MS, HANDED_OVER_MS, orderIdOf, REPEATED_MS } from './store.ts'

let issuer: TestIssuer
beforeAll(async () => void (issuer = await openIssuer()))
afterAll(() => issuer.close())

type Both = Awaited<ReturnType<typeof openBoth>>
const product = { title: 'Darjeeling', price: '11.90' }

async function opened(toImport = importedOrder): Promise<Both> {
  const both = await openBoth(issuer, toImport)
  await both.office('PUT', '/products/TEA-001', product)
  return both
}

/** The packer of the old shop sends all that is open. */
async function finishAll({ office, db }: Both): Promise<void> {
  const open = db.prepare(
    `SELECT no FROM orders WHERE status = 'new' AND no NOT IN (SELECT "order" FROM strangler_orders WHERE platform = 1 AND "order" IS NOT NULL)`,
  )
  for (const { no } of open.all()) await office('POST', `/orders/${no}/done`)
}

/** Until no client repeats a request of the old shop. */
const aDayPasses = ({ world }: Both) => world.schedule.advanceTo(world.schedule.now() + REPEATED_MS)

it('orders flow through all steps and back, none is lost, and both systems agree', async () => {
  const both = await opened()
  const { migration, place, ask, run, renewRules, store } = both
  const placed = new Map<string, string>()
  const took: string[] = []

  async function orderIn(step: number, round: string): Promise<void> {
    if (step === 6) aDayPasses(both)
    await migration.goTo(step)
    await renewRules()
    const key = `key-${round}-${step}`
    const answer = await place(key)
    expect(answer, key).toMatchObject({ status: 201, body: { totalMinor: 2380 } })
    expect(answer.location).toBe(`/v1/orders/${answer.body['orderId'] as string}`)
    placed.set(key, answer.body['orderId'] as string)
    took.push(answer.body['status'] === 'pending' ? `${step} platform` : `${step} old`)
    // The same request again, also after the next step, is the same order.
    for (const [former, orderId] of placed) {
      // Keys of the old shop are known as long as it is asked.
      if (step === 6 && !former.endsWith('-6') && !former.endsWith('-5')) continue
      const again = await place(former)
      expect([again.status, again.body['orderId']], `${former} again in step ${step}`).toEqual([200, orderId])
    }
    await finishAll(both)
    await run()
    await migration.pump()
    await run()
    await migration.pump()
    for (const [former, orderId] of placed) {
      const read = await ask('customer', 'GET', `/v1/orders/${orderId}`)
      const shown = { status: 'completed', totalMinor: 2380, customerRef: 'customer-1' }
      expect(read, `${former} read in step ${step}`).toMatchObject({ status: 200, body: shown })
    }
    const listed = await ask('customer', 'GET', '/v1/orders?limit=100')
    const ids = (listed.body['orders'] as { orderId: string }[]).map(({ orderId }) => orderId)
    expect(ids.toSorted(), `listed in step ${step}`).toEqual([...placed.values()].toSorted())
  }

  for (const step of [1, 2, 3, 4, 5, 6]) {
    await orderIn(step, 'up')
    const { differenceCount, old, platform } = await migration.compare()
    // Before the data is brought over, the platform lacks the orders from before the capture: that of step 1.
    if (step === 1) expect([old.orders, platform.orders]).toEqual([1, 0])
    else if (step < 4) expect([differenceCount, old.orders - platform.orders]).toEqual([2, 1])
    else if (step < 6) {
      expect(differenceCount).toBe(0)
      expect(platform).toEqual(old)
      expect(old).toEqual({ orders: step, totalMinor: step * 2380, products: 1 })
    }
  }
  for (const step of [5, 4, 3, 2]) {
    await orderIn(step, 'down')
    const { differences, old, platform } = await migration.compare()
    expect(differences, `step ${step}, on the way back`).toEqual([])
    expect(platform).toEqual(old)
  }
  await orderIn(1, 'down')
  // Without capture the platform lacks the last order, which the next migration brings over.
  expect((await migration.compare()).differences).toEqual([`order ${placed.get('key-down-1')}: only in the old shop`])
  await migration.goTo(4)
  expect((await migration.compare()).differences).toEqual([])
  expect(store.waiting()).toBe(0)
  const up = ['1 old', '2 old', '3 old', '4 old', '5 platform', '6 platform']
  expect(took).toEqual([...up, '5 platform', '4 old', '3 old', '2 old', '1 old'])
})

it('a key that comes with another order is refused by the system that took the first one', async () => {
  const both = await opened()
  const { migration, place, run, renewRules } = both
  await place('key-old')
  await finishAll(both)
  const reused = { status: 409, body: { code: 'idempotency-key-reused' } }
  expect(await place('key-old', 3)).toMatchObject(reused)
  const others = [{ addressRef: 'address-2' }, { discountCode: 'SPRING' }, { expectedTotalMinor: 1 }]
  const placedAgain = async (key: string) => {
    for (const other of others) expect(await place(key, 2, other), JSON.stringify(other)).toMatchObject(reused)
    expect(await place(key)).toMatchObject({ status: 200 })
  }
  await placedAgain('key-old')
  await migration.goTo(4)
  await migration.goTo(5)
  await renewRules()
  expect(await place('key-old', 3)).toMatchObject(reused)
  const { body: first } = await place('key-new')
  await run()
  await migration.pump()
  expect(await place('key-new', 3)).toMatchObject(reused)
  expect(await place('key-new')).toMatchObject({ status: 200, body: { orderId: first['orderId'] } })
  await migration.goTo(4)
  await renewRules()
  expect(await place('key-new', 3)).toMatchObject(reused)
  expect(await place('key-new')).toMatchObject({ status: 200, body: { orderId: first['orderId'] } })
  // Of the copy of the platform's order, too.
  await placedAgain('key-new')
})

describe('a step', () => {
  it('3 counts the differences that a wrong mapping makes, and the customer sees none of them', async () => {
    // As it is often written: 19.99 * 100 is 1998.9999999999998.
    const wrong: typeof importedOrder = (order) => ({
      ...importedOrder(order),
      lines: order.items.map(({ sku, qty, price }) => ({
        sku,
        quantity: qty,
        unitMinor: Math.floor(Number(price) * 100),
      })),
    })
    const places = ['totalMinor', 'lines.0.unitMinor']
    for (const [toImport, outcomes, changed] of [
      [wrong, { different: 1 }, 1],
      [importedOrder, { same: 1 }, 0],
    ] as const) {
      const both = await opened(toImport)
      const { migration, platform, place, ask, run, office } = both
      await migration.goTo(3)
      await office('PUT', '/products/TEA-001', { ...product, price: '19.99' })
      const { body } = await place('key-1', 1)
      await finishAll(both)
      await migration.pump()
      await run()
      const path = `/v1/orders/${body['orderId'] as string}`
      expect(await ask('customer', 'GET', path)).toMatchObject({ status: 200, body: { totalMinor: 1999 } })
      await expect.poll(() => both.outcomes()).toEqual(outcomes)
      const logged = platform.logs.filter(({ event }) => event === 'shadow.different')
      expect(logged).toHaveLength(changed)
      for (const { fields } of logged)
        expect(fields).toMatchObject({ instance: path, differences: places.map((path) => ({ path, kind: 'changed' })) })
    }
  })

  it('4 is refused while the data differs, and says where', async () => {
    const both = await opened()
    const { migration, ask, run } = both
    await migration.goTo(3)
    await migration.pump()
    await run()
    // The platform sells at another price, which the old shop does not capture.
    await ask('admin', 'POST', '/v1/products', {
      key: 'k',
      body: { sku: 'TEA-001', name: 'Tea', unitMinor: 1, currency: 'EUR' },
    })
    await run()
    both.db.exec('CREATE TRIGGER broken BEFORE INSERT ON strangler_outbox BEGIN SELECT RAISE(IGNORE); END')
    await expect(migration.goTo(4)).rejects.toThrow('product TEA-001: name differs; product TEA-001: unitMinor differs')
    expect(both.store.state().step).toBe(3)
  })

  it('6 is refused while the old shop has open orders', async () => {
    const both = await opened()
    const { migration, place, renewRules } = both
    await place('key-1')
    await expect(migration.goTo(6)).rejects.toThrow('1 orders of the old shop are not finished')
    expect(both.store.state().step).toBe(5)
    await finishAll(both)
    aDayPasses(both)
    await migration.goTo(6)
    await renewRules()
    both.turnOff()
    expect(await place('key-2')).toMatchObject({ status: 201, body: { status: 'pending' } })
  })

  it('6 ends at a gateway that the old shop does not reach: after ten seconds it takes no orders, and still reads', async () => {
    const both = await opened()
    const { migration, place, renewRules, ask, platform, run } = both
    await migration.goTo(6)
    await renewRules()
    both.turnOff()
    platform.advance(WRITE_RULES_MAX_AGE_MS - RULES_TTL_MS)
    const { status, body } = await place('key-1')
    await run()
    platform.advance(RULES_TTL_MS)
    expect([status, await place('key-2')]).toMatchObject([201, { status: 503, body: { code: 'unavailable' } }])
    expect(await ask('customer', 'GET', `/v1/orders/${body['orderId'] as string}`)).toMatchObject({ status: 200 })
    const edge = settings({ name: 'prod', serviceUrl: () => '' } as never)['EDGE']
    const { requestTimeoutMs } = JSON.parse(String(edge)) as { requestTimeoutMs: number }
    // Until then no request with the rules of step 6 places an order.
    expect(FORMER_RULES_MS).toBeGreaterThan(WRITE_RULES_MAX_AGE_MS + requestTimeoutMs)
    expect(HANDED_OVER_MS).toBeGreaterThan(requestTimeoutMs)
  })

  it('6 is refused for a day after the last order that the old shop took, which it names, unless it is forced', async () => {
    const both = await opened()
    const { migration, place, renewRules, world, store } = both
    await place('key-0')
    await finishAll(both)
    await migration.goTo(4)
    await renewRules()
    await place('key-1')
    const { body } = await place('key-2')
    const tookAtMs = world.schedule.now()
    await finishAll(both)
    const refusal = `in the last day: 3, the last of them ${body['orderId'] as string}`
    await expect(migration.goTo(6)).rejects.toThrow(refusal)
    expect(store.state().step).toBe(5)
    world.schedule.advanceTo(tookAtMs + REPEATED_MS - 1_000)
    await expect(migration.goTo(6)).rejects.toThrow('or use --force')
    expect((await migration.goTo(6, { force: true })).step).toBe(6)
    await migration.goTo(5)
    world.schedule.advanceTo(tookAtMs + REPEATED_MS)
    expect((await migration.goTo(6)).step).toBe(6)
  })

  it('5 on the way back begins when the old shop has the orders of step 6', async () => {
    const both = await opened()
    const { migration, place, run, renewRules, store } = both
    await migration.goTo(6)
    await renewRules()
    const { body } = await place('key-1')
    await run()
    const before: [step: number, number: number | undefined][] = []
    const { setState } = store
    store.setState = (state) => {
      before.push([state.step, store.numberOf(body['orderId'] as string)])
      setState(state)
    }
    await migration.goTo(5)
    expect(before[0]).toEqual([5, 1])
  })

  it('on the way back is refused while both differ, and the migration stays where it was', async () => {
    const both = await opened()
    const { migration, store, db } = both
    for (const from of [6, 5]) {
      await migration.goTo(from)
      db.exec(`UPDATE products SET title = 'Assam'; DELETE FROM strangler_outbox`)
      await expect(migration.goTo(4)).rejects.toThrow('product TEA-001: name differs')
      expect(store.state()).toMatchObject({ step: from, percent: 100 })
      db.exec(`UPDATE products SET title = 'Darjeeling'; DELETE FROM strangler_outbox`)
    }
  })

  it('1 on the way back has the end of an order that the platform took', async () => {
    const both = await opened()
    const { migration, publish, db } = both
    await migration.goTo(5)
    const lines = [{ sku: 'TEA-001', quantity: 1, unitMinor: 1190 }]
    const data = { orderId: 'o-1', customerRef: 'customer-1', currency: 'EUR', totalMinor: 1190, lines }
    publish({ type: 'order.placed', sequence: 1, time: '2026-01-01T00:00:00.000Z', data })
    await migration.goTo(1)
    publish({ type: 'order.cancelled', sequence: 2, time: '2026-01-01T00:00:00.000Z', data: { orderId: 'o-1' } })
    await migration.pump()
    expect(db.prepare('SELECT status FROM orders').all()).toMatchObject([{ status: 'cancelled' }])
  })

  it('3, 2 or 1 on the way back is refused by no change that the platform refuses', async () => {
    const { migration, store, office } = await opened()
    await migration.goTo(4)
    await office('PUT', `/products/${'TOO-LONG-'.repeat(50)}`, product)
    await expect(migration.pump()).rejects.toThrow('POST /v1/products was answered 4')
    await migration.goTo(1)
    expect(store.state().step).toBe(1)
  })

  it('that does not exist is refused', async () => {
    const { migration } = await opened()
    await expect(migration.goTo(7)).rejects.toThrow('There is no step 7: 1 to 6.')
  })
})

describe('the kill switch', () => {
  it('is refused in step 6, in which the old shop has no copies and answers no customer', async () => {
    const { migration, store } = await opened()
    await migration.goTo(6)
    expect(() => migration.kill(true)).toThrow('go back to step 5 first')
    expect(store.state().killed).toBe(false)
  })

  it('leaves the capture of step 2 as it is when it ends the way back from there', async () => {
    const { migration, store, office } = await opened()
    await migration.goTo(2)
    const going = migration.goTo(1)
    migration.kill(true)
    await expect(going).rejects.toThrow('The kill switch is on')
    await office('PUT', '/products/TEA-001', product)
    expect([store.state().step, store.waiting()]).toEqual([2, 1])
    migration.kill(false)
    await migration.goTo(1)
    await office('PUT', '/products/TEA-001', product)
    expect([store.state().step, store.waiting()]).toEqual([1, 0])
  })

  it('ends a step that waits, so that it is on afterwards', async () => {
    const { migration, store } = await opened()
    await migration.goTo(5)
    const going = migration.goTo(6)
    migration.kill(true)
    await expect(going).rejects.toThrow('The kill switch is on')
    expect(store.state()).toMatchObject({ step: 5, killed: true })
  })

  it('gives everything back to the old shop without a restart, and forward again', async () => {
    const both = await opened()
    const { migration, place, renewRules } = both
    await migration.goTo(5)
    await renewRules()
    expect(await place('key-1')).toMatchObject({ status: 201, body: { status: 'pending' } })
    migration.kill(true)
    await renewRules()
    expect(await place('key-2')).toMatchObject({ status: 201, body: { status: 'confirmed' } })
    await expect(migration.goTo(4)).rejects.toThrow('The kill switch is on')
    migration.kill(false)
    await renewRules()
    expect(await place('key-3')).toMatchObject({ status: 201, body: { status: 'pending' } })
  })
})

it('the old shop shows the orders of a customer to that customer and to staff alone', async () => {
  const both = await opened()
  const { ask, place } = both
  const { body: order } = await place('key-1')
  const path = `/v1/orders/${order['orderId'] as string}`
  const notFound = { status: 404, body: { code: 'not-found' } }
  for (const [role, list, count] of [
    ['customer', '/v1/orders', 1],
    ['stranger', '/v1/orders', 0],
    ['support', '/v1/orders?customer=customer-1', 1],
    ['support', '/v1/orders?customer=customer-2', 0],
  ] as const) {
    expect(await ask(role, 'GET', path), role).toMatchObject(role === 'stranger' ? notFound : { status: 200 })
    expect((await ask(role, 'GET', list)).body['orders'], role).toHaveLength(count)
  }
})

it('the office finishes its own orders, and none that the platform took; prices and new orders once all writes moved are refused', async () => {
  const both = await opened()
  const { migration, place, run, renewRules, office, db } = both
  const refused = { error: 'The platform does this now.' }
  const newOrder = { login: 'customer-1', items: [{ sku: 'TEA-001', qty: 1 }] }
  await migration.goTo(5, { percent: 99, callers: ['customer-1'] })
  await renewRules()
  expect(await office('POST', '/orders', newOrder)).toMatchObject({ no: 1, status: 'new' })
  await place('key-1')
  await run()
  await migration.pump()
  db.exec(`UPDATE orders SET status = 'new' WHERE no = 2`)
  expect(await office('POST', '/orders/2/done')).toEqual(refused)
  expect(await office('POST', '/orders/1/done')).toMatchObject({ no: 1, status: 'done' })
  expect(await office('PUT', '/products/TEA-001', product)).toMatchObject({ sku: 'TEA-001' })
  await migration.goTo(5)
  expect(await office('PUT', '/products/TEA-001', product)).toEqual(refused)
  expect(await office('POST', '/orders', newOrder)).toEqual(refused)
  migration.kill(true)
  expect(await office('POST', '/orders', newOrder)).toMatchObject({ no: 3, status: 'new' })
})

it('a list is the same in both systems: its default length, its filters before the page is cut, and whose orders it has', async () => {
  const both = await opened()
  const { migration, ask, place, renewRules, run, db } = both
  async function listed() {
    const page = async (search: string, role: 'customer' | 'support' = 'customer') => {
      const { status, body } = await ask(role, 'GET', `/v1/orders?${search}`)
      const { orders = [], next, code } = body as { orders?: { status: string }[]; next?: string; code?: string }
      return { status, code, rows: orders.length, kinds: [...new Set(orders.map((one) => one.status))], next }
    }
    const whole = async (search: string) => {
      const rows: number[] = []
      for (let after = ''; ;) {
        const { next, ...one } = await page(`${search}${after}`)
        rows.push(one.rows)
        if (next === undefined) return rows.reduce((sum, count) => sum + count, 0)
        after = `&after=${encodeURIComponent(next)}`
      }
    }
    const short = async (search: string, role?: 'support') => {
      const { next, ...one } = await page(search, role)
      return { ...one, goesOn: next !== undefined }
    }
    return {
      byDefault: await short('sort=placedAt'),
      completed: await short('status=completed&limit=5'),
      cancelled: await short('status=cancelled&limit=5'),
      failed: await short('status=payment-failed'),
      all: await whole('limit=7'),
      allCompleted: await whole('status=completed&limit=7'),
      own: await short('customer=customer-1&limit=5&sort=placedAt'),
      ofAnother: await short('customer=customer-2'),
      byStaff: await short('customer=customer-2', 'support'),
    }
  }
  for (let at = 0; at < 21; at++) await place(`key-${at}`, 1)
  await finishAll(both)
  aDayPasses(both)
  for (let at = 0; at < 3; at++) await place(`last-${at}`, 1)
  db.exec(`UPDATE orders SET status = 'cancelled' WHERE status = 'new'`)
  const ofOld = await listed()
  expect(ofOld).toEqual({
    byDefault: { status: 200, code: undefined, rows: 20, kinds: ['completed'], goesOn: true },
    completed: { status: 200, code: undefined, rows: 5, kinds: ['completed'], goesOn: true },
    cancelled: { status: 200, code: undefined, rows: 3, kinds: ['cancelled'], goesOn: false },
    failed: { status: 200, code: undefined, rows: 0, kinds: [], goesOn: false },
    all: 24,
    allCompleted: 21,
    own: { status: 200, code: undefined, rows: 5, kinds: ['completed'], goesOn: true },
    ofAnother: { status: 403, code: 'forbidden', rows: 0, kinds: [], goesOn: false },
    byStaff: { status: 200, code: undefined, rows: 0, kinds: [], goesOn: false },
  })
  aDayPasses(both)
  await migration.goTo(6)
  await renewRules()
  for (let at = 0; at < 3; at++) {
    const { body } = await place(`platform-${at}`, 1)
    const cancelled = { key: `cancel-${at}`, body: { reason: 'other' } }
    await ask('customer', 'POST', `/v1/orders/${body['orderId'] as string}/cancel`, cancelled)
  }
  await run()
  expect(await listed()).toEqual(ofOld)
})

it('a cursor of the one system is refused by the other, so that a list never ends before its end', async () => {
  const both = await opened()
  const { migration, ask, place, renewRules, run } = both
  for (const key of ['key-1', 'key-2']) await place(key)
  const page = '/v1/orders?limit=1'
  const ofOld = (await ask('customer', 'GET', page)).body['next'] as string
  const refused = { status: 400, body: { code: 'invalid-cursor' } }
  await finishAll(both)
  aDayPasses(both)
  await migration.goTo(6)
  await renewRules()
  await run()
  expect(await ask('customer', 'GET', `${page}&after=${ofOld}`)).toMatchObject(refused)
  const ofPlatform = (await ask('customer', 'GET', page)).body['next'] as string
  await migration.goTo(5)
  await renewRules()
  expect(await ask('customer', 'GET', `${page}&after=${ofPlatform}`)).toMatchObject(refused)
  expect((await ask('customer', 'GET', `${page}&after=${ofOld}`)).body['orders']).toHaveLength(1)
})

it('the old shop lists orders in both directions and of a time, and a cursor is of its direction alone', async () => {
  const { ask, place, db } = await opened()
  const times = [1, 2, 3].map((second) => `2026-01-01T00:00:0${second}.000Z`)
  // Copies of the platform's orders come in any order.
  for (const [at, second] of [2, 3, 1].entries()) {
    await place(`key-${at}`)
    db.prepare('UPDATE orders SET created = ? WHERE no = ?').run(createdOf(times[second - 1]!), at + 1)
  }
  const read = async (search: string) => {
    const { body } = await ask('customer', 'GET', `/v1/orders?${search}`)
    return { ...body, times: (body['orders'] as { placedAt: string }[] | undefined)?.map(({ placedAt }) => placedAt) }
  }
  expect(await read('')).toMatchObject({ times: times.toReversed() })
  const { next, ...first } = (await read('sort=placedAt&limit=2')) as { next?: string; times?: string[] }
  expect(first.times).toEqual(times.slice(0, 2))
  expect((await read(`sort=placedAt&limit=2&after=${next}`)).times).toEqual(times.slice(2))
  expect(await read(`limit=2&after=${next}`)).toMatchObject({ code: 'invalid-cursor' })
  expect((await read(`placedFrom=${times[1]}&placedBefore=${times[2]}`)).times).toEqual([times[1]])
})

const countOf = ({ db }: Both) => db.prepare('SELECT COUNT(*) AS count FROM orders').get()!['count']
/** As quickly as it may be: the way there runs the clock of this world for hours. */
const stepBack = ({ store }: Both) => store.setState({ ...store.state(), step: 4, version: store.state().version + 1 })

it('an order that is on its way to the platform during a step back is not taken a second time by the old shop', async () => {
  const both = await opened()
  const { migration, store, place, renewRules, run, ask } = both
  await migration.goTo(5)
  await renewRules()
  const release = both.holdOrders()
  const first = place('key-1')
  await vi.waitFor(() => expect(store.handedOver()).toHaveLength(1))
  stepBack(both)
  await renewRules()
  // Its client waits no longer, and sends it again.
  expect(await place('key-1')).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  release()
  const { body } = await first
  expect(body).toMatchObject({ status: 'pending' })
  const taken = { status: 200, location: `/v1/orders/${body['orderId'] as string}` }
  expect(await place('key-1')).toMatchObject({ ...taken, body: { orderId: body['orderId'], status: 'pending' } })
  expect(await place('key-1', 3)).toMatchObject({ status: 409, body: { code: 'idempotency-key-reused' } })
  await run()
  await migration.pump()
  expect(await place('key-1')).toMatchObject(taken)
  expect([countOf(both), store.handedOver()]).toEqual([1, []])
  expect((await ask('customer', 'GET', '/v1/orders')).body['orders']).toHaveLength(1)
})

describe('an order that the platform took, and whose copy never came', () => {
  async function taken() {
    const both = await opened()
    await both.migration.goTo(5)
    await both.renewRules()
    both.holdCopies(true)
    const { body } = await both.place('key-1')
    await both.run()
    return { ...both, orderId: body['orderId'] as string, inAnHour: both.world.schedule.now() + 3_600_000 }
  }

  it('is answered by the old shop as the platform has it, however long after the step back', async () => {
    const both = await taken()
    const { migration, place, renewRules, orderId, world, inAnHour } = both
    migration.kill(true)
    await renewRules()
    world.schedule.advanceTo(inAnHour)
    expect(await place('key-1')).toMatchObject({ status: 200, body: { orderId, totalMinor: 2380 } })
    expect(countOf(both)).toBe(0)
    both.holdCopies(false)
    await migration.pump()
    expect(await place('key-1')).toMatchObject({ status: 200, body: { orderId } })
    expect(countOf(both)).toBe(1)
  })

  it('is taken by the old shop neither while the platform gives no answer, which keeps no other order waiting', async () => {
    const both = await taken()
    const { migration, place, renewRules, orderId, world, inAnHour } = both
    migration.kill(true)
    await renewRules()
    world.schedule.advanceTo(inAnHour)
    both.reachPlatform(false)
    expect(await place('key-1')).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(await place('key-2')).toMatchObject({ status: 201, body: { status: 'confirmed' } })
    both.reachPlatform(true)
    expect(await place('key-1')).toMatchObject({ status: 200, body: { orderId } })
    expect(countOf(both)).toBe(1)
  })

  it('is asked about once beside the other work, and one that it refused is forgotten, so that a step back asks little', async () => {
    const { migration, store, orderId, world, inAnHour, ...both } = await taken()
    await both.place('key-refused', 0)
    for (let at = 0; at < 20; at++) store.handOver(`o-refused-${at}`, world.schedule.now())
    await migration.pump()
    expect(store.handedOver().length).toBeGreaterThan(20)
    world.schedule.advanceTo(inAnHour)
    let inquiries = 0
    both.db.exec(`UPDATE products SET price = '12.90'`)
    expect(store.waiting()).toBe(1)
    both.duringInquiry(() => {
      inquiries += 1
      expect(store.waiting(), 'changes that wait for an inquiry').toBe(0)
    })
    for (let at = 0; at < 10; at++) await migration.pump()
    expect(store.handedOver().map(({ id }) => id)).toEqual([orderId])
    // The one that it took was asked about by the first.
    expect(inquiries).toBe(20)
    // Handed over again while the platform is asked about the first time: that one may still be taken.
    store.handOver('o-again', world.schedule.now())
    world.schedule.advanceTo(world.schedule.now() + HANDED_OVER_MS)
    both.duringInquiry(() => store.handOver('o-again', world.schedule.now()))
    await migration.pump()
    expect(store.handedOver().map(({ id }) => id)).toContain('o-again')
  })

  it('bars the step back, which says which order it is', async () => {
    const { migration, store, orderId, ...both } = await taken()
    await expect(migration.goTo(4)).rejects.toThrow(`order ${orderId}: not copied yet`)
    expect(store.state().step).toBe(5)
    both.holdCopies(false)
    await migration.goTo(4)
    expect([store.state().step, store.handedOver()]).toEqual([4, []])
  })

  it('in step 6 is answered as the platform has it, for a day', async () => {
    const both = await taken()
    const { migration, store, place, renewRules, world, orderId } = both
    // As if it had been taken there: the old shop does not know of it.
    store.handedOverEnds(orderId)
    store.setState({ ...store.state(), leftSixAtMs: world.schedule.now() - FORMER_RULES_MS })
    migration.kill(true)
    await renewRules()
    expect(await place('key-1')).toMatchObject({ status: 200, body: { orderId } })
    expect(await place('key-2')).toMatchObject({ status: 201, body: { status: 'confirmed' } })
    both.reachPlatform(false)
    expect(await place('key-3')).toMatchObject({ status: 503 })
    world.schedule.advanceTo(world.schedule.now() + REPEATED_MS)
    expect(await place('key-3')).toMatchObject({ status: 201 })
  })
})

it('a gateway with the rules of step 6 takes no order after the old shop takes them again', async () => {
  for (const back of [
    (migration: Both['migration']) => migration.goTo(4),
    (migration: Both['migration']) => migration.goTo(1),
    (migration: Both['migration']) => migration.goTo(5, { percent: 10 }),
  ]) {
    const both = await opened()
    const { migration, place, renewRules, store, paused, world, db, run } = both
    await migration.goTo(6)
    await renewRules()
    const { setState } = store
    const gaveBackAtMs: number[] = []
    let leftAtMs: number | undefined
    store.setState = (state) => {
      if (state.step === 5) leftAtMs ??= world.schedule.now()
      if (state.step < 5 || state.percent < 100) gaveBackAtMs.push(world.schedule.now())
      setState(state)
    }
    await back(migration)
    expect(gaveBackAtMs[0]! - leftAtMs!).toBeGreaterThanOrEqual(FORMER_RULES_MS)
    expect(paused.map(([step]) => step)).toEqual([5])
    store.setState = setState
    await migration.goTo(4)
    // Not again: no gateway has had the rules of step 6 since.
    expect(paused).toHaveLength(1)
    await renewRules()
    await place('key-1')
    await run()
    expect(db.prepare('SELECT COUNT(*) AS count FROM orders').get()).toEqual({ count: 1 })
  }
})

it('the kill switch is refused as long as a gateway may have the rules of step 6', async () => {
  const { migration, store, world } = await opened()
  await migration.goTo(6)
  await migration.goTo(5)
  const { leftSixAtMs } = store.state()
  const left = leftSixAtMs! + FORMER_RULES_MS - world.schedule.now()
  expect(left).toBeGreaterThan(0)
  expect(() => migration.kill(true)).toThrow(`Try again in ${Math.ceil(left / 1_000)} seconds.`)
  expect(store.state()).toMatchObject({ step: 5, killed: false })
  world.schedule.advanceTo(leftSixAtMs! + FORMER_RULES_MS)
  expect(migration.kill(true)).toMatchObject({ step: 5, killed: true })
})

it('an order that the platform did not take before a step back is taken by the old shop a minute later, once', async () => {
  const both = await opened()
  const { migration, place, renewRules, store, world } = both
  await migration.goTo(5)
  await migration.goTo(4)
  await renewRules()
  const handOver = (key: string, atMs: number) => store.handOver(orderIdOf('customer-1', key), atMs)
  handOver('key-1', world.schedule.now() - HANDED_OVER_MS)
  handOver('key-2', world.schedule.now() - HANDED_OVER_MS + 1)
  const [first, second] = await Promise.all([place('key-1'), place('key-1')])
  expect(new Set([first.status, second.status])).toEqual(new Set([200, 201]))
  expect(first.body).toMatchObject({ status: 'confirmed', orderId: second.body['orderId'] })
  expect(await place('key-2')).toMatchObject({ status: 503 })
  // The step back was taken again while the platform was asked, and it handed the request to the platform.
  world.schedule.advanceTo(world.schedule.now() + 1)
  both.duringInquiry(() => handOver('key-2', world.schedule.now()))
  expect(await place('key-2')).toMatchObject({ status: 503 })
  expect(countOf(both)).toBe(1)
})

it('a gateway with former rules takes no order for the platform that the old shop takes again', async () => {
  const both = await opened()
  const { migration, place, renewRules } = both
  await migration.goTo(5)
  await renewRules()
  migration.kill(true)
  const [first, second] = await Promise.all([place('key-1'), place('key-1')])
  expect([first.status, second.status].toSorted((one, other) => one - other)).toEqual([200, 201])
  expect(first.body).toMatchObject({ status: 'confirmed', orderId: second.body['orderId'] })
  migration.kill(false)
  await renewRules()
  await migration.goTo(4)
  expect((await place('key-2')).body).toMatchObject({ status: 'confirmed' })
})

it('a share of the customers, and named ones, move first', async () => {
  const both = await opened()
  const { migration, place, renewRules } = both
  await migration.goTo(5, { percent: 0 })
  await renewRules()
  expect((await place('key-1')).body['status']).toBe('confirmed')
  await migration.goTo(5, { percent: 0, callers: ['customer-1'] })
  await renewRules()
  expect((await place('key-2')).body['status']).toBe('pending')
})

it('an order that can not be copied and a change that the platform refuses keep nothing else waiting', async () => {
  const both = await opened()
  const { migration, office, place, publish, run, renewRules, store } = both
  await migration.goTo(5, { percent: 50, callers: ['customer-1'] })
  await renewRules()
  const lines = [{ sku: 'TEA-001', quantity: 1, unitMinor: 1190 }]
  const data = { orderId: 'o-usd', customerRef: 'customer-1', currency: 'USD', totalMinor: 1190, lines }
  publish({ type: 'order.placed', sequence: 1, time: '2026-01-01T00:00:00.000Z', data })
  const refused = 'TOO-LONG-'.repeat(50)
  await office('PUT', `/products/${refused}`, { title: 'What the platform refuses', price: '1.00' })
  await office('PUT', '/products/TEA-002', { title: 'Assam', price: '9.90' })
  const { body } = await place('key-1')
  await run()
  for (let time = 0; time < 2; time++)
    await expect(migration.pump()).rejects.toThrow('POST /v1/products was answered 4')
  expect(store.numberOf(body['orderId'] as string)).toBe(1)
  await run()
  expect((await migration.compare()).differences).toEqual([`product ${refused}: only in the old shop`])
})
