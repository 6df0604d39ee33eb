/** The headers of a dispatch that Cloud Tasks adds about the task. */
// https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#HttpRequest

import type { CallHeaders } from '../../core/http-target.ts'
import type { TaskRecord } from '../values/records.ts'

export const dispatchHeaders = (queueName: string, task: TaskRecord): CallHeaders => ({
  reserved: /^x-cloudtasks-/i,
  added: {
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
  },
})
