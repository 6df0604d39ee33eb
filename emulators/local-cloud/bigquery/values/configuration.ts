/** The configuration of a job, as it was sent. */

import type { QueryParameter } from './requests.ts'

export interface QueryConfiguration {
  readonly query: string
  readonly queryParameters?: readonly QueryParameter[] | undefined
  readonly parameterMode?: string | undefined
  readonly useLegacySql?: boolean | undefined
  readonly defaultDataset?: { readonly datasetId: string; readonly projectId?: string | undefined } | undefined
  readonly maximumBytesBilled?: number | undefined
  readonly connectionProperties?: readonly { readonly key: string; readonly value: string }[] | undefined
  readonly destinationTable?:
    | { readonly datasetId: string; readonly tableId: string; readonly projectId?: string | undefined }
    | undefined
  readonly createDisposition?: string | undefined
  readonly writeDisposition?: string | undefined
  readonly [kept: string]: unknown
}

export interface JobConfiguration {
  readonly query: QueryConfiguration
  readonly dryRun?: boolean | undefined
  readonly jobTimeoutMs?: number | undefined
  readonly [kept: string]: unknown
}
