/** The topic of one event type: declared on the bus, and known by name to the stacks of those who publish and listen. */

import { Construct } from 'constructs'
import { deadLetterName, eventPath, subscriptionName, topicName } from '../shared/base/names.ts'
import type { Service } from '../shared/service/service.ts'
import type { Environment } from './environments.ts'
import { PubsubSubscription, PubsubSubscriptionIamMember, PubsubTopic, PubsubTopicIamMember } from './google.ts'
import { pubsubAgent, pushEmail, serviceMember } from './members.ts'
import { named } from './naming-rules.ts'
import type { RunService } from './run-service.ts'

/** Of every subscription that delivers: 20 attempts, 1 to 600 s apart, are about two hours of trouble. */
export const delivery = {
  messageRetentionDuration: '604800s',
  expirationPolicy: { ttl: '' },
  retryPolicy: { minimumBackoff: '1s', maximumBackoff: '600s' },
} as const
export const MAX_DELIVERY_ATTEMPTS = 20
/** As long as a push may take. */
const ACK_DEADLINE_SECONDS = 60

export class EventTopic extends Construct {
  readonly topic: PubsubTopic
  readonly type: string

  constructor(
    scope: Construct,
    id: string,
    { type, environment }: { readonly type: string; readonly environment: Environment },
  ) {
    super(scope, id)
    this.type = type
    this.topic = new PubsubTopic(this, 'topic', {
      name: named('topic', topicName(type)),
      messageStoragePolicy: { allowedPersistenceRegions: [environment.region] },
    })
  }
}

/** Lets a service publish to a topic of the bus. */
export function grantPublish(scope: Construct, topic: string, service: string, environment: Environment): void {
  new PubsubTopicIamMember(scope, `publishes-${topic}`, {
    topic,
    role: 'roles/pubsub.publisher',
    member: serviceMember(service, environment),
  })
}

/** Lets a service pull from a subscription of the bus. */
export function grantTake(scope: Construct, subscription: string, service: string, environment: Environment): void {
  new PubsubSubscriptionIamMember(scope, `takes-${subscription}`, {
    subscription,
    role: 'roles/pubsub.subscriber',
    member: serviceMember(service, environment),
  })
}

/** Delivers a topic of the bus to a service of this stack. */
export function pushTo(
  scope: Construct,
  type: string,
  { service, run, environment }: { service: Service; run: RunService; environment: Environment },
): void {
  const url = environment.serviceUrl(service.name)
  const subscription = new PubsubSubscription(scope, `hears-${type}`, {
    name: named('topic', subscriptionName(service.name, type)),
    topic: `projects/${environment.projectId}/topics/${topicName(type)}`,
    ackDeadlineSeconds: ACK_DEADLINE_SECONDS,
    ...delivery,
    deadLetterPolicy: {
      deadLetterTopic: `projects/${environment.projectId}/topics/${deadLetterName(service.name)}`,
      maxDeliveryAttempts: MAX_DELIVERY_ATTEMPTS,
    },
    pushConfig: {
      pushEndpoint: `${url}${eventPath(type)}`,
      // The default audience holds the path: written out, it is the service's URL everywhere.
      oidcToken: { serviceAccountEmail: pushEmail(service.name, environment), audience: url },
    },
    dependsOn: [run.service],
  })
  new PubsubSubscriptionIamMember(scope, `agent-takes-${type}`, {
    subscription: subscription.name,
    role: 'roles/pubsub.subscriber',
    member: pubsubAgent(environment),
  })
}
