/** Every `*_iam_member` and `*_iam_binding`: its resource's allow policy is read, changed and written, as Terraform does it. */

import type { PolicyKind } from '../iam-facts.ts'
import { type Attributes, defined, type Message, readAttributes } from './attributes.ts'
import type { OwnerApi, Provisioner } from './provisioner.ts'
import type { TerraformResource } from './resource.ts'

interface Binding {
  readonly role: string
  readonly members: readonly string[]
  readonly condition?: { readonly title?: string; readonly expression: string }
}

/** Changes the bindings of a policy; returns the same array when there is nothing to write, as on every start after the first. */
type Edit = (bindings: readonly Binding[], wanted: Binding) => readonly Binding[]

/**
 * The provisioners of `TYPE_iam_member`, which adds one member of a role, and of `TYPE_iam_binding`, which determines all
 * members of a role and removes the others.
 *
 * @param resourceOf The full name of the resource that has the policy, by the attributes.
 */
export function policyGrants(
  type: string,
  kind: Pick<PolicyKind, 'prefixes' | 'read'>,
  resourceOf: (attributes: Attributes) => string,
): Readonly<Record<string, Provisioner>> {
  const provisioner = (
    membersOf: (attributes: Attributes) => readonly string[],
    created: Edit,
    removed: Edit,
  ): Provisioner => {
    const change = (edit: Edit) => async (resource: TerraformResource, api: OwnerApi) => {
      const { name, wanted } = readAttributes(resource, (attributes) => ({
        name: resourceOf(attributes),
        wanted: bindingOf(attributes, membersOf(attributes)),
      }))
      await changePolicy(kind, name, api, (bindings) => edit(bindings, wanted))
    }
    return { create: change(created), remove: change(removed) }
  }
  return {
    [`${type}_iam_member`]: provisioner((attributes) => [attributes.required('member')], withMembers, withoutMembers),
    [`${type}_iam_binding`]: provisioner(membersIn, withBinding, withoutBinding),
  }
}

async function changePolicy(
  { prefixes: [prefix], read }: Pick<PolicyKind, 'prefixes' | 'read'>,
  name: string,
  api: OwnerApi,
  edit: (bindings: readonly Binding[]) => readonly Binding[],
): Promise<void> {
  const path = `${prefix}/${name}`
  const policy = (await api(read, `${path}:getIamPolicy`, read === 'GET' ? undefined : {})) as {
    bindings?: readonly Binding[]
  }
  const current = policy.bindings ?? []
  const bindings = edit(current)
  if (bindings === current) return
  await api('POST', `${path}:setIamPolicy`, { policy: { ...policy, bindings } })
}

function membersIn(attributes: Attributes): readonly string[] {
  const members = attributes.value('members')
  if (Array.isArray(members) && members.every((member) => typeof member === 'string')) return members
  throw new Error(`${attributes.address} has no members. Set its attribute "members" to a list of texts.`)
}

function bindingOf(attributes: Attributes, members: readonly string[]): Binding {
  // The provider's project is among the attributes, whether or not the path needs it.
  attributes.ignore('project')
  return defined({
    role: attributes.required('role'),
    members,
    condition: attributes.block('condition', (condition): Message => ({
      title: condition.text('title'),
      description: condition.text('description'),
      expression: condition.required('expression'),
    })),
  }) as unknown as Binding
}

/** The members of the same role under the same condition. */
const membersOfSame = (bindings: readonly Binding[], wanted: Binding): readonly string[] =>
  bindings.filter((binding) => isSame(binding, wanted)).flatMap((binding) => binding.members)

const withBinding: Edit = (bindings, wanted) => {
  const present = new Set(membersOfSame(bindings, wanted))
  const isUnchanged = present.size === wanted.members.length && wanted.members.every((member) => present.has(member))
  return isUnchanged ? bindings : [...bindings.filter((binding) => !isSame(binding, wanted)), wanted]
}

const withoutBinding: Edit = (bindings, wanted) => bindings.filter((binding) => !isSame(binding, wanted))

const withMembers: Edit = (bindings, wanted) =>
  withBinding(bindings, {
    ...wanted,
    members: [...new Set([...membersOfSame(bindings, wanted), ...wanted.members])],
  })

const withoutMembers: Edit = (bindings, wanted) =>
  bindings.map((binding) =>
    isSame(binding, wanted)
      ? { ...binding, members: binding.members.filter((member) => !wanted.members.includes(member)) }
      : binding,
  )

/** One role may stand there several times, under different conditions. */
const isSame = (a: Binding, b: Binding): boolean =>
  a.role === b.role && a.condition?.expression === b.condition?.expression && a.condition?.title === b.condition?.title
