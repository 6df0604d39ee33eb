/** The dead-letter topic of a service or of BigQuery, with the subscription that retains its messages for operators. */

import { Construct } from 'constructs'
import { deadLetterName } from '../shared/base/names.ts'
import type { Environment } from './environments.ts'
import { PubsubTopic, PubsubTopicIamMember } from './google.ts'
import { addRetentionSubscription } from './retention-subscription.ts'
import { pubsubAgent } from './members.ts'
import { validName } from './naming-rules.ts'

interface DeadLettersProps {
  readonly consumer: string
  /** Whether Pub/Sub forwards dead letters here: only services with subscriptions have some. */
  readonly forwarded: boolean
  readonly environment: Environment
}

export class DeadLetters extends Construct {
  readonly topic: PubsubTopic

  constructor(scope: Construct, id: string, { consumer, forwarded, environment }: DeadLettersProps) {
    super(scope, id)
    const name = validName('topic', deadLetterName(consumer))
    this.topic = new PubsubTopic(this, 'topic', {
      name,
      messageStoragePolicy: { allowedPersistenceRegions: [environment.region] },
    })
    addRetentionSubscription(this, 'retention', { name, topic: this.topic, environment })
    if (!forwarded) return
    new PubsubTopicIamMember(this, 'agent-publisher', {
      topic: this.topic.name,
      role: 'roles/pubsub.publisher',
      member: pubsubAgent(environment),
    })
  }
}
