/** Terraform and Google's provider plan every stack of every environment, and typical changes of them. */

import { afterAll, describe, expect, it } from 'vitest'
import type { StackJson } from 'local-google-cloud'
import { business, services } from '../../functions/index.ts'
import { synthesize } from '../../stacks/app.ts'
import { environments, PLACEHOLDER_DIGEST } from '../../stacks/environments.ts'
import { stacksOf } from './synthesized.testing.ts'
import { findTerraform, someDigest } from './terraform.testing.ts'

const { dev, prod } = environments

const terraform = findTerraform(stacksOf(dev)[0]!)
afterAll(() => terraform.remove())
if (terraform.missing) console.log(`Terraform judges no stack here: ${terraform.missing}.`)

const stacks = Object.values(environments).flatMap((environment) => stacksOf(environment))
const timeout = 120_000
const valid = 'Success! The configuration is valid.'

type Attributes = Readonly<Record<string, unknown>>

/** The stacks of dev with an image, so that no variable is open. */
const built = synthesize({ ...dev, imageDigest: someDigest }, business)

/** A typical change of each type. */
const edits: Readonly<Record<string, (attributes: Attributes) => Attributes>> = {
  google_artifact_registry_repository: () => ({ description: 'Images' }),
  google_bigquery_dataset: () => ({ description: 'Otherwise described' }),
  google_bigquery_table: ({ schema, view }) =>
    view === undefined
      ? { schema: JSON.stringify([...(JSON.parse(String(schema)) as object[]), column]) }
      : { view: { query: 'SELECT 1 AS one', use_legacy_sql: false } },
  google_billing_budget: () => ({ display_name: 'Otherwise called' }),
  google_cloud_run_v2_service: ({ template }) => ({
    template: { ...(template as object), timeout: '30s', scaling: { min_instance_count: 1, max_instance_count: 20 } },
  }),
  google_cloud_scheduler_job: () => ({ schedule: '0 5 * * *', time_zone: 'Etc/UTC' }),
  google_cloud_tasks_queue: () => ({ rate_limits: { max_dispatches_per_second: 100, max_concurrent_dispatches: 50 } }),
  google_compute_subnetwork: () => ({ log_config: { aggregation_interval: 'INTERVAL_10_MIN' } }),
  google_dns_managed_zone: () => ({ description: 'run.app, from within' }),
  google_dns_record_set: () => ({ ttl: 60 }),
  google_firestore_backup_schedule: () => ({ retention: '1209600s' }),
  google_firestore_database: () => ({
    point_in_time_recovery_enablement: 'POINT_IN_TIME_RECOVERY_ENABLED',
    delete_protection_state: 'DELETE_PROTECTION_ENABLED',
  }),
  google_logging_metric: () => ({ description: 'Otherwise described' }),
  google_logging_project_bucket_config: () => ({ retention_days: 500 }),
  google_logging_project_exclusion: () => ({ description: 'Otherwise described' }),
  google_logging_project_sink: () => ({ filter: 'log_id("cloudaudit.googleapis.com/activity")' }),
  google_monitoring_alert_policy: () => ({ severity: 'ERROR' }),
  google_monitoring_custom_service: () => ({ display_name: 'Shop' }),
  google_monitoring_dashboard: () => ({ dashboard_json: JSON.stringify({ displayName: 'Empty' }) }),
  google_monitoring_notification_channel: () => ({ labels: { email_address: 'others@example.com' } }),
  google_monitoring_slo: () => ({ goal: 0.9 }),
  google_monitoring_uptime_check_config: () => ({ timeout: '5s' }),
  google_project_iam_audit_config: () => ({ audit_log_config: [{ log_type: 'ADMIN_READ' }] }),
  google_pubsub_subscription: () => ({ ack_deadline_seconds: 30, message_retention_duration: '1209600s' }),
  google_pubsub_topic: () => ({ message_retention_duration: '86400s' }),
  google_secret_manager_secret: () => ({ labels: { owner: 'another' } }),
  google_service_account: () => ({ display_name: 'Otherwise called' }),
  google_storage_bucket: () => ({ lifecycle_rule: [{ action: { type: 'Delete' }, condition: { age: 30 } }] }),
}
const column = { name: 'note', type: 'STRING', mode: 'NULLABLE' }

/** Types without a change in place: another grant, authorization, index, exemption or API is another resource, and the network does not change. */
const unchangeable =
  /_iam_(member|binding)$|^google_(bigquery_dataset_access|firestore_field|firestore_index|project_service|compute_network)$/

/** Attributes that Google does not change in place, for the types that hold data: a type, an attribute, another value. */
const replacing: readonly (readonly [type: string, attribute: string, value: unknown])[] = [
  ['google_pubsub_subscription', 'filter', 'attributes.kind = "x"'],
  ['google_pubsub_subscription', 'enable_message_ordering', true],
  ['google_pubsub_topic', 'name', 'another'],
  ['google_cloud_tasks_queue', 'name', 'another'],
  ['google_firestore_database', 'location_id', 'europe-west4'],
  ['google_bigquery_dataset', 'location', 'EU'],
  ['google_cloud_run_v2_service', 'location', 'europe-west4'],
  ['google_service_account', 'account_id', 'another'],
]

/** Applies each change to a different resource. */
function replaced(stack: StackJson): { after: StackJson; addresses: string[] } {
  const addresses: string[] = []
  let after = stack
  for (const [type, attribute, value] of replacing) {
    const ids = Object.keys(stack.json.resource![type] ?? {})
    const id = ids.find((one) => !addresses.includes(`${type}.${one}`))
    if (id === undefined) continue
    addresses.push(`${type}.${id}`)
    after = withAttributes(after, type, (attributes, at) =>
      at === id ? { ...attributes, [attribute]: value } : attributes,
    )
  }
  return { after, addresses }
}

/** With the former address of every resource that was renamed since. */
function asNamedBefore({ name, json: { moved = [], resource, ...json } }: StackJson): StackJson {
  const text = moved.reduce((renamed, { from, to }) => {
    const [former, present] = [from, to].map((address) => address.split('.')[1]!)
    return renamed
      .replaceAll(`"${present}":`, `"${former}":`)
      .replaceAll(`"${to}"`, `"${from}"`)
      .replaceAll(`${to}.`, `${from}.`)
  }, JSON.stringify(resource))
  return { name, json: { ...json, resource: JSON.parse(text) as NonNullable<StackJson['json']['resource']> } }
}

const edited = (stack: StackJson): StackJson =>
  Object.entries(edits).reduce(
    (changed, [type, edit]) => withAttributes(changed, type, (attributes) => ({ ...attributes, ...edit(attributes) })),
    stack,
  )

function withAttributes(
  stack: StackJson,
  type: string,
  change: (attributes: Attributes, id: string) => Attributes,
): StackJson {
  const byId = stack.json.resource![type]
  if (!byId) return stack
  const changed = Object.fromEntries(Object.entries(byId).map(([id, attributes]) => [id, change(attributes, id)]))
  return { ...stack, json: { ...stack.json, resource: { ...stack.json.resource, [type]: changed } } }
}

describe.skipIf(terraform.missing !== undefined)('terraform', () => {
  it.each(stacks.map((stack) => [stack.name, stack] as const))('plans %s', { timeout }, async (_, stack) => {
    const declared = Object.values(stack.json.resource!).flatMap((byId) => Object.keys(byId))
    // A plan includes the validation, whose warnings appear once for each environment.
    if (stacksOf(dev).includes(stack)) expect(await terraform.validate(stack)).toBe(valid)
    expect(await terraform.plan(stack)).toContain(`Plan: ${declared.length} to add, 0 to change, 0 to destroy.`)
  })

  it('refuses a service without a built image, with the command', { timeout }, async () => {
    const orders = stacksOf(dev).find(({ name }) => name === 'dev-orders')!
    await expect(terraform.plan(orders, PLACEHOLDER_DIGEST)).rejects.toThrow(
      /Build the image first, by npm run image -- dev/,
    )
  })

  it.each(['dev-platform', 'dev-bus', 'dev-orders', 'dev-reconciliation', 'dev-observability'])(
    'plans typical changes of %s in place',
    { timeout },
    async (name) => {
      const before = built.find((stack) => stack.name === name)!
      const changes = await terraform.change(before, edited(before))
      expect(changes.filter(({ actions }) => actions.includes('delete'))).toEqual([])
      expect(changes.filter(({ type, actions }) => type in edits && actions.join() !== 'update')).toEqual([])
    },
  )

  it(
    'plans workers, and changes a service from push to pull and back without a subscription anew',
    { timeout },
    async () => {
      const historyIn = (stacks: readonly StackJson[]) => stacks.find(({ name }) => name === 'dev-history')!
      const pulling = synthesize(
        { ...dev, imageDigest: someDigest },
        { ...business, delivery: () => ({ history: 'pull' }) },
      )
      const [pushed, pulled] = [historyIn(built), historyIn(pulling)]
      expect(await terraform.validate(pulled)).toBe(valid)
      const changes = await terraform.change(pushed, pulled)
      const pool = changes.find(({ type }) => type === 'google_cloud_run_v2_worker_pool')
      expect(pool).toMatchObject({ actions: ['create'], after: { scaling: [{ manual_instance_count: 1 }] } })
      const others = changes.filter((change) => change !== pool && change.actions.join() !== 'no-op')
      expect(new Set(others.map(({ actions }) => actions.join()))).toEqual(new Set(['update']))
      const subscriptions = others.filter(({ type }) => type === 'google_pubsub_subscription')
      expect(subscriptions).toHaveLength(Object.keys(pushed.json.resource!['google_pubsub_subscription']!).length)
      for (const { after } of subscriptions) expect(after!['push_config']).toEqual([])
      const back = (await terraform.change(pulled, pushed)).filter(({ actions }) => actions.includes('delete'))
      expect(back.map(({ type }) => type)).toEqual(['google_cloud_run_v2_worker_pool'])
    },
  )

  it('moves traffic back that a rollback by hand has moved', { timeout }, async () => {
    const released = built.find(({ name }) => name === 'dev-orders')!
    const traffic = [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', revision: 'orders-00001-abc', percent: 100 }]
    const rolledBack = withAttributes(released, 'google_cloud_run_v2_service', (attributes) => ({
      ...attributes,
      traffic,
    }))
    const changes = await terraform.change(rolledBack, released)
    const [service] = changes.filter(({ type }) => type === 'google_cloud_run_v2_service')
    expect(service).toMatchObject({
      actions: ['update'],
      after: { traffic: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 }] },
    })
  })

  it.each(['platform', 'bus', 'gateway', 'orders', 'observability'])(
    'refuses to destroy %s of prod before it has removed anything',
    { timeout },
    async (part) => {
      const stack = synthesize({ ...prod, imageDigest: someDigest }, business).find(
        ({ name }) => name === `prod-${part}`,
      )!
      await expect(terraform.destroy(stack)).rejects.toThrow('Instance cannot be destroyed')
    },
  )

  it('every type has a typical change, except those that Google makes immutable', () => {
    const types = new Set(stacks.flatMap(({ json }) => Object.keys(json.resource!)))
    expect([...types].filter((type) => !(type in edits) && !unchangeable.test(type))).toEqual([])
    expect(Object.keys(edits).filter((type) => !types.has(type))).toEqual([])
  })

  it(
    'adds an event, its subscriber, a field and a larger instance without changing other resources',
    { timeout },
    async () => {
      const grown = services.map((service) =>
        service.name === 'orders'
          ? {
              ...service,
              emits: [...service.emits, 'order.praised'],
              on: [...service.on, 'order.praised'],
              collections: { ...service.collections, praise: { unindexed: ['text'], indexes: [['sku', '-at']] } },
              scale: { ...service.scale, memory: '1Gi', maxInstances: 20 },
            }
          : service,
      )
      for (const name of ['dev-bus', 'dev-orders']) {
        const before = built.find((stack) => stack.name === name)!
        const after = synthesize({ ...dev, imageDigest: someDigest }, { ...business, services: grown }).find(
          (stack) => stack.name === name,
        )!
        const changes = await terraform.change(before, after)
        expect(changes.filter(({ actions }) => actions.includes('delete'))).toEqual([])
        expect(changes.filter(({ actions }) => actions.join() === 'create').length).toBeGreaterThan(2)
      }
    },
  )

  it.each(['dev-bus', 'dev-orders'])('moves the renamed resources of %s', { timeout }, async (name) => {
    const after = built.find((stack) => stack.name === name)!
    const changes = await terraform.change(asNamedBefore(after), after)
    expect(
      changes.filter(({ actions }) => actions.some((action) => action === 'create' || action === 'delete')),
    ).toEqual([])
    const { moved: _, ...json } = after.json
    const without = await terraform.change(asNamedBefore(after), { ...after, json })
    expect(without.filter(({ actions }) => actions.includes('delete')).length).toBe(after.json.moved!.length)
  })

  it('forgets the members of an earlier release, and destroys none', { timeout }, async () => {
    const after = built.find(({ name }) => name === 'dev-orders')!
    const { removed = [], ...json } = after.json
    const type = 'google_cloud_run_v2_service_iam_member'
    const former = removed.find(({ from }) => from.startsWith(`${type}.run_invoked-by-operations`))!.from
    const member = {
      name: 'orders',
      location: dev.region,
      role: 'roles/run.invoker',
      member: `serviceAccount:operations@${dev.projectId}.iam.gserviceaccount.com`,
    }
    const resource = { ...json.resource, [type]: { [former.slice(type.length + 1)]: member } }
    const before = { ...after, json: { ...json, resource } }
    const actionsOf = (changes: Awaited<ReturnType<typeof terraform.change>>) =>
      changes.filter(({ address }) => address === former).map(({ actions }) => actions)
    expect(actionsOf(await terraform.change(before, after))).toEqual([['forget']])
    expect(actionsOf(await terraform.change(before, { ...after, json }))).toEqual([['delete']])
  })

  it.each(['dev-platform', 'dev-bus', 'dev-orders'])(
    'detects changes that would replace resources in %s',
    { timeout },
    async (name) => {
      const before = built.find((stack) => stack.name === name)!
      const { after, addresses } = replaced(before)
      const changes = await terraform.change(before, after)
      expect(addresses.length).toBeGreaterThan(0)
      const deleted = changes.filter(({ actions }) => actions.includes('delete')).map(({ address }) => address)
      // Some replacements include dependent resources.
      expect(deleted).toEqual(expect.arrayContaining(addresses))
    },
  )
})
