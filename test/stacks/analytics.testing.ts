/** The datasets, tables and views of the stacks in a local BigQuery, and the rows that Pub/Sub would write into them. */

import { BigQuery } from '@google-cloud/bigquery'
import { vi } from 'vitest'
import { createLocalCloud } from 'local-google-cloud'
import { bigquery } from 'local-google-cloud/bigquery'
import { business } from '../../functions/index.ts'
import { localEnvironment, localPorts } from '../../stacks/environments.ts'
import { type Declared, declared, resolved } from './synthesized.testing.ts'

export const local = localEnvironment(localPorts(4100, business))

/** Of a raw table: any JSON, mostly the envelope of an event. */
export interface RawRow {
  readonly envelope: unknown
  readonly publishTime: string
}

export interface Analytics {
  readonly client: BigQuery
  /** Writes them as rows of the table of that owner of events. */
  insert(owner: string, rows: readonly RawRow[]): Promise<unknown>
  query<Row>(sql: string): Promise<Row[]>
  close(): Promise<void>
}

export async function openAnalytics(): Promise<Analytics> {
  const cloud = await createLocalCloud({
    plugins: [bigquery()],
    project: { id: local.projectId, number: '1', region: 'europe-west1' },
  })
  vi.stubEnv('BIGQUERY_EMULATOR_HOST', `http://${cloud.ownerHost}`)
  const client = new BigQuery({ projectId: local.projectId })
  for (const { attributes } of declared(local, 'google_bigquery_dataset'))
    await client.createDataset(String(attributes['dataset_id']))
  const viewNames = ['event_log', 'recent_events', 'unreadable_events', ...business.views.names]
  const tables = declared(local, 'google_bigquery_table')
  // A view is made after the views that it reads; a raw table may have the name of a view.
  const place = ({ attributes }: Declared): number =>
    attributes['view'] === undefined ? -1 : viewNames.indexOf(String(attributes['table_id']))
  for (const { stack, attributes } of tables.toSorted((a, b) => place(a) - place(b))) {
    const dataset = client.dataset(resolved(local, stack, attributes['dataset_id']))
    const view = (attributes['view'] as { query: string }[] | { query: string } | undefined) ?? undefined
    const query = Array.isArray(view) ? view[0]?.query : view?.query
    await dataset.createTable(
      String(attributes['table_id']),
      query === undefined ? { schema: JSON.parse(String(attributes['schema'])) as object[] } : { view: query },
    )
  }
  let rows = 0
  return {
    client,
    insert: (owner, all) =>
      client
        .dataset('events')
        .table(owner)
        .insert(
          all.map(({ envelope, publishTime }) => ({
            data: JSON.stringify(envelope),
            message_id: String((rows += 1)),
            publish_time: publishTime,
            attributes: '{}',
          })),
        ),
    query: async <Row>(sql: string) => (await client.query(sql))[0] as Row[],
    async close() {
      vi.unstubAllEnvs()
      await cloud.close()
    },
  }
}
