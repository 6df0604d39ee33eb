/** Each option that is listed as honoured acts: two requests that differ in it alone have different outcomes, or a test of its own shows it. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'
import { described, walk } from './described.testing.ts'
import * as jobs from './job-options.ts'
import type { Options } from './options.ts'
import * as tables from './table-options.ts'

/** Two bodies, merged into that of the message; or a file and the title of its test. */
type Act = readonly [one: object, other: object] | readonly [file: string, title: string]

let bigquery: TestBigQuery
let made = 0
beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.table('t', [{ name: 'id', type: 'INTEGER' }])
  await bigquery.query('INSERT INTO d.t (id) VALUES (1), (2)')
})
afterAll(() => bigquery.cloud.close())

const query = 'SELECT 1 AS x'
const at = "SELECT TIMESTAMP '2026-01-01 00:00:00+00' AS at"
const parameter = (parameterType: object, parameterValue: object, name?: string): object => ({
  query: name === undefined ? 'SELECT ? AS x' : 'SELECT @a AS x',
  queryParameters: [{ parameterType, parameterValue, ...(name === undefined ? {} : { name }) }],
})
const INT64 = { type: 'INT64' }
const STRING = { type: 'STRING' }
const one = { value: '1' }
const array = (arrayType: object): object => ({ type: 'ARRAY', arrayType })
const struct = (name: string): object => ({ type: 'STRUCT', structTypes: [{ name, type: INT64 }] })
const inDataset = (defaultDataset: object): object => ({ query: 'SELECT COUNT(*) AS n FROM t', defaultDataset })
const zone = (key: string, value: string): object => ({ connectionProperties: [{ key, value }] })

const ofQuery: Readonly<Record<string, Act>> = {
  query: [{ query }, { query: 'SELECT 2 AS x' }],
  useLegacySql: [{ useLegacySql: false }, { useLegacySql: true }],
  parameterMode: [
    { ...parameter(INT64, one), parameterMode: 'POSITIONAL' },
    { ...parameter(INT64, one), parameterMode: 'NAMED' },
  ],
  'queryParameters.name': [parameter(INT64, one, 'a'), parameter(INT64, one, 'b')],
  'queryParameters.parameterType.type': [parameter(INT64, one), parameter(STRING, one)],
  'queryParameters.parameterType.arrayType': [
    parameter(array(INT64), { arrayValues: [one] }),
    parameter(array(STRING), { arrayValues: [one] }),
  ],
  'queryParameters.parameterType.structTypes': [
    parameter(struct('a'), { structValues: { a: one } }),
    parameter(struct('b'), { structValues: { a: one } }),
  ],
  'queryParameters.parameterValue.value': [parameter(INT64, one), parameter(INT64, { value: '2' })],
  'queryParameters.parameterValue.arrayValues': [
    parameter(array(INT64), { arrayValues: [one] }),
    parameter(array(INT64), { arrayValues: [one, one] }),
  ],
  'queryParameters.parameterValue.structValues': [
    parameter(struct('a'), { structValues: { a: one } }),
    parameter(struct('a'), { structValues: { a: { value: '2' } } }),
  ],
  'defaultDataset.datasetId': [inDataset({ datasetId: 'd' }), inDataset({ datasetId: 'nowhere' })],
  'defaultDataset.projectId': [
    inDataset({ datasetId: 'd', projectId: 'p' }),
    inDataset({ datasetId: 'd', projectId: 'another' }),
  ],
  maximumBytesBilled: [
    { query: 'SELECT id FROM d.t', maximumBytesBilled: '1' },
    { query: 'SELECT id FROM d.t', maximumBytesBilled: '1000000000' },
  ],
  'connectionProperties.key': [zone('time_zone', 'UTC'), zone('session_id', 'UTC')],
  'connectionProperties.value': [zone('time_zone', 'UTC'), zone('time_zone', 'Europe/Berlin')],
}

/** Into a new table. */
const into = (change: object, reference: object = {}): object => ({
  destinationTable: { projectId: 'p', datasetId: 'd', tableId: `made${(made += 1)}`, ...reference },
  ...change,
})
const range = (end: string): object => ({
  query: 'SELECT 1 AS x',
  rangePartitioning: { field: 'x', range: { start: '0', end, interval: '1' } },
})
const inConfiguration = (acts: Readonly<Record<string, Act>>): Record<string, Act> =>
  Object.fromEntries(
    Object.entries(acts).map(([name, [first, second]]) => [
      `configuration.query.${name}`,
      typeof first === 'string'
        ? [first, second as string]
        : [{ configuration: { query: first } }, { configuration: { query: second as object } }],
    ]),
  )
const routes = 'job-routes.test.ts'
const ofJob: Readonly<Record<string, Act>> = {
  ...inConfiguration({
    ...ofQuery,
    clustering: [into({}), into({ clustering: { fields: ['x'] } })],
    timePartitioning: [into({ query: at }), into({ query: at, timePartitioning: { type: 'DAY', field: 'at' } })],
    rangePartitioning: [into(range('10')), into(range('20'))],
    createDisposition: [into({ createDisposition: 'CREATE_IF_NEEDED' }), into({ createDisposition: 'CREATE_NEVER' })],
    writeDisposition: [routes, 'with rows is refused, unless it is truncated or appended to'],
    'destinationTable.tableId': [
      routes,
      'is made with the columns of the query, in their order, and with its partitioning',
    ],
    'destinationTable.datasetId': [into({}), into({}, { datasetId: 'nowhere' })],
    'destinationTable.projectId': [into({}), into({}, { projectId: 'another' })],
  }),
  'configuration.dryRun': [{ configuration: { dryRun: false } }, { configuration: { dryRun: true } }],
  'configuration.jobTimeoutMs': [routes, 'jobTimeoutMs ends a job'],
  'jobReference.jobId': [{ jobReference: { jobId: 'job-1' } }, { jobReference: { jobId: 'job-2' } }],
  'jobReference.location': [{ jobReference: { location: 'europe-west1' } }, { jobReference: { location: 'mars' } }],
  'jobReference.projectId': [{ jobReference: { projectId: 'p' } }, { jobReference: { projectId: 'another' } }],
}
const ofQueryRequest: Readonly<Record<string, Act>> = {
  ...ofQuery,
  dryRun: [{ dryRun: false }, { dryRun: true }],
  'formatOptions.useInt64Timestamp': [
    { query: at, formatOptions: { useInt64Timestamp: true } },
    { query: at, formatOptions: { useInt64Timestamp: false } },
  ],
  'formatOptions.timestampOutputFormat': [
    { query: at, formatOptions: { timestampOutputFormat: 'INT64' } },
    { query: at, formatOptions: { timestampOutputFormat: 'FLOAT64' } },
  ],
  jobTimeoutMs: [routes, 'jobTimeoutMs ends a job'],
  location: [{ location: 'europe-west1' }, { location: 'mars' }],
  maxResults: [
    { query: 'SELECT id FROM d.t', maxResults: 1 },
    { query: 'SELECT id FROM d.t', maxResults: 2 },
  ],
  requestId: [routes, 'a request that is repeated with its id runs once'],
  timeoutMs: [routes, 'jobTimeoutMs ends a job'],
}

const column = (field: object): object => ({ schema: { fields: [{ name: 'a', type: 'STRING', ...field }] } })
const view = (change: object): object => ({ view: { query: 'SELECT 1 AS one', useLegacySql: false, ...change } })
const named = (reference: object): object => ({ tableReference: { projectId: 'p', datasetId: 'd', ...reference } })
const ofTable: Readonly<Record<string, Act>> = {
  expirationTime: [column({}), { ...column({}), expirationTime: '4102444800000' }],
  'schema.fields.name': [column({}), column({ name: 'b' })],
  'schema.fields.type': [column({}), column({ type: 'INTEGER' })],
  'schema.fields.mode': [column({}), column({ mode: 'REPEATED' })],
  'schema.fields.maxLength': [column({}), column({ maxLength: '2' })],
  'schema.fields.precision': [
    column({ type: 'NUMERIC', precision: '20' }),
    column({ type: 'NUMERIC', precision: '2' }),
  ],
  'schema.fields.scale': [
    column({ type: 'NUMERIC', precision: '20', scale: '4' }),
    column({ type: 'NUMERIC', precision: '20', scale: '2' }),
  ],
  'tableReference.tableId': [named({ tableId: 'first' }), named({ tableId: 'second' })],
  'tableReference.datasetId': [named({ tableId: 'third' }), named({ tableId: 'third', datasetId: 'nowhere' })],
  'tableReference.projectId': [named({ tableId: 'fourth' }), named({ tableId: 'fourth', projectId: 'another' })],
  'view.query': [view({}), view({ query: 'SELECT 2 AS two' })],
  'view.useLegacySql': [view({}), view({ useLegacySql: true })],
}

const authorized = ['authorized-views.test.ts', 'a view is read with the rights of its caller'] as const
const ofDataset: Readonly<Record<string, Act>> = {
  'access.view.datasetId': authorized,
  'access.view.projectId': authorized,
  'access.view.tableId': authorized,
  'access.dataset.targetTypes': authorized,
  'datasetReference.datasetId': [
    { datasetReference: { datasetId: 'first' } },
    { datasetReference: { datasetId: 'second' } },
  ],
  'datasetReference.projectId': [
    { datasetReference: { datasetId: 'third', projectId: 'p' } },
    { datasetReference: { datasetId: 'fourth', projectId: 'another' } },
  ],
  defaultTableExpirationMs: [{}, { defaultTableExpirationMs: '3600000' }],
  location: [{ location: 'europe-west1' }, { location: 'EU' }],
}
const rows = (...all: object[]): object => ({ rows: all.map((json) => ({ json })) })
const ofRows: Readonly<Record<string, Act>> = {
  'rows.json': [rows({ id: 1 }), rows({ id: 'x' })],
  skipInvalidRows: [rows({ id: 3 }, { id: 'x' }), { ...rows({ id: 3 }, { id: 'x' }), skipInvalidRows: true }],
  ignoreUnknownValues: [rows({ id: 4, more: 1 }), { ...rows({ id: 4, more: 1 }), ignoreUnknownValues: true }],
}

const isOfTheRun = (key: string, value: unknown): boolean =>
  key === 'jobId' ? !String(value).startsWith('job-') : /^(?:id|etag|selfLink|(?!expiration).*[tT]ime)$/.test(key)

/** The answer without ids, times and the names that a test made. */
const visible = (answer: unknown): string =>
  JSON.stringify(answer, (key, value: unknown) => (isOfTheRun(key, value) ? undefined : value)).replaceAll(
    /made\d+/g,
    'made',
  )

const rowsOf = async (jobId: string): Promise<Answer> => bigquery.send('GET', `/queries/${jobId}`)

async function jobOutcome(body: object): Promise<unknown> {
  const answer = await bigquery.send('POST', '/jobs', body)
  if (answer.error) return answer.error
  const { jobReference, status, configuration } = answer as unknown as {
    jobReference: { jobId: string }
    status: object
    configuration: { dryRun?: boolean; query: { destinationTable?: { tableId: string } } }
  }
  const { destinationTable: into } = configuration.query
  return {
    id: jobReference,
    status,
    rows: configuration.dryRun === true ? 'none' : await rowsOf(jobReference.jobId),
    made: into && (await bigquery.send('GET', `/datasets/d/tables/${into.tableId}`)),
  }
}

async function tableOutcome(body: object): Promise<unknown> {
  const whole = { ...named({ tableId: `made${(made += 1)}` }), ...body }
  const { datasetId, tableId } = (whole as { tableReference: { datasetId: string; tableId: string } }).tableReference
  const answer = await bigquery.send('POST', `/datasets/d/tables`, whole)
  if (answer.error) return answer.error
  const path = `/datasets/${datasetId}/tables/${tableId}`
  const inserted = await bigquery.send('POST', `${path}/insertAll`, { rows: [{ json: { a: '1.123' } }] })
  return { inserted, read: await bigquery.send('GET', path) }
}

async function datasetOutcome(body: object): Promise<unknown> {
  const whole = { datasetReference: { datasetId: `made${(made += 1)}` }, ...body }
  const answer = await bigquery.send('POST', '/datasets', whole)
  if (answer.error) return answer.error
  const { datasetId } = whole.datasetReference
  const inside = { tableReference: { projectId: 'p', datasetId, tableId: 't' }, ...column({}) }
  const { expirationTime } = await bigquery.send('POST', `/datasets/${datasetId}/tables`, inside)
  return { answer, expires: expirationTime !== undefined }
}

/** Two levels are enough for the bodies above. */
function merged(base: object, change: object): object {
  const entries = Object.entries(change).map(([name, value]: [string, unknown]) => {
    const before = (base as Record<string, unknown>)[name]
    return [name, isObject(before) && isObject(value) ? merged(before, value) : value]
  })
  return { ...base, ...Object.fromEntries(entries) }
}
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

interface Message {
  readonly type: string
  readonly options: Options
  readonly acts: Readonly<Record<string, Act>>
  outcome(body: object): Promise<unknown>
}
const config = { configuration: { query: { query, useLegacySql: false } } }
const messages: Readonly<Record<string, Message>> = {
  'jobs.insert': {
    type: 'IJob',
    options: jobs.jobOptions(),
    acts: ofJob,
    outcome: (body) => jobOutcome(merged(config, body)),
  },
  'jobs.query': {
    type: 'IQueryRequest',
    options: jobs.queryRequestOptions(),
    acts: ofQueryRequest,
    outcome: (body) => bigquery.send('POST', '/queries', { query, useLegacySql: false, ...body }),
  },
  'tables.insert': { type: 'ITable', options: tables.tableOptions(), acts: ofTable, outcome: tableOutcome },
  'datasets.insert': { type: 'IDataset', options: tables.datasetOptions(), acts: ofDataset, outcome: datasetOutcome },
  'tabledata.insertAll': {
    type: 'ITableDataInsertAllRequest',
    options: tables.insertAllOptions(),
    acts: ofRows,
    outcome: (body) => bigquery.send('POST', '/datasets/d/tables/t/insertAll', body),
  },
}

describe.each(Object.entries(messages))('%s', (_, { type, options, acts, outcome }) => {
  const honoured = walk(described(type), options)
    .filter(({ verdict }) => verdict === 'honoured')
    .map(({ path }) => path)
    // The same message again: fields of fields, types of types.
    .filter((path) => path.endsWith('query.query') || new Set(path.split('.')).size === path.split('.').length)
    .filter((path) => !/(?:arrayType|structTypes|arrayValues|structValues|access\.dataset)\.(?!targetTypes)/.test(path))
  const leaves = honoured.filter((path) => !honoured.some((other) => other.startsWith(`${path}.`)))

  it('has an act for every honoured option', () => {
    expect(leaves.filter((path) => !(path in acts))).toEqual([])
    expect(Object.keys(acts).filter((path) => !honoured.includes(path))).toEqual([])
  })

  it.each(Object.entries(acts))('%s acts', async (path, [first, second]) => {
    if (typeof first === 'string') {
      const folder = first === authorized[0] ? join(import.meta.dirname, '..') : import.meta.dirname
      expect(readFileSync(join(folder, first), 'utf8')).toContain(second as string)
      return
    }
    const [one_, other] = [await outcome(first), await outcome(second as object)]
    expect(visible(one_), path).not.toBe(visible(other))
  })
})
