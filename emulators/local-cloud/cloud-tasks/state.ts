/** Queues, their tasks, and the names that can not be used again yet. */

import type { Clock } from '../core/clock.ts'
import type { Table } from '../core/journal.ts'
import type { CloudContext } from '../core/plugin.ts'
import { invalidArgument, notFound } from '../core/status.ts'
import { dispatcher, type Dispatcher } from './dispatch/dispatcher.ts'
import { limits } from './values/limits.ts'
import { queueName, queueOfTask } from './values/names.ts'
import type { QueueRecord, TaskRecord } from './values/records.ts'

export interface CloudTasksState {
  readonly clock: Clock
  readonly queues: Table<QueueRecord>
  readonly tasks: Table<TaskRecord>
  /** @throws StatusError INVALID_ARGUMENT, NOT_FOUND */
  queueOf(name: string): QueueRecord
  /** @throws StatusError NOT_FOUND */
  taskOf(name: string): TaskRecord
  tasksIn(queue: string): TaskRecord[]
  /** The dispatcher of a queue. It is created at the first call. */
  dispatcherOf(queue: string): Dispatcher
  removeDispatcher(queue: string): void
  /** Removes the task; its name is blocked for a while. */
  finished(task: TaskRecord): void
  /** Removes all tasks of the queue. */
  removeTasks(queue: string): void
  /** A task of this name existed too recently. */
  isNameBlocked(name: string): boolean
  start(): void
  stop(): void
}

export function createState(context: CloudContext): CloudTasksState {
  const { clock, journal } = context
  const queues = journal.table<QueueRecord>('cloud-tasks/queues')
  const tasks = journal.table<TaskRecord>('cloud-tasks/tasks')
  /** Task name → until when it can't be used again, oldest first. */
  const usedNames = journal.table<number>('cloud-tasks/names')
  const dispatchers = new Map<string, Dispatcher>()

  const dispatcherOf = (name: string): Dispatcher => {
    const known = dispatchers.get(name)
    if (known) return known
    const made = dispatcher({ context, tasks, queue: () => queues.get(name)!, finished: block })
    dispatchers.set(name, made)
    return made
  }
  const block = (task: TaskRecord): void => {
    tasks.delete(task.name)
    usedNames.set(task.name, clock.now() + limits.nameBlockedMs)
  }
  const finished = (task: TaskRecord): void => {
    dispatchers.get(queueOfTask(task.name))?.remove(task.name)
    block(task)
  }
  const sweepNames = (): void => {
    for (const [name, untilMs] of usedNames.entries()) {
      if (untilMs > clock.now()) return
      usedNames.delete(name)
    }
  }
  const queueOf = (name: string): QueueRecord => {
    const queue = queues.get(name)
    if (queue) return queue
    if (!queueName.test(name))
      throw invalidArgument(
        `Queue name "${name}" must be like projects/P/locations/L/queues/Q, Q of letters, digits and hyphens, at most ${limits.queueIdCharacters}.`,
      )
    throw notFound(
      'Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.',
    )
  }
  const taskOf = (name: string): TaskRecord => {
    const task = tasks.get(name)
    if (!task) throw notFound('The task does not exist.')
    return task
  }
  const tasksIn = (queue: string): TaskRecord[] =>
    [...tasks.values()].filter(({ name }) => name.startsWith(`${queue}/tasks/`))

  return {
    clock,
    queues,
    tasks,
    queueOf,
    taskOf,
    tasksIn,
    dispatcherOf,
    removeDispatcher(queue) {
      dispatchers.get(queue)?.stop()
      dispatchers.delete(queue)
    },
    finished,
    removeTasks(queue) {
      for (const task of tasksIn(queue)) finished(task)
    },
    isNameBlocked(name) {
      sweepNames()
      return (usedNames.get(name) ?? 0) > clock.now()
    },
    start() {
      for (const task of tasks.values()) dispatcherOf(queueOfTask(task.name)).add(task)
    },
    stop() {
      for (const one of dispatchers.values()) one.stop()
    },
  }
}
