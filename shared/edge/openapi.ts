/** The OpenAPI 3.1 document of a public API, from its operations and their contracts, and the handlers that serve it. */

import { z } from 'zod'
import { type Code, declarationOf, type DeclaredCode } from '../base/errors.ts'
import { idempotencyKey as keySchema } from '../base/fields.ts'
import { pathParametersOf } from '../contracts/query.ts'
import { once } from '../base/once.ts'
import { BODY_BYTES } from '../http/http.ts'
import type { Operation, Webhook } from '../service/operation.ts'
import type { documentOperations, OperationHandler, PublicApi } from '../service/public-api.ts'
import { hasEntityTag } from './conditional.ts'
import { MAX_WAIT_SECONDS } from './prefer.ts'
import { createDocsPage } from './docs-page.ts'

type Json = Readonly<Record<string, unknown>>

/** The JSON Schema that Zod writes, without its dialect, which OpenAPI 3.1 names once for the whole document. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io,
    override({ zodSchema, jsonSchema }) {
      const refusals = io === 'input' ? refusalsOf(zodSchema) : []
      if (refusals.length > 0) jsonSchema['x-refusals'] = refusals
    },
  })
  return json
}

/** The sentences of the rules of a value that JSON Schema can not say: a client reads them, and the API's record has them. */
function refusalsOf({ _zod: { def } }: z.core.$ZodType): string[] {
  return (def.checks ?? []).flatMap(({ _zod: rule }) => {
    if (rule.def.check !== 'custom') return []
    const refusal = rule.def.error?.({ code: 'custom', input: undefined } as never)
    return typeof refusal === 'string' ? [refusal] : []
  })
}

const problem = z.object({
  type: z.string().startsWith('urn:millrace:problem:'),
  title: z.string(),
  status: z.int(),
  /** Stable: programs decide by it. */
  code: z.string(),
  detail: z.string(),
  instance: z.string(),
})

type Described = Pick<PublicApi, 'access' | 'description' | 'operations' | 'privilegedTokens' | 'webhooks'>

export function openApiDocument(api: Described): Json {
  const { title, text, license, problemMembers = {} } = api.description
  const paths: Record<string, Record<string, Json>> = {}
  for (const [operationId, operation] of Object.entries(api.operations))
    (paths[operation.path] ??= {})[operation.method] = describe(operationId, operation, api)
  return {
    openapi: '3.1.1',
    info: {
      title,
      version: '1',
      description: `${text} Problems are RFC 9457 documents with a stable code; a request that is refused with Retry-After may be retried.`,
      ...(license ? { license } : {}),
    },
    servers: [{ url: '/' }],
    paths,
    webhooks: Object.fromEntries(Object.entries(api.webhooks ?? {}).map(([type, one]) => [type, sent(one)])),
    components: {
      schemas: { Problem: schemaOf(problem.extend(problemMembers), 'output') },
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      headers,
    },
  }
}

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
const webhookParameters = Object.entries({
  'webhook-id': 'The same for each attempt.',
  'webhook-timestamp': 'When this attempt was sent, in seconds since 1970.',
  'webhook-signature': 'HMAC-SHA-256 of id, time and body, joined by dots, by each valid secret: v1,BASE64.',
}).map(([name, description]) => ({ name, in: 'header', required: true, description, schema: { type: 'string' } }))

const sent = ({ summary, body, answer }: Webhook): Json => ({
  post: {
    summary,
    parameters: webhookParameters,
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body(), 'output') } } },
    responses: { '2XX': { description: answer } },
  },
})

const isForCallers = ({ access }: Described, name: string): boolean => Object.hasOwn(access, name)

const rolesOf = ({ access }: Described, name: string): readonly string[] => access[name] ?? []

function describe(operationId: string, operation: Operation, api: Described): Json {
  const {
    summary,
    access,
    notFor = {},
    requiresIdempotencyKey,
    submits,
    body,
    answers,
    deprecated,
    charges,
    cache,
  } = operation
  const roles = rolesOf(api, access)
  const remarks = [
    ...(deprecated ? [farewell(deprecated)] : []),
    ...(roles.length > 0 ? [`Takes the role ${roles.join(' or ')}.`] : []),
    ...Object.entries(notFor).map(([role, reason]) => `Not for the role ${role}: ${reason}`),
    ...(cache ? [`An answer may be kept for ${cache.seconds} s.`] : []),
  ]
  return {
    operationId,
    summary,
    ...(remarks.length > 0 ? { description: remarks.join(' ') } : {}),
    ...(deprecated ? { deprecated: true } : {}),
    ...(deprecated?.sunset === undefined ? {} : { 'x-sunset': deprecated.sunset }),
    ...(charges === undefined ? {} : { 'x-charges': charges }),
    ...(cache ? { 'x-cache-seconds': cache.seconds } : {}),
    security: securityOf(operation, api),
    ...(Object.keys(notFor).length > 0 ? { 'x-not-for': Object.keys(notFor) } : {}),
    parameters: [
      ...parametersOf(operation),
      ...(requiresIdempotencyKey ? [idempotencyKey] : []),
      ...(submits ? [prefer] : []),
      ...(operation.streams ? [lastEventId] : []),
      ...(hasEntityTag(operation) ? [ifNoneMatch] : []),
      ...(operation.checksVersion ? [ifMatch] : []),
    ],
    ...(body
      ? {
          requestBody: {
            required: true,
            'x-max-bytes': operation.maxBodyBytes ?? BODY_BYTES,
            content: { 'application/json': { schema: schemaOf(body, 'input') } },
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, [meaning, schema]]) => [
          status,
          {
            description: meaning,
            headers: {
              ...headersOf(operation),
              ...(status === '200' && hasEntityTag(operation) ? headersOfRead(operation) : {}),
            },
            ...(status === '200' && operation.streams
              ? { content: { 'text/event-stream': { schema: schemaOf(operation.streams, 'output') } } }
              : {}),
            ...(schema ? { content: { 'application/json': { schema: schemaOf(schema, 'output') } } } : {}),
          },
        ]),
      ),
      ...(hasEntityTag(operation)
        ? {
            304: {
              description: 'The client has this answer.',
              headers: { ...headersOf(operation), ...headersOfRead(operation) },
            },
          }
        : {}),
      ...problemResponses(problemsOf(operation, api)),
    },
  }
}

const farewell = ({ since, sunset, successor }: NonNullable<Operation['deprecated']>): string =>
  [
    `Deprecated since ${since}.`,
    ...(sunset === undefined ? [] : [`It is answered 410 from ${sunset} on.`]),
    ...(successor === undefined ? [] : [`Use ${successor}.`]),
  ].join(' ')

/** Any one of the roles is enough. */
function securityOf({ access }: Operation, api: Described): Json[] {
  if (!isForCallers(api, access)) return []
  const roles = rolesOf(api, access)
  return roles.length === 0 ? [{ token: [] }] : roles.map((role) => ({ token: [role] }))
}

const header = (name: string): Json => ({ [name]: { $ref: `#/components/headers/${name}` } })

const headersOf = ({ submits, deprecated }: Operation): Json => ({
  ...header('RateLimit'),
  ...(submits ? { ...header('Location'), ...header('Preference-Applied') } : {}),
  ...(deprecated ? header('Deprecation') : {}),
  ...(deprecated?.sunset === undefined ? {} : header('Sunset')),
  ...(deprecated?.successor === undefined ? {} : header('Link')),
})

const headersOfRead = ({ cache }: Operation): Json => ({
  ...header('ETag'),
  ...(cache ? header('Cache-Control') : {}),
})

const text = { type: 'string' }
const headers = {
  'Retry-After': { description: 'Seconds after which to retry.', schema: { type: 'integer', minimum: 0 } },
  RateLimit: { description: 'The remaining requests, and the time until the limit is reset.', schema: text },
  ETag: {
    description: 'The tag of the answer, for If-None-Match, and for If-Match where an operation has it (RFC 9110).',
    schema: text,
  },
  'Cache-Control': {
    description: 'For how many seconds the client may use the answer without asking again (RFC 9111).',
    schema: text,
  },
  Location: { description: 'Where the result is read.', schema: text },
  'Preference-Applied': { description: 'For how long the answer waited, at most (RFC 7240).', schema: text },
  Deprecation: { description: 'Since when the operation is deprecated (RFC 9745).', schema: text },
  Sunset: { description: 'From when on it is answered 410 (RFC 8594).', schema: text },
  Link: { description: 'The version that replaces it, as successor-version.', schema: text },
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: true,
  description: 'The same key with the same body has the same answer.',
  schema: schemaOf(keySchema, 'input'),
}

const prefer = {
  name: 'Prefer',
  in: 'header',
  required: false,
  description: `wait=N: waits for the outcome of the command, ${MAX_WAIT_SECONDS} seconds at most (RFC 7240).`,
  schema: { type: 'string', examples: ['wait=10'] },
}

const lastEventId = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description: 'The id of the last event that arrived: the stream resumes after it.',
  schema: { type: 'string' },
}

const ifNoneMatch = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The ETag of an answer that the client has: 304 says that it is still the same.',
  schema: { type: 'string' },
}

const ifMatch = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description:
    'The ETag of the answer on which the request is based, or its version in quotes: 412 precondition-failed if the object has changed since. The command that is handled later is refused likewise.',
  schema: { type: 'string', examples: ['"7"'] },
}

function parametersOf({ path, parameters = {} }: Operation): Json[] {
  const inPath = pathParametersOf({ path })
  return Object.entries(parameters).map(([name, schema]) => ({
    name,
    in: inPath.includes(name) ? 'path' : 'query',
    required: !schema.safeParse(undefined).success,
    schema: schemaOf(schema, 'input'),
  }))
}

function problemResponses(codes: readonly DeclaredCode[]): Json {
  const byStatus = Map.groupBy(codes, ({ status }) => status)
  const responses = [...byStatus].map(([status, some]) => {
    const names = some.map(({ name }) => name)
    return [
      status,
      {
        description: names.join(', '),
        ...(some.some(({ isForLater }) => isForLater)
          ? { headers: { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } }
          : {}),
        content: {
          'application/problem+json': {
            schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: names } } }] },
          },
        },
      },
    ]
  })
  return Object.fromEntries(responses) as Json
}

/** Every code that an operation may answer with. */
export function problemsOf(
  { access, notFor = {}, requiresIdempotencyKey, checksVersion, body, problems = [], deprecated }: Operation,
  api: Described,
): DeclaredCode[] {
  const always = ['rate-limited', 'overloaded', 'unavailable', 'invalid-parameter', 'unsupported-precondition'] as const
  const known: Code[] = [...always, ...problems]
  if (isForCallers(api, access)) {
    known.push('token-missing', 'token-invalid', 'token-expired')
    if (api.privilegedTokens) known.push('token-revoked', 'second-factor-missing')
    if (rolesOf(api, access).length + Object.keys(notFor).length > 0) known.push('forbidden')
  }
  if (deprecated?.sunset !== undefined) known.push('operation-ended')
  if (checksVersion) known.push('precondition-failed')
  if (access === 'signed') known.push('signature-invalid')
  if (requiresIdempotencyKey) known.push('idempotency-key-missing', 'idempotency-key-reused')
  if (body) known.push('invalid-json', 'invalid-body', 'body-too-large', 'body-too-slow', 'unsupported-media-type')
  return [...new Set(known.map(declarationOf))]
}

/** The document is generated at the first request: it is the same for every caller. */
export function documentHandlers(
  api: Described & Pick<PublicApi, 'messages'>,
): Readonly<Record<keyof typeof documentOperations, OperationHandler<Operation>>> {
  const document = once(() => openApiDocument(api))
  const text = once(() => JSON.stringify(document()))
  const page = createDocsPage(document, api.messages !== undefined)
  return {
    readDocument: ({ c }) => c.checked(text(), 200, 'application/json'),
    readPage: ({ c }) => page(c),
  }
}
