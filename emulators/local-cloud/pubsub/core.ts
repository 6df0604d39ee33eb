/** The Pub/Sub state machine as one object, for the transport, peers and in-process simulations. */

import { makeState, startState, stopState } from './lifecycle.ts'
import type { RequestContext } from '../core/service.ts'
import type { CloudContext } from '../core/plugin.ts'
import { type SubscriptionBacklog, subscriptionBacklog } from './api/backlogs.ts'
import { acknowledge, modifyAckDeadline } from './api/acknowledge.ts'
import { publish } from './api/publish.ts'
import { pull } from './api/pull.ts'
import { seek } from './api/seek.ts'
import { deliveryOf, type PubsubState } from './state.ts'
import { streamingPull, type StreamingPullRequest } from './api/streaming-pull.ts'
import { schemaRevisionMethods } from './api/schema-revisions.ts'
import { schemaMethods } from './api/schemas.ts'
import { listTopicSnapshots, snapshotMethods } from './api/snapshots.ts'
import { detachSubscription, subscriptionMethods } from './api/subscriptions.ts'
import { topicMethods } from './api/topics.ts'

export interface Backlog {
  /** Not completed: ready, waiting for a backoff, or outstanding. */
  readonly undelivered: number
  readonly outstanding: number
  readonly oldestPublishMs: number | undefined
}

export type PubsubCore = ReturnType<typeof makeCore>

/** The operations of `google.pubsub.v1`, on plain objects with fields in camelCase. */
export function makeCore(context: CloudContext) {
  const state = makeState(context)
  return {
    publisher: bindAll(state, { ...topicMethods, listTopicSnapshots, detachSubscription, publish }),
    subscriber: {
      ...bindAll(state, { ...subscriptionMethods, ...snapshotMethods, modifyAckDeadline, acknowledge, seek }),
      pull: (request: Parameters<typeof pull>[1], caller: Pick<RequestContext, 'signal'>) =>
        pull(state, request, caller),
    },
    schemas: bindAll(state, { ...schemaMethods, ...schemaRevisionMethods }),
    streamingPull: (
      requests: AsyncIterable<StreamingPullRequest>,
      write: (response: unknown) => void,
      caller: Pick<RequestContext, 'signal'>,
    ) => streamingPull(state, requests, write, caller),
    backlog(subscription: string): Backlog {
      const delivery = deliveryOf(state, subscription)
      return {
        undelivered: delivery.backlogSize,
        outstanding: delivery.outstandingSize,
        oldestPublishMs: delivery.oldest?.record.publishMs,
      }
    },
    /** Of each subscription. */
    backlogs: (): SubscriptionBacklog[] => [...state.deliveries.values()].map(subscriptionBacklog),
    /** The number of messages that are kept for any subscription. */
    retainedMessageCount: (): number => state.store.size,
    resourceExists(fullName: string): boolean | undefined {
      const kind = /^projects\/[^/]+\/(topics|subscriptions|snapshots|schemas)\/[^/]+$/.exec(fullName)?.[1]
      if (kind === 'topics') return state.topics.has(fullName)
      if (kind === 'subscriptions') return state.deliveries.has(fullName)
      if (kind === 'snapshots') return state.snapshots.has(fullName)
      if (kind === 'schemas') return state.schemaRecords.has(fullName)
      return undefined
    },
    start: () => startState(state),
    stop: () => stopState(state),
  }
}

type Operations = Readonly<Record<string, (state: PubsubState, request: never) => unknown>>
type Bound<All extends Operations> = {
  readonly [Name in keyof All]: (request: Parameters<All[Name]>[1]) => ReturnType<All[Name]>
}

const bindAll = <All extends Operations>(state: PubsubState, operations: All): Bound<All> =>
  Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [name, (request: never) => operation(state, request)]),
  ) as Bound<All>
