/** The methods of tasks. */

import { pageOf } from '../../core/api/page.ts'
import type { CloudContext } from '../../core/plugin.ts'
import { msOf } from '../../core/proto-values.ts'
import type { Unary } from '../../core/service.ts'
import { alreadyExists, invalidArgument } from '../../core/status.ts'
import type { CloudTasksState } from '../state.ts'
import { limits } from '../values/limits.ts'
import { queueOfTask, taskId } from '../values/names.ts'
import { countOperation } from '../values/operations.ts'
import type { TaskRecord } from '../values/records.ts'
import { httpRequestOf, type WireTask, wireTask } from '../values/proto-codec.ts'

export function taskMethods(
  context: CloudContext,
  { tasks, queueOf, taskOf, tasksIn, dispatcherOf, finished, isNameBlocked }: CloudTasksState,
): Record<string, Unary> {
  const { clock } = context
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
    if (isNameBlocked(name)) {
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

  return {
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
      const { page, nextPageToken } = pageOf(tasksIn(parent), { pageSize, pageToken }, 1000)
      return { tasks: page.map((task) => wireTask(task, responseView === 'FULL')), nextPageToken }
    },
    deleteTask({ name }: { name: string }) {
      operation(name)
      const task = taskOf(name)
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
}
