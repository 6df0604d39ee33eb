/** Where reports of stuck sagas wait until an operator has looked after them. */

import { Construct } from 'constructs'
import { stuckSubscription } from '../shared/names.ts'
import type { Environment } from './environments.ts'
import type { EventTopic } from './event-topic.ts'
import { PubsubSubscription, PubsubSubscriptionIamMember } from './google.ts'
import { named } from './naming-rules.ts'

/** The longest that Pub/Sub keeps a message: 31 days. */
const RETENTION = '2678400s'

interface OperatorsDeskProps {
  readonly stuck: EventTopic
  readonly environment: Environment
}

export class OperatorsDesk extends Construct {
  constructor(scope: Construct, id: string, { stuck, environment }: OperatorsDeskProps) {
    super(scope, id)
    const reports = new PubsubSubscription(this, 'stuck-sagas', {
      name: named('topic', stuckSubscription),
      topic: stuck.topic.id,
      ackDeadlineSeconds: 60,
      messageRetentionDuration: RETENTION,
      expirationPolicy: { ttl: '' },
    })
    new PubsubSubscriptionIamMember(this, 'operators-take', {
      subscription: reports.name,
      role: 'roles/pubsub.subscriber',
      member: environment.operators,
    })
  }
}
