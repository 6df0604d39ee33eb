/**
 * Judges requests, answers and events by a description of Stripe's API (OpenAPI 3.0), which Stripe publishes and this repository does
 * not have: `MILLRACE_STRIPE_OPENAPI` is the path of its `spec3.json` or `spec3.yaml`.
 */

import { readFileSync } from 'node:fs'
import { registerSchema, type SchemaObject, validate, type Validator } from '@hyperjump/json-schema/draft-2020-12'
import { parse } from 'yaml'

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly search: string
  /** The body of a request, form-encoded. */
  readonly form: string
  readonly status: number
  readonly answer: unknown
}

export interface StripeJudge {
  /** The date of the API that the description is of. */
  readonly version: string
  /** The parts that the description does not have so, each as a sentence. */
  exchange(exchange: Exchange): Promise<string[]>
  event(event: {
    readonly type: string
    readonly data: { readonly object: { readonly object: string } }
  }): Promise<string[]>
}

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
}
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<Record<string, unknown>>
}
export interface Description {
  readonly openapi: string
  readonly info: { readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** Names that Stripe has added since: an older description does not know them, and is not asked about them. */
const SINCE: Readonly<Record<string, string>> = {
  final_capture: '2023-10-16',
  request_multicapture: '2023-10-16',
  'refund.failed': '2024-10-28',
}

const FORM = 'application/x-www-form-urlencoded'
const DIALECT = 'https://json-schema.org/draft/2020-12/schema'
let opened = 0

export function judgeBy(description: Description): StripeJudge {
  const uri = `https://stripe.test/description-${(opened += 1)}`
  registerSchema(withNulls(description) as SchemaObject, uri, DIALECT)
  const { version } = description.info
  const isNewer = (name: string): boolean => name in SINCE && version < SINCE[name]!
  const templates = Object.keys(description.paths)
    .map((template) => ({ template, pattern: new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`) }))
    // One with fewer variables is meant before another.
    .toSorted((one, other) => one.template.split('{').length - other.template.split('{').length)

  // Each is compiled once.
  const validators: Record<string, Promise<Validator>> = {}
  const violations = async (pointer: string, value: unknown, about: string): Promise<string[]> => {
    const validator = (validators[pointer] ??= validate(`${uri}#${pointer}`))
    const output = (await validator)(value as never, 'BASIC')
    if (output.valid) return []
    const places = (output.errors ?? [])
      .filter(({ keyword }) => !/\/(?:properties|items|anyOf|\$ref|ref|additionalProperties)$/.test(keyword))
      .map(({ keyword, instanceLocation }) => `${instanceLocation} breaks ${keyword.split('/').at(-1)}`)
    const fallback = (output.errors ?? []).map(({ instanceLocation }) => `${instanceLocation} does not fit`)
    return [`${about}: ${[...new Set(places.length > 0 ? places : fallback)].slice(0, 6).join(', ')}`]
  }

  const resolved = (schema: Schema): Schema =>
    schema.$ref === undefined ? schema : resolved(description.components.schemas[schema.$ref.split('/').at(-1)!]!)

  /** A form has texts alone: each becomes what its schema asks for, if it can. */
  const typed = (value: Nested, given: Schema): unknown => {
    const schema = resolved(given)
    if (schema.anyOf) {
      const fits = (one: Schema): boolean => {
        const { type, enum: values } = resolved(one)
        if (typeof value === 'string')
          return type !== 'object' && type !== 'array' && (values === undefined || values.includes(value))
        return type === 'object' || type === 'array'
      }
      const found = schema.anyOf.find(fits)
      return found ? typed(value, found) : value
    }
    if (typeof value === 'string') {
      if (schema.type === 'integer' || schema.type === 'number')
        return value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value
      if (schema.type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
      return value
    }
    if (schema.type === 'array') return Object.values(value).map((one) => typed(one, schema.items ?? {}))
    const others = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {}
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => !isNewer(name) || schema.properties?.[name] !== undefined)
        .map(([name, one]) => [name, typed(one, schema.properties?.[name] ?? others)]),
    )
  }

  return {
    version,
    async exchange({ method, path, search, form, status, answer }) {
      const found = templates.find(({ pattern }) => pattern.test(path))
      const about = `${method} ${path}`
      const operation = found && description.paths[found.template]![method.toLowerCase()]
      if (!operation) return [`${about}: there is no such operation`]
      const at = `/paths/${escaped(found.template)}/${method.toLowerCase()}`
      const all: string[] = []
      for (const [name, value] of Object.entries(nested(new URLSearchParams(search)))) {
        const index = (operation.parameters ?? []).findIndex((one) => one.name === name && one.in === 'query')
        if (index < 0) all.push(`${about}: has no parameter ${name}`)
        else {
          const { schema } = operation.parameters![index]!
          all.push(...(await violations(`${at}/parameters/${index}/schema`, typed(value, schema), `${about}?${name}`)))
        }
      }
      const body = operation.requestBody?.content[FORM]
      if (body) {
        const pointer = `${at}/requestBody/content/${escaped(FORM)}/schema`
        all.push(...(await violations(pointer, typed(nested(new URLSearchParams(form)), body.schema), `${about} asks`)))
      } else if (form !== '') all.push(`${about}: takes no body`)
      const answered = String(status) in operation.responses ? String(status) : 'default'
      const pointer = `${at}/responses/${answered}/content/application~1json/schema`
      all.push(...(await violations(pointer, answer, `${about} answers ${status}`)))
      return all
    },
    async event(event) {
      const { type, data } = event
      const kinds = description.paths['/v1/webhook_endpoints']?.['post']?.requestBody?.content[FORM]
      const types = kinds?.schema.properties?.['enabled_events']?.items?.enum ?? []
      return [
        ...(types.includes(type) || isNewer(type) ? [] : [`the event ${type}: no endpoint can be subscribed to it`]),
        ...(await violations('/components/schemas/event', event, `the event ${type}`)),
        ...(await violations(`/components/schemas/${data.object.object}`, data.object, `the object of ${type}`)),
      ]
    },
  }
}

/** OpenAPI 3.0 says `nullable` where JSON Schema has the type null; Stripe says it beside `anyOf` and `enum` too. */
function withNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNulls)
  if (typeof value !== 'object' || value === null) return value
  const all = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withNulls(one)]))
  if (all['nullable'] !== true) return all
  const { nullable: _nullable, ...schema } = all
  return { anyOf: [schema, { type: 'null' }] }
}

/** By the environment; undefined without a description. @throws Error for any other file */
export function stripeJudge(path = process.env['MILLRACE_STRIPE_OPENAPI']): StripeJudge | undefined {
  if (path === undefined || path === '') return undefined
  const text = readFileSync(path, 'utf8')
  const description = (path.endsWith('.json') ? JSON.parse(text) : parse(text)) as Partial<Description>
  if (!description.openapi?.startsWith('3.0') || !description.paths?.['/v1/payment_intents'])
    throw new Error(
      `${path} is no description of Stripe's API: it takes spec3.json or spec3.yaml of github.com/stripe/openapi.`,
    )
  return judgeBy(description as Description)
}

const escaped = (text: string): string =>
  text.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')

interface NestedObject {
  readonly [name: string]: Nested
}
type Nested = string | NestedObject

/** `a[b][c]=1` as objects in objects; an index is a name like another. */
export function nested(params: URLSearchParams): NestedObject {
  const all: Record<string, unknown> = {}
  for (const [name, value] of params) {
    const [first = '', ...rest] = name.split(/\[|\]\[|\]/).filter((part) => part !== '')
    let into = all
    let last = first
    for (const part of rest) {
      into = (into[last] ??= {}) as Record<string, unknown>
      last = part
    }
    into[last] = value
  }
  return all as NestedObject
}
