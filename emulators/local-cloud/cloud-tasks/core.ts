/** The state machine of Cloud Tasks behind its methods. */

import type { CloudContext } from '../core/plugin.ts'
import type { Unary } from '../core/service.ts'
import { queueBacklogs, type QueueBacklog } from './api/backlogs.ts'
import { queueMethods } from './api/queues.ts'
import { taskMethods } from './api/tasks.ts'
import { createState } from './state.ts'
import { queueName } from './values/names.ts'

export interface CloudTasksCore {
  readonly unary: Readonly<Record<string, Unary>>
  /** Of each queue. */
  backlogs(): QueueBacklog[]
  resourceExists(name: string): boolean | undefined
  start(): void
  stop(): void
}

export function makeCore(context: CloudContext): CloudTasksCore {
  const state = createState(context)
  return {
    unary: { ...queueMethods(state), ...taskMethods(context, state) },
    backlogs: () => queueBacklogs(state),
    resourceExists: (name) => (queueName.test(name) ? state.queues.has(name) : undefined),
    start: state.start,
    stop: state.stop,
  }
}
