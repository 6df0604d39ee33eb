/** The base of every stack: the provider, the backend of the state, and the environment. */

import type { Construct } from 'constructs'
import { GcsBackend, LocalBackend, TerraformStack } from './cdktf.ts'
import type { Environment } from './environments.ts'
import { GoogleProvider } from './google.ts'
import { type FormerMember, removedBlocks } from './former-members.ts'
import { movedBlocks } from './moved.ts'

export class EnvironmentStack extends TerraformStack {
  readonly environment: Environment
  protected readonly provider: GoogleProvider
  /** Members of earlier releases that no binding of this stack replaces. */
  protected formerMembers: readonly FormerMember[] = []

  /** `part`: `platform`, `bus` or the service's name. It is a label by which the bill can be grouped. */
  constructor(scope: Construct, part: string, environment: Environment) {
    const id = `${environment.name}-${part}`
    super(scope, id)
    this.environment = environment
    this.provider = new GoogleProvider(this, 'google', {
      project: environment.projectId,
      region: environment.region,
      addTerraformAttributionLabel: false,
      defaultLabels: { platform: 'millrace', environment: environment.name, part },
    })
    if (environment.stateBucket) new GcsBackend(this, { bucket: environment.stateBucket, prefix: id })
    // The default path is absolute and would differ on every machine.
    else new LocalBackend(this, { path: `${id}.tfstate` })
  }
  /**
   * CDKTF would resolve every element once before it writes them, to find references to other stacks: a third of a synthesis.
   * No stack refers to another one: it computes the names. A reference to what a stack does not declare is refused by the local
   * cloud's `readResources`.
   */
  override prepareStack(): void {}
  override toTerraform(): unknown {
    const moved = movedBlocks(this)
    const removed = removedBlocks(this, this.formerMembers)
    return {
      ...(super.toTerraform() as object),
      ...(moved.length > 0 ? { moved } : {}),
      ...(removed.length > 0 ? { removed } : {}),
    }
  }
}
