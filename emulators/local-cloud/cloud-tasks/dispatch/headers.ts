/** The headers of a dispatch: the task's own allowed headers, and the headers that Cloud Tasks adds about the task. */
// https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#HttpRequest

import type { TaskRecord } from '../values/records.ts'

/** Computed, or Google's own: a task's say does not count. */
const IGNORED = /^(host|content-length|user-agent|x-google-.*|x-appengine-.*|x-cloudtasks-.*)$/i

/** Names in lower case: a header that differs by its spelling alone would be sent twice. */
export function dispatchHeaders(queueName: string, task: TaskRecord, token?: string): Record<string, string> {
  const own = Object.entries(task.request.headers)
    .filter(([name]) => !IGNORED.test(name))
    .map(([name, value]) => [name.toLowerCase(), value])
  return {
    ...Object.fromEntries(own),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    // https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
    'user-agent': 'Google-Cloud-Tasks',
    'x-cloudtasks-queuename': queueName.split('/').at(-1)!,
    'x-cloudtasks-taskname': task.name.split('/').at(-1)!,
    'x-cloudtasks-taskretrycount': String(task.attempts),
    'x-cloudtasks-taskexecutioncount': String(task.responses),
    'x-cloudtasks-tasketa': (task.etaMs / 1000).toFixed(6),
    ...(task.lastStatus === undefined
      ? {}
      : {
          'x-cloudtasks-taskpreviousresponse': String(task.lastStatus),
          'x-cloudtasks-taskretryreason': task.lastReason ?? '',
        }),
  }
}
