/** The stack of one service. It names no service and refers to no other stack. */

import type { Construct } from 'constructs'
import { type Business, isPulled, servicesOf } from '../shared/service/business.ts'
import { isScheduled, receivesMessages, type Service } from '../shared/service/service.ts'
import { CommandQueue } from './command-queue.ts'
import { EnvironmentStack } from './environment-stack.ts'
import type { Environment } from './environments.ts'
import { subscribe } from './event-topic.ts'
import { formerMembersOf } from './former-members.ts'
import { cronMember, operationsMember, pushMember, serviceMember } from './members.ts'
import { RunService } from './run-service.ts'
import { ScheduledCommands } from './scheduled-commands.ts'
import { ServiceDatabase } from './service-database.ts'
import { callersOf } from '../shared/service/callers.ts'
import { formerSendersOf, sendersOf } from './service-variables.ts'
import { WorkerPool } from './worker-pool.ts'

export class ServiceStack extends EnvironmentStack {
  constructor(scope: Construct, service: Service, business: Business, environment: Environment) {
    super(scope, service.name, environment)
    const services = servicesOf(business)
    const senders = sendersOf(service, services)
    const queued = receivesMessages(service)
    const pulls = isPulled(service, business, environment)
    const callers = new Set([...senders, ...formerSendersOf(service, services), ...callersOf(service, services)])
    this.formerMembers = formerMembersOf(service, { callers: [...callers], senders })
    const run = new RunService(this, 'run', {
      service,
      invokers: [
        ...[...callers].map((caller) => serviceMember(caller, environment)),
        // Operators act through this service's queue.
        ...(queued ? [operationsMember(environment)] : []),
        // The account of Pub/Sub's pushes, which has no other grant.
        ...(service.on.length > 0 && !pulls ? [pushMember(service.name, environment)] : []),
        // The account of Cloud Scheduler's requests, which has no other grant.
        ...(isScheduled(service) ? [cronMember(service.name, environment)] : []),
      ],
      business,
      environment,
    })
    if (Object.keys(service.collections).length > 0) new ServiceDatabase(this, 'store', { service, environment })
    if (queued) new CommandQueue(this, 'commands', { service: service.name, senders, environment })
    if (isScheduled(service)) new ScheduledCommands(this, 'schedules', { service, run, environment })
    if (pulls) new WorkerPool(this, 'workers', { service, run, environment })
    for (const type of service.on) subscribe(this, type, { service, run, isPulled: pulls, environment })
  }
}
