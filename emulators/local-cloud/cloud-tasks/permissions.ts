/** The permission that each method of Cloud Tasks requires: https://cloud.google.com/tasks/docs/reference-access-control */

import { actsAs, permissionsOn, projectOf } from '../core/access/required.ts'
import type { RequiredPermission, ServiceAccess } from '../core/service.ts'

interface Named {
  readonly name?: string
}
interface OfParent {
  readonly parent?: string
}
interface Viewing {
  readonly responseView?: string
}
interface NewTask extends OfParent, Viewing {
  readonly task?: {
    readonly httpRequest?: { readonly oidcToken?: { readonly serviceAccountEmail?: string } | null } | null
  } | null
}

const on = permissionsOn('cloudtasks')
/** A task has no policy of its own: its queue's counts. */
const queueOf = (task: string): string => task.split('/tasks/')[0]!
const fully = (queue: string, { responseView }: Viewing): RequiredPermission[] =>
  responseView === 'FULL' ? [on('tasks.fullView', queue)] : []
const ofQueue =
  (permission: string) =>
  ({ name = '' }: Named): RequiredPermission[] => [on(permission, name)]

export const tasksAccess: ServiceAccess = {
  refusal: ({ permission, resource }) =>
    `The principal (user or service account) lacks IAM permission "${permission}" for the resource "${
      // An account is named by its e-mail alone.
      resource.replace(/^.*\/serviceAccounts\//, '')
    }" (or the resource may not exist).`,
  domain: 'cloudtasks.googleapis.com',
  methods: {
    createTask({ parent = '', task, ...viewing }: NewTask) {
      const account = task?.httpRequest?.oidcToken?.serviceAccountEmail
      return [on('tasks.create', parent), ...fully(parent, viewing), ...actsAs(account, projectOf(parent))]
    },
    getTask: ({ name = '', ...viewing }: Named & Viewing) => [
      on('tasks.get', queueOf(name)),
      ...fully(queueOf(name), viewing),
    ],
    listTasks: ({ parent = '', ...viewing }: OfParent & Viewing) => [
      on('tasks.list', parent),
      ...fully(parent, viewing),
    ],
    deleteTask: ({ name = '' }: Named) => [on('tasks.delete', queueOf(name))],
    runTask: ({ name = '', ...viewing }: Named & Viewing) => [
      on('tasks.run', queueOf(name)),
      ...fully(queueOf(name), viewing),
    ],
    createQueue: ({ parent = '' }: OfParent) => [on('queues.create', projectOf(parent))],
    listQueues: ({ parent = '' }: OfParent) => [on('queues.list', projectOf(parent))],
    getQueue: ofQueue('queues.get'),
    updateQueue: ({ queue }: { queue?: Named | null }) => [on('queues.update', queue?.name ?? '')],
    deleteQueue: ofQueue('queues.delete'),
    purgeQueue: ofQueue('queues.purge'),
    pauseQueue: ofQueue('queues.pause'),
    resumeQueue: ofQueue('queues.resume'),
  },
}
