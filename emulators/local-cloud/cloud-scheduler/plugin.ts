/** Cloud Scheduler for the local cloud: google.cloud.scheduler.v1, and the Terraform type of its jobs. */

import { vendoredProto } from '../core/api/proto.ts'
import type { Plugin } from '../core/plugin.ts'
import { type CloudSchedulerCore, makeCore } from './core.ts'
import { schedulerIam } from './iam.ts'
import { schedulerAccess } from './permissions.ts'
import { jobProvisioner } from './terraform.ts'

export const cloudScheduler: Plugin<CloudSchedulerCore> = {
  name: 'cloud-scheduler',
  proto: () => vendoredProto(new URL('cloud-scheduler.proto.json', import.meta.url)),
  create(context) {
    const core = makeCore(context)
    return {
      core,
      grpc: [{ name: 'google.cloud.scheduler.v1.CloudScheduler', unary: core.unary, access: schedulerAccess }],
      resourceExists: core.resourceExists,
      start: async () => core.start(),
      close: async () => core.stop(),
    }
  },
  terraform: { google_cloud_scheduler_job: jobProvisioner },
  iam: schedulerIam,
}
