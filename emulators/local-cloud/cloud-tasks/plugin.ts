/** Cloud Tasks for the local cloud: google.cloud.tasks.v2, and the Terraform type of its queues. */

import { vendoredProto } from '../core/api/proto.ts'
import type { Plugin } from '../core/plugin.ts'
import { backlogRoutes } from './api/backlogs.ts'
import { type CloudTasksCore, makeCore } from './core.ts'
import { tasksIam } from './iam.ts'
import { tasksAccess } from './permissions.ts'
import { queueGrants, queueProvisioner } from './terraform.ts'

export type { QueueBacklog } from './api/backlogs.ts'

export const cloudTasks: Plugin<CloudTasksCore> = {
  name: 'cloud-tasks',
  proto: () => vendoredProto(new URL('cloud-tasks.proto.json', import.meta.url)),
  create(context) {
    const core = makeCore(context)
    return {
      core,
      grpc: [{ name: 'google.cloud.tasks.v2.CloudTasks', unary: core.unary, access: tasksAccess }],
      http: backlogRoutes(core.backlogs),
      resourceExists: core.resourceExists,
      start: async () => core.start(),
      close: async () => core.stop(),
    }
  },
  terraform: { google_cloud_tasks_queue: queueProvisioner, ...queueGrants },
  iam: tasksIam,
}
