/** The queue of a service's commands: also its timers, republish requests and replays. */

import { Construct } from 'constructs'
import { queueName } from '../shared/base/names.ts'
import type { Environment } from './environments.ts'
import { CloudTasksQueue, CloudTasksQueueIamBinding } from './google.ts'
import { serviceMember } from './members.ts'
import { validName } from './naming-rules.ts'

interface CommandQueueProps {
  readonly service: string
  /** Services that may create tasks in it. */
  readonly senders: readonly string[]
  readonly environment: Environment
}

export class CommandQueue extends Construct {
  constructor(scope: Construct, id: string, { service, senders, environment }: CommandQueueProps) {
    super(scope, id)
    const queue = new CloudTasksQueue(this, 'queue', {
      name: validName('queue', queueName(service)),
      location: environment.region,
      // Cloud Tasks dispatches at most 500 a second; beyond that a service needs more queues.
      rateLimits: { maxDispatchesPerSecond: 500, maxConcurrentDispatches: 200 },
      // Unlimited, because Cloud Tasks deletes an exhausted task. The service dead-letters a command at attempt 20, a compensation or timer never.
      retryConfig: { maxAttempts: -1, minBackoff: '1s', maxBackoff: '600s', maxDoublings: 9 },
    })
    new CloudTasksQueueIamBinding(this, 'enqueuers', {
      name: queue.name,
      location: environment.region,
      role: 'roles/cloudtasks.enqueuer',
      members: [environment.operators, ...senders.map((sender) => serviceMember(sender, environment))],
    })
  }
}
