/** The permissions that a method requires, on resources by their full names. */

import type { RequiredPermission } from '../service.ts'

/** `projects/p` of anything in it. */
export const projectOf = (name = ''): string => name.split('/').slice(0, 2).join('/')

/** `on('topics.get', topic)` with the permissions of one API. */
export const permissionsOn =
  (api: string) =>
  (permission: string, resource: string): RequiredPermission => ({ permission: `${api}.${permission}`, resource })

/** A caller that has the API act as an account, if it names one, needs the permission to act as that account. */
export const actsAs = (email: string | null | undefined, project: string): RequiredPermission[] =>
  email ? [{ permission: 'iam.serviceAccounts.actAs', resource: `${project}/serviceAccounts/${email}` }] : []
