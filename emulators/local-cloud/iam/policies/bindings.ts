/** Checks a policy's bindings: known roles that the resource supports, and existing members. */

import type { CloudContext } from '../../core/plugin.ts'
import { invalidArgument } from '../../core/status.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { checkCondition, type Condition } from './conditions.ts'
import type { PolicyKinds } from './policy-kinds.ts'
import type { Roles } from './roles.ts'
import { limits } from '../values/limits.ts'

export interface Binding {
  readonly role: string
  readonly members: readonly string[]
  readonly condition?: Condition
}

export interface Checking {
  readonly resource: string
  readonly project: CloudContext['project']
  readonly accounts: Accounts
  readonly roles: Roles
  readonly kinds: PolicyKinds
}

/** Bindings as a policy keeps them: none without members, each member once, deleted accounts by their former names. */
export function checkBindings(bindings: readonly Binding[], checking: Checking): Binding[] {
  const checked = bindings.map((binding) => checkBinding(binding, checking)).filter(({ members }) => members.length > 0)
  const count = checked.reduce((sum, { members }) => sum + members.length, 0)
  if (count > limits.policyMembers)
    throw invalidArgument(`The policy has ${count} members, more than ${limits.policyMembers}.`)
  return checked
}

function checkBinding(binding: Binding, checking: Checking): Binding {
  refuseOthers(binding, ['role', 'members', 'condition'], 'policy.bindings')
  const { role, members, condition } = binding
  if (!Array.isArray(members)) throw invalidArgument(`The binding of ${role} has no members.`)
  checkRole(role, checking)
  if (condition) {
    refuseOthers(condition, ['title', 'description', 'expression', 'location'], 'policy.bindings.condition')
    checkCondition(condition)
  }
  const kept = new Set((members as readonly string[]).map((member) => checkMember(member, checking)))
  return { role, members: [...kept], ...(condition ? { condition } : {}) }
}

function checkRole(role: string, { resource, roles, kinds }: Checking): void {
  const permissions = roles.permissionsOf(role)
  if (!permissions) {
    throw invalidArgument(
      `Role ${role} is not supported for this resource: the local cloud knows ${roles.names.join(', ')}.`,
    )
  }
  const kind = kinds.kindOf(resource)
  if (!kind || kind.takesAnyRole) return
  const api = kind.permissions.split('.')[0]
  if (!permissions.some((permission) => permission.startsWith(`${api}.`))) {
    throw invalidArgument(`Role ${role} is not supported for this resource: it allows nothing on ${resource}.`)
  }
}

function checkMember(member: string, { project, accounts }: Checking): string {
  if (member === 'allUsers' || member === 'allAuthenticatedUsers') return member
  const deleted = /^deleted:(serviceAccount:([^?]+))\?uid=\d+$/.exec(member)
  if (deleted) return deleted[1]!
  const [, kind, name] = /^(serviceAccount|user|group|domain|principal|principalSet):(.+)$/.exec(member) ?? []
  if (!kind || !name) {
    throw invalidArgument(`Invalid member "${member}": it must be like serviceAccount:EMAIL, user:EMAIL or allUsers.`)
  }
  if (kind !== 'serviceAccount') return member
  // Google's service agents of this project exist without being created, as do accounts of Google itself, such as that by which
  // Gmail publishes. Other projects do not exist here.
  const agent = new RegExp(
    `^service-${project.number}@(gcp-sa-[a-z]+|serverless-robot-prod)\\.iam\\.gserviceaccount\\.com$|^[a-z0-9-]+@system\\.gserviceaccount\\.com$`,
  )
  if (!agent.test(name) && !accounts.find(name)) throw invalidArgument(`Service account ${name} does not exist.`)
  return member
}

/** An unknown field is refused as Google's JSON parser does it. */
export function refuseOthers(json: object, known: readonly string[], path: string): void {
  const other = Object.keys(json).find((name) => !known.includes(name))
  if (other === undefined) return
  const at = path === '' ? '' : ` at '${path}'`
  throw invalidArgument(`Invalid JSON payload received. Unknown name "${other}"${at}: Cannot find field.`)
}
