/** From an event to its deliveries: whose order it is, and which of the customer's endpoints take it. */

import { Unavailable } from '../../shared/base/errors.ts'
import { derivedName } from '../../shared/base/ids.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { historyContracts } from '../history/contracts.ts'
import type { WebhookType } from './contracts.ts'
import { bodyOf, type WebhookDelivery } from './delivery.ts'
import { customerIn, deliveryIn, deliveryPath } from './documents.ts'
import { isLeftOut, takes } from './endpoint.ts'
import { beginRound, sendAttempt } from './rounds.ts'
import type { webhooks } from './service.ts'

type EventOfOrder = Envelope<WebhookType, { readonly orderId: string; readonly customerRef?: string }>
/** Again with the same ids: a delivery that exists stays, and a task of its name is not made twice. */
export async function announce(message: EventOfOrder, platform: Platform): Promise<void> {
  const { id: webhookId, type, time, correlationId } = message
  const { orderId } = message.data
  const { customer, isWatched } = await recipientOf(message, platform)
  if (!isWatched) return
  const { endpoints = {} } = await customerIn(platform, customer)
  for (const [endpointId, endpoint] of Object.entries(endpoints)) {
    if (!takes(endpoint, message)) continue
    const deliveryId = derivedName('d', endpointId, webhookId)
    const isEnabled = endpoint.status === 'enabled'
    const createdAt = new Date(platform.now()).toISOString()
    const isNew = await platform.documents.create(deliveryPath(deliveryId), {
      customer,
      endpointId,
      webhookId,
      type,
      body: bodyOf(type, time, orderId),
      // A replay, which enables the endpoint, finds it.
      status: isEnabled ? 'waiting' : 'failed',
      createdAt,
      round: 1,
      attempts: 0,
      ...(isEnabled ? {} : { failedAt: createdAt, lastFailure: 'the endpoint is disabled' }),
    } satisfies WebhookDelivery)
    // The endpoint may have been disabled between this and an earlier attempt that made the delivery and no task: it would wait for ever.
    if (isEnabled || !isNew) await sendAttempt(platform, { deliveryId, round: 1, attempt: 1 }, { correlationId })
    if (!isEnabled || !isNew) await sendMissed(platform, deliveryId)
  }
}

/**
 * A replay that enabled the endpoint before the delivery was there did not find it: its first round failed without an attempt. One
 * that the replay left out, as it had failed before the time that the customer named, stays as it is when its event comes again.
 */
async function sendMissed(platform: Platform, deliveryId: string): Promise<void> {
  const delivery = await deliveryIn(platform, deliveryId)
  if (delivery?.status !== 'failed' || delivery.round > 1 || delivery.attempts > 0) return
  const endpoint = (await customerIn(platform, delivery.customer)).endpoints?.[delivery.endpointId]
  if (endpoint?.status !== 'enabled' || isLeftOut(endpoint, delivery.failedAt ?? delivery.createdAt)) return
  await beginRound(platform, deliveryId, 2)
}

interface Recipient {
  readonly customer: string
  /** Whether the customer had an endpoint when the order was placed. Nothing more is read for the orders of the others, which are most. */
  readonly isWatched: boolean
}

/** Recipients never change: an instance keeps those of the orders that it saw last. */
const MAX_KEPT = 10_000
const keptBy = new WeakMap<Platform, Map<string, Recipient>>()

/** Only `order.placed` names the customer. History is asked for an order that was placed before this service, or whose event is late. */
async function recipientOf({ data: { orderId, customerRef } }: EventOfOrder, platform: Platform): Promise<Recipient> {
  const kept = keptBy.get(platform) ?? new Map<string, Recipient>()
  keptBy.set(platform, kept)
  const known = kept.get(orderId)
  if (known) return known
  // `order.placed` is the first event of nearly every order: its document is made without a look.
  const stored = customerRef === undefined ? await storedRecipient(orderId, platform) : undefined
  const recipient = stored ?? (await newRecipient(orderId, customerRef, platform))
  kept.set(orderId, recipient)
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!)
  return recipient
}

async function newRecipient(orderId: string, customerRef: string | undefined, platform: Platform): Promise<Recipient> {
  const customer = customerRef ?? (await customerByHistory(orderId, platform))
  const { endpoints = {} } = await customerIn(platform, customer)
  const recipient = { customer, isWatched: Object.keys(endpoints).length > 0 }
  const isNew = await platform.documents.create(orderPath(orderId), recipient)
  // An event of the same order, or this one before, was first: all of them follow what it found.
  return isNew ? recipient : (await storedRecipient(orderId, platform))!
}

const orderPath = (orderId: string): DocumentPath => documentPath<typeof webhooks>('orders', orderId)
const storedRecipient = async (orderId: string, { documents }: Platform): Promise<Recipient | undefined> =>
  (await documents.get(orderPath(orderId))) as Recipient | undefined

async function customerByHistory(orderId: string, { query }: Platform): Promise<string> {
  const answer = await query(historyContracts, 'readTimeline', { orderId })
  const customer = answer.refused ? undefined : answer.body.customerRef
  if (customer === undefined) throw new Unavailable(`order.placed of ${orderId} has not arrived yet.`)
  return customer
}
