/** The dead-letter topic of a service or of BigQuery, with the subscription that retains its messages for operators. */

import { Construct } from 'constructs'
import { deadLetterName } from '../shared/base/names.ts'
import type { Environment } from './environments.ts'
import { PubsubTopic, PubsubTopicIamBinding } from './google.ts'
import { addRetentionSubscription } from './retention-subscription.ts'
import { pubsubAgent, serviceMember } from './members.ts'
import { validName } from './naming-rules.ts'

interface DeadLettersProps {
  readonly consumer: string
  /** The service that dead-letters messages itself and pulls them for a replay; absent for BigQuery's. */
  readonly service?: string
  /** Whether Pub/Sub forwards dead letters here: only consumers with subscriptions have some. */
  readonly forwarded: boolean
  readonly environment: Environment
}

export class DeadLetters extends Construct {
  readonly topic: PubsubTopic

  constructor(scope: Construct, id: string, { consumer, service, forwarded, environment }: DeadLettersProps) {
    super(scope, id)
    const name = validName('topic', deadLetterName(consumer))
    this.topic = new PubsubTopic(this, 'topic', {
      name,
      messageStoragePolicy: { allowedPersistenceRegions: [environment.region] },
    })
    const own = service === undefined ? [] : [serviceMember(service, environment)]
    addRetentionSubscription(this, 'retention', { name, topic: this.topic, readers: own, environment })
    new PubsubTopicIamBinding(this, 'publishers', {
      topic: this.topic.name,
      role: 'roles/pubsub.publisher',
      members: [...(forwarded ? [pubsubAgent(environment)] : []), ...own],
    })
  }
}
