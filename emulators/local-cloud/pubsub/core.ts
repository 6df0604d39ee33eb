/** The Pub/Sub state machine as one object: what the transport, peers and in-process simulations call. */

import { makeState, startState, stopState } from './lifecycle.ts'
import type { RequestContext } from '../core/service.ts'
import type { CloudContext } from '../core/plugin.ts'
import { acknowledge, modifyAckDeadline } from './api/acknowledge.ts'
import { publish } from './api/publish.ts'
import { pull } from './api/pull.ts'
import { seek } from './api/seek.ts'
import { deliveryOf } from './state.ts'
import { streamingPull, type StreamingPullRequest } from './api/streaming-pull.ts'
import {
  createSubscription,
  deleteSubscription,
  detachSubscription,
  getSubscription,
  listSubscriptions,
  modifyPushConfig,
  updateSubscription,
} from './api/subscriptions.ts'
import { createTopic, deleteTopic, getTopic, listTopics, listTopicSubscriptions, updateTopic } from './api/topics.ts'

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
  const bind =
    <Request, Response>(operation: (of: typeof state, request: Request) => Response) =>
    (request: Request): Response =>
      operation(state, request)
  return {
    publisher: {
      createTopic: bind(createTopic),
      getTopic: bind(getTopic),
      updateTopic: bind(updateTopic),
      listTopics: bind(listTopics),
      listTopicSubscriptions: bind(listTopicSubscriptions),
      deleteTopic: bind(deleteTopic),
      detachSubscription: bind(detachSubscription),
      publish: bind(publish),
    },
    subscriber: {
      createSubscription: bind(createSubscription),
      getSubscription: bind(getSubscription),
      updateSubscription: bind(updateSubscription),
      listSubscriptions: bind(listSubscriptions),
      deleteSubscription: bind(deleteSubscription),
      modifyPushConfig: bind(modifyPushConfig),
      modifyAckDeadline: bind(modifyAckDeadline),
      acknowledge: bind(acknowledge),
      seek: bind(seek),
      pull: (request: Parameters<typeof pull>[1], caller: Pick<RequestContext, 'signal'>) =>
        pull(state, request, caller),
    },
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
    /** Messages held for anybody. */
    retainedMessageCount: (): number => state.store.size,
    resourceExists(fullName: string): boolean | undefined {
      const kind = /^projects\/[^/]+\/(topics|subscriptions)\/[^/]+$/.exec(fullName)?.[1]
      if (kind === 'topics') return state.topics.has(fullName)
      if (kind === 'subscriptions') return state.deliveries.has(fullName)
      return undefined
    },
    start: () => startState(state),
    stop: () => stopState(state),
  }
}
