/** The customer's own endpoints, and the webhooks that are sent to them. */

import { implement, sameHandlerFor } from '../../shared/service/app.ts'
import { forEachConcurrently } from '../../shared/base/concurrently.ts'
import { refuseIf } from '../../shared/base/errors.ts'
import { derivedName, hashOf } from '../../shared/base/ids.ts'
import { limitOf } from '../../shared/base/paging.ts'
import { faultOfTarget } from '../../shared/http/outside-post.ts'
import { newWebhookSecret } from '../../shared/http/webhook-signing.ts'
import { documentQuery } from '../../shared/service/document-query.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { shopCodes } from '../shop/errors.ts'
import { announce } from './announce.ts'
import type { WebhookDelivery } from './delivery.ts'
import { customerIn, updateCustomer } from './documents.ts'
import { type Customer, deleted, enabled, endpointOf, endpointView, registered, rotated, verified } from './endpoint.ts'
import { beginRound } from './rounds.ts'
import { deliverOnce } from './send.ts'
import { webhooks } from './service.ts'
import { webhookTargets } from './settings.ts'
import { whyUnverified } from './verification.ts'

/** Deliveries of one replay. */
const MAX_REPLAYED = 100
/** Each is a task and a document, one after the other: a hundred in turn would take longer than the gateway waits. */
const MAX_CONCURRENT_BEGINNINGS = 10

const shown = (customer: Customer, endpointId: string) => {
  const endpoint = endpointOf(customer, endpointId)
  return { ...endpointView(endpointId, endpoint), secret: endpoint.secrets[0]!.secret }
}

export const app: ServiceApp = implement(webhooks, {
  on: sameHandlerFor(webhooks.on, announce),
  commands: { DeliverWebhook: deliverOnce },
  queries: {
    async registerWebhook({ customer, body: { idempotencyKey, body: request } }, platform) {
      const fault = faultOfTarget(request.url, platform.setting(webhookTargets))
      refuseIf(fault !== undefined, shopCodes['webhook-url-refused'], `Give an address that ${fault}.`)
      const key = hashOf(idempotencyKey)
      const endpointId = derivedName('w', customer, key)
      const at = new Date(platform.now()).toISOString()
      const secret = newWebhookSecret()
      const after = await updateCustomer(platform, customer, (stored) =>
        registered(stored, { endpointId, request, secret, key, at }),
      )
      return { status: 201, body: shown(after, endpointId) }
    },
    async listWebhooks({ customer }, platform) {
      const { endpoints = {} } = await customerIn(platform, customer)
      return { status: 200, body: { endpoints: Object.entries(endpoints).map(([id, one]) => endpointView(id, one)) } }
    },
    async deleteWebhook({ customer, endpointId }, platform) {
      const at = new Date(platform.now()).toISOString()
      await updateCustomer(platform, customer, (stored) => deleted(stored, endpointId, at))
      return { status: 204 }
    },
    async verifyWebhook({ customer, endpointId }, platform) {
      const endpoint = endpointOf(await customerIn(platform, customer), endpointId)
      const reason = endpoint.status === 'unverified' ? await whyUnverified(platform, endpointId, endpoint) : undefined
      refuseIf(reason !== undefined, shopCodes['webhook-unverified'], `The endpoint is not verified: ${reason}.`)
      const at = new Date(platform.now()).toISOString()
      const after = await updateCustomer(platform, customer, (stored) => verified(stored, endpointId, at))
      return { status: 200, body: endpointView(endpointId, endpointOf(after, endpointId)) }
    },
    async rotateWebhookSecret({ customer, endpointId, body: { idempotencyKey } }, platform) {
      // A client may take the key of the registration for the rotation too: they are two operations.
      const key = hashOf(JSON.stringify(['rotate', idempotencyKey]))
      const given = { secret: newWebhookSecret(), key, atMs: platform.now() }
      const after = await updateCustomer(platform, customer, (stored) => rotated(stored, endpointId, given))
      return { status: 200, body: shown(after, endpointId) }
    },
    async replayWebhooks({ customer, endpointId, body: { since } }, platform) {
      // As times are stored, so that their texts are in the order of the times.
      const of = { since: new Date(since).toISOString(), at: new Date(platform.now()).toISOString() }
      await updateCustomer(platform, customer, (stored) => enabled(stored, endpointId, of))
      return { status: 200, body: await replayed(platform, endpointId, of.since) }
    },
    async listWebhookDeliveries({ customer, endpointId, limit, after }, platform) {
      endpointOf(await customerIn(platform, customer), endpointId)
      const page = {
        from: 'deliveries',
        where: { endpointId },
        orderBy: '-createdAt',
        limit: limitOf(limit),
        after,
      } as const
      const { documents, next } = await platform.documents.query(documentQuery<typeof webhooks>(page))
      const deliveries = documents.map(({ fields }) => deliveryView(fields as unknown as WebhookDelivery))
      return { status: 200, body: { deliveries, next } }
    },
  },
})

const deliveryView = ({ webhookId, type, status, createdAt, attempts, deliveredAt, lastFailure }: WebhookDelivery) => ({
  webhookId,
  type,
  status,
  createdAt,
  attempts,
  ...(deliveredAt === undefined ? {} : { deliveredAt }),
  ...(lastFailure === undefined ? {} : { lastFailure }),
})

async function replayed(platform: Platform, endpointId: string, since: string) {
  const { documents, more } = await failedSince(platform, endpointId, since)
  await forEachConcurrently(documents, MAX_CONCURRENT_BEGINNINGS, async ({ id: deliveryId, fields }) => {
    await beginRound(platform, deliveryId, (fields as unknown as WebhookDelivery).round + 1)
  })
  return { replayed: documents.length, more }
}

/** The newest failures first, then those from before `failedAt` was recorded, by their creation: it is earlier than their failure. */
async function failedSince(platform: Platform, endpointId: string, atLeast: string) {
  const failed = { from: 'deliveries', where: { endpointId, status: 'failed' }, atLeast, limit: MAX_REPLAYED } as const
  const pages = await Promise.all(
    (['-failedAt', '-createdAt'] as const).map((orderBy) =>
      platform.documents.query(documentQuery<typeof webhooks>({ ...failed, orderBy })),
    ),
  )
  const all = [...new Map(pages.flatMap(({ documents }) => documents).map((one) => [one.id, one])).values()]
  const more = all.length > MAX_REPLAYED || pages.some(({ next }) => next !== undefined)
  return { documents: all.slice(0, MAX_REPLAYED), more }
}
