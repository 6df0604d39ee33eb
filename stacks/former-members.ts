/**
 * Grants of earlier releases, one resource for each member. A binding has taken their place (docs/decisions/0037), and Terraform
 * forgets them: destroyed after the binding was made, each would take its member out of the role again.
 */

import { operationsAccountId, deadLetterName, topicName } from '../shared/base/names.ts'
import { publishedBy, receivesMessages, type Service } from '../shared/service/service.ts'
import { TerraformResource, type TerraformStack } from './cdktf.ts'
import { idOf, matched } from './moved.ts'

/** A construct that an earlier release had: its type and its path in the stack. */
export interface FormerMember {
  readonly type: string
  readonly path: string
}

/** By the path of a binding: the paths of the members before it. `*` is a name of the business, and the same in both. */
const formerPaths: Readonly<Record<string, readonly string[]>> = {
  'builds/builder-pushes': ['builds/builder-pushes'],
  'builds/builder-reads': ['builds/builder-reads'],
  'operators-act-as-operations': ['operators-act-as-operations'],
  '*-acts-as-itself': ['*-acts-as-itself'],
  'push-token-*': ['push-token-*', 'hears-token-*'],
  'analytics/agent-editor-*': ['analytics/agent-editor-*', 'analytics/agent-writes-*'],
  'analytics/agent-subscriber-*': ['analytics/agent-subscriber-*', 'analytics/agent-takes-*'],
  'dead-letters-*/publishers': ['dead-letters-*/agent-publisher', 'dead-letters-*/agent-publishes'],
  'dead-letters-*/subscribers': ['dead-letters-*/operators-subscriber', 'dead-letters-*/operators-take'],
  'stuck-sagas/subscribers': ['stuck-sagas/operators-subscriber', 'operators-desk/operators-take'],
  'agent-subscriber-*': ['agent-subscriber-*', 'agent-takes-*'],
}

/** The members in the stack of a service: of its own roles by caller and sender, and of topics whose binding is in the bus. */
export function formerMembersOf(
  service: Service,
  { callers, senders }: { readonly callers: readonly string[]; readonly senders: readonly string[] },
): FormerMember[] {
  const publishes = publishedBy(service).map(topicName)
  const letters = receivesMessages(service) ? [deadLetterName(service.name)] : []
  const paths: Readonly<Record<string, readonly string[]>> = {
    google_cloud_run_v2_service_iam_member: [
      'run/public',
      'run/everybody',
      'run/invoked-by-push',
      ...[operationsAccountId, ...callers].map((caller) => `run/invoked-by-${caller}`),
    ],
    google_cloud_tasks_queue_iam_member: ['operators', ...senders].map((sender) => `commands/from-${sender}`),
    google_pubsub_topic_iam_member: [...publishes, ...letters].flatMap((topic) => [
      `publisher-${topic}`,
      `publishes-${topic}`,
    ]),
    google_pubsub_subscription_iam_member: letters.flatMap((letter) => [`subscriber-${letter}`, `takes-${letter}`]),
  }
  return Object.entries(paths).flatMap(([type, some]) => some.map((path) => ({ type, path })))
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
    return Object.entries(formerPaths).flatMap(([pattern, former]) => {
      const name = matched(pattern, path)
      return name === undefined ? [] : former.map((one) => ({ type, path: one.replace('*', name) }))
    })
  })
  return [...ofBindings, ...others].map(({ type, path }) => ({
    from: `${type}.${idOf(path)}`,
    lifecycle: { destroy: false },
  }))
}
