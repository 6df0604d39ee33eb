/** Answers requests of GraphQL by the operations of the public API. Loaded at the first of them. */

import DataLoader from 'dataloader'
import {
  buildSchema,
  createSourceEventStream,
  type DocumentNode,
  execute,
  executeSubscriptionEvent,
  type ExecutionResult,
  getOperationAST,
  GraphQLError,
  type GraphQLFormattedError,
  GraphQLObjectType,
  type GraphQLSchema,
  OperationTypeNode,
  parse,
  validate,
  validateSubscriptionArgs,
} from 'graphql'
import { Context } from 'hono'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { requestContext } from '../base/deadline.ts'
import { platformCodes, Refused, refuseIf, RefusedInput } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import { shortened } from '../base/shortened.ts'
import { routeOf } from '../contracts/query.ts'
import { MAX_DOCUMENT_CHARACTERS, MAX_TOKENS, measured } from '../graphql/limits.ts'
import { KEY_ARGUMENT, WAIT_ARGUMENT } from '../graphql/names.ts'
import { answerProblem } from '../http/http.ts'
import { logRefusal } from '../http/refusals.ts'
import { BATCH_KEYS } from '../service/edge-code.ts'
import type { Caller } from '../service/operation.ts'
import type { GraphqlRecord } from '../service/public-api.ts'
import { errorIn, type Graph, type Problem, respond, statusFor } from './graphql-routes.ts'
import { partsOf } from './message-parts.ts'

export interface GraphqlCalls {
  /** @param body Undefined for GET, which has the same members in its query. @throws Refused, Limited */
  answer(c: Context, caller: Caller, body: unknown): Promise<Response>
}

const MAX_ERRORS = 5
const MESSAGE_CHARACTERS = 300
const EVENT_STREAM = 'text/event-stream'

const requestSchema = z.strictObject({
  query: z.string().nullish(),
  /** `sha256:` and the digest of a recorded document, in place of its text. */
  documentId: z.string().nullish(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).nullish(),
})
type Asked = z.output<typeof requestSchema>

/** One request: its caller, and what it has read. */
interface Run {
  readonly c: Context
  readonly caller: Caller
  readonly loaders: Map<string, DataLoader<string, object>>
  /** The mutations of the request that take a key: the header is for one alone. */
  keyed: number
  followed?: { readonly id: string; readonly args: Arguments }
}
type Arguments = Readonly<Record<string, unknown>>

export function createGraphqlCalls(graph: Graph, { schema: sdl, documents }: GraphqlRecord): GraphqlCalls {
  const { platform, source, edges } = graph
  const schema = buildSchema(sdl, { assumeValid: true, assumeValidSDL: true })
  const isRecordedOnly = source.isRecordedOnly(platform)
  bindFields(schema, graph)
  const isEdge = (name: string): boolean => Object.hasOwn(edges, name)

  return {
    async answer(c, caller, body) {
      const asked = parsedRequest(body === undefined ? inQuery(c) : body)
      const document = parsed(textOf(asked, documents, isRecordedOnly))
      const variables = asked.variables ?? {}
      const operation = getOperationAST(document, asked.operationName)
      if (!operation)
        throw new Refused('invalid-document', 'Name one of the operations of the document in operationName.')
      const { calls } = measured(document, operation, { schema, variables, isEdge })
      const faults = validate(schema, document, undefined, { maxErrors: MAX_ERRORS })
      if (faults.length > 0) return refused(c, 'invalid-document', faults)
      refuseIf(
        c.req.method === 'GET' && operation.operation !== OperationTypeNode.QUERY,
        'request-invalid',
        `GET reads alone: send the ${operation.operation} by POST.`,
      )
      graph.chargeFurther(c, caller, Math.max(0, calls - 1))
      const run: Run = { c, caller, loaders: new Map(), keyed: 0 }
      const args = {
        schema,
        document,
        contextValue: run,
        variableValues: variables,
        operationName: asked.operationName ?? null,
        abortSignal: requestContext()?.signal ?? null,
        options: { maxCoercionErrors: MAX_ERRORS },
      }
      if (operation.operation === OperationTypeNode.SUBSCRIPTION) return followed(c, graph, args)
      const result = await execute(args)
      if (result.data === undefined) return refused(c, 'invalid-variables', result.errors ?? [])
      return answered(c, formatted(result, graph, run))
    },
  }
}

function parsedRequest(value: unknown): Asked {
  refuseIf(Array.isArray(value), 'request-invalid', 'A request has one document: send those of a batch one by one.')
  const asked = requestSchema.safeParse(value)
  if (asked.success) return asked.data
  throw new Refused('request-invalid', listOf(asked.error, 'body'))
}

function inQuery(c: Context): object {
  return Object.fromEntries(
    Object.entries(c.req.query()).map(([name, text]) => [
      name,
      name === 'variables' || name === 'extensions' ? jsonIn(name, text) : text,
    ]),
  )
}

function jsonIn(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Refused('invalid-json', `The parameter ${name} is not JSON: ${(error as Error).message}`)
  }
}

/** The text of the document that is asked for. @throws Refused */
function textOf({ query, documentId }: Asked, documents: GraphqlRecord['documents'], isRecordedOnly: boolean): string {
  const digest = documentId?.replace(/^sha256:/, '')
  if (digest !== undefined) {
    if (!Object.hasOwn(documents, digest))
      throw new Refused('document-not-recorded', 'There is no recorded document with this documentId.')
    return documents[digest]!
  }
  if (!query) throw new Refused('request-invalid', 'Send a document as query, or its documentId.')
  if (!isRecordedOnly) return query
  // A client that sends the text of a recorded document asks for nothing else.
  const own = createHash('sha256').update(query).digest('hex')
  if (!Object.hasOwn(documents, own))
    throw new Refused('document-not-recorded', 'Recorded documents alone are answered here: send a documentId.')
  return query
}

/** @throws Refused */
function parsed(text: string): DocumentNode {
  refuseIf(
    text.length > MAX_DOCUMENT_CHARACTERS,
    'document-too-complex',
    `The document has more than ${MAX_DOCUMENT_CHARACTERS} characters: ask for less, or in several requests.`,
  )
  try {
    return parse(text, { maxTokens: MAX_TOKENS })
  } catch (error) {
    const { message } = error as Error
    throw new Refused(
      message.includes(`more than ${MAX_TOKENS} tokens`) ? 'document-too-complex' : 'invalid-document',
      shortened(message, MESSAGE_CHARACTERS),
    )
  }
}

/** Nothing was executed. */
function refused(
  c: Context,
  code: 'invalid-document' | 'invalid-variables',
  errors: readonly GraphQLError[],
): Response {
  const { status } = platformCodes[code]
  const shown = errors.slice(0, MAX_ERRORS).map((one) => ({
    ...one.toJSON(),
    message: shortened(one.message, MESSAGE_CHARACTERS),
    extensions: { status, code },
  }))
  c.set('problemStatus', status)
  return respond(c, statusFor(c, { status, code }), { errors: shown })
}

/** A client of streams has every answer as one. */
function answered(c: Context, result: object): Response {
  if (!prefersStream(c)) return respond(c, 200, result)
  return c.body(`event: next\ndata: ${JSON.stringify(result)}\n\nevent: complete\ndata:\n\n`, 200, {
    'content-type': `${EVENT_STREAM}; charset=utf-8`,
  })
}

const prefersStream = (c: Context): boolean => /^\s*text\/event-stream/.test(c.req.header('accept') ?? '')

/** Failures of the operations have their code; any other is a fault of an answer, which is logged and not shown. */
function formatted({ data, errors }: ExecutionResult, { platform }: Graph, { c }: Run): object {
  if (!errors) return { data }
  const shown = errors.map((error): GraphQLFormattedError => {
    const { message, extensions, ...place } = error.toJSON()
    if (extensions && 'code' in extensions) return { message, ...place, extensions }
    platform.log('ERROR', 'graphql.failed', { path: error.path?.join('.'), error })
    const status = 500
    return {
      message: 'The service failed unexpectedly. The error is in its log.',
      ...place,
      extensions: { code: 'bug', status },
    }
  })
  // The answer is 200, and the worst failure counts for the objectives.
  const worst = Math.max(...shown.map(({ extensions }) => Number(extensions?.['status'] ?? 0)))
  if (worst >= 500) c.set('problemStatus', worst)
  return { errors: shown, data }
}

function bindFields(schema: GraphQLSchema, graph: Graph): void {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  for (const type of roots)
    for (const [id, field] of Object.entries(type?.getFields() ?? {})) {
      if (!graph.operations.has(id))
        throw new Error(`${id} of the schema is no operation: UPDATE_API=1 npm test -- frozen-.`)
      if (type === schema.getSubscriptionType())
        // The stream itself is that of REST: its events are executed one by one.
        field.subscribe = (_, args, run: Run) => {
          run.followed = { id, args: args as Arguments }
          return noEvents()
        }
      else field.resolve = (_, args, run: Run) => called(graph, run, id, args as Arguments)
    }
  for (const [name, { by, like }] of Object.entries(graph.edges)) {
    const [owner, field] = name.split('.') as [string, string]
    const type = schema.getType(owner)
    if (!(type instanceof GraphQLObjectType))
      throw new Error(`The schema has no ${owner}: UPDATE_API=1 npm test -- frozen-.`)
    type.getFields()[field]!.resolve = (from: Readonly<Record<string, unknown>>, _, run: Run) =>
      from[field] ?? loaderOf(graph, run, { name, like }).load(from[by] as string)
  }
}

async function* noEvents(): AsyncGenerator<never> {}

/** One operation, as a request to its route would be answered. @throws GraphQLError */
async function called(graph: Graph, run: Run, id: string, given: Arguments): Promise<unknown> {
  const { operation, bound } = graph.operations.get(id)!
  const values = withoutNull(given) as Record<string, unknown>
  const c = contextOf(run, id, graph, values)
  return failing(graph, c, async () => {
    bound.allow(c, run.caller)
    const response = await bound.answer(c, { caller: run.caller }, partsOf(ownOf(values), operation))
    if (response.status >= 400) throw spelled(response, (await response.json()) as Problem, c)
    return response.status === 204 ? true : response.json()
  })
}

const ownOf = ({ [KEY_ARGUMENT]: _, [WAIT_ARGUMENT]: __, ...values }: Record<string, unknown>): Arguments => values

/** Null is absent, as in every message of this API. */
function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) => (one === null ? [] : [[name, withoutNull(one)]])),
  )
}

/** The context of one operation: its headers are those of the request, and what its arguments say in their place. */
function contextOf(run: Run, id: string, { operations }: Graph, values: Arguments): Context {
  const { operation } = operations.get(id)!
  const headers = new Headers(run.c.req.raw.headers)
  const { [KEY_ARGUMENT]: key, [WAIT_ARGUMENT]: wait } = values
  if (operation.requiresIdempotencyKey) {
    // One key for two commands would be a key that is used again.
    if (run.keyed++ > 0) headers.delete('idempotency-key')
    if (typeof key === 'string') headers.set('idempotency-key', key)
  }
  if (typeof wait === 'number') headers.set('prefer', `wait=${wait}`)
  const c = new Context(new Request(new URL(run.c.req.url), { method: 'POST', headers }), {
    env: {},
    path: run.c.req.path,
  })
  c.set('subject', run.c.get('subject')!)
  c.set('address', run.c.get('address')!)
  c.set('operationRoute', routeOf(operation))
  return c
}

/** @throws GraphQLError for what the operation throws: its refusal is logged as that of a request is. */
async function failing<T>({ platform }: Graph, c: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof GraphQLError) throw error
    logRefusal(platform.security, c, { error, isInternal: false })
    if (error instanceof RefusedInput) c.set('violations', error.violations)
    const response = answerProblem(c, error as Error, platform.log)
    throw spelled(response, (await response.json()) as Problem, c)
  }
}

function spelled({ headers }: Response, problem: Problem, c: Context): GraphQLError {
  const { message, extensions } = errorIn(problem, headers.get('retry-after'), c.get('violations'))
  return new GraphQLError(message, { extensions })
}

/** Reads the objects of an edge together: all of a request that are asked for at one time. */
function loaderOf(
  graph: Graph,
  run: Run,
  { name, like }: { readonly name: string; readonly like: string },
): DataLoader<string, object> {
  const known = run.loaders.get(name)
  if (known) return known
  const made = new DataLoader<string, object>(
    async (keys) => {
      const c = contextOf(run, like, graph, {})
      const objects = await failing(graph, c, async () => {
        graph.operations.get(like)!.bound.allow(c, run.caller)
        return graph.loaders[name]!(keys, run.caller)
      })
      return keys.map((key) => objects.get(key) ?? missing(name, key))
    },
    { maxBatchSize: BATCH_KEYS },
  )
  run.loaders.set(name, made)
  return made
}

const missing = (name: string, key: string): GraphQLError =>
  new GraphQLError(`${name} leads to ${key}, which there is not for this caller.`, {
    extensions: { status: 404, code: 'not-found' },
  })

type ExecutionOf = Parameters<typeof validateSubscriptionArgs>[0] & { readonly contextValue: Run }

/** The stream of REST, each of whose events is executed as the document asks. */
async function followed(c: Context, graph: Graph, args: ExecutionOf): Promise<Response> {
  refuseIf(
    !(c.req.header('accept') ?? '').includes(EVENT_STREAM),
    'request-invalid',
    `A subscription is answered by a stream: send Accept: ${EVENT_STREAM}.`,
  )
  const run = args.contextValue
  // Its events outlive the request.
  const checked = validateSubscriptionArgs({ ...args, abortSignal: null })
  if (!('operation' in checked)) return refused(c, 'invalid-variables', checked)
  const source = await createSourceEventStream(checked)
  if (!run.followed) return refused(c, 'invalid-variables', 'errors' in source ? (source.errors ?? []) : [])
  const { id, args: given } = run.followed
  const { operation, bound } = graph.operations.get(id)!
  const inner = contextOf(run, id, graph, {})
  inner.set('eventFrames', {
    async event(data) {
      const result = await executeSubscriptionEvent({ ...checked, rootValue: { [id]: data } })
      return `event: next\ndata: ${JSON.stringify(formatted(result, graph, run))}\n`
    },
    end: 'event: complete\ndata:\n\n',
  })
  bound.allow(inner, run.caller)
  return bound.answer(inner, { caller: run.caller }, partsOf(withoutNull(given) as Arguments, operation))
}
