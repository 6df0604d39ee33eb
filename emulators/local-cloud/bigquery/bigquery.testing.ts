/** A local cloud with BigQuery, and Google's client for it. */

import { BigQuery } from '@google-cloud/bigquery'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import { iam } from '../iam/plugin.ts'
import { bigquery } from './plugin.ts'
import type { EngineOptions } from './engine/engine.ts'
import type { FieldSchema } from './values/records.ts'

export type ResultRow = Record<string, unknown>

export interface TestBigQuery {
  readonly cloud: LocalCloud
  readonly client: BigQuery
  query(sql: string, options?: object): Promise<ResultRow[]>
  /** In the dataset `d`, which exists. */
  table(name: string, fields: readonly FieldSchema[]): Promise<void>
  /** Sends a request as it is. The answer's status is not checked. */
  send(method: string, path: string, body?: unknown): Promise<Answer>
}

export interface Answer {
  readonly error?: {
    readonly code: number
    readonly message: string
    readonly errors: readonly { readonly reason: string; readonly location?: string; readonly message: string }[]
  }
  readonly [field: string]: unknown
}

export async function startBigQuery(options: EngineOptions = {}): Promise<TestBigQuery> {
  const cloud = await createLocalCloud({
    plugins: [iam, bigquery(options)],
    project: { id: 'p', number: '1', region: 'europe-west1' },
  })
  process.env['BIGQUERY_EMULATOR_HOST'] = `http://${cloud.ownerHost}`
  const client = new BigQuery({ projectId: 'p' })
  await client.createDataset('d')
  return {
    cloud,
    client,
    query: async (sql, more = {}) => (await client.query({ query: sql, ...more }))[0] as ResultRow[],
    table: async (name, fields) => void (await client.dataset('d').createTable(name, { schema: { fields } as never })),
    async send(method, path, body) {
      const response = await fetch(`http://${cloud.ownerHost}/bigquery/v2/projects/p${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      return (await response.json()) as Answer
    },
  }
}
