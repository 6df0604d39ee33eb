import { describe, expect, it } from 'vitest'
import { fold } from '../../shared/service/fold.ts'
import type { Message } from '../../shared/contracts/message.ts'
import { memory } from '../../shared/messaging/memory.testing.ts'
import { ordersContracts } from './contracts.ts'
import { decide } from './decide.ts'
import { evolve, initial, type OrderState } from './order.ts'
// Recorded by an earlier revision: never change it, only add to it.
import frozen from './past-events.json' with { type: 'json' }
import { upcast } from './past-events.ts'
import { MAX_OPEN_MS } from './renewal-times.ts'
import { openShop, replies, type Shop } from './shop.testing.ts'

const rules = { releaseDelayMs: 0 }
const after = (...parts: (keyof typeof frozen)[]): OrderState =>
  fold(
    { initial, evolve },
    parts.flatMap((part): readonly Message[] => frozen[part]),
  )
const pending = after('placed', 'waiting for the customer')

describe('a stream that an earlier revision recorded', () => {
  it('has the pending step by its name, in version 1', () => {
    expect(after('placed')).toMatchObject({
      timerAtMs: 1767225690000,
      saga: {
        version: 1,
        phase: 'running',
        step: 'reserve-stock',
        deadlineMs: 1767225720000,
        compensations: [{ step: 'reserve-stock', attempt: 0 }],
      },
    })
    expect(pending).toMatchObject({
      actionUrlRef: 'action-1',
      saga: { version: 1, phase: 'running', step: 'authorize-payment', isExtended: true },
    })
  })

  it('continues: the reply of the pending step confirms it, its timeout rejects it', () => {
    const data = {
      orderId: 'o-1',
      paymentId: 'p-1',
      amountMinor: 1,
      currency: 'EUR',
      expiresAt: '2026-01-08T00:00:00Z',
      authorization: 1,
    } as const
    const reply = { type: 'payment.authorized', data } as const
    const confirmed = decide({ type: 'step-reply', reply, nowMs: 1767225800000 }, pending, rules)
    expect(confirmed.events.map(({ type }) => type)).toContain('order.confirmed')
    const dueAtMs = 1767225900000
    const expired = decide({ type: 'timeout', dueAtMs, nowMs: dueAtMs }, pending, rules)
    expect(expired.events.map(({ type }) => type)).toContain('order.expired')
    expect(expired.commands.map(({ type }) => type)).toEqual(['VoidPayment', 'ReleaseStock', 'ContinueCheckout'])
  })

  it('resends only the unanswered compensation', () => {
    const state = after('placed', 'waiting for the customer', 'undoing')
    expect(state.saga).toEqual({
      version: 1,
      phase: 'compensating',
      compensations: [
        { step: 'reserve-stock', attempt: 1 },
        { step: 'authorize-payment', attempt: 2, nextRetryAtMs: 1767226000000 },
      ],
    })
    const nowMs = 1767226000000
    const { commands } = decide({ type: 'timeout', dueAtMs: nowMs, nowMs }, state, rules)
    expect(commands.map(({ type }) => type)).toEqual(['VoidPayment', 'ContinueCheckout'])
  })

  it('has the recorded facts and reminders', () => {
    const state = after('placed', 'fulfilled in part')
    expect(state).toMatchObject({
      status: 'confirmed',
      saga: { version: 1, phase: 'committed' },
      ledger: { dispatched: { 's-1': [{ lineId: '1', quantity: 1 }] }, captured: ['s-1'], committed: [] },
      timerAtMs: 1767315600000,
      nextReminderAtMs: 1767315600000,
      reminderCount: 1,
    })
    // No field keeps its old name.
    expect(Object.keys(state).toSorted()).toEqual(
      [
        'answerRequests',
        'corrections',
        'isCancelRefused',
        'isDelayed',
        'isPaid',
        'isPromiseChecked',
        'isStalled',
        'ledger',
        'nextReminderAtMs',
        'order',
        'promisedByMs',
        'recaptures',
        'refusedRecaptures',
        'recapturing',
        'refunds',
        'released',
        'reminderCount',
        'renewals',
        'retries',
        'saga',
        'status',
        'timerAtMs',
      ].toSorted(),
    )
  })
})

describe('an order that passed its pivot under an earlier revision', () => {
  const orderId = 'o-1'
  /** Its stream as it was stored, with the published events as their contracts have them. */
  const stored = async (...parts: (keyof typeof frozen)[]): Promise<Shop> => {
    const kept = memory()
    const events = parts.flatMap((part): readonly Message[] => frozen[part])
    const published: Readonly<Record<string, object>> = {
      'order.placed': ordersContracts.events['order.placed'].example,
      'order.released': ordersContracts.events['order.released'].example,
    }
    await kept.store.append(await kept.store.load(orderId), {
      cause: 'placed',
      time: '2026-01-01T00:00:00.000Z',
      correlationId: orderId,
      actor: 'service:orders',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      events: events.map(({ type, data }, index) => ({
        id: `event-${index}`,
        type,
        version: ordersContracts.events[type as 'order.placed']?.version ?? 1,
        sequence: type.startsWith('order.') ? index + 1 : 0,
        data: { ...(data as object), ...published[type], orderId },
      })),
      commands: [],
    })
    return openShop({ kept, releaseDelaySeconds: 1_800 })
  }

  it('is released', async () => {
    const shop = await stored('placed', 'confirmed')
    shop.platform.advance(31 * 60_000)
    await shop.deliver('ContinueCheckout', { orderId, deadline: '2026-01-01T00:30:00.000Z' })
    expect(shop.publishedTypes()).toEqual(['order.released'])
  })

  it('is completed', async () => {
    const shop = await stored('placed', 'fulfilled in part')
    const rest = [
      replies.dispatched(orderId, 's-2', 1),
      replies.captured(orderId, 's-2'),
      replies.committed(orderId),
      replies.committed(orderId, 's-2'),
    ]
    const delivered = [replies.delivered(orderId), replies.delivered(orderId, 's-2')]
    for (const [index, [type, data]] of [...rest, ...delivered].entries())
      await shop.deliver(type, data, { key: String(index) })
    expect(shop.publishedTypes()).toEqual(['order.completed'])
  })
})

describe('an order that stalled before orders had an end', () => {
  const orderId = 'o-1'
  const placedAt = '2026-01-01T00:00:00.000Z'
  const endMs = Date.parse(placedAt) + MAX_OPEN_MS
  const [first] = after('placed', 'confirmed').order!.lines
  const stalled = fold<OrderState, Message>({ initial: after('placed', 'confirmed'), evolve }, [
    { type: 'order.placed', data: { orderId, placedAt, totalMinor: 0, lines: [first!] } },
    { type: 'order.confirmed', data: { orderId, promisedBy: '2026-01-03T00:00:00.000Z' } },
    { type: 'order.released', data: { orderId, lines: [], addressRef: 'address-1' } },
    { type: 'order.delayed', data: { orderId, promisedBy: '2026-01-03T00:00:00.000Z' } },
    { type: 'order.stalled', data: { orderId, missing: ['shipping'], refusedCaptures: [] } },
  ])
  const announced = (nowMs: number) => decide({ type: 'announce', nowMs }, stalled, rules)

  it('has a timer again once its status is announced, and ends', () => {
    const { events, commands } = announced(endMs - 1000)
    expect(commands).toMatchObject([{ type: 'ContinueCheckout', notBeforeMs: endMs }])
    const armed = fold<OrderState, Message>({ initial: stalled, evolve }, events)
    expect(decide({ type: 'announce', nowMs: endMs - 1000 }, armed, rules)).toEqual({ events: [], commands: [] })
    const ended = decide({ type: 'timeout', dueAtMs: endMs, nowMs: endMs }, armed, rules)
    expect(ended.events.map(({ type }) => type)).toContain('order.cancel-requested')
  })

  it('that is already older has one that is due', () => {
    expect(announced(endMs + 5000).commands).toMatchObject([{ type: 'ContinueCheckout', notBeforeMs: endMs + 5000 }])
  })
})

it('an event of a later revision is left to that revision: this one decides nothing', () => {
  const later = { type: 'order.refunded', data: {} }
  expect(() => fold({ initial, evolve }, [later])).toThrow('does not know the recorded event order.refunded')
})

it('an event of the current version is not upcast', () => {
  for (const type of ['checkout.progressed', 'fulfilment.recorded', 'customerAction.required', 'order.placed']) {
    const event = { type, data: { saga: { phase: 'running' } } }
    expect(upcast(event)).toBe(event)
  }
})
