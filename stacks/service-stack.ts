/** The stack of one service. It names no service and refers to no other stack. */

import type { Construct } from 'constructs'
import { deadLetterName, topicName } from '../shared/base/names.ts'
import { type Business, servicesOf } from '../shared/service/business.ts'
import { receivesMessages, publishedBy, type Service } from '../shared/service/service.ts'
import { CommandQueue } from './command-queue.ts'
import { EnvironmentStack } from './environment-stack.ts'
import type { Environment } from './environments.ts'
import { grantPublish, grantSubscribe, pushTo } from './event-topic.ts'
import { RunService } from './run-service.ts'
import { ServiceDatabase } from './service-database.ts'
import { callersOf, formerSendersOf, sendersOf } from './service-variables.ts'

export class ServiceStack extends EnvironmentStack {
  constructor(scope: Construct, service: Service, business: Business, environment: Environment) {
    super(scope, service.name, environment)
    const services = servicesOf(business)
    const run = new RunService(this, 'run', { service, business, environment })
    if (Object.keys(service.collections).length > 0) new ServiceDatabase(this, 'store', { service, environment })

    const senders = sendersOf(service, services)
    const queued = receivesMessages(service)
    if (queued) new CommandQueue(this, 'commands', { service: service.name, senders, environment })

    const callers = [...senders, ...formerSendersOf(service, services), ...callersOf(service, services)]
    for (const caller of new Set(callers)) run.grantInvoke(caller)
    if (queued) run.grantOperations()
    if (service.on.length > 0) run.grantPush(service.name)

    for (const type of publishedBy(service)) grantPublish(this, topicName(type), service.name, environment)
    // A service dead-letters unparseable messages itself.
    if (queued) grantPublish(this, deadLetterName(service.name), service.name, environment)
    // It pulls its dead letters when an operator replays them.
    if (queued) grantSubscribe(this, deadLetterName(service.name), service.name, environment)
    for (const type of service.on) pushTo(this, type, { service, run, environment })
  }
}
