/**
 * Every option of Google's API description is served or refused by name. The description is the one from which the types of
 * the official client were made, so that a newer client brings its new options here.
 */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'
import * as jobs from './job-options.ts'
import { type Options, verdictOf } from './options.ts'
import * as tables from './table-options.ts'

const client = createRequire(import.meta.url).resolve('@google-cloud/bigquery')
const description = readFileSync(join(client, '../types.d.ts'), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')

/** Of a message: each option with the text of its type. */
function described(type: string): [name: string, type: string][] {
  const body = new RegExp(String.raw`\n( *)type ${type} = \{([\s\S]*?)\n\1\};`).exec(description)?.[2]
  if (body === undefined) throw new Error(`The client's types have no ${type}.`)
  return fieldsOf(body)
}

/** The fields at the outermost level of a type's text. */
function fieldsOf(body: string): [name: string, type: string][] {
  const fields: [string, string][] = []
  let depth = 0
  let field = ''
  for (const character of body) {
    if ('{<('.includes(character)) depth += 1
    if ('}>)'.includes(character)) depth -= 1
    if (character !== ';' || depth > 0) field += character
    else {
      const [, name, type] = /^\s*'?([\w.$]+)'?\?:\s*([\s\S]*)$/.exec(field) ?? []
      if (name !== undefined) fields.push([name, type!])
      field = ''
    }
  }
  return fields
}

/** The message inside an option, if it has one. */
function insideOf(type: string): [name: string, type: string][] | undefined {
  const named = /^(?:Array<\s*)?(I[A-Z]\w+)/.exec(type)?.[1]
  if (named !== undefined) return named.startsWith('IJson') ? undefined : described(named)
  const inline = /^(?:Array<)?\{([\s\S]*)\}>?$/.exec(type)?.[1]
  return inline === undefined || inline.includes('[key: string]') ? undefined : fieldsOf(inline)
}

interface Walked {
  readonly path: string
  readonly type: string
  readonly verdict: ReturnType<typeof verdictOf>
}

function walk(fields: [name: string, type: string][], options: Options, path = '', depth = 0): Walked[] {
  return fields.flatMap(([name, type]): Walked[] => {
    const place = path === '' ? name : `${path}.${name}`
    const verdict = verdictOf(options, name)
    const one = { path: place, type, verdict }
    const inside = verdict === 'honoured' || verdict === 'kept' ? options.inside?.[name] : undefined
    const inner = inside && insideOf(type)
    // Fields of fields, types of types.
    return inner && depth < 6 ? [one, ...walk(inner, inside(), place, depth + 1)] : [one]
  })
}

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
