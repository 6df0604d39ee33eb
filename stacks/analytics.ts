/** BigQuery: raw events as they were published, the log of all of them, and the views of the business. */

import { Construct } from 'constructs'
import { readFileSync } from 'node:fs'
import { analyticsDataset, bigQuerySubscriptionName, eventsDataset, eventsTable } from '../shared/base/names.ts'
import type { Business } from '../shared/service/business.ts'
import { checkKnown } from '../shared/service/check-business.ts'
import type { Service } from '../shared/service/service.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Environment } from './environments.ts'
import { MAX_DELIVERY_ATTEMPTS } from '../shared/base/attempts.ts'
import { delivery, type EventTopic } from './event-topic.ts'
import {
  BigqueryDataset,
  BigqueryDatasetAccess,
  BigqueryTable,
  BigqueryTableIamBinding,
  ProjectIamMember,
  PubsubSubscription,
  PubsubSubscriptionIamBinding,
} from './google.ts'
import { pubsubAgent, serviceMember } from './members.ts'
import { validName } from './naming-rules.ts'
import { waitAfterCreation } from './wait.ts'

/** The columns that a BigQuery subscription without schema writes. Order and case of types are as BigQuery returns them; otherwise every plan shows a difference. */
const rawSchema = JSON.stringify([
  { name: 'data', type: 'JSON', mode: 'NULLABLE' },
  { name: 'subscription_name', type: 'STRING', mode: 'NULLABLE' },
  { name: 'message_id', type: 'STRING', mode: 'NULLABLE' },
  { name: 'publish_time', type: 'TIMESTAMP', mode: 'NULLABLE' },
  { name: 'attributes', type: 'JSON', mode: 'NULLABLE' },
])

/** The tables refuse a query without a range of days, so the view of all events names a range that includes them all. */
const FIRST_DAY = "TIMESTAMP '2020-01-01'"

/** The days before a query that `recent_events` has. */
const RECENT_DAYS = 35

interface View extends Omit<Business['views'], 'names'> {
  readonly name: string
  /** The name of its file, if another. */
  readonly file?: string
  /** The first moment of the events that it reads, in SQL. */
  readonly since?: string
}
const folder = new URL('sql/', import.meta.url)
/**
 * The platform's own views: one row per event, from which all views of a business follow; the same of the last days alone; and
 * the messages that both leave out. Events are deduplicated over all days that a view reads, so no filter on `event_log` spares
 * BigQuery a partition: the range of `recent_events` stands before that, at the tables. It is that of the events' own times too:
 * an old event that is published again is alone among the publications of these days.
 */
const platformViews: readonly View[] = [
  { name: 'event_log', folder },
  {
    name: 'recent_events',
    file: 'event_log',
    since: `TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL ${RECENT_DAYS} DAY)`,
    folder,
  },
  { name: 'unreadable_events', folder },
]

/** A grant takes about a minute to propagate; until then Pub/Sub refuses a BigQuery subscription with 403. */
const waitForIamPropagation = waitAfterCreation(90)

interface AnalyticsProps {
  /** The owners of the events: each has a table that is named for it. */
  readonly tables: readonly string[]
  readonly views: Business['views']
  readonly services: readonly Service[]
  readonly environment: Environment
}

export class Analytics extends Construct {
  readonly #tables = new Map<string, { readonly table: BigqueryTable; readonly grant: BigqueryTableIamBinding }>()
  readonly #environment: Environment

  constructor(scope: Construct, id: string, { tables, views, services, environment }: AnalyticsProps) {
    super(scope, id)
    this.#environment = environment
    const events = this.#dataset(
      eventsDataset,
      'Events as they were published: delivery is at least once, so read analytics.event_log.',
    )
    for (const owner of tables) this.#rawTable(events, owner)
    const analytics = this.#dataset(analyticsDataset, 'Views of the events.')
    // Without events there is nothing that a view could read.
    if (tables.length === 0) return
    const readers = services.filter(({ readsViews }) => readsViews.length > 0)
    this.#views(analytics, { owners: tables, views, readers })
    this.#authorizeViews(events, analytics)
    for (const { name } of readers)
      new ProjectIamMember(this, `${name}-queries`, {
        project: environment.projectId,
        role: 'roles/bigquery.jobUser',
        member: serviceMember(name, environment),
      })
  }

  /** Analysts may read the views, and the views the tables, which analysts may not. */
  #authorizeViews(events: BigqueryDataset, analytics: BigqueryDataset): void {
    const { projectId, analysts } = this.#environment
    new BigqueryDatasetAccess(this, 'views-read-events', {
      datasetId: events.datasetId,
      dataset: { dataset: { projectId, datasetId: analytics.datasetId }, targetTypes: ['VIEWS'] },
    })
    new ProjectIamMember(this, 'analysts-query', {
      project: projectId,
      role: 'roles/bigquery.jobUser',
      member: analysts,
    })
  }

  /** Writes every event of this topic as a row into its owner's table. */
  streamToBigQuery({ topic, type }: EventTopic, owner: string, bigQueryDeadLetters: DeadLetters): void {
    const { table, grant } = this.#tables.get(owner)!
    const subscription = new PubsubSubscription(this, `bigquery-${type}`, {
      name: validName('topic', bigQuerySubscriptionName(type)),
      topic: topic.id,
      ackDeadlineSeconds: 60,
      ...delivery,
      deadLetterPolicy: { deadLetterTopic: bigQueryDeadLetters.topic.id, maxDeliveryAttempts: MAX_DELIVERY_ATTEMPTS },
      bigqueryConfig: {
        table: `${this.#environment.projectId}.${eventsDataset}.${table.tableIdInput}`,
        writeMetadata: true,
      },
      // Pub/Sub refuses to create it until its agent may write into the table.
      dependsOn: [grant],
    })
    new PubsubSubscriptionIamBinding(this, `agent-subscriber-${type}`, {
      subscription: subscription.name,
      role: 'roles/pubsub.subscriber',
      members: [pubsubAgent(this.#environment)],
    })
  }

  #dataset(datasetId: string, description: string): BigqueryDataset {
    return new BigqueryDataset(this, datasetId, {
      datasetId: validName('table', datasetId),
      location: this.#environment.analyticsLocation,
      description,
      deleteContentsOnDestroy: !this.#environment.protectsData,
    })
  }

  #rawTable(events: BigqueryDataset, owner: string): void {
    const table = new BigqueryTable(this, `raw-${owner}`, {
      datasetId: events.datasetId,
      tableId: validName('table', eventsTable(owner)),
      description: `Events of ${owner}`,
      schema: rawSchema,
      timePartitioning: { type: 'DAY', field: 'publish_time' },
      // Ad-hoc queries must name the days that they read, which bounds their cost.
      requirePartitionFilter: true,
      deletionProtection: this.#environment.protectsData,
    })
    const grant = new BigqueryTableIamBinding(this, `agent-editor-${owner}`, {
      datasetId: events.datasetId,
      tableId: table.tableId,
      role: 'roles/bigquery.dataEditor',
      members: [pubsubAgent(this.#environment)],
      provisioners: [waitForIamPropagation],
    })
    this.#tables.set(owner, { table, grant })
  }

  #views(
    analytics: BigqueryDataset,
    {
      owners,
      views: { names, ...views },
      readers,
    }: {
      readonly owners: readonly string[]
      readonly views: Business['views']
      readonly readers: readonly Service[]
    },
  ): void {
    checkKnown(
      readers.flatMap(({ readsViews }) => readsViews),
      [...platformViews.map(({ name }) => name), ...names],
      'readsViews of services',
      'view of the business',
    )
    let before: BigqueryTable | undefined
    const tables = [...this.#tables.values()].map(({ table }) => table)
    for (const view of [...platformViews, ...names.map((name) => ({ name, ...views }))]) {
      const query = sql(view, owners, this.#environment.projectId)
      before = new BigqueryTable(this, `view-${view.name}`, {
        datasetId: analytics.datasetId,
        tableId: validName('table', view.name),
        view: { query, useLegacySql: false },
        deletionProtection: false,
        dependsOn: before ? [before] : tables,
      })
      new BigqueryTableIamBinding(this, `analysts-read-${view.name}`, {
        datasetId: analytics.datasetId,
        tableId: before.tableId,
        role: 'roles/bigquery.dataViewer',
        members: [
          this.#environment.analysts,
          ...readers
            .filter(({ readsViews }) => readsViews.includes(view.name))
            .map(({ name }) => serviceMember(name, this.#environment)),
        ],
      })
    }
  }
}

/**
 * The text of the view's file, in which `{{analytics}}` is the dataset of the views, `{{raw events}}` one SELECT per table,
 * `{{and since}}` a view's condition on the time of events, and `{{NAME ARGUMENT}}` a macro of the business.
 * @throws Error for a name that neither the platform nor the business declares
 */
function sql(
  { name, file = name, since, folder: files, macros = {} }: View,
  owners: readonly string[],
  projectId: string,
): string {
  const text = readFileSync(new URL(`${file}.sql`, files), 'utf8')
  const raw = owners
    .map(
      (owner) =>
        `SELECT data AS envelope, publish_time, message_id FROM \`${projectId}.${eventsDataset}.${eventsTable(owner)}\` WHERE publish_time >= ${since ?? FIRST_DAY}`,
    )
    .join('\n  UNION ALL ')
  return text
    .replaceAll('{{raw events}}', raw)
    .replaceAll(
      '{{and since}}',
      since === undefined ? '' : `\n  AND SAFE_CAST(JSON_VALUE(envelope, '$.time') AS TIMESTAMP) >= ${since}`,
    )
    .replaceAll('{{analytics}}', `${projectId}.${analyticsDataset}`)
    .replaceAll(/\{\{(.+?)\}\}/g, (_, reference: string) => {
      const macro = Object.keys(macros).find((one) => reference.startsWith(`${one} `))
      if (macro === undefined)
        throw new Error(
          `The view ${name} has {{${reference}}}, which no macro makes: declare it in the views of the business (functions/index.ts).`,
        )
      return macros[macro]!(reference.slice(macro.length + 1))
    })
    .trim()
}
