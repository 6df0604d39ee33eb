/** Authorizes the callers of a service by signature, audience, expiry and grant; the container sees no signature. */

import type { IncomingHttpHeaders } from 'node:http'
import { isFromPage } from '../../core/gate.ts'
import type { ServiceResource } from '../values/service.ts'

/** The answers of the IAM emulator. */
export interface Iam {
  verifyIdToken(token: string, options: { audience: string[] }): Promise<{ email: string }>
  isGranted(email: string, permission: string, resource: string): boolean
  bindings(resource: string): readonly { readonly role: string; readonly members: readonly string[] }[]
}

export type Admission =
  | { readonly admitted: true; readonly headers: IncomingHttpHeaders; readonly email?: string }
  | {
      readonly admitted: false
      readonly status: 401 | 403 | 404
      readonly reason: string
      readonly challenge?: string
      readonly email?: string
    }

/** In the signature's place: https://cloud.google.com/run/docs/troubleshooting#signature-removed */
const REMOVED = 'SIGNATURE_REMOVED_BY_GOOGLE'
const INVOKER = 'roles/run.invoker'

export async function admit(
  iam: Iam,
  resource: ServiceResource,
  headers: IncomingHttpHeaders,
  projectId: string,
): Promise<Admission> {
  // A browser is never in the VPC.
  if (
    resource.ingress !== 'INGRESS_TRAFFIC_ALL' &&
    isFromPage({ header: (name) => headers[name] as string | undefined })
  )
    return refused(404, 'Page not found')
  if (isPublic(iam, resource)) return { admitted: true, headers }
  const header = headers['x-serverless-authorization'] ? 'x-serverless-authorization' : 'authorization'
  const token = /^bearer ([^\s]+)$/i.exec(String(headers[header] ?? ''))?.[1]
  if (!token)
    return refused(
      403,
      'The request was not authenticated. Either allow unauthenticated invocations or set the proper Authorization header.',
      'Bearer',
    )
  let email: string
  try {
    email = (await iam.verifyIdToken(token, { audience: [resource.uri, ...(resource.customAudiences ?? [])] })).email
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return refused(
      401,
      `The request's ID token was not accepted: ${reason}.`,
      `Bearer error="invalid_token" error_description="${reason.replaceAll('"', "'")}"`,
    )
  }
  // Loopback has no VPC: a caller with an identity of this project counts as internal.
  if (resource.ingress !== 'INGRESS_TRAFFIC_ALL' && !email.endsWith(`@${projectId}.iam.gserviceaccount.com`)) {
    return { ...refused(404, 'Page not found'), email }
  }
  if (!iam.isGranted(email, 'run.routes.invoke', resource.name)) {
    return {
      ...refused(
        403,
        `${email} has no permission to invoke this service: it needs ${INVOKER} on ${resource.name}.`,
        'Bearer error="insufficient_scope"',
      ),
      email,
    }
  }
  const unsigned = `Bearer ${token.split('.').slice(0, 2).join('.')}.${REMOVED}`
  return { admitted: true, headers: { ...headers, [header]: unsigned }, email }
}

function isPublic(iam: Iam, resource: ServiceResource): boolean {
  if (resource.invokerIamDisabled) return true
  return iam.bindings(resource.name).some(({ role, members }) => role === INVOKER && members.includes('allUsers'))
}

function refused(status: 401 | 403 | 404, reason: string, challenge?: string): Admission & { admitted: false } {
  return { admitted: false, status, reason, ...(challenge ? { challenge } : {}) }
}
