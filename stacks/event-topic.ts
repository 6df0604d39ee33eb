/** The topic of one event type, declared on the bus. Stacks of publishers and subscribers refer to it by name. */

import { Construct } from 'constructs'
import { MAX_DELIVERY_ATTEMPTS } from '../shared/base/attempts.ts'
import { deadLetterName, eventPath, subscriptionName, topicName } from '../shared/base/names.ts'
import type { Service } from '../shared/service/service.ts'
import type { Environment } from './environments.ts'
import { PubsubSubscription, PubsubSubscriptionIamBinding, PubsubTopic, PubsubTopicIamBinding } from './google.ts'
import { pubsubAgent, pushEmail, serviceMember } from './members.ts'
import { validName } from './naming-rules.ts'
import type { RunService } from './run-service.ts'

/** Settings of every subscription that a service or BigQuery has: its attempts, 1 to 600 s apart, last about two hours. */
export const delivery = {
  messageRetentionDuration: '604800s',
  expirationPolicy: { ttl: '' },
  retryPolicy: { minimumBackoff: '1s', maximumBackoff: '600s' },
} as const
/** The time limit of a push. Workers lease messages for a time of their own: shared/gcp/puller.ts. */
const ACK_DEADLINE_SECONDS = 60

interface EventTopicProps {
  readonly type: string
  /** The services that publish this type: one, or for the runtime's own events each service that has a saga. */
  readonly publishers: readonly string[]
  readonly environment: Environment
}

export class EventTopic extends Construct {
  readonly topic: PubsubTopic
  readonly type: string

  constructor(scope: Construct, id: string, { type, publishers, environment }: EventTopicProps) {
    super(scope, id)
    this.type = type
    this.topic = new PubsubTopic(this, 'topic', {
      name: validName('topic', topicName(type)),
      messageStoragePolicy: { allowedPersistenceRegions: [environment.region] },
    })
    new PubsubTopicIamBinding(this, 'publishers', {
      topic: this.topic.name,
      role: 'roles/pubsub.publisher',
      members: publishers.map((service) => serviceMember(service, environment)),
    })
  }
}

interface SubscribeOptions {
  readonly service: Service
  readonly run: RunService
  /** Workers of the service pull; otherwise Pub/Sub pushes to it. */
  readonly isPulled: boolean
  readonly environment: Environment
}

/**
 * Subscribes a service of this stack to a topic of the bus. Both ways are one subscription with one address: an environment that
 * changes from one to the other changes it in place, so that no message is lost.
 */
export function subscribe(
  scope: Construct,
  type: string,
  { service, run, isPulled, environment }: SubscribeOptions,
): void {
  const url = environment.serviceUrl(service.name)
  const subscription = new PubsubSubscription(scope, `push-${type}`, {
    name: validName('topic', subscriptionName(service.name, type)),
    topic: `projects/${environment.projectId}/topics/${topicName(type)}`,
    ackDeadlineSeconds: ACK_DEADLINE_SECONDS,
    ...delivery,
    deadLetterPolicy: {
      deadLetterTopic: `projects/${environment.projectId}/topics/${deadLetterName(service.name)}`,
      maxDeliveryAttempts: MAX_DELIVERY_ATTEMPTS,
    },
    ...(isPulled
      ? {}
      : {
          pushConfig: {
            pushEndpoint: `${url}${eventPath(type)}`,
            // The default audience includes the path; set explicitly, it is the service's URL in every subscription.
            oidcToken: { serviceAccountEmail: pushEmail(service.name, environment), audience: url },
          },
        }),
    dependsOn: [run.service],
  })
  new PubsubSubscriptionIamBinding(scope, `agent-subscriber-${type}`, {
    subscription: subscription.name,
    role: 'roles/pubsub.subscriber',
    members: [pubsubAgent(environment), ...(isPulled ? [serviceMember(service.name, environment)] : [])],
  })
}
