/** The resources that the stacks declared last time: the resources that are gone are removed, or set aside with their data. */

import { existsSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { writeState } from '../state-files.ts'
import { attributesOf } from './attributes.ts'
import { type OwnerApi, type Provisioner, type Provisioning, provisionersOf } from './provisioner.ts'
import type { TerraformResource } from './resource.ts'
import type { Provisioned } from './provision.ts'

interface Retiring {
  readonly plugins: readonly Provisioning[]
  readonly api: OwnerApi
  /** Also removes resources that hold data. */
  readonly prune?: boolean | undefined
}

/** `setAside`: no stack declares it, but it holds data. `before`: its state when a stack still declared it. */
type Stored = TerraformResource & { readonly setAside?: true; readonly before?: unknown }

/**
 * Retires the resources of the file that are no longer planned, last made first: those that hold data are suspended and stay,
 * all others are removed. Then writes the planned ones and those that stay to the file. Returns those that stay.
 */
export async function retireUndeclared(
  file: string,
  planned: readonly Provisioned[],
  { plugins, api, prune = false }: Retiring,
): Promise<readonly TerraformResource[]> {
  const provisioners = provisionersOf(plugins)
  const now = planned.map(({ resource }) => resource)
  const before = existsSync(file) ? read(file) : []
  const gone = await withStates(goneFrom(before, now, provisioners), { provisioners, api })
  const isBack = (one: Stored): boolean => !gone.some((other) => idOf(other) === idOf(one))
  // One with a state may have been suspended by a start that was killed then.
  for (const resource of before.filter((one) => (one.setAside || one.before !== undefined) && isBack(one)))
    await existing(provisioners.get(resource.type)?.resume?.(resource, api, resource.before))
  // Killed halfway, both are known the next time, and how those that are gone were before.
  write(file, [...gone, ...now])
  const kept: Stored[] = []
  for (const resource of gone.toReversed()) {
    const provisioner = provisioners.get(resource.type)
    if (prune || !provisioner?.holdsData?.(resource)) await existing(provisioner?.remove(resource, api))
    else if (resource.setAside || (await existing(provisioner.suspend?.(resource, api))))
      kept.unshift({ ...resource, setAside: true })
  }
  write(file, [...kept, ...now])
  return kept
}

/** One that an earlier start suspended has its state already. */
async function withStates(
  gone: readonly Stored[],
  { provisioners, api }: { readonly provisioners: ReadonlyMap<string, Provisioner>; readonly api: OwnerApi },
): Promise<Stored[]> {
  const all: Stored[] = []
  for (const resource of gone) {
    const { holdsData, stateOf } = provisioners.get(resource.type) ?? {}
    const isKnown = resource.setAside || resource.before !== undefined || !stateOf || !holdsData?.(resource)
    let before: unknown
    if (!isKnown) await existing(stateOf(resource, api).then((state) => void (before = state)))
    all.push(before === undefined ? resource : { ...resource, before })
  }
  return all
}

/** False: it was removed with its parent, by an earlier start that was killed, or by hand. */
async function existing(call: Promise<void> | undefined): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if ((error as { httpStatus?: number }).httpStatus === 404) return false
    throw error
  }
}

/** A resource is still there under its address, under one to which it was moved, or by its own name under any other. */
function goneFrom(
  before: readonly Stored[],
  now: readonly TerraformResource[],
  provisioners: ReadonlyMap<string, Provisioner>,
): Stored[] {
  const byAddress = new Map(
    now.flatMap((resource) =>
      [resource.address, ...(resource.formerAddresses ?? [])].map((address) => [
        idOf({ ...resource, address }),
        resource,
      ]),
    ),
  )
  const nameOf = (resource: TerraformResource): string => {
    const { holdsData, computed } = provisioners.get(resource.type) ?? {}
    const name = holdsData?.(resource) && computed?.(attributesOf(resource))['id']
    return typeof name === 'string' ? `${resource.type} ${name}` : idOf(resource)
  }
  const names = new Set(now.map(nameOf))
  const isDeclared = (resource: Stored): boolean =>
    isKept(resource, byAddress.get(idOf(resource))) ||
    (nameOf(resource) !== idOf(resource) && names.has(nameOf(resource)))
  return before.filter((resource) => !isDeclared(resource))
}

const idOf = ({ stack, address }: TerraformResource): string => `${stack}/${address}`

/** Most resources are changed in place; a grant is another grant when anything of it differs. */
function isKept(before: TerraformResource, now: TerraformResource | undefined): boolean {
  if (!now) return false
  return !/_iam_(member|binding)$/.test(before.type) || isDeepStrictEqual(before.attributes, now.attributes)
}

function read(file: string): Stored[] {
  try {
    const resources: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (Array.isArray(resources)) return resources as Stored[]
  } catch {
    // Falls through to the error below.
  }
  throw new Error(
    `${file} can't be read: delete it, then start again. No data is lost, and resources that the stacks no longer declare stay.`,
  )
}

const write = (file: string, resources: readonly Stored[]): void => writeState(file, JSON.stringify(resources))
