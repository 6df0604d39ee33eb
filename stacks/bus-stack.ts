/** The event bus: a topic per event type, dead-letter topics, and the subscriptions that write events to BigQuery. */

import type { Construct } from 'constructs'
import { stuckEvent } from '../shared/base/names.ts'
import { runtimeContracts } from '../shared/contracts/runtime-events.ts'
import { type Business, servicesOf } from '../shared/service/business.ts'
import { receivesMessages } from '../shared/service/service.ts'
import { Analytics } from './analytics.ts'
import { DeadLetters } from './dead-letters.ts'
import { EnvironmentStack } from './environment-stack.ts'
import type { Environment } from './environments.ts'
import { EventTopic } from './event-topic.ts'
import { StuckSagaSubscription } from './stuck-saga-subscription.ts'

export class BusStack extends EnvironmentStack {
  constructor(scope: Construct, business: Business, environment: Environment) {
    super(scope, 'bus', environment)
    const services = servicesOf(business)
    for (const service of services) {
      // A service that receives messages needs a dead-letter topic for the messages that it can not parse.
      if (receivesMessages(service)) {
        new DeadLetters(this, `dead-letters-${service.name}`, {
          consumer: service.name,
          service: service.name,
          forwarded: service.on.length > 0,
          environment,
        })
      }
    }
    const bigQueryDeadLetters = new DeadLetters(this, 'dead-letters-bigquery', {
      consumer: 'bigquery',
      forwarded: true,
      environment,
    })
    const withSaga = services.filter(({ saga }) => saga).map(({ name }) => name)
    const hasSagas = withSaga.length > 0
    const owners = services.filter(({ emits }) => emits.length > 0).map(({ name }) => name)
    const tables = hasSagas ? [...owners, runtimeContracts.service] : owners
    const analytics = new Analytics(this, 'analytics', { tables, views: business.views, services, environment })
    const addTopic = (type: string, table: string, publishers: readonly string[]): EventTopic => {
      const topic = new EventTopic(this, `topic-${type}`, { type, publishers, environment })
      analytics.streamToBigQuery(topic, table, bigQueryDeadLetters)
      return topic
    }
    for (const { name, emits } of services) for (const type of emits) addTopic(type, name, [name])
    // One topic, however many services have a saga.
    if (hasSagas) {
      const stuck = addTopic(stuckEvent, runtimeContracts.service, withSaga)
      new StuckSagaSubscription(this, 'stuck-sagas', { stuck, environment })
    }
  }
}
