/** Webhooks to customers: their endpoints, and what became of each delivery. */

import { z } from 'zod'
import { reference, idempotencyKey, subject, timestamp } from '../../shared/base/fields.ts'
import { cursor, pageParameters } from '../../shared/base/paging.ts'
import { code } from '../../shared/base/text.ts'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { shopCodes } from '../shop/errors.ts'

/** The events that endpoints may take: `webhooks` subscribes to them. */
export const webhookTypes = [
  'order.placed',
  'order.confirmed',
  'order.rejected',
  'order.expired',
  'order.cancelled',
  'order.completed',
  'shipment.dispatched',
  'shipment.delivered',
  'refund.issued',
] as const
export type WebhookType = (typeof webhookTypes)[number]

const types = z.array(z.enum(webhookTypes)).min(1).max(webhookTypes.length)
const url = code(/^https?:\/\/[\x21-\x7E]{1,990}$/, 'an address that begins with https://')

export const endpointRequest = z.strictObject({
  url,
  /** Absent: all. */
  types: types.optional(),
})

/** A link and no content: the receiver asks the API for the rest, with its own rights. */
export const webhookBody = (type: WebhookType) =>
  z.object({ type: z.literal(type), timestamp, data: z.object({ orderId: reference, href: z.string() }) })

export const verificationBody = z.object({
  type: z.literal('endpoint.verification'),
  timestamp,
  data: z.object({ challenge: z.string() }),
})

/** `gone`: the receiver answered 410. `failing`: nothing has succeeded for three days. */
const disabledBecause = z.enum(['gone', 'failing'])

const endpoint = z.object({
  endpointId: reference,
  url,
  types,
  /**
   * `unverified`: it has not returned a challenge yet, and nothing is sent there. `disabled`: for days no attempt succeeded, or the
   * receiver answered 410. A replay enables it.
   */
  status: z.enum(['unverified', 'enabled', 'disabled']),
  createdAt: timestamp,
  /** Since when no attempt has succeeded. */
  failingSince: timestamp.optional(),
  disabledAt: timestamp.optional(),
  disabledBecause: disabledBecause.optional(),
})

/** The secret is shown here alone. */
const withSecret = endpoint.extend({
  /** By which the receiver verifies signatures: `whsec_` and base64. */
  secret: z.string(),
})

const delivery = z.object({
  webhookId: reference,
  type: z.enum(webhookTypes),
  status: z.enum(['waiting', 'delivered', 'failed']),
  createdAt: timestamp,
  attempts: z.int().min(0),
  deliveredAt: timestamp.optional(),
  /** Of the last attempt: the status of the answer, or why no answer came. */
  lastFailure: reference.optional(),
})

const customer = subject
const ofCustomer = '/customers/{customer}/webhook-endpoints'
const one = `${ofCustomer}/{endpointId}` as const
const keyed = <S extends z.ZodType>(body: S) => z.strictObject({ idempotencyKey, body })

export const webhooksContracts = defineContracts({
  service: 'webhooks',
  events: {
    /** The customer learns of it, since nothing more arrives there. */
    'webhook.disabled': {
      version: 1,
      data: z.strictObject({
        endpointId: reference,
        customerRef: reference,
        reason: disabledBecause,
        failingSince: timestamp,
        disabledAt: timestamp,
      }),
      example: {
        endpointId: 'w-1',
        customerRef: 'customer-1',
        reason: 'failing',
        failingSince: '2026-01-01T00:00:00.000Z',
        disabledAt: '2026-01-04T00:00:00.000Z',
      },
    },
  },
  commands: {
    /** To itself: one attempt of one delivery. A replay begins another round. */
    DeliverWebhook: {
      version: 1,
      data: z.strictObject({ deliveryId: reference, round: z.int().min(1), attempt: z.int().min(1) }),
      example: { deliveryId: 'd-1', round: 1, attempt: 1 },
    },
  },
  queries: {
    registerWebhook: {
      method: 'post',
      path: ofCustomer,
      parameters: { customer },
      body: keyed(endpointRequest),
      answers: { 201: withSecret },
      refuses: [shopCodes['too-many-webhooks'], shopCodes['webhook-url-refused'], 'idempotency-key-reused'],
    },
    listWebhooks: {
      method: 'get',
      path: ofCustomer,
      parameters: { customer },
      answers: { 200: z.object({ endpoints: z.array(endpoint) }) },
    },
    deleteWebhook: {
      method: 'delete',
      path: one,
      parameters: { customer, endpointId: reference },
      answers: { 204: null },
      refuses: ['not-found'],
    },
    /** It posts a challenge to the endpoint, which returns it. The same for one that is verified. */
    verifyWebhook: {
      method: 'post',
      path: `${one}/verification`,
      parameters: { customer, endpointId: reference },
      answers: { 200: endpoint },
      refuses: ['not-found', shopCodes['webhook-unverified']],
    },
    rotateWebhookSecret: {
      method: 'post',
      path: `${one}/secret`,
      parameters: { customer, endpointId: reference },
      body: z.strictObject({ idempotencyKey }),
      answers: { 200: withSecret },
      refuses: ['not-found'],
    },
    replayWebhooks: {
      method: 'post',
      path: `${one}/replay`,
      parameters: { customer, endpointId: reference },
      body: z.strictObject({ since: timestamp }),
      answers: {
        200: z.object({
          /** Deliveries that begin again. */
          replayed: z.int().min(0),
          /** True if there are more: ask again once these have arrived. */
          more: z.boolean(),
        }),
      },
      refuses: ['not-found', shopCodes['webhook-unverified']],
    },
    /** The newest first. */
    listWebhookDeliveries: {
      method: 'get',
      path: `${one}/deliveries`,
      parameters: { customer, endpointId: reference, ...pageParameters },
      answers: { 200: z.object({ deliveries: z.array(delivery), next: cursor.optional() }) },
      refuses: ['not-found', 'invalid-cursor'],
    },
  },
})
