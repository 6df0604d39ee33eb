/** Captures that the provider refuses: retried, or recaptured with another payment method, against a late success of the first. */

import { describe, expect, it } from 'vitest'
import { PartnerRefusal } from '../../emulators/partner-server.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { app as historyApp } from '../../functions/history/app.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { type Selector, to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { cancelling } from './authorizations.testing.ts'
import { DAY, expectQuiescence, MINUTE, theOnly } from './quiescence.testing.ts'
import { refuseCaptures } from './refused-captures.testing.ts'

const TOTAL = 2380
const reason = 'the customer has a new card'

const viewOf = async (world: World, orderId: string): Promise<Record<string, unknown>> =>
  (await (await serveQueries(ordersApp, world.platform('orders')).request(`/orders/${orderId}`)).json()) as Record<
    string,
    unknown
  >
const listedAs = async (world: World, status: string): Promise<unknown> =>
  (await serveQueries(historyApp, world.platform('history')).request(`/orders?status=${status}`)).json()
const paymentTypes = (world: World, orderId: string): string[] =>
  eventsOf(world, 'payments', orderId)
    .filter(({ sequence }) => sequence > 0)
    .map(({ type }) => type)
const recapture = (world: World, orderId: string, card: string, key = card) =>
  world.submit('RecaptureOrder', { orderId, paymentMethodRef: world.paymentMethodOf(card) ?? card, reason }, key)
const postings = ({ provider }: World): string[] =>
  provider.ledger.postings().map(({ kind, amountMinor }) => `${kind} ${amountMinor}`)

/** The provider has refused the capture, and the order waits for staff. */
async function refused(card = 'card-capture-refused'): Promise<{ world: World; orderId: string }> {
  const world = await createWorld()
  const { orderId } = await world.place({ card })
  await world.run({ forMs: MINUTE })
  return { world, orderId }
}

it('a transient refusal is retried at growing intervals until it succeeds', async () => {
  const world = await createWorld()
  const { orderId } = await world.place({ card: 'card-capture-delayed' })
  await world.run({ forMs: 5 * MINUTE })
  expect(await viewOf(world, orderId)).toMatchObject({ status: 'confirmed' })
  expect(paymentTypes(world, orderId)).toEqual(['payment.authorized'])
  await world.run({ forMs: 10 * MINUTE })
  expect(await viewOf(world, orderId)).toMatchObject({ status: 'completed' })
  await expectQuiescence(world, 'completed')
})

it('a transient refusal without an end becomes payment.capture-failed', async () => {
  const world = await createWorld()
  const capture = world.provider.ledger.capture
  let attempts = 0
  Object.assign(world.provider.ledger, {
    capture() {
      attempts += 1
      throw new PartnerRefusal(409, 'issuer-unavailable', 'Try again.')
    },
  })
  const { orderId } = await world.place()
  await world.run({ forMs: 10 * DAY })
  expect(attempts).toBe(6)
  expect(paymentTypes(world, orderId)).toEqual(['payment.authorized', 'payment.capture-failed'])
  expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-failed' })
  Object.assign(world.provider.ledger, { capture })
  expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
  await expectQuiescence(world, 'completed')
})

describe('a recapture', () => {
  it('takes the money with another payment method, and releases the former authorization', async () => {
    const { world, orderId } = await refused()
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-failed' })
    expect(await listedAs(world, 'payment-failed')).toMatchObject({ orders: [{ orderId, status: 'payment-failed' }] })
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(await listedAs(world, 'payment-failed')).toEqual({ orders: [] })
    expect(postings(world)).toEqual([
      `authorize ${TOTAL}`,
      `release ${TOTAL}`,
      `authorize ${TOTAL}`,
      `capture ${TOTAL}`,
    ])
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'completed', payment: { capturedMinor: TOTAL } })
  })

  it.each([
    ['card-declined', 'card-declined'],
    ['card-action-required', 'action-required'],
    ['card-capture-refused', 'card-expired'],
  ])('with %s fails with the code %s, and a further one succeeds', async (card, code) => {
    const { world, orderId } = await refused()
    await recapture(world, orderId, card)
    await world.run({ forMs: MINUTE })
    const failed = eventsOf(world, 'payments', orderId).filter(({ type }) => type === 'payment.capture-failed')
    expect(failed.map(({ data }) => data)).toMatchObject([
      { authorization: 1, code: 'card-expired' },
      { authorization: 2, code },
    ])
    // The customer could approve it later, for nothing.
    expect(world.provider.ledger.all().filter(({ status }) => status === 'action-required')).toEqual([])
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-failed' })
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
  })

  it('against a late success of the first capture: that money is found, and nothing is taken twice', async () => {
    const world = await createWorld()
    const { capture } = world.provider.ledger
    Object.assign(world.provider.ledger, {
      capture(...request: Parameters<typeof capture>) {
        capture(...request)
        throw new PartnerRefusal(409, 'no-answer', 'The bank did not answer.')
      },
    })
    const { orderId } = await world.place()
    await world.run({ forMs: MINUTE })
    Object.assign(world.provider.ledger, { capture })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-failed' })
    await recapture(world, orderId, 'card-ok')
    await expectQuiescence(world, 'completed')
    expect(postings(world)).toEqual([`authorize ${TOTAL}`, `capture ${TOTAL}`])
  })

  it('before a late arrival of the first capture: the provider refuses that one', async () => {
    const { world, orderId } = await refused()
    await recapture(world, orderId, 'card-ok')
    await world.run({ forMs: MINUTE })
    const late = await world.provider.partner.app.request(`/v1/authorizations/by-key/${orderId}:auth/captures`, {
      method: 'POST',
      headers: { 'idempotency-key': `${orderId}:capture:late` },
      body: JSON.stringify({ amountMinor: TOTAL, final: true }),
    })
    expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([409, 'released'])
    await expectQuiescence(world, 'completed')
  })

  it.each(['lostAnswers', 'unavailable'] as const)(
    'with a timeout of the provider (%s) captures once',
    async (fault) => {
      const { world, orderId } = await refused()
      world.provider.faults[fault] = 4
      await recapture(world, orderId, 'card-ok')
      await expectQuiescence(world, 'completed')
      expect(postings(world).filter((one) => one.startsWith('capture'))).toHaveLength(1)
    },
  )

  it('is refused for an order that needs none, an unknown payment method, and while another is pending', async () => {
    const { world, orderId } = await refused()
    expect(await recapture(world, orderId, 'pm-unknown')).toMatchObject({ status: 422, code: 'unknown-reference' })
    const making = world.schedule.hold(to('payments', 'MakeRecapture'))
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await world.run({ until: () => making.held().length > 0 })
    expect(await recapture(world, orderId, 'card-ok', 'another-key')).toMatchObject({
      status: 409,
      code: 'recapture-pending',
    })
    // Staff closes it meanwhile: its money may still be taken, so that is refused as well.
    world.bus.send([{ target: 'orders', envelope: message('CloseOrder', { orderId, reason }, { actor: 'staff:jo' }) }])
    await world.run({ forMs: MINUTE })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-failed' })
    making.release()
    await expectQuiescence(world, 'completed')
    expect(await recapture(world, orderId, 'card-ok', 'too-late')).toMatchObject({
      status: 409,
      code: 'nothing-to-recapture',
    })
  })

  it('is made ten times, and then the order is closed', async () => {
    const { world, orderId } = await refused()
    for (let time = 1; time <= 10; time++) {
      expect(await recapture(world, orderId, 'card-declined', `k-${time}`)).toEqual({ status: 202 })
      await world.run({ forMs: MINUTE })
    }
    expect(await recapture(world, orderId, 'card-ok', 'k-11')).toEqual({ status: 409, code: 'too-many-recaptures' })
    world.bus.send([{ target: 'orders', envelope: message('CloseOrder', { orderId, reason }, { actor: 'staff:jo' }) }])
    await world.run({ forMs: DAY })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'closed' })
    expect(world.provider.ledger.all().flatMap(({ captures }) => captures)).toEqual([])
    expect(world.bus.deadLetters()).toEqual([])
  })

  it('that the provider does not answer is reported to staff after a day, once, and made when it answers', async () => {
    const { world, orderId } = await refused()
    world.provider.faults.unavailable = Infinity
    await recapture(world, orderId, 'card-ok')
    await world.run({ forMs: DAY - MINUTE })
    expect(paymentTypes(world, orderId)).not.toContain('recapture.overdue')
    await world.run({ forMs: 3 * DAY })
    const reports = eventsOf(world, 'payments', orderId).filter(({ type }) => type === 'recapture.overdue')
    expect(reports.map(({ data }) => data)).toEqual([{ orderId, paymentId: `p-${orderId}`, authorization: 2 }])
    const lines = world.platform('payments').logs.filter(({ event }) => event === 'recapture.overdue')
    expect(lines).toMatchObject([{ severity: 'ERROR', fields: { orderId } }])
    expect(await recapture(world, orderId, 'card-ok', 'another')).toMatchObject({ code: 'recapture-pending' })
    world.provider.faults.unavailable = 0
    await expectQuiescence(world, 'completed')
    expect(postings(world).filter((one) => one.startsWith('capture'))).toHaveLength(1)
  })

  it('that was refused as well leaves an order that staff closes, and no money is held', async () => {
    const { world, orderId } = await refused()
    await recapture(world, orderId, 'card-capture-refused', 'again')
    await world.run({ forMs: MINUTE })
    world.bus.send([{ target: 'orders', envelope: message('CloseOrder', { orderId, reason }, { actor: 'staff:jo' }) }])
    await world.run({ forMs: DAY })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'closed' })
    const moved = (kind: string): number => postings(world).filter((one) => one.startsWith(kind)).length
    expect([moved('authorize'), moved('release'), moved('capture')]).toEqual([2, 2, 0])
    expect(world.bus.deadLetters()).toEqual([])
  })
})

it('a refund of recaptured money goes to the payment method that paid', async () => {
  const { world, orderId } = await refused()
  await recapture(world, orderId, 'card-ok')
  await world.run({ forMs: MINUTE })
  await world.submit('RefundPayment', { orderId, refundId: 'r-1', amountMinor: 380, reason }, 'r-1')
  await expectQuiescence(world, 'completed')
  const refunded = world.provider.ledger.all().map(({ key, refundedMinor }) => [key, refundedMinor])
  expect(refunded).toEqual([
    [`${orderId}:auth`, 0],
    [`${orderId}:auth:2`, 380],
  ])
})

describe('a recapture while another parcel waits for its collection', () => {
  const HOUR = 60 * MINUTE
  const cards = ['card-ok', 'card-declined', 'card-refund-pending', 'card-captured-once']
  /** Of two parcels the first has left, and its captures are refused; the second is collected an hour later. */
  async function firstRefused(under?: string, collectedApartMs = 4 * HOUR) {
    const carrier = { collectedAfterMs: HOUR, collectedApartMs, deliveredAfterMs: HOUR }
    const world = await createWorld({ piecesPerParcel: 1, carrier, cards })
    let isRefusing = true
    refuseCaptures(world, (authorization, key) =>
      isRefusing && key.includes('-1') && (under === undefined || !authorization.endsWith(':auth:2'))
        ? 'card-expired'
        : undefined,
    )
    const { orderId } = await world.place({ quantity: 2 })
    await world.run({ forMs: 2 * HOUR })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-failed' })
    return { world, orderId, accept: () => void (isRefusing = false) }
  }
  const captured = ({ provider }: World): string[] =>
    provider.ledger.all().flatMap(({ key, captures }) => captures.map(({ amountMinor }) => `${key} ${amountMinor}`))

  it('waits for a renewal that the provider does not answer, also for longer than a message is tried', async () => {
    const { world, orderId, accept } = await firstRefused(undefined, 9 * DAY)
    const renewals = world.schedule.hold(to('payments', 'MakeRenewal'))
    await world.run({ forMs: 6 * DAY })
    expect(renewals.held()).toHaveLength(1)
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await world.run({ forMs: 10 * HOUR })
    accept()
    renewals.release()
    await world.run({ forMs: HOUR })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'confirmed' })
    expect(captured(world)).toEqual([`${orderId}:auth:3 1190`])
    // Its parcel was given back, and is booked again under the new authorization.
    await world.run({ forMs: 20 * DAY })
    await expectQuiescence(world, 'completed')
  })

  it('with a card that is declined keeps the authorization that the other parcel needs', async () => {
    const { world, orderId, accept } = await firstRefused()
    expect(await recapture(world, orderId, 'card-declined')).toEqual({ status: 202 })
    await world.run({ forMs: 5 * HOUR })
    expect(captured(world)).toEqual([`${orderId}:auth 1190`])
    accept()
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth 1190`, `${orderId}:auth:3 1190`])
  })

  it('that is authorized and refused again keeps the new authorization for the other parcel', async () => {
    const { world, orderId, accept } = await firstRefused()
    expect(await recapture(world, orderId, 'card-refund-pending')).toEqual({ status: 202 })
    await world.run({ forMs: 5 * HOUR })
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`])
    accept()
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`, `${orderId}:auth:3 1190`])
  })

  it('has its pieces counted once in a refund of money from two authorizations', async () => {
    const { world, orderId, accept } = await firstRefused()
    await world.run({ forMs: 5 * HOUR })
    accept()
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth 1190`, `${orderId}:auth:2 1190`])
    const refundOnePiece = (refundId: string, amountMinor: number) =>
      world.submit(
        'RefundPayment',
        { orderId, refundId, amountMinor, reason, lines: [{ lineId: '1', quantity: 1 }] },
        refundId,
      )
    expect(await refundOnePiece('r-1', 1500)).toEqual({ status: 202 })
    await world.run({ forMs: MINUTE })
    expect(world.provider.ledger.all().map(({ refundedMinor }) => refundedMinor)).toEqual([1190, 310])
    expect(await refundOnePiece('r-2', 400)).toEqual({ status: 202 })
    await world.run({ forMs: MINUTE })
    expect(await refundOnePiece('r-3', 400)).toMatchObject({ code: 'not-ordered' })
  })

  it.each([
    ['card-ok', 'loses its commit to'],
    ['card-ok', 'dies before'],
    ['card-captured-once', 'loses its commit to'],
    ['card-captured-once', 'dies before'],
  ] as const)(
    'with %s that is answered, and %s a cancellation of the rest: nothing is held any more',
    async (card, how) => {
      const { world, orderId, accept } = await firstRefused(undefined, 3 * DAY)
      accept()
      const hold = world.schedule.hold(to('payments', 'MakeRecapture'))
      expect(await recapture(world, orderId, card)).toEqual({ status: 202 })
      await world.run({ forMs: MINUTE })
      const item = hold.held()[0]!
      const activity = world.begin(item)
      while (!activity.waiting.some(({ what }) => what === 'commit')) await world.scheduler.step(activity)
      const carryOut = (selector: Selector): Promise<void> => world.finish(world.begin(theOnly(world, selector)))
      await world.finish(world.begin(cancelling(world)))
      await carryOut(to('shipping', 'CancelShipments'))
      await carryOut(to('orders', 'shipment.cancel-decided'))
      await carryOut(to('payments', 'ReduceAuthorization'))
      if (how === 'dies before') {
        world.scheduler.kill(activity)
        world.schedule.items.push(item)
      } else await world.finish(activity)
      hold.release()
      await expectQuiescence(world, 'completed')
      expect(captured(world)).toEqual([`${orderId}:auth:2 1190`])
      expect(world.provider.ledger.all().map(({ heldMinor }) => heldMinor)).toEqual([0, 0])
    },
  )

  it('that succeeds takes both under the new authorization, and holds nothing under the first', async () => {
    const { world, orderId } = await firstRefused('but the second')
    expect(await recapture(world, orderId, 'card-refund-pending')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`, `${orderId}:auth:2 1190`])
  })
})
