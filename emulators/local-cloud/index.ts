/** The local Google Cloud: what a program imports to run one. Each emulator is a plugin with an export of its own. */

export { createLocalCloud, type LocalCloud } from './core/local-cloud.ts'
export type { FaultAction, FaultRule, Firing } from './core/faults.ts'
export type { OwnerApi, Plugin, RequestLogEntry, TerraformResource } from './core/plugin.ts'
export { readResources, type StackJson } from './core/terraform.ts'
export { plan, provision, type Provisioned, unprovisioned } from './provision.ts'
export { removeUndeclared } from './provisioned.ts'
