/** The runs of reconciliation and their differences, as BigQuery has them. */

import type { BigQuery } from '@google-cloud/bigquery'
import type { Target } from '../../../cli/ops/target.ts'

export interface EndedRun {
  readonly runId: string
  /** ISO 8601 */
  readonly endedAt: string
  readonly orders: number
  readonly inFlight: number
  readonly differences: number
}

export interface Difference {
  readonly kind: string
  readonly id: string
  readonly values: Readonly<Record<string, string>>
}

export interface Runs {
  /** The run with that id, or the last one; undefined: it has not ended, or none has. */
  ended(runId?: string): Promise<EndedRun | undefined>
  /** By kind. */
  differencesOf(runId: string): Promise<Difference[]>
}

export async function openRuns({ projectId, clientOptions }: Target): Promise<Runs> {
  const { apiEndpoint, port } = await clientOptions()
  // A local platform: the client knows an emulator by this variable alone.
  if (apiEndpoint !== undefined && port !== undefined)
    process.env['BIGQUERY_EMULATOR_HOST'] = `http://${apiEndpoint}:${port}`
  const { BigQuery } = await import('@google-cloud/bigquery')
  const client: BigQuery = new BigQuery({ projectId })
  const rowsOf = async (query: string, params: object) => (await client.query({ query, params }))[0] as unknown[]
  return {
    async ended(runId) {
      const [row] = await rowsOf(
        `SELECT run_id, STRING(ended_at) AS ended_at, orders, in_flight, differences
         FROM analytics.reconciliations
         WHERE @run = '' OR run_id = @run
         ORDER BY ended_at DESC LIMIT 1`,
        { run: runId ?? '' },
      )
      if (row === undefined) return undefined
      const run = row as Readonly<Record<string, string | number>>
      return {
        runId: String(run['run_id']),
        endedAt: new Date(String(run['ended_at']).replace(' ', 'T').replace(/\+00$/, 'Z')).toISOString(),
        orders: Number(run['orders']),
        inFlight: Number(run['in_flight']),
        differences: Number(run['differences']),
      }
    },
    async differencesOf(runId) {
      const rows = await rowsOf(
        'SELECT kind, id, sides FROM analytics.differences WHERE run_id = @run ORDER BY kind, id',
        { run: runId },
      )
      return (rows as { kind: string; id: string; sides: string }[]).map(({ kind, id, sides }) => ({
        kind,
        id,
        values: JSON.parse(sides) as Difference['values'],
      }))
    },
  }
}
