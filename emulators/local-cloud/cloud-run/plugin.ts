/** Cloud Run for the local cloud: the Admin API, and processes of each service and worker pool from its own synthesized container. */

import type { Plugin } from '../core/plugin.ts'
import { type CloudRunCore, makeCore } from './core.ts'
import { runIam } from './iam.ts'
import type { CloudRunOptions } from './options.ts'
import { runAccess } from './permissions.ts'
import { runRoutes } from './api/routes.ts'
import { serviceGrants, serviceProvisioner, workerPoolProvisioner } from './terraform.ts'

export type { CloudRunCore, ServiceReport } from './core.ts'

export type { Container } from './values/service.ts'

const serviceName = /^projects\/[^/]+\/locations\/[^/]+\/services\/[^/]+$/

export function cloudRun(options: CloudRunOptions): Plugin<CloudRunCore> {
  return {
    name: 'cloud-run',
    create(context) {
      const core = makeCore(context, options)
      return {
        core,
        http: runRoutes(core, context.secretRemedy),
        routes: runAccess(context),
        resourceExists: (name) =>
          serviceName.test(name) ? context.journal.table('cloud-run/services').has(name) : undefined,
        start: core.start,
        close: core.stop,
      }
    },
    terraform: {
      google_cloud_run_v2_service: serviceProvisioner,
      google_cloud_run_v2_worker_pool: workerPoolProvisioner,
      ...serviceGrants,
    },
    iam: runIam,
  }
}
