/**
 * Grants of earlier releases, one resource for each member. A binding has taken their place (docs/decisions/0037), and Terraform
 * forgets them: destroyed after the binding was made, each would take its member out of the role again.
 */

import { operationsAccountId, deadLetterName, topicName } from '../shared/base/names.ts'
import { publishedBy, receivesMessages, type Service } from '../shared/service/service.ts'
import { TerraformResource, type TerraformStack } from './cdktf.ts'
import paths from './former-members.json' with { type: 'json' }
import { idOf, matched } from './moved.ts'

/** A construct that an earlier release had: its type and its path in the stack. */
export interface FormerMember {
  readonly type: string
  readonly path: string
}

type Kind = 'invoker' | 'sender' | 'publisher' | 'subscriber'
interface Former extends Readonly<Record<Kind, readonly string[]>> {
  /** By the path of a binding: the paths of the members before it. `*` is a name of the business, and the same in both. */
  readonly bindings: Readonly<Record<string, readonly string[]>>
  readonly invokers: readonly string[]
}
const former: Former = paths

/** The members in the stack of a service: of its own roles by caller and sender, and of topics whose binding is in the bus. */
export function formerMembersOf(
  service: Service,
  { callers, senders }: { readonly callers: readonly string[]; readonly senders: readonly string[] },
): FormerMember[] {
  const publishes = publishedBy(service).map(topicName)
  const letters = receivesMessages(service) ? [deadLetterName(service.name)] : []
  const of = (kind: Kind, names: readonly string[]): string[] =>
    names.flatMap((name) => former[kind].map((path) => path.replace('*', name)))
  const byType: Readonly<Record<string, readonly string[]>> = {
    google_cloud_run_v2_service_iam_member: [...former.invokers, ...of('invoker', [operationsAccountId, ...callers])],
    google_cloud_tasks_queue_iam_member: of('sender', ['operators', ...senders]),
    google_pubsub_topic_iam_member: of('publisher', [...publishes, ...letters]),
    google_pubsub_subscription_iam_member: of('subscriber', letters),
  }
  return Object.entries(byType).flatMap(([type, some]) => some.map((path) => ({ type, path })))
}

/** The `removed` blocks of a stack, of Terraform 1.7. It passes over those that its state does not have. */
export function removedBlocks(
  stack: TerraformStack,
  others: readonly FormerMember[],
): { readonly from: string; readonly lifecycle: { readonly destroy: false } }[] {
  const ofBindings = stack.node.findAll().flatMap((one) => {
    if (!TerraformResource.isTerraformResource(one) || !one.terraformResourceType.endsWith('_iam_binding')) return []
    const path = one.node.path.slice(stack.node.path.length + 1)
    const type = one.terraformResourceType.replace(/_binding$/, '_member')
    return Object.entries(former.bindings).flatMap(([pattern, members]) => {
      const name = matched(pattern, path)
      return name === undefined ? [] : members.map((member) => ({ type, path: member.replace('*', name) }))
    })
  })
  return [...ofBindings, ...others].map(({ type, path }) => ({
    from: `${type}.${idOf(path)}`,
    lifecycle: { destroy: false },
  }))
}
