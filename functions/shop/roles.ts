/** The roles of the callers of the public API, and the access that the operations of the services may declare. */

import { apisFor } from '../../shared/service/define-api.ts'
import type { Caller, Roles } from '../../shared/service/operation.ts'

export const roles = ['customer', 'support', 'warehouse', 'admin', 'importer'] as const
export type Role = (typeof roles)[number]
export const callerRoles: Roles<Role> = {
  ordinary: 'customer',
  privileged: ['importer', 'support', 'warehouse', 'admin'],
}

/** Access by token: any one of these roles is enough; an empty list admits every verified caller. */
export const requiredRoles = {
  customer: [],
  /** Orders and payments of every customer. */
  support: ['support', 'admin'],
  /** Stock and deliveries. */
  warehouse: ['warehouse', 'admin'],
  /** Shipments and stock levels, which both read. */
  staff: ['support', 'warehouse', 'admin'],
  /** Products and prices. */
  admin: ['admin'],
  importer: ['importer'],
} as const satisfies Record<string, readonly Role[]>
export type CallerAccess = keyof typeof requiredRoles

/** Declares the public operations of a service: `functions/NAME/api.ts`. */
export const defineApi = apisFor<Role, CallerAccess>()

export const isForCallers = (access: string): access is CallerAccess => Object.hasOwn(requiredRoles, access)

/** Roles with more permissions than a customer. */
export const isStaff = ({ roles: held }: Caller): boolean => held.some((role) => role !== callerRoles.ordinary)

/** True for a caller who sees the orders of every customer and acts on them. The warehouse and importers see their own alone. */
export const servesCustomers = ({ roles: held }: Caller): boolean =>
  held.some((role) => role === 'support' || role === 'admin')

/** The customer whose orders alone the caller sees and acts on; undefined: every customer's. */
export const limitOf = (caller: Caller): string | undefined => (servesCustomers(caller) ? undefined : caller.sub)
