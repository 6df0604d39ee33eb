/** A plugin's description of a Terraform type: how to create, update and delete its resources, and their computed attributes. */

import type { Attributes } from './attributes.ts'
import type { TerraformResource } from './resource.ts'

/** Calls the local cloud's own public API as its owner; a non-2xx answer throws with status and Google's message. */
export type OwnerApi = (method: string, path: string, body?: unknown) => Promise<unknown>

/** Attributes that no stack writes, of those that it wrote: `id` first of all. */
export type Computed = (attributes: Attributes) => Readonly<Record<string, unknown>>

export interface Provisioner {
  /**
   * Creates the resource, or brings an existing one to these attributes, by public API calls. Returns what of its content was
   * lost with that, for a person to read; nothing: all is kept.
   */
  create(resource: TerraformResource, api: OwnerApi): Promise<string | void>
  /** Takes it away again by public API calls. */
  remove(resource: TerraformResource, api: OwnerApi): Promise<void>
  /**
   * Whether removing the resource would lose what programs stored in it: then it is set aside when no stack declares it any
   * more, and removed by a prune. Absent: no resource of the type holds data.
   */
  readonly holdsData?: (resource: TerraformResource) => boolean
  /** Ends the deliveries of a resource that is set aside. Absent: the type delivers nothing. */
  suspend?(resource: TerraformResource, api: OwnerApi): Promise<void>
  /** Read before `suspend`, and stored for `resume`: JSON. Absent: it needs to know nothing. */
  stateOf?(resource: TerraformResource, api: OwnerApi): Promise<unknown>
  /**
   * Before `create`, for a resource that was set aside and is declared again. Absent: `create` is enough.
   * @param before what `stateOf` returned
   */
  resume?(resource: TerraformResource, api: OwnerApi, before: unknown): Promise<void>
  /** Without it, other resources can refer to written attributes only. */
  readonly computed?: Computed
}

/** The provisioning of a plugin. */
export interface Provisioning {
  /** The Terraform types of its resources, those of the members of their policies included. */
  readonly terraform: Readonly<Record<string, Provisioner>>
}

/** By Terraform type. */
export const provisionersOf = (plugins: readonly Provisioning[]): ReadonlyMap<string, Provisioner> =>
  new Map(plugins.flatMap(({ terraform }) => Object.entries(terraform)))
