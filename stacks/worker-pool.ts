/** The workers of a service that pull its events: the same image, variables and account, without a port. */

import { Construct } from 'constructs'
import { workerPoolName } from '../shared/base/names.ts'
import type { Service } from '../shared/service/service.ts'
import type { Environment } from './environments.ts'
import { CloudRunV2WorkerPool } from './google.ts'
import { serviceEmail } from './members.ts'
import { validName } from './naming-rules.ts'
import type { RunService } from './run-service.ts'

interface WorkerPoolProps {
  readonly service: Service
  readonly run: RunService
  readonly environment: Environment
}

export class WorkerPool extends Construct {
  constructor(scope: Construct, id: string, { service, run, environment }: WorkerPoolProps) {
    super(scope, id)
    const { cpu, memory, workers } = service.scale
    new CloudRunV2WorkerPool(this, 'pool', {
      name: validName('service', workerPoolName(service.name)),
      location: environment.region,
      // It holds no data, and an environment that goes back to pushes deletes it.
      deletionProtection: false,
      // Each of them is billed as long as it is declared, busy or not. Cloud Run's API no longer has the mode that the provider offers.
      scaling: { manualInstanceCount: workers },
      // If it were undeclared, a manual split would stay, and later releases would get no instances.
      instanceSplits: [{ type: 'INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST', percent: 100 }],
      template: {
        serviceAccount: serviceEmail(service.name, environment),
        ...(run.vpcAccess ? { vpcAccess: run.vpcAccess } : {}),
        containers: [
          {
            name: 'worker',
            image: run.image,
            command: ['node'],
            args: ['functions/main.ts', service.name, 'pull'],
            env: [...run.variables],
            resources: { limits: { cpu, memory } },
          },
        ],
      },
      dependsOn: [run.service],
    })
  }
}
