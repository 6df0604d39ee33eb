/** Cloud Tasks' declarations for IAM: queues have policies, and roles grant permissions on them. */

import type { IamFacts, PolicyKind } from '../core/iam-facts.ts'

export const queuePolicy: PolicyKind = {
  name: 'projects/{project}/locations/{location}/queues/{queue}',
  permissions: 'cloudtasks.queues',
  prefixes: ['/v2'],
  read: 'POST',
}

/** https://cloud.google.com/iam/docs/understanding-roles */
export const tasksIam: IamFacts = {
  policies: [queuePolicy],
  roles: {
    'roles/cloudtasks.enqueuer': ['cloudtasks.tasks.create', 'cloudtasks.tasks.fullView'],
  },
}
