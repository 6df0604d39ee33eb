/** google.iam.v1.IAMPolicy, as Google's clients ask for the policy of a topic, a subscription or a queue. */

import type { GrpcService } from '../../core/service.ts'
import { invalidArgument } from '../../core/status.ts'
import type { Binding } from '../policies/bindings.ts'
import { policyAccess } from '../permissions.ts'
import type { Policies, Policy } from '../policies/policies.ts'
import type { PolicyKinds } from '../policies/policy-kinds.ts'

interface WireBinding {
  readonly role: string
  readonly members: readonly string[]
  readonly condition: { title: string; description: string; expression: string; location: string } | null
}

interface WirePolicy {
  readonly version: number
  readonly etag: Buffer
  readonly bindings: readonly WireBinding[]
  readonly auditConfigs?: readonly unknown[]
}

export function policyService(policies: Policies, kinds: PolicyKinds): GrpcService {
  return {
    name: 'google.iam.v1.IAMPolicy',
    access: policyAccess(kinds),
    unary: {
      getIamPolicy: ({ resource }: { resource: string }) => toWire(policies.get(resource)),
      setIamPolicy({ resource, policy }: { resource: string; policy: WirePolicy | null }) {
        if (!policy) throw invalidArgument('The request has no policy.')
        return toWire(policies.set(resource, fromWire(policy)))
      },
      testIamPermissions: ({ resource, permissions }: { resource: string; permissions: string[] }, { principal }) => ({
        permissions: policies.testPermissions(principal, resource, permissions),
      }),
    },
  }
}

function toWire({ version, etag, bindings }: Policy): object {
  return { version, etag: Buffer.from(etag, 'base64'), bindings }
}

function fromWire({ etag, bindings, auditConfigs = [] }: WirePolicy): Partial<Policy> {
  if (auditConfigs.length > 0) throw invalidArgument('The local cloud keeps no audit configuration.')
  return { etag: etag.toString('base64'), bindings: bindings.map(bindingFromWire) }
}

function bindingFromWire({ role, members, condition }: WireBinding): Binding {
  if (!condition) return { role, members }
  const { title, description, expression } = condition
  return { role, members, condition: { title, expression, ...(description === '' ? {} : { description }) } }
}
