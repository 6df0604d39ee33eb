/**
 * Every option of Google's API description is served or refused by name. The description is the one from which the types of
 * the official client were made, so that a newer client brings its new options here.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'
import { described, description, fieldsOf, walk } from './described.testing.ts'
import * as jobs from './job-options.ts'
import { type Options, verdictOf } from './options.ts'
import * as tables from './table-options.ts'

const messages: [name: string, type: string, options: Options][] = [
  ['jobs.insert', 'IJob', jobs.jobOptions()],
  ['jobs.query', 'IQueryRequest', jobs.queryRequestOptions()],
  ['tables.insert', 'ITable', tables.tableOptions()],
  ['datasets.insert', 'IDataset', tables.datasetOptions()],
  ['tabledata.insertAll', 'ITableDataInsertAllRequest', tables.insertAllOptions()],
]

describe.each(messages)('%s', (_, type, options) => {
  const walked = walk(described(type), options)

  it('has an answer for every option', () => {
    expect(walked.length).toBeGreaterThan(5)
    expect(walked.filter(({ verdict }) => verdict === undefined).map(({ path }) => path)).toEqual([])
  })

  it('has no option that Google lacks', () => {
    const names = (list = ''): string[] => list.split(' ').filter(Boolean)
    const known = described(type).map(([name]) => name)
    const ours = [options.honoured, options.kept, options.outputs].flatMap(names)
    expect([...ours, ...Object.keys(options.refused ?? {})].filter((name) => !known.includes(name))).toEqual([])
  })
})

it.each([
  ['datasets', 'IListParams', tables.datasetListParameters],
  ['datasets', 'IInsertParams', tables.datasetInsertParameters],
  ['datasets', 'IGetParams', tables.datasetParameters],
  ['datasets', 'IPatchParams', tables.datasetParameters],
  ['datasets', 'IDeleteParams', tables.datasetParameters],
  ['tables', 'IListParams', tables.tableListParameters],
  ['tables', 'IGetParams', tables.tableParameters],
  ['tables', 'IPatchParams', tables.tableParameters],
  ['tabledata', 'IListParams', tables.rowListParameters],
  ['jobs', 'IListParams', jobs.jobListParameters],
  ['jobs', 'IGetParams', jobs.jobParameters],
  ['jobs', 'IGetQueryResultsParams', jobs.resultParameters],
])('the parameters of %s, %s, have answers', (namespace, type, options) => {
  const inside = new RegExp(String.raw`namespace ${namespace} \{([\s\S]*?)\n  \}`).exec(description)![1]!
  const body = new RegExp(String.raw`type ${type} = \{([\s\S]*?)\n    \};`).exec(inside)![1]!
  expect(fieldsOf(body).filter(([name]) => verdictOf(options, name) === undefined)).toEqual([])
})

it.each(['/datasets', '/datasets/d/tables', '/datasets/d/tables/t/insertAll', '/jobs', '/queries'])(
  'POST %s refuses a parameter that Google does not know',
  async (path) => {
    const bigquery = await startBigQuery()
    try {
      expect((await bigquery.send('POST', `${path}?foo=1`, {})).error).toMatchObject({
        code: 400,
        message: 'Invalid JSON payload received. Unknown name "foo": Cannot find field.',
      })
    } finally {
      await bigquery.cloud.close()
    }
  },
)

/** A value that asks for something. */
function sample(type: string): unknown {
  if (type.startsWith('Array<')) return [sample(type.slice(6, -1).trim())]
  if (type.startsWith('boolean')) return true
  if (type.startsWith('number')) return 7
  const values = [...type.matchAll(/'(\w+)'/g)]
    .map(([, value]) => value!)
    .filter((value) => !value.endsWith('_UNSPECIFIED'))
  if (values.length > 0) return values.at(-1)
  return type.startsWith('string') ? '7' : { x: 1 }
}

/** A message that has a value at a path, besides what every message needs. */
function messageWith(base: object, path: string, value: unknown): object {
  const [name, ...rest] = path.split('.') as [string, ...string[]]
  const before = (base as Record<string, unknown>)[name]
  const inner = (Array.isArray(before) ? before[0] : before) as object | undefined
  const next = rest.length === 0 ? value : messageWith(inner ?? {}, rest.join('.'), value)
  return { ...base, [name]: Array.isArray(before) && rest.length > 0 ? [next] : next }
}

const query = { query: 'SELECT 1 AS x', useLegacySql: false }
const array = (name: string): object => ({ [name]: [{}] })
const requests: [path: string, type: string, options: Options, base: object][] = [
  ['/jobs', 'IJob', jobs.jobOptions(), { configuration: { query: { ...query, ...array('queryParameters') } } }],
  ['/queries', 'IQueryRequest', jobs.queryRequestOptions(), { ...query, ...array('queryParameters') }],
  [
    '/datasets/d/tables',
    'ITable',
    tables.tableOptions(),
    { tableReference: { tableId: 'refused' }, schema: { fields: [{ name: 'a', type: 'STRING' }] } },
  ],
  ['/datasets', 'IDataset', tables.datasetOptions(), { datasetReference: { datasetId: 'refused' } }],
]

describe.each(requests)('POST %s', (url, type, options, base) => {
  let bigquery: TestBigQuery
  beforeAll(async () => {
    bigquery = await startBigQuery()
  })
  afterAll(() => bigquery.cloud.close())

  const refused = walk(described(type), options).filter(({ verdict }) => typeof verdict === 'object')
  it.each(refused.map(({ path, type: of }) => [path, of] as const))('refuses %s by name', async (path, of) => {
    const { error } = await bigquery.send('POST', url, messageWith(base, path, sample(of)))
    // Of several elements the first one is named.
    const place = error?.errors[0]?.location?.replaceAll(/\[\d+\]/g, '')
    expect({ code: error?.code, reason: error?.errors[0]?.reason, place }).toEqual({
      code: 400,
      reason: 'invalid',
      place: path,
    })
    expect(error!.message).toContain(path.split('.').at(-1))
  })

  it('refuses a name that Google does not know', async () => {
    const { error } = await bigquery.send('POST', url, { ...base, destinations: 1 })
    expect(error).toMatchObject({
      code: 400,
      message: 'Invalid JSON payload received. Unknown name "destinations": Cannot find field.',
    })
  })
})
