/** Allow policies of every resource, and the question whether they let somebody do something. */

import type { CloudContext } from '../core/plugin.ts'
import { invalidArgument, notFound, StatusError } from '../core/status.ts'
import type { Accounts } from './accounts.ts'
import { roles } from './roles.ts'

export interface Condition {
  readonly title?: string
  readonly description?: string
  readonly expression: string
}

export interface Binding {
  readonly role: string
  readonly members: readonly string[]
  readonly condition?: Condition
}

export interface Policy {
  readonly version: number
  readonly etag: string
  readonly bindings: readonly Binding[]
}

export interface Policies {
  /** @throws NOT_FOUND when the resource does not exist. */
  get(resource: string): Policy
  set(resource: string, policy: Partial<Policy>): Policy
  bindings(resource: string): readonly Binding[]
  hasRole(email: string, role: string, resource: string): boolean
  /** Through any role on the resource or its project, conditions included. `name` is what a condition's resource.name is compared with. */
  isGranted(email: string, permission: string, resource: string, name?: string): boolean
  testPermissions(email: string, resource: string, permissions: readonly string[]): string[]
}

/** Google's own agents exist without anybody making them. */
const serviceAgent = /^service-\d+@(gcp-sa-[a-z]+|serverless-robot-prod)\.iam\.gserviceaccount\.com$/
const comparison = /^resource\.name\s*==\s*["']([^"']+)["']$/
const prefix = /^resource\.name\.startsWith\(["']([^"']+)["']\)$/

export function policies(context: CloudContext, accounts: Accounts): Policies {
  const table = context.journal.table<Policy>('iam/policies')
  const none: Policy = { version: 1, etag: 'ACAB', bindings: [] }

  const checkMember = (member: string): void => {
    if (member === 'allUsers' || member === 'allAuthenticatedUsers') return
    const [kind, email] = member.split(/:(.*)/s) as [string, string | undefined]
    if (!['serviceAccount', 'user', 'group', 'domain', 'principalSet', 'principal'].includes(kind) || !email) {
      throw invalidArgument(`Invalid member "${member}": it must be like serviceAccount:EMAIL, user:EMAIL or allUsers.`)
    }
    const ofThisProject = email.endsWith(`@${context.project.id}.iam.gserviceaccount.com`)
    if (kind === 'serviceAccount' && ofThisProject && !serviceAgent.test(email) && !accounts.find(email)) {
      throw invalidArgument(`Service account ${email} does not exist.`)
    }
  }

  const check = (binding: Binding): Binding => {
    if (!(binding.role in roles)) {
      throw invalidArgument(
        `Role ${binding.role} is not supported for this resource: the local cloud knows ${Object.keys(roles).join(', ')}.`,
      )
    }
    for (const member of binding.members) checkMember(member)
    const expression = binding.condition?.expression
    if (expression !== undefined && !comparison.test(expression) && !prefix.test(expression)) {
      throw invalidArgument(
        `The condition "${expression}" is not evaluated by the local cloud: it knows resource.name == "…" and resource.name.startsWith("…").`,
      )
    }
    return binding
  }

  const requireResource = (resource: string): void => {
    if (context.resourceExists(resource) !== true) throw notFound(`Resource not found (resource=${resource}).`)
  }

  const isMember = (binding: Binding, email: string): boolean =>
    binding.members.includes('allUsers') || binding.members.includes(`serviceAccount:${email}`)

  // A policy outlives its resource in the journal, never in effect.
  const bindings = (resource: string): readonly Binding[] =>
    context.resourceExists(resource) === true ? (table.get(resource)?.bindings ?? []) : []

  const isGranted = (email: string, permission: string, resource: string, name = resource): boolean =>
    [...bindings(resource), ...bindings(`projects/${context.project.id}`)].some(
      (binding) =>
        isMember(binding, email) &&
        roles[binding.role]?.includes(permission) === true &&
        holds(binding.condition, name),
    )

  return {
    bindings,
    get(resource) {
      requireResource(resource)
      return table.get(resource) ?? none
    },
    set(resource, policy) {
      requireResource(resource)
      const current = table.get(resource) ?? none
      if (policy.etag && policy.etag !== current.etag) {
        throw new StatusError(
          'ABORTED',
          'There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.',
        )
      }
      const next: Policy = {
        version: policy.version ?? 1,
        etag: Buffer.from(context.newId(), 'hex').toString('base64'),
        bindings: (policy.bindings ?? []).map(check).filter((binding) => binding.members.length > 0),
      }
      table.set(resource, next)
      return next
    },
    hasRole: (email, role, resource) =>
      bindings(resource).some((binding) => binding.role === role && isMember(binding, email)),
    isGranted,
    testPermissions: (email, resource, permissions) =>
      permissions.filter((permission) => email === 'owner' || isGranted(email, permission, resource)),
  }
}

function holds(condition: Condition | undefined, name: string): boolean {
  if (!condition) return true
  const equal = comparison.exec(condition.expression)
  if (equal) return name === equal[1]
  const starts = prefix.exec(condition.expression)
  return starts !== null && name.startsWith(starts[1]!)
}
