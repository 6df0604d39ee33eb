/** A grant that was a resource of its own is forgotten, not destroyed: see docs/decisions/0037. */

import { expect, it } from 'vitest'
import { environments } from '../../stacks/environments.ts'
import { stacksOf } from './synthesized.testing.ts'

const dev = stacksOf(environments.dev)
const removedOf = (name: string): string[] => {
  const { removed = [] } = dev.find((stack) => stack.name === name)!.json
  expect(removed.filter(({ lifecycle }) => lifecycle.destroy)).toEqual([])
  return removed.map(({ from }) => from.replace(/_[0-9A-F]{8}$/, ''))
}

it('forgets the members of every role that a stack binds, under each name that they had', () => {
  expect(removedOf('dev-platform')).toEqual(
    expect.arrayContaining([
      'google_service_account_iam_member.orders-acts-as-itself',
      'google_service_account_iam_member.push-token-orders',
      'google_storage_bucket_iam_member.builds_builder-reads',
    ]),
  )
  expect(removedOf('dev-bus')).toEqual(
    expect.arrayContaining([
      'google_bigquery_table_iam_member.analytics_agent-writes-runtime',
      'google_pubsub_subscription_iam_member.dead-letters-orders_operators-take',
      'google_pubsub_topic_iam_member.dead-letters-orders_agent-publisher',
    ]),
  )
})

it('forgets in the stack of a service also the members of topics, whose binding is in the bus', () => {
  expect(removedOf('dev-payments')).toEqual(
    expect.arrayContaining([
      'google_pubsub_topic_iam_member.publisher-paymentauthorized',
      'google_pubsub_topic_iam_member.publishes-payments-dead-letters',
      'google_pubsub_subscription_iam_member.subscriber-payments-dead-letters',
      'google_cloud_run_v2_service_iam_member.run_invoked-by-orders',
      'google_cloud_run_v2_service_iam_member.run_invoked-by-operations',
      'google_cloud_tasks_queue_iam_member.commands_from-orders',
    ]),
  )
  expect(removedOf('dev-gateway')).toContain('google_cloud_run_v2_service_iam_member.run_public')
})

it('has former members for every type that is bound, and forgets no resource that it declares', () => {
  for (const { name, json } of dev) {
    const declared = Object.entries(json.resource!).flatMap(([type, byId]) =>
      Object.keys(byId).map((id) => `${type}.${id}`),
    )
    const removed = (json.removed ?? []).map(({ from }) => from)
    expect(removed.filter((address) => declared.includes(address))).toEqual([])
    expect(new Set(removed).size).toBe(removed.length)
    // Secrets had no members before their bindings.
    const bound = Object.keys(json.resource!).filter(
      (type) => type.endsWith('_iam_binding') && type !== 'google_secret_manager_secret_iam_binding',
    )
    const forgotten = new Set(removed.map((address) => address.split('.')[0]!.replace(/_member$/, '_binding')))
    expect([name, bound.filter((type) => !forgotten.has(type))]).toEqual([name, []])
  }
})
