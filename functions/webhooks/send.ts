/** One attempt of one delivery. */

import { Unavailable } from '../../shared/base/errors.ts'
import { derivedId, hashOf } from '../../shared/base/ids.ts'
import type { RecordOf, SentBy } from '../../shared/contracts/contract.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { webhookHeaders } from '../../shared/http/webhook-signing.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import type { OutsideAnswer } from '../../shared/service/outside-target.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { webhooksContracts } from './contracts.ts'
import { begun, deferredUntilMs, nextAttemptMs, recorded, SHORT_TRY_MS, type WebhookDelivery } from './delivery.ts'
import { afterFailure, afterSuccess, type Customer, type Endpoint, secretsAt } from './endpoint.ts'
import { createReceiverBulkhead, type Leave, type ReceiverBulkhead, type Speed } from './receiver-bulkhead.ts'
import type { webhooks } from './service.ts'
import { webhookTargets } from './settings.ts'

export interface Attempt {
  readonly deliveryId: string
  readonly round: number
  readonly attempt: number
}

const MAX_FAILURE_CHARACTERS = 100

export const customerPath = (customer: string): DocumentPath => documentPath<typeof webhooks>('customers', customer)
export const deliveryPath = (id: string): DocumentPath => documentPath<typeof webhooks>('deliveries', id)
export const customerIn = async (platform: Platform, customer: string): Promise<Customer> =>
  (await platform.documents.get(customerPath(customer))) ?? {}

/** The task is sent before the delivery waits again, and is retried until then: a crash between the two leaves none that waits for ever. */
export async function beginRound(platform: Platform, deliveryId: string, round: number): Promise<void> {
  await sendAttempt(platform, { deliveryId, round, attempt: 1 }, { correlationId: deliveryId })
  const begunAt = new Date(platform.now()).toISOString()
  await updateDelivery(platform, deliveryId, (stored) => begun(stored, round, begunAt))
}

const updateDelivery = (
  { documents }: Platform,
  deliveryId: string,
  change: (stored: WebhookDelivery | undefined) => WebhookDelivery | undefined,
): Promise<void> =>
  documents.update(
    deliveryPath(deliveryId),
    (stored) => change(stored as WebhookDelivery | undefined) as Record<string, unknown> | undefined,
  )

interface Sending {
  readonly correlationId: string
  readonly notBeforeMs?: number
  /** The message whose attempt comes later. */
  readonly deferred?: string
}

/** The task has the name of the attempt, or of the task that it follows. */
export const sendAttempt = (
  platform: Platform,
  { deliveryId, round, attempt }: Attempt,
  { correlationId, notBeforeMs, deferred }: Sending,
): Promise<void> =>
  platform.send<SentBy<typeof webhooks>>(
    {
      type: 'DeliverWebhook',
      data: { deliveryId, round, attempt },
      ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
    },
    {
      id: deferred === undefined ? derivedId('webhook', deliveryId, round, attempt) : derivedId('webhook', deferred),
      subject: deliveryId,
      correlationId,
      actor: 'service:webhooks',
    },
  )

const bulkheads = new WeakMap<Platform, ReceiverBulkhead>()

/** Of this instance. */
export function bulkheadOf(platform: Platform): ReceiverBulkhead {
  const bulkhead = bulkheads.get(platform) ?? createReceiverBulkhead()
  bulkheads.set(platform, bulkhead)
  return bulkhead
}

/** From 0 to 1, the same for the same id. */
const shareOf = (id: string): number => Number.parseInt(hashOf(id).slice(0, 8), 16) / 2 ** 32

/** One attempt. Each except the last sends the next before it is recorded, so that a crash between the two loses no attempt. */
export async function deliverOnce(message: Envelope<string, Attempt>, platform: Platform): Promise<void> {
  const { deliveryId, round, attempt } = message.data
  const record = (change: Partial<WebhookDelivery>): Promise<void> =>
    updateDelivery(platform, deliveryId, (stored) => recorded(stored, message.data, change))
  const delivery = (await platform.documents.get(deliveryPath(deliveryId))) as WebhookDelivery | undefined
  if (delivery && delivery.round < round) throw new Unavailable(`The replay of ${deliveryId} is not recorded yet.`)
  // It is over, or the task of an earlier attempt comes again.
  if (delivery?.status !== 'waiting' || delivery.round !== round || delivery.attempts >= attempt) return
  const { customer, endpointId } = delivery
  const endpoint = (await customerIn(platform, customer)).endpoints?.[endpointId]
  if (endpoint?.status !== 'enabled') {
    // Also after a crash between the two: then this is the attempt that disabled it.
    if (endpoint?.disabled) await publishDisabled(platform, message, { customer, endpointId, endpoint })
    const lastFailure = endpoint ? 'the endpoint is disabled' : 'the endpoint is deleted'
    return record({ ...failedNow(platform), lastFailure })
  }
  const isFailing = endpoint.failingSince !== undefined
  const { hangs = false } = delivery
  const { speed, leave } = bulkheadOf(platform).enter({ endpointId, customer, isFailing, hangs })
  const comeLater = (speed: Speed): Promise<void> =>
    sendAttempt(platform, message.data, {
      correlationId: message.correlationId,
      notBeforeMs: deferredUntilMs(delivery, platform.now(), { speed, share: shareOf(message.id) }),
      deferred: message.id,
    })
  if (!leave) return comeLater(speed)
  const answer = await attemptAt(endpoint, delivery, platform, { leave, isShort: speed !== 'slow' })
  if (speed !== 'slow' && 'failure' in answer && answer.isTimeout) {
    await record({ hangs: true, lastFailure: answer.failure })
    // There may be room for it as a slow one immediately.
    return comeLater('untried')
  }
  const failure = failureOf(answer)
  if (failure === undefined) {
    const atMs = platform.now()
    const deliveredAt = new Date(atMs).toISOString()
    // Another attempt may have failed meanwhile: the endpoint is read again. First, since a delivery that has arrived is not tried again.
    await updateCustomer(platform, customer, (stored) => afterSuccess(stored, endpointId, atMs))
    return record({ status: 'delivered', attempts: attempt, deliveredAt })
  }
  const { status, retryAfter } = 'status' in answer ? answer : {}
  const isEnabled = await failedAt(platform, message, { customer, endpointId, status })
  const nextMs = isEnabled ? nextAttemptMs(attempt, platform.now(), retryAfter) : undefined
  const lastFailure = failure.slice(0, MAX_FAILURE_CHARACTERS)
  if (nextMs === undefined) return record({ ...failedNow(platform), attempts: attempt, lastFailure })
  const next = { deliveryId, round, attempt: attempt + 1 }
  await sendAttempt(platform, next, { correlationId: message.correlationId, notBeforeMs: nextMs })
  await record({ attempts: attempt, lastFailure })
}

const failedNow = (platform: Platform) =>
  ({ status: 'failed', failedAt: new Date(platform.now()).toISOString() }) as const

async function attemptAt(
  endpoint: Endpoint,
  { webhookId, body }: WebhookDelivery,
  platform: Platform,
  { leave, isShort }: { readonly leave: Leave; readonly isShort: boolean },
): Promise<OutsideAnswer> {
  const atMs = platform.now()
  let tookMs: number | undefined
  try {
    const answer = await platform.postOutside(endpoint.url, {
      headers: webhookHeaders(secretsAt(endpoint, atMs), { id: webhookId, atMs, body }),
      body,
      targets: platform.setting(webhookTargets),
      ...(isShort ? { timeoutMs: SHORT_TRY_MS } : {}),
    })
    if (failureOf(answer) === undefined) tookMs = platform.now() - atMs
    return answer
  } finally {
    leave(tookMs)
  }
}

/** Undefined: it arrived. */
export function failureOf(answer: OutsideAnswer): string | undefined {
  if ('failure' in answer) return answer.failure
  return answer.status >= 200 && answer.status < 300 ? undefined : `HTTP ${answer.status}`
}

interface Failed {
  readonly customer: string
  readonly endpointId: string
  readonly status: number | undefined
}

/** Whether the endpoint is still enabled. */
async function failedAt(
  platform: Platform,
  message: Envelope,
  { customer, endpointId, status }: Failed,
): Promise<boolean> {
  const after = await updateCustomer(platform, customer, (stored) =>
    afterFailure(stored, endpointId, { status, atMs: platform.now() }),
  )
  const endpoint = after.endpoints?.[endpointId]
  if (endpoint?.status === 'disabled') {
    platform.log('WARNING', 'webhook.disabled', { endpointId, status })
    await publishDisabled(platform, message, { customer, endpointId, endpoint })
  }
  return endpoint?.status === 'enabled'
}

interface Published {
  readonly customer: string
  readonly endpointId: string
  readonly endpoint: Endpoint
}

/** Once for each time that it is disabled: the cause follows from that time. */
async function publishDisabled(
  platform: Platform,
  message: Envelope,
  { customer, endpointId, endpoint: { disabled, failingSince } }: Published,
): Promise<void> {
  if (!disabled) return
  const { at: disabledAt, reason } = disabled
  const data = { endpointId, customerRef: customer, reason, failingSince: failingSince ?? disabledAt, disabledAt }
  const cause = { ...message, id: derivedId('webhook-disabled', endpointId, disabledAt), correlationId: endpointId }
  await platform.streams.handle<RecordOf<typeof webhooksContracts>>(
    cause,
    await platform.streams.read(endpointId),
    () => ({
      events: [{ type: 'webhook.disabled', data }],
      commands: [],
    }),
  )
}

/** The customer's endpoints as they are afterwards. `change`: undefined leaves them as they are. */
export async function updateCustomer(
  platform: Platform,
  customer: string,
  change: (stored: Customer) => Customer | undefined,
): Promise<Customer> {
  let after: Customer = {}
  await platform.documents.update(customerPath(customer), (stored) => {
    const current: Customer = stored ?? {}
    const next = change(current)
    after = next ?? current
    return next as Record<string, unknown> | undefined
  })
  return after
}
