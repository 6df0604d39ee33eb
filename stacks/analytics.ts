/** BigQuery: raw events as they were published, and views that tell one row per event, order and line. */

import { Construct } from 'constructs'
import * as currencies from 'dinero.js/currencies'
import { readFileSync } from 'node:fs'
import { analyticsDataset, bigQuerySubscriptionName, eventsDataset } from '../shared/base/names.ts'
import type { LocalExecProvisioner } from './cdktf.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Environment } from './environments.ts'
import { delivery, type EventTopic, MAX_DELIVERY_ATTEMPTS } from './event-topic.ts'
import {
  BigqueryDataset,
  BigqueryTable,
  BigqueryTableIamMember,
  PubsubSubscription,
  PubsubSubscriptionIamMember,
} from './google.ts'
import { pubsubAgent } from './members.ts'
import { named } from './naming-rules.ts'

/** What a BigQuery subscription without schema writes. Order and case of types as BigQuery gives them back, else every plan differs. */
const rawSchema = JSON.stringify([
  { name: 'data', type: 'JSON', mode: 'NULLABLE' },
  { name: 'subscription_name', type: 'STRING', mode: 'NULLABLE' },
  { name: 'message_id', type: 'STRING', mode: 'NULLABLE' },
  { name: 'publish_time', type: 'TIMESTAMP', mode: 'NULLABLE' },
  { name: 'attributes', type: 'JSON', mode: 'NULLABLE' },
])

/** The tables refuse a query without a range of days; a view of all events names the whole of it. */
const FIRST_DAY = "TIMESTAMP '2020-01-01'"

/** Each after those it reads. */
export const views = [
  'event_log',
  'orders',
  'order_lines',
  'revenue_by_day',
  'units_by_sku',
  'funnel',
  'compensation_rate',
  'saga_durations',
] as const

/** A grant is known everywhere after a minute or so; until then a BigQuery subscription is refused with 403. Node, because `sleep` is not on every machine. */
const spread: LocalExecProvisioner = {
  type: 'local-exec',
  interpreter: ['node', '-e'],
  command: 'setTimeout(() => {}, 90_000)',
}

interface AnalyticsProps {
  /** The owners of the events: each has a table of its name. */
  readonly tables: readonly string[]
  readonly environment: Environment
}

export class Analytics extends Construct {
  readonly #tables = new Map<string, { readonly table: BigqueryTable; readonly grant: BigqueryTableIamMember }>()
  readonly #environment: Environment

  constructor(scope: Construct, id: string, { tables, environment }: AnalyticsProps) {
    super(scope, id)
    this.#environment = environment
    const events = this.#dataset(
      eventsDataset,
      'Events as they were published: delivery is at least once, so read analytics.event_log.',
    )
    for (const owner of tables) this.#rawTable(events, owner)
    const analytics = this.#dataset(analyticsDataset, 'Views of the events.')
    this.#views(analytics, tables)
  }

  /** Every event of this topic becomes a row in its owner's table. */
  keep({ topic, type }: EventTopic, owner: string, bigQueryDeadLetters: DeadLetters): void {
    const { table, grant } = this.#tables.get(owner)!
    const subscription = new PubsubSubscription(this, `keep-${type}`, {
      name: named('topic', bigQuerySubscriptionName(type)),
      topic: topic.id,
      ackDeadlineSeconds: 60,
      ...delivery,
      deadLetterPolicy: { deadLetterTopic: bigQueryDeadLetters.topic.id, maxDeliveryAttempts: MAX_DELIVERY_ATTEMPTS },
      bigqueryConfig: {
        table: `${this.#environment.projectId}.${eventsDataset}.${table.tableIdInput}`,
        writeMetadata: true,
      },
      // Creating it is refused until the agent may write.
      dependsOn: [grant],
    })
    new PubsubSubscriptionIamMember(this, `agent-takes-${type}`, {
      subscription: subscription.name,
      role: 'roles/pubsub.subscriber',
      member: pubsubAgent(this.#environment),
    })
  }

  #dataset(datasetId: string, description: string): BigqueryDataset {
    return new BigqueryDataset(this, datasetId, {
      datasetId: named('table', datasetId),
      location: this.#environment.analyticsLocation,
      description,
      deleteContentsOnDestroy: !this.#environment.protectsData,
    })
  }

  #rawTable(events: BigqueryDataset, owner: string): void {
    const table = new BigqueryTable(this, `raw-${owner}`, {
      datasetId: events.datasetId,
      tableId: named('table', owner),
      description: `Events of ${owner}`,
      schema: rawSchema,
      timePartitioning: { type: 'DAY', field: 'publish_time' },
      // A query by hand says which days it reads, and so what it costs.
      requirePartitionFilter: true,
      deletionProtection: this.#environment.protectsData,
    })
    const grant = new BigqueryTableIamMember(this, `agent-writes-${owner}`, {
      datasetId: events.datasetId,
      tableId: table.tableId,
      role: 'roles/bigquery.dataEditor',
      member: pubsubAgent(this.#environment),
      provisioners: [spread],
    })
    this.#tables.set(owner, { table, grant })
  }

  #views(analytics: BigqueryDataset, owners: readonly string[]): void {
    let before: BigqueryTable | undefined
    const tables = [...this.#tables.values()].map(({ table }) => table)
    for (const view of views) {
      const query = sql(view, owners, this.#environment.projectId)
      before = new BigqueryTable(this, `view-${view}`, {
        datasetId: analytics.datasetId,
        tableId: view,
        view: { query, useLegacySql: false },
        deletionProtection: false,
        dependsOn: before ? [before] : tables,
      })
    }
  }
}

/**
 * What one minor unit of a currency is worth in whole ones, as SQL: 1 for JPY, 0.001 for KWD, and a hundredth for nearly all
 * others. By ISO 4217, where a hundredth is also what counts for the two currencies whose coins divide by five.
 */
function minorUnit(currency: string): string {
  const others = Object.values(currencies).filter(({ base, exponent }) => base === 10 && exponent !== 2)
  const cases = others.map(
    ({ code, exponent }) => `WHEN '${code}' THEN NUMERIC '${(10 ** -exponent).toFixed(exponent)}'`,
  )
  return `CASE ${currency} ${cases.join(' ')} ELSE NUMERIC '0.01' END`
}

/** The file's text with the project in place, and for the log of all events a part for each table. */
function sql(view: string, owners: readonly string[], projectId: string): string {
  const text = readFileSync(new URL(`sql/${view}.sql`, import.meta.url), 'utf8')
  const raw = owners
    .map(
      (owner) =>
        `SELECT data AS envelope, publish_time FROM \`${projectId}.${eventsDataset}.${owner}\` WHERE publish_time >= ${FIRST_DAY}`,
    )
    .join('\n  UNION ALL ')
  return text
    .replaceAll('{{raw events}}', raw)
    .replaceAll('{{analytics}}', `${projectId}.${analyticsDataset}`)
    .replaceAll(/\{\{minor unit of (.+?)\}\}/g, (_, currency: string) => minorUnit(currency))
    .trim()
}
