/** The subscription that retains reports of stuck sagas for operators. */

import { Construct } from 'constructs'
import { stuckSubscription } from '../shared/base/names.ts'
import type { Environment } from './environments.ts'
import type { EventTopic } from './event-topic.ts'
import { addRetentionSubscription } from './retention-subscription.ts'
import { validName } from './naming-rules.ts'

interface StuckSagaSubscriptionProps {
  readonly stuck: EventTopic
  readonly environment: Environment
}

export class StuckSagaSubscription extends Construct {
  constructor(scope: Construct, id: string, { stuck, environment }: StuckSagaSubscriptionProps) {
    super(scope, id)
    addRetentionSubscription(this, 'subscription', {
      name: validName('topic', stuckSubscription),
      topic: stuck.topic,
      environment,
    })
  }
}
