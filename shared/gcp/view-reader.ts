/** Reads BigQuery's views by its REST API: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query */

import { z } from 'zod'
import { Unavailable } from '../base/errors.ts'
import type { Platform } from '../service/platform.ts'
import type { ReadViews, ViewPage } from '../service/view-rows.ts'

/** BigQuery answers after this time also if the query still runs. */
const QUERY_TIMEOUT_MS = 20_000
const CALL_TIMEOUT_MS = 25_000

const answer = z.object({
  jobReference: z.object({ jobId: z.string(), location: z.string().optional() }),
  jobComplete: z.boolean(),
  schema: z.object({ fields: z.array(z.object({ name: z.string() })) }).optional(),
  rows: z.array(z.object({ f: z.array(z.object({ v: z.string().nullable() })) })).optional(),
})

interface ViewReaderParts {
  /** Absent when the description names no views. */
  readonly endpoint: string | undefined
  readonly projectId: string
  readonly callExternal: Platform['callExternal']
}

export function createViewReader({ endpoint, projectId, callExternal }: ViewReaderParts): ReadViews {
  const call = async (method: 'GET' | 'POST', path: string, body?: object): Promise<z.output<typeof answer>> => {
    if (endpoint === undefined)
      throw new Error('This service reads a view, and its description names none: add it to its readsViews.')
    const response = await callExternal(`${endpoint}/bigquery/v2/projects/${projectId}/queries${path}`, {
      method,
      operation: 'bigquery.query',
      timeoutMs: CALL_TIMEOUT_MS,
      token: 'access',
      ...(body === undefined ? {} : { body }),
    })
    const read = answer.parse(await response.json())
    if (!read.jobComplete) throw new Unavailable('The query of the views still runs.')
    return read
  }
  return async ({ sql, job, from, limit }) => {
    const known =
      job ??
      jobOf(await call('POST', '', { query: sql, useLegacySql: false, timeoutMs: QUERY_TIMEOUT_MS, maxResults: 0 }))
    const [location = '', jobId = ''] = known.split('/')
    const search = new URLSearchParams({ startIndex: String(from), maxResults: String(limit) })
    if (location !== '') search.set('location', location)
    return { job: known, rows: rowsOf(await call('GET', `/${encodeURIComponent(jobId)}?${search.toString()}`)) }
  }
}

/** A job outside of the multi-regions is found by its location alone. */
const jobOf = ({ jobReference: { jobId, location = '' } }: z.output<typeof answer>): string => `${location}/${jobId}`

const rowsOf = ({ schema, rows = [] }: z.output<typeof answer>): ViewPage['rows'] =>
  rows.map(({ f }) => Object.fromEntries((schema?.fields ?? []).map(({ name }, index) => [name, f[index]?.v ?? null])))
