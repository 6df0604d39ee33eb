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

/** At each step. */
const ORDERS = 3

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
    CheckFraud: { data: about, example },
    CloseFraudCheck: { data: about, example, retryForever: true, compensates: 'CheckFraud' },
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

const [reserveStock, authorizePayment] = checkout.steps as [SagaStep<Placed>, SagaStep<Placed>]
const revised = (change: Partial<Pick<Saga<Placed>, 'steps' | 'retired'>>): Saga<Placed> =>
  // The commands of another definition are not literal types, so the types can not be compared.
  defineSaga<Placed, readonly Contracts[], readonly never[]>({
    ...checkout,
    version: 2,
    contracts: [...checkout.contracts, fraudContracts],
    previousVersions: { 1: ['reserve-stock', 'authorize-payment'] },
    ...change,
  } as never)
const definitions = {
  'with a step inserted first': revised({ steps: [checkFraud, reserveStock, authorizePayment] }),
  'with a step inserted between': revised({ steps: [reserveStock, checkFraud, authorizePayment] }),
  'with the first step removed': revised({ steps: [authorizePayment], retired: [reserveStock] }),
  'with the last step removed': revised({ steps: [reserveStock], retired: [authorizePayment] }),
  'with the steps reordered': revised({ steps: [authorizePayment, reserveStock] }),
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

const DECLINED = 'waiting for the stock to be released'

/** Orders that the current revision placed, and left waiting at each step. */
async function waiting(): Promise<{ kept: Memory; at: Record<string, string[]> }> {
  const kept = memory()
  const shop = await openShop({ kept })
  const place = async (name: string, ...before: ((id: string) => Reply)[]): Promise<string[]> => {
    const ids: string[] = []
    for (let index = 0; index < ORDERS; index++) {
      const response = await shop.place({}, { idempotencyKey: `${name}-${index}` })
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
      'authorize-payment': await place('b', replies.reserved),
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
    for (const id of at['authorize-payment']!) {
      await shop.deliver(...replies.authorized(id))
      expect(commandsFor(shop, id)).toEqual([])
      expect(await statusOf(shop, id)).toBe('confirmed')
    }
  })

  it('compensates the completed steps of waiting orders, removed steps included', async () => {
    const { kept, at } = await waiting()
    const shop = await deploy(definition, kept)
    shop.platform.advance(3 * 60_000)
    for (const id of [...at['reserve-stock']!, ...at['authorize-payment']!, ...at[DECLINED]!]) {
      const deadline = new Date(shop.platform.now()).toISOString()
      await shop.deliver('ContinueCheckout', { orderId: id, deadline })
      expect(await statusOf(shop, id)).toBe('rejected')
    }
    // The timer sends the first command again, since no reply shows that it was sent.
    for (const id of at['reserve-stock']!) expect(commandsFor(shop, id)).toEqual(['ReserveStock', 'ReleaseStock'])
    for (const id of at['authorize-payment']!) {
      expect(commandsFor(shop, id)).toEqual(['VoidPayment', 'ReleaseStock'])
      expect((await shop.read(id)).body).toMatchObject({ reason: 'authorize-payment-timed-out' })
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
      'authorize-payment': replies.authorized,
    }
    for (const { name, command } of definition.steps) {
      expect(commandsFor(shop, id).at(-1)).toBe(command)
      await shop.deliver(...answers[name]!(id))
    }
    expect(await statusOf(shop, id)).toBe('confirmed')
  })
})
