/** Google's clients of a platform, by their documented variables for emulators. */

import { BigQuery } from '@google-cloud/bigquery'
import { PubSub } from '@google-cloud/pubsub'
import { vi } from 'vitest'
import type { PlatformClient } from './client.ts'

export interface GoogleClients {
  readonly pubsub: PubSub
  /** The rows of a query; `params` are its @names. */
  rows<Row>(query: string, params?: Readonly<Record<string, unknown>>): Promise<Row[]>
  close(): Promise<void>
}

export function googleClients({ running }: Pick<PlatformClient, 'running'>): GoogleClients {
  const { projectId, apiHost } = running
  vi.stubEnv('PUBSUB_EMULATOR_HOST', apiHost)
  vi.stubEnv('BIGQUERY_EMULATOR_HOST', `http://${apiHost}`)
  const pubsub = new PubSub({ projectId })
  const bigquery = new BigQuery({ projectId })
  return {
    pubsub,
    async rows<Row>(query: string, params: Readonly<Record<string, unknown>> = {}) {
      const [rows] = await bigquery.query({ query, params })
      return rows as Row[]
    },
    async close() {
      vi.unstubAllEnvs()
      await pubsub.close()
    },
  }
}
