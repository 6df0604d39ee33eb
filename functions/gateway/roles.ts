/** The roles of the gateway's callers, and the access that operations may declare. */

import type { Caller as CallerOf, Roles } from '../../shared/service/public-api.ts'

export const roles = ['customer', 'support', 'warehouse', 'admin', 'importer'] as const
export type Role = (typeof roles)[number]
/** Whose orders these are: the token's subject. */
export type Caller = CallerOf<Role>

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

export const isForCallers = (access: string): access is CallerAccess => Object.hasOwn(requiredRoles, access)

/** Roles with more permissions than a customer. */
export const isStaff = ({ roles: held }: CallerOf): boolean => held.some((role) => role !== callerRoles.ordinary)

/** True for a caller who sees the orders of every customer and acts on them. The warehouse and importers see their own alone. */
export const servesCustomers = ({ roles: held }: CallerOf): boolean =>
  held.some((role) => role === 'support' || role === 'admin')

/** The customer whose orders alone the caller sees and acts on; undefined: every customer's. */
export const limitOf = (caller: Caller): string | undefined => (servesCustomers(caller) ? undefined : caller.sub)
