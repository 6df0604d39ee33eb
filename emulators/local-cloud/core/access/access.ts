/**
 * IAM for every API: each method names the permissions that a call of it takes, and the port identifies the caller. A
 * service account may not call a method or route that names no permissions.
 */

import type {
  GrpcService,
  MethodAccess,
  RequiredPermission,
  RequestContext,
  ServiceAccess,
  Streaming,
  Unary,
} from '../service.ts'
import { StatusError } from '../status.ts'

/** The principal of the port that people and tools call: it may do everything. */
export const OWNER = 'owner'

/** A plugin's description of a route that is in no proto. */
export interface RouteAccess {
  readonly method: string
  readonly path: RegExp
  /** `groups` of the path's pattern; empty needs: open to every account. */
  readonly needs: (
    groups: Readonly<Record<string, string>>,
    body: () => Promise<unknown>,
  ) => readonly RequiredPermission[] | Promise<readonly RequiredPermission[]>
  readonly refusal?: (need: RequiredPermission) => string
  readonly domain?: string
}

export type IamMode = 'enforce' | 'off'

/** The functions of the IAM plugin for the transport. */
export interface Grants {
  isGranted(email: string, permission: string, resource: string): boolean
}

export interface Access {
  /** Whether a principal has a permission; Google's service agents are checked by the plugins that act for them. */
  allows(principal: string, need: RequiredPermission): boolean
  /** @throws PERMISSION_DENIED with Google's `ErrorInfo` for the first permission that is not granted. */
  check(
    principal: string,
    needs: readonly RequiredPermission[],
    denial?: Pick<ServiceAccess, 'refusal' | 'domain'>,
  ): void
}

/** Without an IAM plugin `grants` is absent, and every call is allowed. */
export function makeAccess(mode: IamMode, grants: () => Grants | undefined): Access {
  const allows = (principal: string, { permission, resource }: RequiredPermission): boolean =>
    mode === 'off' || principal === OWNER || (grants()?.isGranted(principal, permission, resource) ?? true)
  return {
    allows,
    check(principal, needs, denial) {
      const missing = needs.find((need) => !allows(principal, need))
      if (missing) throw denied(missing, denial)
    },
  }
}

const defaultDenial: Pick<ServiceAccess, 'refusal' | 'domain'> = {
  refusal: ({ permission, resource }) =>
    `Permission '${permission}' denied on resource '${resource}' (or it may not exist).`,
  domain: 'iam.googleapis.com',
}

function denied({ permission, resource }: RequiredPermission, denial = defaultDenial): StatusError {
  return new StatusError('PERMISSION_DENIED', denial.refusal({ permission, resource }), [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'IAM_PERMISSION_DENIED',
      domain: denial.domain,
      metadata: { permission, resource },
    },
  ])
}

/** The same service, with an authorization check before each method. */
export function withAuthorization(service: GrpcService, access: Access): GrpcService {
  const check = (method: string, { principal }: RequestContext, request: unknown): void => {
    if (principal !== OWNER) access.check(principal, needsOf(service, method)(request), service.access)
  }
  const unary = Object.entries(service.unary ?? {}).map(([method, handler]): [string, Unary] => [
    method,
    (request, context) => {
      check(method, context, request)
      return handler(request, context)
    },
  ])
  const streaming = Object.entries(service.streaming ?? {}).map(([method, handler]): [string, Streaming] => [
    method,
    (requests, write, context) =>
      handler(
        checkedEach(requests, (request) => check(method, context, request)),
        write,
        context,
      ),
  ])
  return { ...service, unary: Object.fromEntries(unary), streaming: Object.fromEntries(streaming) }
}

function needsOf({ name, access }: GrpcService, method: string): MethodAccess {
  return access?.methods[method] ?? (() => [{ permission: `${name}.${method}`, resource: '*' }])
}

async function* checkedEach(requests: AsyncIterable<unknown>, check: (request: unknown) => void): AsyncGenerator {
  for await (const request of requests) {
    check(request)
    yield request
  }
}

/**
 * Whether an account may take that route.
 * @throws PERMISSION_DENIED; the caller answers NOT_FOUND when this is false, since no plugin has the route for accounts.
 */
export async function routeAllowed(
  routes: readonly RouteAccess[],
  access: Access,
  call: { principal: string; method: string; path: string; body: () => Promise<unknown> },
): Promise<boolean> {
  for (const { method, path, needs, refusal, domain } of routes) {
    const match = method === call.method ? path.exec(call.path) : null
    if (!match) continue
    const denial = { refusal: refusal ?? defaultDenial.refusal, domain: domain ?? defaultDenial.domain }
    access.check(call.principal, await needs({ ...match.groups }, call.body), denial)
    return true
  }
  return false
}
