/** Handlers of the orders service: each translates one message into a command to the order. */

import { implement, type SagaReply } from '../../shared/service/app.ts'
import type { ServiceApp, Submitter } from '../../shared/service/service-app.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { type Evidence, Refused, Unavailable } from '../../shared/base/errors.ts'
import type { Decision, Platform } from '../../shared/service/platform.ts'
import { listsStreams } from '../../shared/service/stream-page.ts'
import { checkCorrection } from './address.ts'
import { refusalIn, refusalOf } from './cancel.ts'
import type { checkout } from './checkout.ts'
import type { OrderView } from './contracts.ts'
import { checkRetry, decide, isUnanswered, type OrderCommand } from './decide.ts'
import type { OrderRecord } from './records.ts'
import type { OrderSent } from './sent.ts'
import { checkImport, importOrder } from './imported.ts'
import { importedView, isPlaced, orderIn, type OrderState, type PlacedOrder } from './order.ts'
import { checkPayment, shownOrder } from './payment-needed.ts'
import { placeOrder, republishPlacement } from './place-order.ts'
import { storePrice } from './prices.ts'
import { checkRecapture } from './recapture.ts'
import { orderRecord } from './record-rows.ts'
import { rulesOf } from './rules.ts'
import { sagaView } from './saga-view.ts'
import { orders } from './service.ts'

/** A person typed the id: an unknown one is refused, not retried. */
const ofPeople: readonly OrderCommand['type'][] = [
  'announce',
  'retry',
  'close',
  'recapture',
  'cancel',
  'correct-address',
  'pay',
]

const unknown = (orderId: string, evidence?: Evidence): Refused =>
  new Refused('not-found', `There is no order ${orderId}.`, evidence)

const stateOf = async (orderId: string, platform: Platform): Promise<OrderState> =>
  orderIn((await platform.streams.read(orderId)).events)

/** With the version that a condition of its caller names. */
async function versionedView(orderId: string, platform: Platform): Promise<OrderView | undefined> {
  const { events, version } = await platform.streams.read(orderId)
  const view = viewOf(orderIn(events))
  return view && { ...view, version }
}

/** Undefined: it was neither placed nor imported. */
function viewOf(state: OrderState): OrderView | undefined {
  if (isPlaced(state)) return shownOrder(state)
  return state.imported && importedView(state.imported)
}

/** An order that was placed, or one of the past. */
async function knownOrder(orderId: string, platform: Platform): Promise<OrderState> {
  const state = await stateOf(orderId, platform)
  if (!isPlaced(state) && !state.imported) throw unknown(orderId)
  return state
}

/** An order that a person acts on: another customer's is unknown, those of the past are refused. */
async function placedOrder(
  { orderId }: { readonly orderId: string },
  platform: Platform,
  { actor, mayActOn }: Submitter,
): Promise<PlacedOrder> {
  const state = await knownOrder(orderId, platform)
  // 404 and not 403, so that ids can not be probed.
  if (!mayActOn((state.imported ?? state.order!).customerRef))
    throw unknown(orderId, { event: 'order-of-another-customer', subject: actor })
  if (isPlaced(state)) return state
  throw new Refused('not-found', `${orderId} is history: it was imported, and nothing can be done with it here.`)
}

async function checkOrder(...submission: Parameters<typeof placedOrder>): Promise<void> {
  await placedOrder(...submission)
}

async function checkCancellation(...submission: Parameters<typeof placedOrder>): Promise<void> {
  const refusal = refusalOf(await placedOrder(...submission))
  if (refusal) throw refusal
}

async function apply(
  message: Envelope,
  orderId: string,
  platform: Platform,
  command: OrderCommand,
): Promise<Decision<OrderRecord, OrderSent>> {
  return platform.streams.handle<OrderRecord, OrderSent>(message, orderId, (stream) => {
    const state = orderIn(stream.events)
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

export const app: ServiceApp = implement(orders, {
  on: {
    'price.changed'(message, platform) {
      const { sku, validFrom = message.time, ...price } = message.data
      return storePrice(platform, sku, { ...price, validFrom, announcedAt: message.time })
    },
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
  onSubscribed: (message, { orderId, fact }, platform) =>
    apply(message, orderId, platform, { ...fact, nowMs: platform.now() }),
  onSagaReply: onStepReply,
  checksSubmitted: {
    ImportOrder: checkImport,
    async RetryCheckout(...submission) {
      checkRetry(await placedOrder(...submission))
    },
    CloseOrder: checkOrder,
    CancelOrder: checkCancellation,
    async CorrectAddress(data, platform, submitter) {
      await checkCorrection(await placedOrder(data, platform, submitter), data.addressRef, platform)
    },
    async PayOrder(data, platform, submitter) {
      await checkPayment(await placedOrder(data, platform, submitter), data.paymentMethodRef, platform)
    },
    async RecaptureOrder(data, platform, submitter) {
      await checkRecapture(await placedOrder(data, platform, submitter), data.paymentMethodRef, platform)
    },
  },
  commands: {
    async ContinueCheckout(message, platform) {
      const { orderId, deadline } = message.data
      const dueAtMs = Date.parse(deadline)
      const early = dueAtMs - platform.now()
      if (early > 0)
        throw new Unavailable(`The timer fired before ${deadline}.`, { retryAfterSeconds: Math.ceil(early / 1000) })
      return platform.streams.handleWithCalls<OrderRecord, OrderSent>(message, orderId, async (stream) => {
        const state = orderIn(stream.events)
        if (isUnanswered(state)) await republishPlacement(platform, message, stream)
        return decide({ type: 'timeout', dueAtMs, nowMs: platform.now() }, state, rulesOf(platform))
      })
    },
    AnnounceStatus: (message, platform) =>
      apply(message, message.data.orderId, platform, { type: 'announce', nowMs: platform.now() }),
    ImportOrder: importOrder,
    async RetryCheckout(message, platform) {
      const { orderId, reason } = message.data
      const { actor: by } = message
      await apply(message, orderId, platform, { type: 'retry', reason, by, nowMs: platform.now() })
      platform.log('NOTICE', 'saga.retried', { correlationId: orderId, actor: by, reason })
    },
    async RecaptureOrder(message, platform) {
      const { orderId, ...named } = message.data
      await apply(message, orderId, platform, { type: 'recapture', ...named, by: message.actor, nowMs: platform.now() })
      platform.log('NOTICE', 'order.recapture-requested', { correlationId: orderId, actor: message.actor })
    },
    async CloseOrder(message, platform) {
      const { orderId, reason } = message.data
      await apply(message, orderId, platform, { type: 'close', reason })
      platform.log('NOTICE', 'order.closed', { correlationId: orderId, actor: message.actor, reason })
    },
    CorrectAddress(message, platform) {
      const { orderId, addressRef } = message.data
      const correction = { addressRef, by: message.actor, nowMs: platform.now() }
      return apply(message, orderId, platform, { type: 'correct-address', ...correction })
    },
    async CancelOrder(message, platform) {
      const { orderId, by, reason } = message.data
      const request = { cancellationId: message.id, by, reason, nowMs: platform.now() }
      const { events } = await apply(message, orderId, platform, { type: 'cancel', ...request })
      const refusal = refusalIn(events)
      if (refusal) throw refusal
    },
    PayOrder(message, platform) {
      const { orderId, paymentMethodRef, by } = message.data
      return apply(message, orderId, platform, { type: 'pay', paymentMethodRef, by, nowMs: platform.now() })
    },
  },
  queries: {
    placeOrder: ({ body }, platform) => placeOrder(body, platform),
    listOrderRecords: listsStreams(orderRecord),
    async readOrder({ orderId }, platform) {
      const view = await versionedView(orderId, platform)
      if (!view) throw unknown(orderId)
      return { status: 200, body: view }
    },
    async readOrders({ body: { orderIds } }, platform) {
      const views = await Promise.all(orderIds.map((orderId) => versionedView(orderId, platform)))
      return { status: 200, body: { orders: views.filter((one) => one !== undefined) } }
    },
    async readSaga({ orderId }, platform) {
      return { status: 200, body: { orderId, ...sagaView(await knownOrder(orderId, platform)) } }
    },
  },
})
