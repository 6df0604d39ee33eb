/** Disputes with each adapter: reported by signed webhooks through the gateway, read at the provider, recorded by payments, shown to staff, and compared. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { loadApp } from '../../functions/apps.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { reconcile } from '../support/simulation/reconcile.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { openStripeServer, type StripeServer } from '../support/stripe-server.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const TOTAL = 2380
let server: StripeServer
beforeAll(async () => {
  server = await openStripeServer()
})
afterAll(() => server?.close())

interface Bank {
  readonly world: World
  /** Takes back what was captured for the order. Returns the dispute's id. */
  dispute(orderId: string): string
  decide(disputeId: string, outcome: 'won' | 'lost'): void
  /** Reports it once more. */
  again(disputeId: string): void
}

async function simulator(): Promise<Bank> {
  const world = await createWorld({ releaseDelaySeconds: 0 })
  const { ledger, webhooks } = world.provider
  return {
    world,
    dispute: (orderId) => ledger.dispute(`${orderId}:auth`).disputeId,
    decide: (disputeId, outcome) => void ledger.disputes.decide(disputeId, outcome),
    again: (disputeId) => webhooks.sendAgain(`event-${disputeId}-open`),
  }
}

async function stripe(): Promise<Bank> {
  const world = await createWorld({ stripe: server })
  const { dispute, decide, intents } = server.fake()
  const intentOf = (orderId: string): string =>
    [...intents.values()].find(({ metadata }) => metadata['reference'] === orderId)!.id
  return {
    world,
    dispute: (orderId) => dispute(intentOf(orderId)),
    decide,
    again: (disputeId) => server.fake().report('charge.dispute.updated', disputeId),
  }
}

const disputes = (world: World, orderId: string): object[] =>
  eventsOf(world, 'payments', orderId)
    .filter(({ type }) => type.includes('disput'))
    .map(({ type, data }) => ({ type, ...(data as object) }))

async function timeline(world: World, orderId: string): Promise<readonly { readonly type: string }[]> {
  const routes = serveQueries(await loadApp('history'), world.platform('history'))
  const response = await routes.request(`/orders/${orderId}/timeline`)
  return ((await response.json()) as { entries: { type: string }[] }).entries
}

const refund = (world: World, orderId: string, refundId: string) =>
  world.submit('RefundPayment', { orderId, refundId, amountMinor: 100, reason: 'late' }, refundId)

describe.each([
  ['the simulator', simulator],
  ['Stripe', stripe],
] as const)('%s', { timeout: 60_000 }, (_, open) => {
  async function disputed() {
    const bank = await open()
    const { world } = bank
    const { orderId } = await world.place()
    await world.run({ forMs: HOUR_MS })
    const disputeId = bank.dispute(orderId)
    await world.run({ forMs: HOUR_MS })
    return { ...bank, orderId, disputeId }
  }

  it('a dispute is an event of its order with amount and reason, in the timeline and an alert, however often it is reported', async () => {
    const { world, orderId, disputeId, again } = await disputed()
    again(disputeId)
    await world.run({ forMs: HOUR_MS })
    expect(disputes(world, orderId)).toEqual([
      {
        type: 'payment.disputed',
        orderId,
        paymentId: `p-${orderId}`,
        disputeId,
        authorization: 1,
        amountMinor: TOTAL,
        currency: 'EUR',
        reason: 'fraudulent',
        evidenceDueBy: expect.stringMatching(/^2026-01-/),
      },
    ])
    expect(await timeline(world, orderId)).toContainEqual(
      expect.objectContaining({ type: 'payment.disputed', reason: 'fraudulent', amountMinor: TOTAL, currency: 'EUR' }),
    )
    const lines = world.platform('payments').logs.filter(({ event }) => event === 'payment.disputed')
    expect(lines[0]).toMatchObject({ severity: 'ERROR', fields: { orderId, disputeId, correlationId: orderId } })
  })

  it('while it is open its money is not refunded; once it is won it can be', async () => {
    const { world, orderId, disputeId, decide } = await disputed()
    expect(await refund(world, orderId, 'r-1')).toEqual({ status: 409, code: 'more-than-captured' })
    decide(disputeId, 'won')
    await world.run({ forMs: HOUR_MS })
    expect(disputes(world, orderId).at(-1)).toMatchObject({ type: 'payment.dispute-closed', disputeId, outcome: 'won' })
    expect(await refund(world, orderId, 'r-2')).toEqual({ status: 202 })
    await world.run({ forMs: HOUR_MS })
    expect(eventsOf(world, 'payments', orderId).map(({ type }) => type)).toContain('refund.issued')
    expect((await reconcile(world)).differences).toEqual([])
  })

  it('once it is lost its money is gone for good, and reconciliation agrees with the provider', async () => {
    const { world, orderId, disputeId, decide } = await disputed()
    decide(disputeId, 'lost')
    await world.run({ forMs: HOUR_MS })
    expect(disputes(world, orderId).at(-1)).toMatchObject({ outcome: 'lost', amountMinor: TOTAL })
    expect(await timeline(world, orderId)).toContainEqual(
      expect.objectContaining({ type: 'payment.dispute-closed', reason: 'lost' }),
    )
    expect(await refund(world, orderId, 'r-1')).toMatchObject({ code: 'more-than-captured' })
    expect((await reconcile(world)).differences).toEqual([])
  })

  it('one that is decided before its first report is read has both events, in their order', async () => {
    const bank = await open()
    const { world } = bank
    const { orderId } = await world.place()
    await world.run({ forMs: HOUR_MS })
    bank.decide(bank.dispute(orderId), 'lost')
    await world.run({ forMs: HOUR_MS })
    expect(disputes(world, orderId)).toMatchObject([
      { type: 'payment.disputed' },
      { type: 'payment.dispute-closed', outcome: 'lost' },
    ])
  })

  it('one whose end is reported by no webhook is asked about, until the provider has an end', async () => {
    const { world, orderId, disputeId, decide } = await disputed()
    const lost = world.schedule.hold(({ kind }) => kind === 'webhook')
    decide(disputeId, 'lost')
    await world.run({ forMs: 6 * DAY_MS })
    expect(disputes(world, orderId).at(-1)).toMatchObject({ type: 'payment.disputed' })
    await world.run({ forMs: DAY_MS })
    expect(disputes(world, orderId).at(-1)).toMatchObject({ type: 'payment.dispute-closed', outcome: 'lost' })
    lost.release()
    await world.run({ forMs: 150 * DAY_MS })
    expect(disputes(world, orderId)).toHaveLength(2)
  })

  it('one without an end is overdue after four months, which alerts operators, and a later end counts', async () => {
    const { world, orderId, disputeId, decide } = await disputed()
    await world.run({ forMs: 119 * DAY_MS })
    expect(disputes(world, orderId)).toHaveLength(1)
    await world.run({ forMs: 60 * DAY_MS })
    const { logs } = world.platform('payments')
    expect(logs.filter(({ event }) => event === 'dispute.overdue')).toMatchObject([
      { severity: 'ERROR', fields: { orderId, disputeId } },
    ])
    decide(disputeId, 'won')
    await world.run({ forMs: DAY_MS })
    expect(disputes(world, orderId).at(-1)).toMatchObject({ type: 'payment.dispute-closed', outcome: 'won' })
  })

  it('one whose reports were all lost is a difference: disputed-amount', async () => {
    const bank = await open()
    const { world } = bank
    const { orderId } = await world.place()
    await world.run({ forMs: HOUR_MS })
    const held = world.schedule.hold(({ kind, type }) => kind === 'webhook' && type.includes('dispute'))
    bank.dispute(orderId)
    await world.run({ forMs: HOUR_MS })
    expect((await reconcile(world)).differences).toMatchObject([
      { kind: 'disputed-amount', id: `${orderId}:auth`, values: { provider: 'EUR 23.80', ledger: '0' } },
    ])
    held.release()
  })
})

it('one of which only the decision is reported has both events, in one commit', async () => {
  const { world, dispute, decide } = await stripe()
  const { orderId } = await world.place()
  await world.run({ forMs: HOUR_MS })
  const created = world.schedule.hold(({ type }) => type === 'charge.dispute.created')
  decide(dispute(orderId), 'lost')
  await world.run({ forMs: HOUR_MS })
  const both = ['payment.disputed', 'payment.dispute-closed']
  expect(disputes(world, orderId)).toMatchObject(both.map((type) => ({ type })))
  created.release()
  await world.run({ forMs: HOUR_MS })
  expect(disputes(world, orderId)).toMatchObject(both.map((type) => ({ type })))
})

it('an inquiry of a bank takes no money: it is a warning, and no event', async () => {
  const { world, dispute } = await stripe()
  const { orderId } = await world.place()
  await world.run({ forMs: HOUR_MS })
  const hold = world.schedule.hold(({ kind }) => kind === 'webhook')
  const disputeId = dispute(orderId)
  const { disputes: all } = server.fake()
  all.set(disputeId, { ...all.get(disputeId)!, status: 'warning_needs_response' })
  hold.release()
  await world.run({ forMs: HOUR_MS })
  expect(disputes(world, orderId)).toEqual([])
  expect(world.platform('payments').logs).toContainEqual(
    expect.objectContaining({ severity: 'WARNING', event: 'payment.inquiry' }),
  )
  expect((await reconcile(world)).differences).toEqual([])
})

it('a dispute about a payment of another shop of the account is refused, and changes nothing', async () => {
  const { world, dispute } = await stripe()
  const { orderId } = await world.place()
  await world.run({ forMs: HOUR_MS })
  const { intents } = server.fake()
  for (const [id, intent] of intents) intents.set(id, { ...intent, metadata: {} })
  server.fake().dispute([...intents.keys()][0]!)
  await world.run({ forMs: HOUR_MS })
  expect(dispute).toBeDefined()
  expect(disputes(world, orderId)).toEqual([])
  expect(world.platform('payments').logs.filter(({ severity }) => severity === 'ERROR')).toEqual([])
})

it('the card card-disputed of the simulator is disputed some seconds after its last capture', async () => {
  const world = await createWorld({ cards: ['card-disputed'] })
  const { orderId } = await world.place({ card: 'card-disputed' })
  await world.run({ forMs: HOUR_MS })
  expect(disputes(world, orderId)).toMatchObject([{ type: 'payment.disputed', amountMinor: TOTAL }])
})
