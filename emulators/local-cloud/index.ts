/** The local Google Cloud: the exports for a program that runs one. Each emulator is a plugin with an export of its own. */

export { createLocalCloud, type LocalCloud } from './core/local-cloud.ts'
export type { FaultAction, FaultRule, FaultEvent } from './core/access/faults.ts'
export type { Plugin, RequestLogEntry } from './core/plugin.ts'
export { readResources, type StackJson } from './core/terraform/read-resources.ts'
export type { OwnerApi } from './core/terraform/provisioner.ts'
export type { TerraformResource } from './core/terraform/resource.ts'
export { unprovisioned } from './core/terraform/unprovisioned.ts'
export { plan, provision, type Provisioned } from './core/terraform/provision.ts'
export { retireUndeclared } from './core/terraform/provisioned.ts'
