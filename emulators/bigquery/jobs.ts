/** Queries: parameters in, job and rows out; results are kept for a while, so that they can be read page by page. */

import {
  BIGINT,
  BLOB,
  blobValue,
  BOOLEAN,
  DATE,
  DOUBLE,
  type DuckDBType,
  type DuckDBValue,
  LIST,
  listValue,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api'
import type { CloudContext } from '../core/plugin.ts'
import { alreadyExists, invalidArgument, notFound, StatusError } from '../core/status.ts'
import { type Catalog, sqlFault } from './catalog.ts'
import type { Duck, Parameters, Result } from './duck.ts'
import type { FieldSchema } from './records.ts'
import type { QueryParameter } from './requests.ts'
import { cell, fieldOf } from './rows.ts'
import { translate } from './sql-translate.ts'

export interface QueryRequest {
  readonly query: string
  readonly queryParameters?: readonly QueryParameter[] | undefined
  readonly dryRun?: boolean | undefined
  readonly timeoutMs?: number | undefined
  readonly useLegacySql?: boolean | undefined
}

export interface Job {
  readonly jobId: string
  readonly query: string
  readonly statementType: string
  readonly createdMs: number
  readonly dryRun: boolean
  readonly schema: readonly FieldSchema[]
  readonly rows: Result['rows']
  readonly changed: number
  readonly bytes: number
  readonly error?: StatusError
}

export interface Jobs {
  run(request: QueryRequest, jobId?: string): Promise<Job>
  get(jobId: string): Job
  list(): Job[]
}

/** Google keeps results for a day; here the last thousand queries. */
const JOBS_KEPT = 1_000
/** The least that a query is billed for each table it reads. */
const LEAST_BYTES = 10 * 1024 * 1024
const statements: Readonly<Record<string, string>> = {
  SELECT: 'SELECT',
  WITH: 'SELECT',
  INSERT: 'INSERT',
  UPDATE: 'UPDATE',
  DELETE: 'DELETE',
  MERGE: 'MERGE',
  TRUNCATE: 'TRUNCATE_TABLE',
}

export function makeJobs(context: CloudContext, duck: Duck, catalog: Catalog): Jobs {
  const jobs = new Map<string, Job>()
  return {
    get(jobId) {
      const found = jobs.get(jobId)
      if (!found) throw notFound(`Not found: Job ${context.project.id}:${jobId}`)
      return found
    },
    list: () => [...jobs.values()].toReversed(),
    async run(request, jobId = `job_${context.newId()}${context.newId()}`) {
      if (jobs.has(jobId)) throw alreadyExists(`Already Exists: Job ${context.project.id}:${jobId}`)
      if (request.useLegacySql === true)
        throw invalidArgument('Legacy SQL is not served by the local cloud: set useLegacySql to false.')
      const { sql, tables, verb } = translate(request.query, context.project.id)
      const statementType = statements[verb]
      if (!statementType)
        throw invalidArgument(
          `The local cloud runs SELECT, INSERT, UPDATE, DELETE, MERGE and TRUNCATE, not ${verb}: make tables and views through the API.`,
        )
      if ((verb === 'UPDATE' || verb === 'DELETE') && !/\bWHERE\b/i.test(sql))
        throw invalidArgument(`${verb} must have a WHERE clause`)
      // Each table that is read, also through views; a query of none is free.
      const bytes = catalog.tablesBehind(tables).length * LEAST_BYTES
      const parameters = parametersOf(request)
      const dryRun = request.dryRun === true
      const result = await execute(duck, dryRun ? `EXPLAIN ${sql}` : sql, parameters, request.timeoutMs ?? 0)
      const isQuery = statementType === 'SELECT'
      const job: Job = {
        jobId,
        query: request.query,
        statementType,
        createdMs: context.clock.now(),
        dryRun,
        schema: isQuery && !dryRun ? result.names.map((name, index) => fieldOf(name, result.types[index]!)) : [],
        rows: isQuery && !dryRun ? result.rows : [],
        changed: result.changed,
        bytes,
      }
      if (dryRun) return job
      context.count('bigquery.queries')
      context.count('bigquery.bytesQueried', bytes)
      jobs.set(jobId, job)
      if (jobs.size > JOBS_KEPT) jobs.delete(jobs.keys().next().value!)
      return job
    },
  }
}

async function execute(
  duck: Duck,
  sql: string,
  parameters: Parameters | undefined,
  timeoutMs: number,
): Promise<Result> {
  try {
    return await duck.run(sql, {
      ...(parameters ? { parameters } : {}),
      ...(timeoutMs > 0 ? { timeoutMs: Math.max(timeoutMs, 1_000) } : {}),
    })
  } catch (error) {
    throw error instanceof StatusError ? error : invalidArgument(sqlFault(error))
  }
}

function parametersOf({ queryParameters = [] }: QueryRequest): Parameters | undefined {
  if (queryParameters.length === 0) return undefined
  const bound = queryParameters.map(({ name, parameterType, parameterValue }) => ({
    name,
    ...bind(parameterType, parameterValue),
  }))
  if (bound.every(({ name }) => name)) {
    return {
      values: Object.fromEntries(bound.map(({ name, value }) => [name!, value])),
      types: Object.fromEntries(bound.map(({ name, type }) => [name!, type])),
    }
  }
  return { values: bound.map(({ value }) => value), types: bound.map(({ type }) => type) }
}

type ParameterType = QueryParameter['parameterType']
type ParameterValue = QueryParameter['parameterValue']

/** @throws INVALID_ARGUMENT for a value that is not of its type, and for a STRUCT. */
function bind(type: ParameterType, value: ParameterValue): { value: DuckDBValue; type: DuckDBType } {
  if (type.type === 'STRUCT')
    throw invalidArgument(
      'Query parameters of type STRUCT are not served by the local cloud: pass each field by itself.',
    )
  if (type.type === 'ARRAY') {
    const inner = type.arrayType ?? { type: 'STRING' }
    const items = (value.arrayValues ?? []).map((item) => bind(inner, item).value)
    return { value: listValue(items), type: LIST(scalarType(inner.type)) }
  }
  if (value.value === null || value.value === undefined) return { value: null, type: scalarType(type.type) }
  const text = String(value.value)
  switch (type.type) {
    case 'INT64':
      return { value: int64(text), type: BIGINT }
    case 'FLOAT64':
      return { value: float64(text), type: DOUBLE }
    case 'BOOL':
      if (!/^(true|false)$/i.test(text)) throw badValue('BOOL', text)
      return { value: text.toLowerCase() === 'true', type: BOOLEAN }
    case 'BYTES':
      return { value: blobValue(Buffer.from(text, 'base64')), type: BLOB }
    default:
      // Texts, and what DuckDB reads from a text by itself where it is compared.
      return { value: text, type: VARCHAR }
  }
}

const badValue = (type: string, text: string): StatusError =>
  invalidArgument(`Invalid value for type: ${type} is not a valid value: "${text.slice(0, 100)}".`)

function int64(text: string): bigint {
  // Nineteen digits and a sign; more would take long to read and not fit.
  const value = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace('+', '')) : undefined
  if (value === undefined || BigInt.asIntN(64, value) !== value) throw badValue('INT64', text)
  return value
}

function float64(text: string): number {
  const special = { nan: Number.NaN, inf: Infinity, infinity: Infinity, '-inf': -Infinity, '-infinity': -Infinity }
  const name = text.trim().toLowerCase()
  if (Object.hasOwn(special, name)) return special[name as keyof typeof special]
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw badValue('FLOAT64', text)
  return value
}

function scalarType(type: string): DuckDBType {
  switch (type) {
    case 'INT64':
      return BIGINT
    case 'FLOAT64':
      return DOUBLE
    case 'BOOL':
      return BOOLEAN
    case 'BYTES':
      return BLOB
    case 'DATE':
      return DATE
    case 'TIMESTAMP':
      return TIMESTAMPTZ
    default:
      return VARCHAR
  }
}

/** One page of a job's rows. */
export function page(
  job: Job,
  options: { start: number; size: number; microseconds: boolean },
): { rows: object[]; pageToken?: string } {
  const { start, size, microseconds } = options
  const rows = job.rows
    .slice(start, start + size)
    .map((row) => ({ f: row.map((value, index) => cell(value, job.schema[index]!, microseconds)) }))
  return { rows, ...(start + size < job.rows.length ? { pageToken: String(start + size) } : {}) }
}
