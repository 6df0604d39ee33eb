/** Where reports of stuck sagas wait until an operator has looked after them. */

import { Construct } from 'constructs'
import { stuckSubscription } from '../shared/base/names.ts'
import type { Environment } from './environments.ts'
import type { EventTopic } from './event-topic.ts'
import { addRetentionSubscription } from './retention-subscription.ts'
import { named } from './naming-rules.ts'

interface OperatorsDeskProps {
  readonly stuck: EventTopic
  readonly environment: Environment
}

export class StuckSagaSubscription extends Construct {
  constructor(scope: Construct, id: string, { stuck, environment }: OperatorsDeskProps) {
    super(scope, id)
    addRetentionSubscription(this, 'stuck-sagas', {
      name: named('topic', stuckSubscription),
      topic: stuck.topic,
      environment,
    })
  }
}
