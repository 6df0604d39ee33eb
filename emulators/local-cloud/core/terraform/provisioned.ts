/** The resources that the stacks declared last time, so that removed ones are deleted: the relevant part of Terraform's state. */

import { existsSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { damaged, writeState } from '../state-files.ts'
import { type OwnerApi, type Provisioning, provisionersOf } from './provisioner.ts'
import type { TerraformResource } from './resource.ts'
import type { Provisioned } from './provision.ts'

/** Removes the resources of the file that are no longer planned, last made first; then writes the planned ones to it. */
export async function removeUndeclared(
  file: string,
  planned: readonly Provisioned[],
  { plugins, api }: { readonly plugins: readonly Provisioning[]; readonly api: OwnerApi },
): Promise<void> {
  const before = existsSync(file) ? read(file) : []
  const now = planned.map(({ resource }) => resource)
  const byAddress = new Map(
    now.flatMap((resource) =>
      [resource.address, ...(resource.formerAddresses ?? [])].map((address) => [
        idOf({ ...resource, address }),
        resource,
      ]),
    ),
  )
  const gone = before.filter((resource) => !isKept(resource, byAddress.get(idOf(resource))))
  // Killed halfway, both are known the next time.
  write(file, [...gone, ...now])
  const provisioners = provisionersOf(plugins)
  for (const resource of gone.toReversed()) {
    try {
      await provisioners.get(resource.type)?.remove(resource, api)
    } catch (error) {
      // 404: it was removed with its parent, or by an earlier start that was killed.
      if ((error as { httpStatus?: number }).httpStatus !== 404) throw error
    }
  }
  write(file, now)
}

const idOf = ({ stack, address }: TerraformResource): string => `${stack}/${address}`

/** Most resources are changed in place; a grant is another grant when anything of it differs. */
function isKept(before: TerraformResource, now: TerraformResource | undefined): boolean {
  if (!now) return false
  return !/_iam_(member|binding)$/.test(before.type) || isDeepStrictEqual(before.attributes, now.attributes)
}

function read(file: string): TerraformResource[] {
  try {
    const resources: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (Array.isArray(resources)) return resources as TerraformResource[]
  } catch {
    // Falls through to the error below.
  }
  throw damaged(file)
}

const write = (file: string, resources: readonly TerraformResource[]): void =>
  writeState(file, JSON.stringify(resources))
