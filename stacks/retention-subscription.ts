/** A subscription in which messages wait until an operator takes them. */

import type { Construct } from 'constructs'
import type { Environment } from './environments.ts'
import { PubsubSubscription, PubsubSubscriptionIamMember, type PubsubTopic } from './google.ts'

/** The longest that Pub/Sub keeps a message: 31 days. */
const RETENTION = '2678400s'

interface KeptProps {
  readonly name: string
  readonly topic: PubsubTopic
  readonly environment: Environment
}

export function addRetentionSubscription(scope: Construct, id: string, { name, topic, environment }: KeptProps): void {
  const kept = new PubsubSubscription(scope, id, {
    name,
    topic: topic.id,
    ackDeadlineSeconds: 60,
    messageRetentionDuration: RETENTION,
    // The default deletes a subscription without readers for 31 days, with what it holds.
    expirationPolicy: { ttl: '' },
  })
  new PubsubSubscriptionIamMember(scope, 'operators-take', {
    subscription: kept.name,
    role: 'roles/pubsub.subscriber',
    member: environment.operators,
  })
}
