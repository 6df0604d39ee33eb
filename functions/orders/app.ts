/** Handlers of the orders service: each translates one message into a command to the order. */

import { implement, type SagaReply } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { fold } from '../../shared/service/fold.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Refused, Unavailable } from '../../shared/base/errors.ts'
import type { Decision, Platform } from '../../shared/service/platform.ts'
import { refusalOf } from './cancel.ts'
import type { checkout } from './checkout.ts'
import { decide, isUnanswered, type OrderCommand } from './decide.ts'
import type { FulfilmentFact, OrderRecord, RefundFact } from './records.ts'
import type { OrderSent } from './sent.ts'
import { evolve, initial, isPlaced, type PlacedOrder, viewOf } from './order.ts'
import { placeOrder, republishPlacement } from './place-order.ts'
import { storePrice } from './prices.ts'
import { checkRecapture } from './recapture.ts'
import { rulesOf } from './rules.ts'
import { sagaView } from './saga-view.ts'
import { orders } from './service.ts'

/** A person typed the id: an unknown one is refused, not retried. */
const ofPeople: readonly OrderCommand['type'][] = ['retry', 'close', 'recapture', 'cancel']

const unknown = (orderId: string): Refused => new Refused('not-found', `There is no order ${orderId}.`)

async function placedOrder(orderId: string, platform: Platform): Promise<PlacedOrder> {
  const state = fold({ initial, evolve }, (await platform.streams.read(orderId)).events)
  if (!isPlaced(state)) throw unknown(orderId)
  return state
}

async function checkOrder({ orderId }: { readonly orderId: string }, platform: Platform): Promise<void> {
  await placedOrder(orderId, platform)
}

async function checkCancellation({ orderId }: { readonly orderId: string }, platform: Platform): Promise<void> {
  const refusal = refusalOf(await placedOrder(orderId, platform))
  if (refusal) throw refusal
}

async function apply(
  message: Envelope,
  orderId: string,
  platform: Platform,
  command: OrderCommand,
): Promise<Decision<OrderRecord, OrderSent>> {
  return platform.streams.handle<OrderRecord, OrderSent>(message, orderId, (stream) => {
    const state = fold({ initial, evolve }, stream.events)
    if (state.status === 'none' && ofPeople.includes(command.type)) throw unknown(orderId)
    // A reply can't precede the commit of its command: this read is older than that commit.
    if (state.status === 'none') throw new Unavailable(`There is no order ${orderId} yet.`)
    return decide(command, state, rulesOf(platform))
  })
}

/** A step of the checkout was answered. Every reply names its order. */
const onStepReply = (
  message: SagaReply<typeof checkout>,
  platform: Platform,
): Promise<Decision<OrderRecord, OrderSent>> =>
  apply(message, message.data.orderId, platform, { type: 'step-reply', reply: message, nowMs: platform.now() })

/** A shipment left, was paid, or was taken out of stock. */
const recordFulfilment =
  <Data extends { readonly orderId: string; readonly shipmentId: string }>(
    kind: FulfilmentFact['kind'],
    about: (data: Data) => Partial<FulfilmentFact> = () => ({}),
  ) =>
  (message: Envelope<string, Data>, platform: Platform): Promise<Decision<OrderRecord, OrderSent>> => {
    const { orderId, shipmentId } = message.data
    const fact: FulfilmentFact = { ...about(message.data), kind, shipmentId }
    return apply(message, orderId, platform, { type: 'fulfilment', fact, nowMs: platform.now() })
  }

const recordRefund =
  (status: RefundFact['status']) =>
  (
    message: Envelope<string, { orderId: string; refundId: string; amountMinor: number; code?: string }>,
    platform: Platform,
  ): Promise<Decision<OrderRecord, OrderSent>> => {
    const { orderId, refundId, amountMinor, code } = message.data
    const fact: RefundFact = { refundId, status, amountMinor, ...(code === undefined ? {} : { code }) }
    return apply(message, orderId, platform, { type: 'refund', fact })
  }

export const app: ServiceApp = implement(orders, {
  on: {
    'price.changed'(message, platform) {
      const { sku, unitMinor, currency, validFrom = message.time } = message.data
      return storePrice(platform, sku, { unitMinor, currency, validFrom, announcedAt: message.time })
    },
    'shipment.dispatched': recordFulfilment('dispatched', ({ lines }) => ({ lines })),
    'payment.captured': recordFulfilment('captured', ({ amountMinor, authorization }) => ({
      amountMinor,
      authorization,
    })),
    'refund.pending': recordRefund('pending'),
    'refund.issued': recordRefund('issued'),
    'refund.failed': recordRefund('failed'),
    'stock.committed': recordFulfilment('committed'),
    'shipment.cancel-decided'(message, platform) {
      const { orderId, cancellationId, cancelled, refused } = message.data
      const answer = { cancellationId, cancelled, refused, nowMs: platform.now() }
      return apply(message, orderId, platform, { type: 'cancel-answer', ...answer })
    },
    'payment.reduced': (message, platform) =>
      apply(message, message.data.orderId, platform, { type: 'authorization-reduced', nowMs: platform.now() }),
    async 'payment.capture-failed'(message, platform) {
      const { orderId, shipmentId, code, authorization } = message.data
      platform.log('ERROR', 'payment.capture-failed', { correlationId: orderId, shipmentId, code })
      return apply(message, orderId, platform, {
        type: 'fulfilment',
        fact: { kind: 'refused', shipmentId, code, authorization },
        nowMs: platform.now(),
      })
    },
  },
  onSagaReply: onStepReply,
  checksSubmitted: {
    RetryCheckout: checkOrder,
    CloseOrder: checkOrder,
    CancelOrder: checkCancellation,
    async RecaptureOrder({ orderId, paymentMethodRef }, platform) {
      await checkRecapture(await placedOrder(orderId, platform), paymentMethodRef, platform)
    },
  },
  commands: {
    async ContinueCheckout(message, platform) {
      const { orderId, deadline } = message.data
      const dueAtMs = Date.parse(deadline)
      const early = dueAtMs - platform.now()
      if (early > 0)
        throw new Unavailable(`The timer fired before ${deadline}.`, { retryAfterSeconds: Math.ceil(early / 1000) })
      return platform.streams.handle<OrderRecord, OrderSent>(message, orderId, async (stream) => {
        const state = fold({ initial, evolve }, stream.events)
        if (isUnanswered(state)) await republishPlacement(platform, message, stream)
        return decide({ type: 'timeout', dueAtMs, nowMs: platform.now() }, state, rulesOf(platform))
      })
    },
    async RetryCheckout(message, platform) {
      const { orderId, reason } = message.data
      const { actor: by } = message
      await apply(message, orderId, platform, { type: 'retry', reason, by, nowMs: platform.now() })
      platform.log('NOTICE', 'saga.retried', { correlationId: orderId, actor: by, reason })
    },
    async RecaptureOrder(message, platform) {
      const { orderId, ...named } = message.data
      await apply(message, orderId, platform, { type: 'recapture', ...named, by: message.actor })
      platform.log('NOTICE', 'order.recapture-requested', { correlationId: orderId, actor: message.actor })
    },
    async CloseOrder(message, platform) {
      const { orderId, reason } = message.data
      await apply(message, orderId, platform, { type: 'close', reason })
      platform.log('NOTICE', 'order.closed', { correlationId: orderId, actor: message.actor, reason })
    },
    CancelOrder(message, platform) {
      const { orderId, by, reason } = message.data
      const request = { cancellationId: message.id, by, reason, nowMs: platform.now() }
      return apply(message, orderId, platform, { type: 'cancel', ...request })
    },
  },
  queries: {
    placeOrder: ({ body }, platform) => placeOrder(body, platform),
    async readOrder({ orderId }, platform) {
      const state = await placedOrder(orderId, platform)
      const { saga, actionUrlRef } = state
      const waits = saga?.phase === 'running' && saga.isExtended === true
      return { status: 200, body: { ...viewOf(state), ...(waits ? { actionUrlRef } : {}) } }
    },
    async readSaga({ orderId }, platform) {
      return { status: 200, body: { orderId, ...sagaView(await placedOrder(orderId, platform)) } }
    },
  },
})
