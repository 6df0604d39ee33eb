/** Every rule about an order's life: what follows when it is placed, when somebody answers, when time has passed. */

import { repeatCommand } from '../../shared/names.ts'
import { refuseIf } from '../../shared/errors.ts'
import { type Decision, type Message, nothing, type OutgoingCommand } from '../../shared/platform.ts'
import { again, begin, look, type Move, nextLookMs, reply } from '../../shared/saga.ts'
import { checkout } from './checkout.ts'
import {
  goodsOf,
  type Heard,
  heard,
  isClosed,
  isSettled,
  type OrderState,
  type Placed,
  type Progress,
} from './order.ts'

export interface Rules {
  /** Between confirmation and release; 0: at once. */
  readonly cancellationWindowMs: number
}

/** The customer is told to have it within this time, and shipping is asked when it has passed. */
const PROMISED_WITHIN_MS = 48 * 3_600_000
const SHIPMENT_WITHIN_MS = 24 * 3_600_000
const SETTLED_WITHIN_MS = 3_600_000

export type OrderCommand =
  | { readonly type: 'place'; readonly order: Placed; readonly armedMs: number; readonly nowMs: number }
  | {
      readonly type: 'hear'
      readonly reply: { readonly type: string; readonly reason?: string; readonly actionUrlRef?: string }
      readonly nowMs: number
    }
  | { readonly type: 'ship'; readonly heard: Heard; readonly nowMs: number }
  | { readonly type: 'retry'; readonly reason: string; readonly by: string; readonly nowMs: number }
  | { readonly type: 'look'; readonly orderId: string; readonly deadlineMs: number; readonly nowMs: number }

/** A repeated command decides nothing, so every caller may safely retry. */
export function decide(command: OrderCommand, state: OrderState, rules: Rules): Decision {
  switch (command.type) {
    case 'place':
      return place(state, command)
    case 'hear':
      return hear(state, command, rules)
    case 'ship':
      return ship(state, command)
    case 'retry':
      return retry(state, command)
    case 'look':
      return lookAgain(state, command, rules)
  }
}

function place(state: OrderState, { order, armedMs, nowMs }: Extract<OrderCommand, { type: 'place' }>): Decision {
  if (state.status !== 'none' && state.status !== 'abandoned') return nothing
  const move = begin(checkout, order, nowMs)
  return {
    events: [{ type: 'order.placed', data: order }, moved({ saga: move.state, armedMs })],
    commands: move.commands,
  }
}

function hear(
  state: OrderState,
  { reply: message, nowMs }: Extract<OrderCommand, { type: 'hear' }>,
  rules: Rules,
): Decision {
  if (!state.order || !state.saga) return nothing
  const move = reply(checkout, state.saga, message, state.order, nowMs)
  if (!move) return nothing
  const decision = follow(state, move, nowMs, rules)
  const { actionUrlRef } = message
  if (actionUrlRef === undefined) return decision
  return { ...decision, events: [{ type: 'customer.asked', data: { actionUrlRef } }, ...decision.events] }
}

/** Facts of fulfilment come in any order, and may even overtake the confirmation's own echo: each is noted once. */
function ship(state: OrderState, { heard: fact, nowMs }: Extract<OrderCommand, { type: 'ship' }>): Decision {
  const { order, ledger } = state
  if (!order) return nothing
  const known =
    fact.what === 'dispatched' ? fact.shipmentId in ledger.dispatched : ledger[fact.what].includes(fact.shipmentId)
  if (known) return nothing
  const after = heard(ledger, fact)
  const closes = state.status === 'confirmed' && isClosed(order, after)
  if (closes) {
    return { events: [note(fact), { type: 'order.completed', data: { orderId: order.orderId } }], commands: [] }
  }
  const askAtMs = nowMs + (isSettled(after) ? SHIPMENT_WITHIN_MS : SETTLED_WITHIN_MS)
  return arm(state, nowMs, { events: [note(fact)], commands: [] }, { askAtMs })
}

/** A timer fired: acts on what is due, and arms the next one if anything is still waited for. */
function lookAgain(
  state: OrderState,
  { orderId, deadlineMs, nowMs }: Extract<OrderCommand, { type: 'look' }>,
  rules: Rules,
): Decision {
  // The request was lost before its commit: its late commit must fail. So must that of a later request, which read the
  // abandoned stream and was slow as well: each timer that finds no order moves the version on.
  if (state.status === 'none' || state.status === 'abandoned')
    return { events: [{ type: 'order.abandoned', data: {} }], commands: [] }
  const { order, saga } = state
  if (!order || !saga || state.status === 'completed') return nothing
  // Another timer is armed for later: this one was the end of an older chain.
  if (state.armedMs !== undefined && deadlineMs < state.armedMs) return nothing
  const unarmed: OrderState = { ...state, armedMs: 0 }
  const move = look(checkout, saga, { ...order, sagaId: orderId }, nowMs)
  if (move) return follow(unarmed, move, nowMs, rules)
  if (state.status === 'confirmed') return chase(unarmed, order, nowMs)
  return arm(unarmed, nowMs, { events: [], commands: [] }, {})
}

/** After the pivot there is no way back: what is due is released, what is missing is asked for again. */
function chase(state: OrderState, order: Placed, nowMs: number): Decision {
  const dueMs = state.askAtMs ?? 0
  if (nowMs < dueMs) return arm(state, nowMs, nothing, {})
  if (!state.released) {
    return arm(state, nowMs, { events: [released(order)], commands: [] }, { askAtMs: nowMs + SHIPMENT_WITHIN_MS })
  }
  const attempt = state.asked + 1
  const missing = missingFrom(state)
  return arm(
    state,
    nowMs,
    {
      events: [
        {
          type: 'saga.stuck',
          data: {
            sagaId: order.orderId,
            step: `fulfilment: ${missing.join(', ')}`,
            attempt,
            reason: 'no answer in time',
          },
        },
      ],
      commands: asked(order, missing),
    },
    { askAtMs: nowMs + SETTLED_WITHIN_MS, asked: attempt },
  )
}

/** An operator asks the saga to go on now; who and why stays in the stream. */
function retry(state: OrderState, { reason, by, nowMs }: Extract<OrderCommand, { type: 'retry' }>): Decision {
  const { order, saga } = state
  const retried: Message = { type: 'checkout.retried', data: { reason, by } }
  const isShipping = state.status === 'confirmed' && state.released
  if (order && isShipping) return { events: [retried], commands: asked(order, missingFrom(state)) }
  const move = order && saga && again(checkout, saga, order, nowMs)
  refuseIf(!move, 'nothing-to-retry', 'Nothing is waited for.')
  return arm(state, nowMs, { events: [retried], commands: move!.commands }, { saga: move!.state })
}

/**
 * Published again with the same ids by whoever has published it before; by orders too when shipping alone is missing: it
 * may never have heard of the release, or have given up on the carrier.
 */
function asked({ orderId }: Placed, missing: readonly string[]): OutgoingCommand[] {
  const targets = missing.length === 1 ? ['orders', ...missing] : missing
  return targets.map((target) => ({ type: repeatCommand, target, data: { correlationId: orderId } }))
}

export function missingFrom({ ledger }: OrderState): string[] {
  const shipments = Object.keys(ledger.dispatched)
  if (shipments.length === 0) return ['shipping']
  const lacks = (list: readonly string[]): boolean => shipments.some((shipmentId) => !list.includes(shipmentId))
  return [
    ...(lacks(ledger.captured) ? ['payments'] : []),
    ...(lacks(ledger.committed) ? ['inventory'] : []),
    'shipping',
  ]
}

/** What the saga's move means for the order: confirmed at the pivot and nowhere else, or rejected. */
function follow(state: OrderState, move: Move, nowMs: number, rules: Rules): Decision {
  const order = state.order!
  const { turn } = move
  const decision: Decision = {
    events: [...move.events, ...turnEvents(order, turn, nowMs, rules)],
    commands: move.commands,
  }
  if (turn?.to !== 'pivot') return arm(state, nowMs, decision, { saga: move.state })
  const askAtMs = nowMs + (rules.cancellationWindowMs > 0 ? rules.cancellationWindowMs : SHIPMENT_WITHIN_MS)
  return arm(state, nowMs, decision, { saga: move.state, askAtMs })
}

function turnEvents(order: Placed, turn: Move['turn'], nowMs: number, { cancellationWindowMs }: Rules): Message[] {
  const { orderId } = order
  switch (turn?.to) {
    case undefined:
      return []
    case 'pivot': {
      const confirmed = {
        type: 'order.confirmed',
        data: { orderId, promisedBy: new Date(nowMs + PROMISED_WITHIN_MS).toISOString() },
      }
      return cancellationWindowMs > 0 ? [confirmed] : [confirmed, released(order)]
    }
    case 'reject':
      return [
        {
          type: turn.expired ? 'order.expired' : 'order.rejected',
          data: { orderId, reason: turn.reason, lines: goodsOf(order) },
        },
      ]
  }
}

const released = (order: Placed): Message => ({
  type: 'order.released',
  data: { orderId: order.orderId, lines: goodsOf(order), addressRef: order.addressRef },
})

/** Records where things stand, and arms a timer when the armed one would come too late. */
function arm(state: OrderState, nowMs: number, decision: Decision, progress: Progress): Decision {
  const saga = progress.saga ?? state.saga!
  const askAtMs = progress.askAtMs ?? state.askAtMs
  const confirmed = state.status === 'confirmed' || saga.phase === 'pivoted'
  const dueMs = confirmed ? askAtMs : nextLookMs(saga)
  const armed = state.armedMs ?? 0
  const isArmed = armed > nowMs && dueMs !== undefined && armed <= dueMs
  const nothingHappened =
    decision.events.length === 0 && decision.commands.length === 0 && Object.keys(progress).length === 0
  if (dueMs === undefined || isArmed) {
    return nothingHappened ? nothing : { ...decision, events: [...decision.events, moved(progress)] }
  }
  const timer: OutgoingCommand = {
    type: 'ContinueCheckout',
    data: { orderId: state.order!.orderId, deadline: new Date(dueMs).toISOString() },
    notBeforeMs: dueMs,
    key: String(dueMs),
  }
  return {
    events: [...decision.events, moved({ ...progress, armedMs: dueMs })],
    commands: [...decision.commands, timer],
  }
}

const moved = (progress: Progress): Message => ({ type: 'checkout.moved', data: progress })
const note = (fact: Heard): Message => ({ type: 'fulfilment.heard', data: fact })
