/** Some resources without which the scenario fails, and one of each type in `npm run verify`; `npm run wiring` tries all. */

import { beforeAll, describe, expect, it } from 'vitest'
import { services } from '../../../functions/index.ts'
import { withEachGrant } from '../../support/grants.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { viewsReadBy } from '../../support/views-read-by.ts'
import { representatives, wholeLists } from '../../support/whole-lists.ts'
import { whyOptional } from './optional-resources.testing.ts'
import { durationLimit, wired } from './wiring.testing.ts'

/** Enough to show that each type is needed, and that the check detects it. */
const chosen: readonly [text: string, outcome: string][] = [
  ['google_pubsub_topic.topic-ordercompleted', 'refused'],
  ['local-payments/google_pubsub_subscription.push-shipmentdispatched', 'missed'],
  ['google_pubsub_subscription.analytics_bigquery-paymentcaptured', 'missed'],
  ['google_bigquery_dataset.analytics_events', 'refused'],
  ['google_bigquery_table.analytics_view-saga_durations', 'missed'],
  ['google_bigquery_table_iam_binding.analytics_agent-editor-orders', 'refused'],
  ['local-inventory/google_cloud_tasks_queue.commands_queue', 'missed'],
  ['local-shipping/google_firestore_database.store_database', 'refused'],
  ['local-payments/google_cloud_run_v2_service.run_service', 'refused'],
  ['local-inventory/google_cloud_run_v2_service_iam_binding.run_invokers serviceAccount:orders@', 'missed'],
  ['local-platform/google_service_account.push-payments', 'missed'],
  ['local-platform/google_service_account_iam_binding.orders-acts-as-itself', 'missed'],
  ['local-bus/google_pubsub_topic_iam_binding.topic-orderplaced_publishers', 'missed'],
  ['local-inventory/google_cloud_tasks_queue_iam_binding.commands_enqueuers serviceAccount:orders@', 'missed'],
  ['local-shipping/google_project_iam_member.store_uses', 'missed'],
]

/** A missed resource takes the whole time limit and another scenario, so only one is tried: a delivery. */
const some = representatives(
  chosen,
  [
    ...chosen.filter(([, outcome]) => outcome !== 'missed').map(([text]) => text),
    'local-payments/google_pubsub_subscription.push-shipmentdispatched',
  ],
  ([text]) => text,
)

/** The scenario queries each view that is among the resources: all of them in `npm run verify`, otherwise those that services read. */
function withReadViews(platform: TestPlatform): TestPlatform {
  const read = new Set<unknown>(viewsReadBy(services).names)
  const isUnread = ({ resource: { attributes } }: TestPlatform['provisioned'][number]): boolean =>
    attributes['view'] !== undefined && !read.has(attributes['table_id'])
  return wholeLists ? platform : { ...platform, provisioned: platform.provisioned.filter((one) => !isUnread(one)) }
}

describe('wiring', () => {
  let platform: TestPlatform
  let limitMs: number
  beforeAll(async () => {
    platform = withReadViews(platformInTurn().platform)
    process.env['BIGQUERY_EMULATOR_HOST'] = `http://${platform.running.apiHost}`
    process.env['FIRESTORE_EMULATOR_HOST'] = platform.running.apiHost
    process.env['PUBSUB_EMULATOR_HOST'] = platform.running.apiHost
    limitMs = await durationLimit(platform)
  }, 120_000)

  it('covers every provisioned type that has a needed resource', () => {
    const others = platform.provisioned.filter(
      ({ resource: { type } }) => !chosen.some(([text]) => text.includes(`${type}.`)),
    )
    expect(others).not.toEqual([])
    const needed = withEachGrant(others).filter(({ resource }) => whyOptional(resource) === undefined)
    expect(needed.map(({ resource }) => resource.address)).toEqual([])
  })

  it.each(some)('%s is %s', { timeout: 120_000 }, async (text, outcome) => {
    // A grant is named by its resource and its member.
    const parts = text.split(' ')
    const one = withEachGrant(platform.provisioned).find(({ resource }) =>
      parts.every((part) => `${resource.stack}/${resource.address}`.includes(part)),
    )
    if (!one) throw new Error(`No resource of the local stacks is called ${text}.`)
    expect(await wired(platform, one, limitMs)).toMatchObject({ outcome })
  })
})
