/** Every `*_iam_member`: a member is added to its resource's allow policy by read, change, write, as Terraform does it. */

import type { PolicyKind } from '../iam-facts.ts'
import { type Attributes, defined, type Message, readAttributes } from './attributes.ts'
import type { OwnerApi, Provisioner } from './provisioner.ts'
import type { TerraformResource } from './resource.ts'

interface Binding {
  readonly role: string
  readonly members: readonly string[]
  readonly condition?: { readonly title?: string; readonly expression: string }
}

/** Adds to, and takes from, the policy of `resourceOf` the attributes: the full name of a resource of that kind. */
export function policyMember(
  { prefixes: [prefix], read }: Pick<PolicyKind, 'prefixes' | 'read'>,
  resourceOf: (attributes: Attributes) => string,
): Provisioner {
  const change = async (
    resource: TerraformResource,
    api: OwnerApi,
    edit: (bindings: readonly Binding[], wanted: Binding) => readonly Binding[],
  ): Promise<void> => {
    const { owner, wanted } = readAttributes(resource, (attributes) => ({
      owner: `${prefix}/${resourceOf(attributes)}`,
      wanted: bindingOf(attributes),
    }))
    const policy = (await api(read, `${owner}:getIamPolicy`, read === 'GET' ? undefined : {})) as {
      bindings?: readonly Binding[]
    }
    const current = policy.bindings ?? []
    const bindings = edit(current, wanted)
    if (bindings === current) return
    await api('POST', `${owner}:setIamPolicy`, { policy: { ...policy, bindings } })
  }
  return {
    create: (resource, api) => change(resource, api, added),
    remove: (resource, api) => change(resource, api, removed),
  }
}

function bindingOf(attributes: Attributes): Binding {
  // The provider's project is among the attributes, whether or not the path needs it.
  attributes.ignore('project')
  return defined({
    role: attributes.required('role'),
    members: [attributes.required('member')],
    condition: attributes.block('condition', (condition): Message => ({
      title: condition.text('title'),
      description: condition.text('description'),
      expression: condition.required('expression'),
    })),
  }) as unknown as Binding
}

function added(bindings: readonly Binding[], wanted: Binding): readonly Binding[] {
  const same = bindings.filter((binding) => isSame(binding, wanted)).flatMap((binding) => binding.members)
  // As on every start after the first: nothing to write.
  if (wanted.members.every((member) => same.includes(member))) return bindings
  const others = bindings.filter((binding) => !isSame(binding, wanted))
  return [...others, { ...wanted, members: [...new Set([...same, ...wanted.members])] }]
}

function removed(bindings: readonly Binding[], wanted: Binding): Binding[] {
  return bindings.map((binding) =>
    isSame(binding, wanted)
      ? { ...binding, members: binding.members.filter((member) => !wanted.members.includes(member)) }
      : binding,
  )
}

/** One role may stand there several times, under different conditions. */
const isSame = (a: Binding, b: Binding): boolean =>
  a.role === b.role && a.condition?.expression === b.condition?.expression && a.condition?.title === b.condition?.title
