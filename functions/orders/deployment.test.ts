/** A revision with another definition of the checkout is deployed while orders wait at each step. */

import { afterAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { type Contracts, defineContracts } from '../../shared/contracts/contract.ts'
import { defineSaga, type Saga, type SagaStep } from '../../shared/saga/definition.ts'
import { type Memory, memory } from '../../shared/messaging/memory.testing.ts'
import { orderId } from '../shop/fields.ts'
import { checkout } from './checkout.ts'
import type { Placed } from './records.ts'
import { openShop, replies, type Reply, type Shop } from './shop.testing.ts'

/** At each step; forty in `npm run verify`. */
const ORDERS = process.env['MILLRACE_VERIFY'] === '1' ? 40 : 8

const about = z.strictObject({ orderId })
const example = { orderId: 'o-1' }
const fraudContracts = defineContracts({
  service: 'fraud-check',
  events: {
    'fraud.cleared': { version: 1, data: about, example },
    'fraud.suspected': { version: 1, data: about, example },
    'fraud.closed': { version: 1, data: about, example },
  },
  commands: {
    CheckFraud: { version: 1, data: about, example },
    CloseFraudCheck: { version: 1, data: about, example, retryForever: true, compensates: 'CheckFraud' },
  },
})
const aboutOrder = (order: Placed) => ({ orderId: order.orderId })
const checkFraud = {
  name: 'check-fraud',
  command: 'CheckFraud',
  data: aboutOrder,
  done: 'fraud.cleared',
  failed: 'fraud.suspected',
  timeoutSeconds: 60,
  compensate: { command: 'CloseFraudCheck', data: aboutOrder, compensated: 'fraud.closed' },
} as const
const cleared = (id: string): Reply => ['fraud.cleared', { orderId: id }]

const [reserveStock, obtainPayment] = checkout.steps as [SagaStep<Placed>, SagaStep<Placed>]
const retiredNow = checkout.retired as readonly SagaStep<Placed>[]
// The commands of another definition are not literal types, so the types can not be compared.
const defined = (change: object): Saga<Placed> =>
  defineSaga<Placed, readonly Contracts[], readonly never[]>({ ...checkout, ...change } as never)
const revised = ({ steps, retired = [] }: Partial<Pick<Saga<Placed>, 'steps' | 'retired'>>): Saga<Placed> =>
  defined({
    version: 3,
    contracts: [...checkout.contracts, fraudContracts],
    previousVersions: { ...checkout.previousVersions, 2: ['reserve-stock', 'obtain-payment'] },
    steps,
    retired: [...retiredNow, ...retired],
  })
const definitions = {
  'with a step inserted first': revised({ steps: [checkFraud, reserveStock, obtainPayment] }),
  'with a step inserted between': revised({ steps: [reserveStock, checkFraud, obtainPayment] }),
  'with the first step removed': revised({ steps: [obtainPayment], retired: [reserveStock] }),
  'with the last step removed': revised({ steps: [reserveStock], retired: [obtainPayment] }),
  'with the steps reordered': revised({ steps: [obtainPayment, reserveStock] }),
}

/** The service with that definition, over the store of the earlier revision. */
async function deploy(definition: object, kept: Memory): Promise<Shop> {
  vi.resetModules()
  vi.doMock('./checkout.ts', () => ({ checkout: definition }))
  const { openShop: openNewer } = await import('./shop.testing.ts')
  return openNewer({ kept })
}
afterAll(() => {
  vi.doUnmock('./checkout.ts')
  vi.resetModules()
})

const NEEDED = 'waiting for another payment method'
const DECLINED = 'waiting for the stock to be released'

/** Orders that a revision placed, the current one if it is given none, and left waiting at each step. */
async function waiting(definition?: object): Promise<{ kept: Memory; at: Record<string, string[]> }> {
  const kept = memory()
  const shop = definition ? await deploy(definition, kept) : await openShop({ kept })
  const place = async (name: string, ...before: ((id: string) => Reply)[]): Promise<string[]> => {
    const ids: string[] = []
    for (let index = 0; index < ORDERS; index++) {
      const response = await shop.place({}, { sub: `customer-${name}`, idempotencyKey: `${name}-${index}` })
      const { orderId: id } = (await response.json()) as { orderId: string }
      for (const reply of before) await shop.deliver(...reply(id))
      ids.push(id)
    }
    return ids
  }
  return {
    kept,
    at: {
      'reserve-stock': await place('a'),
      'obtain-payment': await place('b', replies.reserved),
      'action-required': await place('d', replies.reserved, replies.actionRequired),
      [NEEDED]: await place('e', replies.reserved, replies.declined),
      [DECLINED]: await place('c', replies.reserved, replies.declined),
    },
  }
}

const statusOf = async (shop: Shop, id: string): Promise<unknown> => (await shop.read(id)).body['status']
const commandsFor = (shop: Shop, id: string): string[] =>
  shop.platform.sent
    .filter(({ envelope }) => envelope.correlationId === id && envelope.type !== 'ContinueCheckout')
    .map(({ envelope }) => envelope.type)

describe.each(Object.entries(definitions))('a checkout %s', (_name, definition) => {
  it('does not change waiting orders: each confirms by the steps that it began with', async () => {
    const { kept, at } = await waiting()
    const shop = await deploy(definition, kept)
    for (const id of at['reserve-stock']!) {
      // A reply to a step that these orders do not have.
      if (shop.platform.service.on.includes('fraud.cleared')) await shop.deliver(...cleared(id))
      await shop.deliver(...replies.reserved(id))
      expect(await statusOf(shop, id)).toBe('pending')
      await shop.deliver(...replies.authorized(id))
      expect(commandsFor(shop, id)).toEqual(['AuthorizePayment'])
      expect(await statusOf(shop, id)).toBe('confirmed')
    }
    for (const id of at['obtain-payment']!) {
      await shop.deliver(...replies.authorized(id))
      expect(commandsFor(shop, id)).toEqual([])
      expect(await statusOf(shop, id)).toBe('confirmed')
    }
    for (const id of at[NEEDED]!) {
      await shop.deliver('PayOrder', { orderId: id, paymentMethodRef: 'pm-2', by: 'customer' }, { sequence: 0 })
      await shop.deliver(...replies.authorized(id, 2))
      expect(commandsFor(shop, id)).toEqual(['AuthorizePayment'])
      expect(await statusOf(shop, id)).toBe('confirmed')
    }
  })

  it('compensates the completed steps of waiting orders, removed steps included', async () => {
    const { kept, at } = await waiting()
    const shop = await deploy(definition, kept)
    shop.platform.advance(5 * 60_000)
    const wake = async (id: string): Promise<void> => {
      const deadline = new Date(shop.platform.now()).toISOString()
      await shop.deliver('ContinueCheckout', { orderId: id, deadline })
    }
    for (const id of [...at['obtain-payment']!, ...at['action-required']!]) {
      await wake(id)
      expect(commandsFor(shop, id)).toEqual(['FindAuthorization', 'RepublishEvents'])
      await shop.deliver(...replies.undecided(id))
    }
    for (const id of [...at['reserve-stock']!, ...at[DECLINED]!]) await wake(id)
    for (const id of [...at['reserve-stock']!, ...at['obtain-payment']!])
      expect(await statusOf(shop, id)).toBe('rejected')
    for (const id of [...at['action-required']!, ...at[DECLINED]!]) expect(await statusOf(shop, id)).toBe('expired')
    // The timer sends the first command again, since no reply shows that it was sent.
    for (const id of at['reserve-stock']!) expect(commandsFor(shop, id)).toEqual(['ReserveStock', 'ReleaseStock'])
    for (const id of at['obtain-payment']!) {
      expect(commandsFor(shop, id).slice(2)).toEqual(['VoidPayment', 'ReleaseStock'])
      expect((await shop.read(id)).body).toMatchObject({ reason: 'obtain-payment-timed-out' })
    }
    for (const id of at[DECLINED]!) {
      expect(commandsFor(shop, id)).toEqual(['ReleaseStock'])
      await shop.deliver(...replies.released(id))
      expect((await shop.read(`${id}/saga`)).body).toMatchObject({ stuck: false, waitsFor: [] })
    }
  })

  it('applies to new orders, with handlers for all of its replies', async () => {
    const { kept } = await waiting()
    const shop = await deploy(definition, kept)
    const response = await shop.place({}, { idempotencyKey: 'new' })
    const { orderId: id } = (await response.json()) as { orderId: string }
    const answers: Record<string, (of: string) => Reply> = {
      'check-fraud': cleared,
      'reserve-stock': replies.reserved,
      'obtain-payment': replies.authorized,
    }
    for (const { name, command } of definition.steps) {
      expect(commandsFor(shop, id).at(-1)).toBe(command)
      await shop.deliver(...answers[name]!(id))
    }
    expect(await statusOf(shop, id)).toBe('confirmed')
  })
})

describe('the present checkout', () => {
  const first = defined({ version: 1, steps: [reserveStock, ...retiredNow], retired: [], previousVersions: {} })

  it('leads the orders of its first version to their ends by the steps that they began with', async () => {
    const { kept, at } = await waiting(first)
    const shop = await deploy(checkout, kept)
    const pay = (id: string) =>
      shop.deliver('PayOrder', { orderId: id, paymentMethodRef: 'pm-2', by: 'customer' }, { sequence: 0 })
    for (const id of at['reserve-stock']!) {
      await shop.deliver(...replies.reserved(id))
      await shop.deliver(...replies.actionRequired(id))
      expect(await statusOf(shop, id)).toBe('payment-needed')
      await expect(pay(id)).rejects.toMatchObject({ code: 'too-many-payment-attempts' })
      await shop.deliver(...replies.authorized(id))
      expect(await statusOf(shop, id)).toBe('confirmed')
    }
    for (const id of at['obtain-payment']!) {
      await shop.deliver(...replies.declined(id))
      expect(await statusOf(shop, id)).toBe('rejected')
      expect(commandsFor(shop, id)).toEqual(['ReleaseStock'])
    }
    shop.platform.advance(5 * 60_000)
    for (const id of at['action-required']!) {
      await shop.deliver('ContinueCheckout', { orderId: id, deadline: new Date(shop.platform.now()).toISOString() })
      expect(await statusOf(shop, id)).toBe('expired')
      expect(commandsFor(shop, id)).toEqual(['VoidPayment', 'ReleaseStock'])
    }
    for (const id of [...at[NEEDED]!, ...at[DECLINED]!]) expect(await statusOf(shop, id)).toBe('rejected')
  })

  it('of an order that a newer revision placed is left to that revision', async () => {
    const { kept, at } = await waiting()
    const shop = await deploy(first, kept)
    for (const id of at[NEEDED]!)
      await expect(shop.deliver(...replies.authorized(id))).rejects.toMatchObject({ name: 'Unavailable' })
  })
})
