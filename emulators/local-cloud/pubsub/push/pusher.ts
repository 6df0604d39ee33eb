/** Pushes one subscription's messages by HTTP POST, with a window that opens on success and closes on failure. */
// https://cloud.google.com/pubsub/docs/push

import type { CloudContext } from '../../core/plugin.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Consumer, OutstandingMessage } from '../delivery/outstanding-message.ts'
import { BILLED_BYTES_MIN, limits } from '../values/limits.ts'
import { mayPushAs } from '../permissions.ts'
import { pushRequest } from './push-request.ts'
import type { PushConfig } from '../values/records.ts'

/** Google counts these as acknowledged; any other answer, or none, is a nack. */
const ACKNOWLEDGED = new Set([102, 200, 201, 202, 204])

/** In the request log: no token could be made, the endpoint could not be reached, or did not answer within the ack deadline. */
const CONNECTION_FAILED = 0

export class Pusher implements Consumer {
  readonly pipelinesKeys = false
  readonly keepsAlive = false
  readonly #context: CloudContext
  readonly #delivery: Delivery
  readonly #config: PushConfig
  readonly #inFlight = new Map<OutstandingMessage, AbortController>()
  readonly #taken: OutstandingMessage[] = []
  #window: number = limits.pushWindowStart
  #cutMs = -Infinity
  #token: { readonly value: Promise<string>; readonly mintedMs: number } | undefined

  constructor(context: CloudContext, delivery: Delivery, config: PushConfig) {
    this.#context = context
    this.#delivery = delivery
    this.#config = config
  }

  hasRoom(): boolean {
    return this.#inFlight.size < this.#window
  }

  take(entry: OutstandingMessage): void {
    this.#inFlight.set(entry, new AbortController())
    this.#taken.push(entry)
  }

  flush(): void {
    for (const entry of this.#taken.splice(0)) void this.#push(entry)
  }

  /** The deadline passed, or the message is done with: no answer can count any more. */
  released(entry: OutstandingMessage): void {
    this.#inFlight.get(entry)?.abort()
    this.#inFlight.delete(entry)
  }

  async #push(entry: OutstandingMessage): Promise<void> {
    const { ackId, failures } = entry
    const controller = this.#inFlight.get(entry)
    const { status, reason } = await this.#send(entry)
    // It is answered: to abort it now would only cost time.
    if (this.#inFlight.get(entry) === controller) this.#inFlight.delete(entry)
    const acknowledged = ACKNOWLEDGED.has(status)
    this.#resize(acknowledged)
    if (!acknowledged) {
      this.#context.count('pubsub.pushNon2xx')
      entry.lastError = reason ?? `HTTP status code ${status}`
    }
    this.#context.logRequest({
      timeMs: this.#context.clock.now(),
      kind: 'push',
      resource: this.#delivery.record.name,
      target: this.#config.pushEndpoint,
      status,
      ...(reason === undefined ? {} : { reason }),
      ...(this.#config.oidcToken && { email: this.#config.oidcToken.serviceAccountEmail }),
      attempt: failures + 1,
      messageId: entry.message.record.id,
    })
    if (acknowledged) this.#delivery.acknowledge(ackId)
    else this.#delivery.modifyDeadline(ackId, 0)
    this.#delivery.pump()
  }

  async #send(entry: OutstandingMessage): Promise<{ readonly status: number; readonly reason?: string }> {
    const { signal } = this.#inFlight.get(entry)!
    const { bytes } = entry.message
    this.#context.count('pubsub.messages.delivered')
    this.#context.count('pubsub.pushRequests')
    this.#context.count('pubsub.deliveryBytes', Math.max(BILLED_BYTES_MIN, bytes))
    try {
      const { oidcToken } = this.#config
      if (oidcToken && !mayPushAs(this.#context, oidcToken.serviceAccountEmail))
        return {
          status: CONNECTION_FAILED,
          reason: `Pub/Sub may not make tokens for ${oidcToken.serviceAccountEmail}.`,
        }
      const { headers, body } = pushRequest(entry, this.#delivery.record, this.#config)
      if (oidcToken) headers['authorization'] = `Bearer ${await this.#idToken(oidcToken)}`
      const { fetch } = this.#context
      const answer = await fetch(this.#config.pushEndpoint, {
        method: 'POST',
        headers,
        body,
        signal,
        redirect: 'manual',
      })
      return { status: answer.status }
    } catch (error) {
      return { status: CONNECTION_FAILED, reason: error instanceof Error ? error.message : String(error) }
    }
  }

  #idToken({ serviceAccountEmail, audience }: NonNullable<PushConfig['oidcToken']>): Promise<string> {
    const nowMs = this.#context.clock.now()
    if (this.#token && nowMs - this.#token.mintedMs < limits.pushTokenReuseMs) return this.#token.value
    const value = this.#context.mintIdToken({
      email: serviceAccountEmail,
      audience: audience || this.#config.pushEndpoint,
    })
    this.#token = { value, mintedMs: nowMs }
    // A failure is not to be remembered; the push that waits for it sees it.
    value.catch(() => {
      this.#token = undefined
    })
    return value
  }

  /** Slow start: one more per success doubles the window each round trip; a failure halves it. */
  #resize(acknowledged: boolean): void {
    if (acknowledged) {
      this.#window = Math.min(limits.pushWindowMax, this.#window + 1)
      return
    }
    const nowMs = this.#context.clock.now()
    if (nowMs - this.#cutMs < limits.pushWindowCutMs) return
    this.#cutMs = nowMs
    this.#window = Math.max(limits.pushWindowMin, Math.floor(this.#window / 2))
  }
}
