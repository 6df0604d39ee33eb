/** The allow policies of all resources, and their evaluation. */

import type { CloudContext } from '../../core/plugin.ts'
import { notFound, StatusError } from '../../core/status.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { checkBindings, type Binding } from './bindings.ts'
import { holds } from './conditions.ts'
import type { PolicyKinds } from './policy-kinds.ts'
import type { Roles } from './roles.ts'

export interface Policy {
  readonly version: number
  readonly etag: string
  readonly bindings: readonly Binding[]
  /** Kept and answered, for Terraform; the local cloud logs every call anyway. */
  readonly auditConfigs?: readonly AuditConfig[]
}

export interface AuditConfig {
  readonly service: string
  readonly auditLogConfigs: readonly { readonly logType: string; readonly exemptedMembers?: readonly string[] }[]
}

export interface Policies {
  /** @throws NOT_FOUND when the resource does not exist. */
  readonly get: (resource: string) => Policy
  /** @throws ABORTED when the policy has an etag which is no longer that of the resource. */
  readonly set: (resource: string, policy: Partial<Policy>) => Policy
  readonly bindings: (resource: string) => readonly Binding[]
  /** Through any role on the resource or its project; a condition's resource.name is the resource's. */
  readonly isGranted: (email: string, permission: string, resource: string) => boolean
  /** Grants by which something was allowed since the start. */
  readonly usedGrants: () => Grant[]
  /** The granted ones of the permissions; the owner has all. */
  readonly testPermissions: (principal: string, resource: string, permissions: readonly string[]) => string[]
}

/** One role of one account on one resource. */
export interface Grant {
  readonly resource: string
  readonly role: string
  readonly email: string
  readonly condition?: Binding['condition']
}

/** Google's answer for a resource without a policy: version 0 is not set, and 1 is the first of a policy. */
const none: Policy = { version: 0, etag: 'ACAB', bindings: [] }

export function policies(
  context: CloudContext,
  { accounts, roles, kinds }: { accounts: Accounts; roles: Roles; kinds: PolicyKinds },
): Policies {
  const table = context.journal.table<Policy>('iam/policies')
  const project = `projects/${context.project.id}`
  const byNumber = new RegExp(`^projects/${context.project.number}(?=/|$)`)
  /** A project may be named by its number. */
  const canonical = (resource: string): string => resource.replace(byNumber, project)

  const requireResource = (resource: string): void => {
    if (context.resourceExists(resource) !== true) throw notFound(`Resource not found (resource=${resource}).`)
  }
  // A policy outlives its resource in the journal, never in effect.
  const bindings = (resource: string): readonly Binding[] =>
    context.resourceExists(resource) === true ? (table.get(resource)?.bindings ?? []) : []

  const isMember = ({ members }: Binding, email: string): boolean => {
    if (members.includes('allUsers')) return true
    const account = accounts.find(email)
    if (email.endsWith(`@${context.project.id}.iam.gserviceaccount.com`) && (!account || account.disabled)) return false
    return members.includes('allAuthenticatedUsers') || members.includes(`serviceAccount:${email}`)
  }
  const used = new Map<string, Grant>()
  /** Records every grant that allows the call: a grant that is never recorded is not needed. */
  const isGranted: Policies['isGranted'] = (email, permission, named) => {
    const resource = canonical(named)
    const sufficient = roles.rolesWith(permission)
    let granted = false
    for (const holder of resource === project ? [project] : [resource, project]) {
      for (const binding of bindings(holder)) {
        const { role, condition } = binding
        if (!sufficient.has(role) || !isMember(binding, email) || !holds(condition, resource)) continue
        granted = true
        const key = [holder, role, email, condition?.expression].join(' ')
        if (!used.has(key)) used.set(key, { resource: holder, role, email, ...(condition ? { condition } : {}) })
      }
    }
    return granted
  }

  return {
    bindings,
    isGranted,
    usedGrants: () => [...used.values()],
    get(name) {
      const resource = canonical(name)
      requireResource(resource)
      const policy = table.get(resource) ?? none
      return { ...policy, bindings: policy.bindings.map((binding) => withDeleted(binding, accounts)) }
    },
    set(name, policy) {
      const resource = canonical(name)
      requireResource(resource)
      if (policy.etag && policy.etag !== (table.get(resource) ?? none).etag) {
        throw new StatusError(
          'ABORTED',
          'There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.',
        )
      }
      const checked = checkBindings(policy.bindings ?? [], {
        resource,
        project: context.project,
        accounts,
        roles,
        kinds,
      })
      const next: Policy = {
        version: checked.some(({ condition }) => condition) ? 3 : 1,
        etag: Buffer.from(context.newId(), 'hex').toString('base64'),
        bindings: checked,
        ...(policy.auditConfigs ? { auditConfigs: policy.auditConfigs } : {}),
      }
      table.set(resource, next)
      return next
    },
    testPermissions(principal, name, permissions) {
      const resource = canonical(name)
      requireResource(resource)
      return permissions.filter((permission) => principal === 'owner' || isGranted(principal, permission, resource))
    },
  }
}

/**
 * A member that was deleted is shown as such. (Google keeps it so when an account of that name is made again; here the
 * grant then counts once more, as after Google's undelete, so that a resource can be removed and created again.)
 */
function withDeleted(binding: Binding, accounts: Accounts): Binding {
  const members = binding.members.map((member) => {
    const email = /^serviceAccount:(.+)$/.exec(member)?.[1]
    const uniqueId = email === undefined || accounts.find(email) ? undefined : accounts.deletedId(email)
    return uniqueId === undefined ? member : `deleted:${member}?uid=${uniqueId}`
  })
  return { ...binding, members }
}
