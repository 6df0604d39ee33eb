/** The messages that wait in each subscription, for people: Google has such numbers in Cloud Monitoring only. */

import { Hono } from 'hono'
import type { Http } from '../../core/service.ts'
import type { Delivery } from '../delivery/delivery.ts'

export interface SubscriptionBacklog {
  readonly name: string
  readonly topic: string
  /** `pull`: messages wait until a client asks for them. */
  readonly kind: 'push' | 'pull' | 'bigquery'
  /** Messages that are not acknowledged. */
  readonly waiting: number
  /** The publish time of the oldest, and the next attempt after a failure, in milliseconds since the epoch. */
  readonly oldestMs?: number
  readonly nextAttemptMs?: number
  /** Of the message that failed most often: attempts so far, and why the last one failed. */
  readonly attempts: number
  readonly lastError?: string
}

export function subscriptionBacklog({
  record,
  oldest,
  backlogSize,
  outstandingMessages,
}: Delivery): SubscriptionBacklog {
  const kind = record.bigqueryConfig ? 'bigquery' : record.pushConfig?.pushEndpoint ? 'push' : 'pull'
  // A puller gives back the messages that it only read; without a dead-letter policy Google does not count that as an attempt.
  const isCounted = kind !== 'pull' || Boolean(record.deadLetterPolicy)
  const failing = isCounted ? [...outstandingMessages].filter(({ failures }) => failures > 0) : []
  const [worst] = failing.toSorted((a, b) => b.failures - a.failures)
  const nextMs = failing.flatMap(({ state, readyAtMs, keyQueue }) =>
    state === 'outstanding' ? [] : Math.max(state === 'delayed' ? readyAtMs : 0, keyQueue?.blockedUntilMs ?? 0),
  )
  return {
    name: record.name,
    topic: record.topic,
    kind,
    waiting: backlogSize,
    ...(oldest ? { oldestMs: oldest.record.publishMs } : {}),
    ...(nextMs.length > 0 ? { nextAttemptMs: Math.min(...nextMs) } : {}),
    attempts: worst?.failures ?? 0,
    ...(worst?.lastError === undefined ? {} : { lastError: worst.lastError }),
  }
}

export function backlogRoutes(backlogs: () => readonly SubscriptionBacklog[]): Http {
  const app: Http = new Hono()
  app.get('/_local/pubsub/subscriptions', (c) => c.json({ subscriptions: backlogs() }))
  return app
}
