/** Where a listener's messages go that it could not take, and the subscription without which they would be lost. */

import { Construct } from 'constructs'
import { deadLetterName } from '../shared/base/names.ts'
import type { Environment } from './environments.ts'
import { PubsubTopic, PubsubTopicIamMember } from './google.ts'
import { addRetentionSubscription } from './retention-subscription.ts'
import { pubsubAgent } from './members.ts'
import { named } from './naming-rules.ts'

interface DeadLettersProps {
  readonly listener: string
  /** Whether Pub/Sub forwards dead letters here: only services with subscriptions have some. */
  readonly forwarded: boolean
  readonly environment: Environment
}

export class DeadLetters extends Construct {
  readonly topic: PubsubTopic

  constructor(scope: Construct, id: string, { listener, forwarded, environment }: DeadLettersProps) {
    super(scope, id)
    const name = named('topic', deadLetterName(listener))
    this.topic = new PubsubTopic(this, 'topic', {
      name,
      messageStoragePolicy: { allowedPersistenceRegions: [environment.region] },
    })
    addRetentionSubscription(this, 'kept', { name, topic: this.topic, environment })
    if (!forwarded) return
    new PubsubTopicIamMember(this, 'agent-publishes', {
      topic: this.topic.name,
      role: 'roles/pubsub.publisher',
      member: pubsubAgent(environment),
    })
  }
}
