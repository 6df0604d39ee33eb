/** Creates the resources of the synthesized stacks in the local cloud. A type that has no local part is listed with its reason. */

import { type OwnerApi, type Provisioner, type Provisioning, provisionersOf } from './provisioner.ts'
import type { TerraformResource } from './resource.ts'
import { unprovisioned } from './unprovisioned.ts'

export interface Provisioned {
  readonly resource: TerraformResource
  readonly provisioner: Provisioner
}

/**
 * The resources that have a local part, each with its provisioner, in the order of the stacks.
 * @throws Error that names the first type which no emulator provisions and no reason excuses.
 */
export function plan(resources: readonly TerraformResource[], plugins: readonly Provisioning[]): Provisioned[] {
  const provisioners = provisionersOf(plugins)
  return resources.flatMap((resource) => {
    const provisioner = provisioners.get(resource.type)
    if (provisioner) return [{ resource, provisioner }]
    if (Object.hasOwn(unprovisioned, resource.type)) return []
    throw new Error(
      `${resource.stack} declares ${resource.address}, but no emulator provisions ${resource.type}: give one a provisioner, or name the type with its reason in core/terraform/unprovisioned.ts.`,
    )
  })
}

/**
 * Creates them one after the other by the public APIs, as Terraform does within a dependency chain.
 * @param lost a line for each resource that was replaced with what it held
 */
export async function provision(
  planned: readonly Provisioned[],
  api: OwnerApi,
  progress: (done: number, of: number) => void = () => {},
  lost: (line: string) => void = () => {},
): Promise<void> {
  let done = 0
  for (const { resource, provisioner } of planned) {
    try {
      const content = await provisioner.create(resource, api)
      if (typeof content === 'string') lost(`${resource.stack}: ${resource.address}: ${content}`)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`${resource.stack}: ${resource.address} was refused: ${reason}`, { cause: error })
    }
    done += 1
    progress(done, planned.length)
  }
}
