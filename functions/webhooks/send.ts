/** One attempt of one delivery: posts it to its endpoint, and records what came of it. */

import { Unavailable } from '../../shared/base/errors.ts'
import { derivedId, hashOf } from '../../shared/base/ids.ts'
import type { RecordOf } from '../../shared/contracts/contract.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { webhookHeaders } from '../../shared/http/webhook-signing.ts'
import type { OutsideAnswer } from '../../shared/service/outside-target.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { webhooksContracts } from './contracts.ts'
import { deferredUntilMs, nextAttemptMs, recorded, SHORT_TRY_MS, type WebhookDelivery } from './delivery.ts'
import { customerIn, deliveryIn, updateCustomer, updateDelivery } from './documents.ts'
import { afterFailure, afterSuccess, type Endpoint, secretsAt } from './endpoint.ts'
import { createReceiverBulkhead, type Leave, type ReceiverBulkhead, type Speed } from './receiver-bulkhead.ts'
import { type Attempt, sendAttempt } from './rounds.ts'
import { webhookTargets } from './settings.ts'

const MAX_FAILURE_CHARACTERS = 100

const bulkheads = new WeakMap<Platform, ReceiverBulkhead>()

/** Of this instance. */
export function bulkheadOf(platform: Platform): ReceiverBulkhead {
  const bulkhead = bulkheads.get(platform) ?? createReceiverBulkhead()
  bulkheads.set(platform, bulkhead)
  return bulkhead
}

/** From 0 to 1, the same for the same id. */
const shareOf = (id: string): number => Number.parseInt(hashOf(id).slice(0, 8), 16) / 2 ** 32

type Due = Envelope<string, Attempt>

/** One attempt. Each except the last sends the next before it is recorded, so that a crash between the two loses no attempt. */
export async function deliverOnce(message: Due, platform: Platform): Promise<void> {
  const { deliveryId, round, attempt } = message.data
  const delivery = await deliveryIn(platform, deliveryId)
  if (delivery && delivery.round < round) throw new Unavailable(`The replay of ${deliveryId} is not recorded yet.`)
  // It is over, or the task of an earlier attempt comes again.
  if (delivery?.status !== 'waiting' || delivery.round !== round || delivery.attempts >= attempt) return
  const { customer, endpointId, hangs = false } = delivery
  const endpoint = (await customerIn(platform, customer)).endpoints?.[endpointId]
  if (endpoint?.status !== 'enabled') {
    // Also after a crash between the two: then this is the attempt that disabled it.
    if (endpoint?.disabled) await publishDisabled(platform, message, { customer, endpointId, endpoint })
    const lastFailure = endpoint ? 'the endpoint is disabled' : 'the endpoint is deleted'
    return record(platform, message, { ...failedNow(platform), lastFailure })
  }
  const isFailing = endpoint.failingSince !== undefined
  const { speed, leave } = bulkheadOf(platform).enter({ endpointId, customer, isFailing, hangs })
  if (!leave) return comeLater(platform, message, { delivery, speed })
  const answer = await attemptAt(endpoint, delivery, platform, { leave, isShort: speed !== 'slow' })
  if (speed !== 'slow' && 'failure' in answer && answer.isTimeout) {
    await record(platform, message, { hangs: true, lastFailure: answer.failure })
    // There may be room for it as a slow one immediately.
    return comeLater(platform, message, { delivery, speed: 'untried' })
  }
  const failure = failureOf(answer)
  if (failure !== undefined) return notTaken(platform, message, { delivery, answer, failure })
  const atMs = platform.now()
  // Another attempt may have failed meanwhile: the endpoint is read again. First, since a delivery that has arrived is not tried again.
  await updateCustomer(platform, customer, (stored) => afterSuccess(stored, endpointId, atMs))
  await record(platform, message, {
    status: 'delivered',
    attempts: attempt,
    deliveredAt: new Date(atMs).toISOString(),
  })
}

const record = (platform: Platform, { data }: Due, change: Partial<WebhookDelivery>): Promise<void> =>
  updateDelivery(platform, data.deliveryId, (stored) => recorded(stored, data, change))

/** There was no room for it. */
const comeLater = (
  platform: Platform,
  { id, data, correlationId }: Due,
  { delivery, speed }: { readonly delivery: WebhookDelivery; readonly speed: Speed },
): Promise<void> =>
  sendAttempt(platform, data, {
    correlationId,
    notBeforeMs: deferredUntilMs(delivery, platform.now(), { speed, share: shareOf(id) }),
    deferred: id,
  })

interface NotTaken {
  readonly delivery: WebhookDelivery
  readonly answer: OutsideAnswer
  readonly failure: string
}

/** The next attempt is sent, if there is one. */
async function notTaken(platform: Platform, message: Due, { delivery, answer, failure }: NotTaken): Promise<void> {
  const { deliveryId, round, attempt } = message.data
  const { customer, endpointId } = delivery
  const { status, retryAfter } = 'status' in answer ? answer : {}
  const isEnabled = await failedAt(platform, message, { customer, endpointId, status })
  const nextMs = isEnabled ? nextAttemptMs(attempt, platform.now(), retryAfter) : undefined
  const lastFailure = failure.slice(0, MAX_FAILURE_CHARACTERS)
  if (nextMs === undefined) return record(platform, message, { ...failedNow(platform), attempts: attempt, lastFailure })
  const next = { deliveryId, round, attempt: attempt + 1 }
  await sendAttempt(platform, next, { correlationId: message.correlationId, notBeforeMs: nextMs })
  await record(platform, message, { attempts: attempt, lastFailure })
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
