/** A subscription that retains messages until an operator acknowledges them. */

import type { Construct } from 'constructs'
import type { Environment } from './environments.ts'
import { PubsubSubscription, PubsubSubscriptionIamBinding, type PubsubTopic } from './google.ts'

/** The longest that Pub/Sub keeps a message: 31 days. */
const RETENTION = '2678400s'

interface RetentionProps {
  readonly name: string
  readonly topic: PubsubTopic
  /** IAM members that read it besides the operators. */
  readonly readers?: readonly string[]
  readonly environment: Environment
}

export function addRetentionSubscription(
  scope: Construct,
  id: string,
  { name, topic, readers = [], environment }: RetentionProps,
): void {
  const subscription = new PubsubSubscription(scope, id, {
    name,
    topic: topic.id,
    ackDeadlineSeconds: 60,
    messageRetentionDuration: RETENTION,
    // By default Pub/Sub deletes a subscription, with its messages, after 31 days without a reader.
    expirationPolicy: { ttl: '' },
  })
  new PubsubSubscriptionIamBinding(scope, 'subscribers', {
    subscription: subscription.name,
    role: 'roles/pubsub.subscriber',
    members: [environment.operators, ...readers],
  })
}
