/** What every stack has: the provider, the state's place, and the environment it is of. */

import type { Construct } from 'constructs'
import { GcsBackend, LocalBackend, TerraformStack } from './cdktf.ts'
import type { Environment } from './environments.ts'
import { GoogleProvider } from './google.ts'

export class EnvironmentStack extends TerraformStack {
  readonly environment: Environment

  /** `part`: `platform`, `bus` or the service's name; the bill can be read by it. */
  constructor(scope: Construct, part: string, environment: Environment) {
    const id = `${environment.name}-${part}`
    super(scope, id)
    this.environment = environment
    new GoogleProvider(this, 'google', {
      project: environment.projectId,
      region: environment.region,
      addTerraformAttributionLabel: false,
      defaultLabels: { platform: 'millrace', environment: environment.name, part },
    })
    if (environment.stateBucket) new GcsBackend(this, { bucket: environment.stateBucket, prefix: id })
    // The default path is absolute and would differ on every machine.
    else new LocalBackend(this, { path: `${id}.tfstate` })
  }
}
