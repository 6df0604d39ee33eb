/** The permissions of each role, by the declarations of all plugins in use. */

import type { IamFacts } from '../../core/iam-facts.ts'

export interface Roles {
  readonly names: readonly string[]
  /** Undefined for a role that no plugin declares. */
  readonly permissionsOf: (role: string) => readonly string[] | undefined
  /** Looked up for every call: the roles that include the permission. */
  readonly rolesWith: (permission: string) => ReadonlySet<string>
}

const none: ReadonlySet<string> = new Set()

export function declaredRoles(facts: readonly IamFacts[]): Roles {
  const permissions = new Map<string, string[]>()
  const byPermission = new Map<string, Set<string>>()
  for (const [role, added] of facts.flatMap(({ roles = {} }) => Object.entries(roles))) {
    permissions.set(role, [...(permissions.get(role) ?? []), ...added])
    for (const permission of added) byPermission.set(permission, (byPermission.get(permission) ?? new Set()).add(role))
  }
  return {
    names: [...permissions.keys()],
    permissionsOf: (role) => permissions.get(role),
    rolesWith: (permission) => byPermission.get(permission) ?? none,
  }
}
