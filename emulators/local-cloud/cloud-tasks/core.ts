/** The state machine of Cloud Tasks: queues, their tasks, the names that were used. */

import type { Unary } from '../core/service.ts'
import type { CloudContext } from '../core/plugin.ts'
import { msOf } from '../core/proto-values.ts'
import { alreadyExists, invalidArgument, notFound } from '../core/status.ts'
import { dispatcher, type Dispatcher } from './dispatcher.ts'
import { limits } from './limits.ts'
import { countOperation } from './operations.ts'
import type { QueueRecord, TaskRecord } from './records.ts'
import { httpRequestOf, settingsOf, type WireQueue, type WireTask, wireQueue, wireTask } from './wire.ts'

export interface CloudTasksCore {
  readonly unary: Readonly<Record<string, Unary>>
  resourceExists(name: string): boolean | undefined
  start(): void
  stop(): void
}

const queueName = /^projects\/[^/]+\/locations\/[^/]+\/queues\/[A-Za-z0-9-]{1,100}$/
const taskId = /^[A-Za-z0-9_-]{1,500}$/

export function makeCore(context: CloudContext): CloudTasksCore {
  const { clock, journal } = context
  const queues = journal.table<QueueRecord>('cloud-tasks/queues')
  const tasks = journal.table<TaskRecord>('cloud-tasks/tasks')
  /** Task name → until when it can't be used again, in the order in which they became free of their task. */
  const usedNames = journal.table<number>('cloud-tasks/names')
  const dispatchers = new Map<string, Dispatcher>()

  const dispatcherOf = (name: string): Dispatcher => {
    const known = dispatchers.get(name)
    if (known) return known
    const made = dispatcher({ context, tasks, queue: () => queues.get(name)!, finished })
    dispatchers.set(name, made)
    return made
  }
  const finished = (task: TaskRecord): void => {
    tasks.delete(task.name)
    usedNames.set(task.name, clock.now() + limits.nameBlockedMs)
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
  /** `name`: of the queue, or of a task in it. */
  const operation = (name: string, bytes = 0): void => countOperation(context, name, bytes)

  const createTask = ({
    parent,
    task,
    responseView,
  }: {
    parent: string
    task?: WireTask
    responseView?: string
  }): object => {
    const queue = queueOf(parent)
    if (!task) throw invalidArgument('Task is required.')
    const request = httpRequestOf(task)
    const bytes = Buffer.byteLength(request.body, 'base64')
    if (bytes > limits.taskBytes)
      throw invalidArgument(`Task size too large: ${bytes} bytes, at most ${limits.taskBytes}.`)
    operation(queue.name, bytes)
    const name = task.name || `${parent}/tasks/${context.newId()}${context.newId()}`
    if (!name.startsWith(`${parent}/tasks/`) || !taskId.test(name.slice(parent.length + '/tasks/'.length))) {
      throw invalidArgument(
        `Task name "${name}" must be the queue's name, /tasks/ and at most ${limits.taskNameCharacters} letters, digits, hyphens and underscores.`,
      )
    }
    if (tasks.has(name)) throw alreadyExists('Requested entity already exists')
    sweepNames()
    if ((usedNames.get(name) ?? 0) > clock.now()) {
      throw alreadyExists(
        'The task cannot be created because a task with this name existed too recently. For more information about task de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create#body.request_body.FIELDS.task',
      )
    }
    const nowMs = clock.now()
    const dueMs = Math.max(nowMs, task.scheduleTime ? msOf(task.scheduleTime) : nowMs)
    if (dueMs > nowMs + limits.scheduleAheadMs)
      throw invalidArgument('Task.schedule_time must be at most 30 days in the future.')
    const deadlineMs = task.dispatchDeadline ? msOf(task.dispatchDeadline) : limits.deadlineDefaultMs
    if (deadlineMs < limits.deadlineMinMs || deadlineMs > limits.deadlineMaxMs) {
      throw invalidArgument(`Task.dispatch_deadline must be between 15s and 30m, not ${deadlineMs / 1000}s.`)
    }
    const record: TaskRecord = {
      name,
      createdAtMs: nowMs,
      etaMs: dueMs,
      dueMs,
      deadlineMs,
      request,
      attempts: 0,
      responses: 0,
    }
    tasks.set(name, record)
    context.count('tasks.created')
    dispatcherOf(queue.name).add(record)
    return wireTask(record, responseView === 'FULL')
  }

  const changeState = (name: string, state: QueueRecord['state']): object => {
    const changed = { ...queueOf(name), state }
    queues.set(name, changed)
    dispatcherOf(name).wake()
    return wireQueue(changed)
  }

  const dropTasks = (queue: string): void => {
    for (const task of tasksIn(queue)) {
      dispatchers.get(queue)?.remove(task.name)
      finished(task)
    }
  }

  const unary: Record<string, Unary> = {
    createQueue({ parent, queue }: { parent: string; queue?: WireQueue }) {
      const name = queue?.name ?? ''
      if (!queueName.test(name) || !name.startsWith(`${parent}/queues/`)) {
        throw invalidArgument(
          `Queue name "${name}" must be ${parent}/queues/Q, Q of letters, digits and hyphens, at most ${limits.queueIdCharacters}.`,
        )
      }
      if (queue?.appEngineRoutingOverride)
        throw invalidArgument('Queue.app_engine_routing_override is not served by the local cloud.')
      if (queues.has(name)) throw alreadyExists('Queue already exists')
      const record: QueueRecord = { name, state: 'RUNNING', ...settingsOf(queue!) }
      queues.set(name, record)
      return wireQueue(record)
    },
    getQueue: ({ name }: { name: string }) => wireQueue(queueOf(name)),
    listQueues: ({ parent }: { parent: string }) => ({
      queues: [...queues.values()].filter(({ name }) => name.startsWith(`${parent}/`)).map(wireQueue),
    }),
    updateQueue({ queue }: { queue?: WireQueue }) {
      const name = queue?.name ?? ''
      const before = queues.get(name)
      // An update of a queue that is not there makes it, as Google's does.
      if (!before)
        return (unary['createQueue'] as Unary)({ parent: name.split('/queues/')[0], queue }, undefined as never)
      const record = { ...before, ...settingsOf(queue!, before) }
      queues.set(name, record)
      dispatcherOf(name).wake()
      return wireQueue(record)
    },
    deleteQueue({ name }: { name: string }) {
      queueOf(name)
      dropTasks(name)
      dispatchers.get(name)?.stop()
      dispatchers.delete(name)
      queues.delete(name)
      return {}
    },
    purgeQueue({ name }: { name: string }) {
      const purged = { ...queueOf(name), purgedAtMs: clock.now() }
      dropTasks(name)
      queues.set(name, purged)
      return wireQueue(purged)
    },
    pauseQueue: ({ name }: { name: string }) => changeState(name, 'PAUSED'),
    resumeQueue: ({ name }: { name: string }) => changeState(name, 'RUNNING'),
    createTask,
    getTask({ name, responseView }: { name: string; responseView?: string }) {
      operation(name)
      return wireTask(taskOf(name), responseView === 'FULL')
    },
    listTasks({
      parent,
      pageSize,
      pageToken,
      responseView,
    }: {
      parent: string
      pageSize?: number
      pageToken?: string
      responseView?: string
    }) {
      operation(parent)
      queueOf(parent)
      const from = Number(pageToken || 0)
      const size = Math.min(pageSize || 1000, 1000)
      const all = tasksIn(parent)
      return {
        tasks: all.slice(from, from + size).map((task) => wireTask(task, responseView === 'FULL')),
        nextPageToken: from + size < all.length ? String(from + size) : '',
      }
    },
    deleteTask({ name }: { name: string }) {
      operation(name)
      const task = taskOf(name)
      dispatchers.get(queueOfTask(name))?.remove(name)
      finished(task)
      return {}
    },
    async runTask({ name, responseView }: { name: string; responseView?: string }) {
      operation(name)
      const task = taskOf(name)
      const running = dispatcherOf(queueOfTask(name)).runNow(task)
      await running
      return wireTask(tasks.get(name) ?? task, responseView === 'FULL')
    },
  }

  return {
    unary,
    resourceExists: (name) => (queueName.test(name) ? queues.has(name) : undefined),
    start() {
      for (const task of tasks.values()) dispatcherOf(queueOfTask(task.name)).add(task)
    },
    stop() {
      for (const one of dispatchers.values()) one.stop()
    },
  }
}

const queueOfTask = (name: string): string => name.split('/tasks/')[0]!
