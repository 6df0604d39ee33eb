/**
 * The promise of a public API to its clients, taken from its OpenAPI document, and the changes that break it. A client sends what
 * was accepted, and reads what was promised: fields, values of an enum and codes that it does not know it leaves aside.
 */

export type Schema = { readonly [Keyword in string]?: unknown }

export interface PromisedOperation {
  /** By place and name: `query limit`. */
  readonly parameters: Readonly<Record<string, { readonly required: boolean; readonly schema: Schema }>>
  readonly takesToken: boolean
  /** Any one of them is enough; empty: every verified caller may ask. Absent in records from before roles were recorded. */
  readonly roles?: readonly string[]
  /** Roles whose holders are refused. */
  readonly notFor?: readonly string[]
  readonly body?: Schema
  readonly maxBodyBytes?: number
  /** Of a GET: how old an answer may be that a client has kept; 0: none is kept. Absent in records from before it was recorded. */
  readonly cacheSeconds?: number
  /** From this time on it is answered 410, and may be gone. */
  readonly sunset?: string
  /** By status, of answers that are no problem; null: without a body. */
  readonly answers: Readonly<Record<string, Schema | null>>
  /** By status, the names of the headers of those answers. */
  readonly headers?: Readonly<Record<string, readonly string[]>>
}

/** By method and path: `POST /v1/seats`. */
export type Snapshot = Readonly<Record<string, PromisedOperation>>

interface Described {
  readonly security: readonly { readonly token: readonly string[] }[]
  readonly 'x-not-for'?: readonly string[]
  readonly 'x-sunset'?: string
  readonly 'x-cache-seconds'?: number
  readonly parameters: readonly {
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly schema: Schema
  }[]
  readonly requestBody?: {
    readonly 'x-max-bytes'?: number
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>
  }
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly headers?: Readonly<Record<string, unknown>>
        readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
      }
    >
  >
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
}

/** Words for people, which promise nothing. */
const texts: readonly string[] = ['description', 'examples', 'title']
/** Bounds: data that was stored under earlier ones is still answered, so answers promise none. */
const upper: readonly string[] = ['maxLength', 'maximum', 'exclusiveMaximum', 'maxItems', 'maxProperties']
const lower: readonly string[] = ['minLength', 'minimum', 'exclusiveMinimum', 'minItems', 'minProperties']
const bounds: readonly string[] = [...upper, ...lower, 'pattern']

/** The schema without these keywords, at any depth. */
function without(schema: Schema, keywords: readonly string[]): Schema {
  const kept = Object.entries(schema).filter(([keyword]) => !keywords.includes(keyword))
  return Object.fromEntries(
    kept.map(([keyword, value]) => {
      if (keyword === 'properties') return [keyword, mapped(value as Record<string, Schema>, keywords)]
      if (Array.isArray(value)) return [keyword, value.map((one) => (isSchema(one) ? without(one, keywords) : one))]
      return [keyword, isSchema(value) ? without(value, keywords) : value]
    }),
  )
}
const mapped = (schemas: Readonly<Record<string, Schema>>, keywords: readonly string[]): Record<string, Schema> =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, without(schema, keywords)]))
const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function snapshotOf({ paths }: Document): Snapshot {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => [`${method.toUpperCase()} ${path}`, promised(method, one)] as const),
  )
  return Object.fromEntries(operations)
}

function promised(
  method: string,
  { security, parameters, requestBody, responses, ...more }: Described,
): PromisedOperation {
  const body = requestBody?.content['application/json']?.schema
  const { 'x-not-for': notFor, 'x-sunset': sunset, 'x-cache-seconds': cacheSeconds = 0 } = more
  const maxBodyBytes = requestBody?.['x-max-bytes']
  const answers = Object.entries(responses).filter(([status]) => Number(status) < 400)
  return {
    takesToken: security.length > 0,
    ...(security.length > 0 ? { roles: security.flatMap(({ token }) => token) } : {}),
    ...(notFor ? { notFor } : {}),
    ...(sunset === undefined ? {} : { sunset }),
    ...(method === 'get' ? { cacheSeconds } : {}),
    parameters: Object.fromEntries(
      parameters.map((one) => [
        `${one.in} ${one.name}`,
        { required: one.required, schema: without(one.schema, texts) },
      ]),
    ),
    ...(body ? { body: without(body, texts) } : {}),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
    answers: Object.fromEntries(
      answers.map(([status, { content = {} }]) => {
        const [answer] = Object.values(content)
        return [status, answer ? without(answer.schema, [...texts, ...bounds]) : null]
      }),
    ),
    // For how long an answer is kept is recorded above: less is no break.
    headers: Object.fromEntries(
      answers.map(([status, { headers = {} }]) => [
        status,
        Object.keys(headers).filter((name) => name !== 'Cache-Control'),
      ]),
    ),
  }
}

/**
 * The changes that break a client of the old API, each with its place: `POST /v1/seats body.guests[].name: …`. An operation may be
 * gone after its recorded sunset.
 */
export function breaksOf(old: Snapshot, now: Snapshot, nowMs: number = Date.now()): string[] {
  return Object.entries(old).flatMap(([name, was]) => {
    const is = now[name]
    if (is) return ofOperation(was, is).map((fault) => `${name} ${fault}`)
    return was.sunset !== undefined && Date.parse(was.sunset) <= nowMs ? [] : [`${name} is gone`]
  })
}

function ofOperation(was: PromisedOperation, is: PromisedOperation): string[] {
  const required = Object.entries(is.parameters).filter(
    ([name, { required: now }]) => now && !was.parameters[name]?.required,
  )
  return [
    ...(is.takesToken && !was.takesToken ? ['takes a token'] : []),
    ...fewerCallers(was, is),
    ...((is.maxBodyBytes ?? Infinity) < (was.maxBodyBytes ?? 0)
      ? [`body: has ${is.maxBodyBytes} bytes at most, and had ${was.maxBodyBytes}`]
      : []),
    ...((is.cacheSeconds ?? 0) > (was.cacheSeconds ?? Infinity)
      ? [`may be ${is.cacheSeconds} s old, and was ${was.cacheSeconds} s at most`]
      : []),
    ...(was.sunset !== undefined && is.sunset !== undefined && Date.parse(is.sunset) < Date.parse(was.sunset)
      ? [`ends at ${is.sunset}, and was to end at ${was.sunset}`]
      : []),
    ...required.map(([name]) => `${name}: is required`),
    ...Object.entries(was.parameters).flatMap(([name, { schema }]) => {
      const now = is.parameters[name]
      return now ? sent(name, schema, now.schema) : [`${name}: is gone`]
    }),
    ...ofBody(was.body, is.body),
    ...Object.entries(was.answers).flatMap(([status, schema]) => {
      const now = is.answers[status]
      if (now === undefined) return [`answer ${status}: is gone`]
      if (schema === null) return []
      return now === null ? [`answer ${status}: has no body`] : read(`answer ${status}`, schema, now)
    }),
    ...Object.entries(was.headers ?? {}).flatMap(([status, names]) =>
      names
        .filter((name) => is.answers[status] !== undefined && !(is.headers?.[status] ?? []).includes(name))
        .map((name) => `answer ${status}: has no header ${name}`),
    ),
  ]
}

function fewerCallers({ roles: before, notFor: refused = [] }: PromisedOperation, is: PromisedOperation): string[] {
  const { roles: after = [], notFor = [] } = is
  if (before === undefined || !is.takesToken) return []
  return [
    ...(after.length > 0 && before.length === 0 ? [`takes the role ${after.join(' or ')}, and took every caller`] : []),
    ...(after.length > 0
      ? before.filter((role) => !after.includes(role)).map((role) => `takes the role ${role} no longer`)
      : []),
    ...notFor.filter((role) => !refused.includes(role)).map((role) => `refuses the role ${role}`),
  ]
}

function ofBody(was: Schema | undefined, is: Schema | undefined): string[] {
  if (is === undefined) return []
  return was === undefined ? ['body: is required'] : sent('body', was, is)
}

const propertiesOf = ({ properties = {} }: Schema): Readonly<Record<string, Schema>> =>
  properties as Readonly<Record<string, Schema>>
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const alternatives = (schema: Schema): readonly Schema[] | undefined =>
  (schema['anyOf'] ?? schema['oneOf']) as readonly Schema[] | undefined
const branchesOf = (schema: Schema): readonly Schema[] => alternatives(schema) ?? [schema]

/** The values that it names; undefined: it names none. A constant is an enum of one. */
const valuesOf = (schema: Schema): readonly unknown[] | undefined =>
  schema['const'] === undefined ? (schema['enum'] as readonly unknown[] | undefined) : [schema['const']]

function fewerValues(at: string, was: Schema, is: Schema): string[] {
  const [before, after] = [valuesOf(was), valuesOf(is)]
  if (after === undefined || before?.every((one) => after.includes(one))) return []
  return [`${at}: takes ${JSON.stringify(after)}, and took ${before ? JSON.stringify(before) : 'any value'}`]
}

/** The texts that a pattern of alternatives takes: `^(?:EUR|USD)$`. */
const alternativesOf = (pattern: unknown): readonly string[] | undefined =>
  typeof pattern === 'string' ? /^\^\(\?:([\w|]+)\)\$$/.exec(pattern)?.[1]?.split('|') : undefined

/** Keyword → whether a request that fulfilled the old value fulfils the new one, which exists. */
const wider: Readonly<Record<string, (was: unknown, is: unknown) => boolean>> = {
  // Of two other patterns it is not known which takes more.
  pattern: (was, is) => was === is || (alternativesOf(was)?.every((one) => alternativesOf(is)?.includes(one)) ?? false),
  ...Object.fromEntries(
    upper.map((name) => [name, (was: unknown, is: unknown) => Number(was ?? Infinity) <= Number(is)]),
  ),
  ...Object.fromEntries(
    lower.map((name) => [name, (was: unknown, is: unknown) => Number(was ?? -Infinity) >= Number(is)]),
  ),
}

/** Keywords whose meaning `sent` and `read` know. Of any other they know only whether it is the same. */
const structure: readonly string[] = ['const', 'enum', 'properties', 'required', 'additionalProperties', 'items']

/** The keywords of `of` that the other schema has otherwise. */
const otherKeywords = (at: string, was: Schema, is: Schema, of: Schema, known: readonly string[]): string[] =>
  Object.keys(of)
    .filter((keyword) => ![...structure, ...known].includes(keyword))
    .filter((keyword) => JSON.stringify(was[keyword]) !== JSON.stringify(is[keyword]))
    .map((keyword) => `${at}: ${keyword} is ${JSON.stringify(is[keyword])}, and was ${JSON.stringify(was[keyword])}`)

/** Rules that JSON Schema can not say, which the document has by the sentences of their refusals. */
const REFUSALS = 'x-refusals'

/** The new schema accepts each value that the old one accepted. */
function sent(at: string, was: Schema, is: Schema): string[] {
  if (alternatives(was) ?? alternatives(is))
    return branchesOf(was).some((one) => branchesOf(is).every((other) => sent(at, one, other).length > 0))
      ? [`${at}: takes fewer kinds of values`]
      : []
  const narrower = Object.entries(wider)
    .filter(([keyword, isWider]) => is[keyword] !== undefined && !isWider(was[keyword], is[keyword]))
    .map(([keyword]) => `${at}: ${keyword} is ${JSON.stringify(is[keyword])}, and was ${JSON.stringify(was[keyword])}`)
  const [before, after] = [propertiesOf(was), propertiesOf(is)]
  const others = is['additionalProperties']
  const takesOthers = others !== false
  const wasOthers = was['additionalProperties']
  return [
    ...narrower,
    ...otherKeywords(at, was, is, is, [...Object.keys(wider), REFUSALS]),
    ...listOf(is[REFUSALS])
      .filter((refusal) => !listOf(was[REFUSALS]).includes(refusal))
      .map((refusal) => `${at}: refuses what it took: ${JSON.stringify(refusal)}`),
    ...fewerValues(at, was, is),
    ...listOf(is['required'])
      .filter((name) => !listOf(was['required']).includes(name))
      .map((name) => `${at}.${String(name)}: is required`),
    ...(was['additionalProperties'] !== false && !takesOthers && was['type'] === 'object'
      ? [`${at}: takes no other field`]
      : []),
    ...Object.entries(before).flatMap(([name, schema]) => {
      const now = after[name]
      if (now) return sent(`${at}.${name}`, schema, now)
      if (takesOthers) return isSchema(others) ? sent(`${at}.${name}`, schema, others) : []
      return [`${at}.${name}: is gone`]
    }),
    ...(isSchema(others) && wasOthers !== false ? sent(`${at}{}`, isSchema(wasOthers) ? wasOthers : {}, others) : []),
    ...(isSchema(is['items']) ? sent(`${at}[]`, was['items'] ?? {}, is['items']) : []),
  ]
}

/** The new schema still has all that a client reads by the old one. */
function read(at: string, was: Schema, is: Schema): string[] {
  if (alternatives(was) ?? alternatives(is))
    return branchesOf(is).some((one) => branchesOf(was).every((other) => read(at, other, one).length > 0))
      ? [`${at}: has a further kind of value`]
      : []
  if (was['type'] !== is['type'])
    return [`${at}: type is ${JSON.stringify(is['type'])}, and was ${JSON.stringify(was['type'])}`]
  const after = propertiesOf(is)
  const [others, wasOthers] = [is['additionalProperties'], was['additionalProperties']]
  return [
    ...otherKeywords(at, was, is, was, ['type']),
    ...(isSchema(wasOthers) ? read(`${at}{}`, wasOthers, isSchema(others) ? others : {}) : []),
    ...(valuesOf(was)?.some((one) => valuesOf(is)?.includes(one) ?? true) === false
      ? [`${at}: has none of its values`]
      : []),
    ...listOf(was['required'])
      .filter((name) => !listOf(is['required']).includes(name))
      .map((name) => `${at}.${String(name)}: may be missing`),
    ...Object.entries(propertiesOf(was)).flatMap(([name, schema]) => {
      const now = after[name]
      return now ? read(`${at}.${name}`, schema, now) : [`${at}.${name}: is gone`]
    }),
    ...(isSchema(was['items']) ? read(`${at}[]`, was['items'], is['items'] ?? {}) : []),
  ]
}
