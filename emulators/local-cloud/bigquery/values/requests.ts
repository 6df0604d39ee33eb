/** The requests of BigQuery's REST routes, as far as this emulator reads them; other fields are stored as sent. */

import { accessEntry } from './access-entry.ts'
import { countRule } from './limits.ts'
import { z } from 'zod'
import type { FieldSchema } from './records.ts'

/** Google's clients send int32 and int64 as numbers or as decimal text. */
const wholeNumber = z.union([z.int().min(0), z.string().regex(countRule)]).transform(Number)

const field: z.ZodType<FieldSchema> = z.looseObject({
  name: z.string(),
  type: z.string(),
  mode: z.string().optional(),
  description: z.string().optional(),
  get fields() {
    return z.array(field).optional()
  },
}) as never

export interface ParameterType {
  readonly type: string
  readonly arrayType?: ParameterType
  readonly structTypes?: readonly { readonly name?: string; readonly type: ParameterType }[]
}
export interface ParameterValue {
  readonly value?: string | number | boolean | null
  readonly arrayValues?: readonly ParameterValue[] | null
  readonly structValues?: Readonly<Record<string, ParameterValue>> | null
}

/** https://cloud.google.com/bigquery/docs/labels-intro#requirements */
const MAX_LABELS = 64
const labelKey = z
  .string()
  .regex(
    /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u,
    'a key has 1 to 63 lower-case letters, digits, _ and -, and begins with a letter',
  )
const labelValue = z
  .string()
  .regex(/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u, 'a value has at most 63 lower-case letters, digits, _ and -')
const labels = z
  .record(labelKey, labelValue)
  .refine((all) => Object.keys(all).length <= MAX_LABELS, `at most ${MAX_LABELS} labels`)
  .nullish()

export const datasetBody = z.looseObject({
  labels,
  datasetReference: z.looseObject({ datasetId: z.string().optional() }).optional(),
  location: z.string().optional(),
  access: z.array(accessEntry).optional(),
})

const count = z.union([z.int(), z.string().regex(/^-?\d{1,19}$/)]).optional()
/** Where the rows of a table are kept. */
const ofStorage = {
  timePartitioning: z
    .looseObject({
      type: z.string().optional(),
      field: z.string().optional(),
      requirePartitionFilter: z.boolean().optional(),
    })
    .nullish(),
  rangePartitioning: z
    .looseObject({
      field: z.string().optional(),
      range: z.looseObject({ start: count, end: count, interval: count }).optional(),
    })
    .nullish(),
  clustering: z.looseObject({ fields: z.array(z.string()).optional() }).nullish(),
}

export const tableBody = z.looseObject({
  labels,
  ...ofStorage,
  requirePartitionFilter: z.boolean().nullish(),
  tableReference: z.looseObject({ tableId: z.string().optional() }).optional(),
  schema: z.looseObject({ fields: z.array(field).default([]) }).optional(),
  view: z.looseObject({ query: z.string(), useLegacySql: z.boolean().optional() }).optional(),
})

export const insertAllBody = z.looseObject({
  rows: z.array(z.looseObject({ json: z.record(z.string(), z.unknown()).optional() })).default([]),
  skipInvalidRows: z.boolean().optional(),
  ignoreUnknownValues: z.boolean().optional(),
})

const parameterType: z.ZodType<ParameterType> = z.looseObject({
  type: z.string(),
  get arrayType() {
    return parameterType.optional()
  },
  get structTypes() {
    return z.array(z.looseObject({ name: z.string().optional(), type: parameterType })).optional()
  },
}) as never
const parameterValue: z.ZodType<ParameterValue> = z.looseObject({
  value: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
  get arrayValues() {
    return z.array(parameterValue).nullish()
  },
  get structValues() {
    return z.record(z.string(), parameterValue).nullish()
  },
}) as never

const datasetReference = z.looseObject({ datasetId: z.string(), projectId: z.string().optional() })
const connectionProperty = z.looseObject({ key: z.string(), value: z.string() })

/** The options that a query has in a job and in a request of its own. */
const ofQuery = {
  query: z.string(),
  useLegacySql: z.boolean().optional(),
  parameterMode: z.string().optional(),
  queryParameters: z
    .array(z.looseObject({ name: z.string().optional(), parameterType, parameterValue: parameterValue.default({}) }))
    .optional(),
  defaultDataset: datasetReference.optional(),
  maximumBytesBilled: wholeNumber.optional(),
  connectionProperties: z.array(connectionProperty).optional(),
}
/** The options of its job. */
const ofJob = {
  labels,
  maxSlots: z.union([z.int(), z.string().regex(/^-?\d{1,10}$/)]).optional(),
  dryRun: z.boolean().optional(),
  jobTimeoutMs: wholeNumber.optional(),
}

export const queryBody = z.looseObject({
  ...ofQuery,
  ...ofJob,
  location: z.string().optional(),
  requestId: z.string().optional(),
  timeoutMs: wholeNumber.optional(),
  maxResults: wholeNumber.optional(),
  formatOptions: z
    .looseObject({ useInt64Timestamp: z.boolean().optional(), timestampOutputFormat: z.string().optional() })
    .optional(),
})
export type QueryBody = z.output<typeof queryBody>

const tableReference = z.looseObject({ datasetId: z.string(), tableId: z.string(), projectId: z.string().optional() })

export const jobBody = z.looseObject({
  configuration: z
    .looseObject({
      ...ofJob,
      query: z
        .looseObject({
          ...ofQuery,
          ...ofStorage,
          destinationTable: tableReference.optional(),
          createDisposition: z.string().optional(),
          writeDisposition: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
  jobReference: z.looseObject({ jobId: z.string().optional(), location: z.string().optional() }).optional(),
})

export type QueryParameter = NonNullable<QueryBody['queryParameters']>[number]
