/** Binds the fields of the schema to operations and edges: each is answered as a request to its operation would be. */

import DataLoader from 'dataloader'
import { GraphQLError, GraphQLObjectType, type GraphQLSchema } from 'graphql'
import { Context } from 'hono'
import { RefusedInput } from '../base/errors.ts'
import { routeOf } from '../contracts/query.ts'
import { HEADER_ARGUMENTS, KEY_ARGUMENT, VERSION_ARGUMENT, WAIT_ARGUMENT } from '../graphql/names.ts'
import { answerProblem } from '../http/http.ts'
import { logRefusal } from '../http/refusals.ts'
import { BATCH_KEYS } from '../service/edges.ts'
import type { Arguments, Graph, Run } from './graph.ts'
import { errorIn, type Problem } from './graphql-answers.ts'
import { createEdgeReads, type ReadEdge } from './edge-reads.ts'
import { partsOf } from './message-parts.ts'

export function bindFields(schema: GraphQLSchema, graph: Graph): void {
  const read = createEdgeReads(graph.edges, graph.loaders, graph.platform.now)
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  for (const type of roots)
    for (const [id, field] of Object.entries(type?.getFields() ?? {})) {
      if (!graph.operations.has(id)) throw new Error(`${id} of the schema is no operation: npm run record.`)
      if (type === schema.getSubscriptionType())
        // The stream itself is that of REST: its events are executed one by one.
        field.subscribe = (_, args, run: Run) => {
          run.followed = { id, args: args as Arguments }
          return noEvents()
        }
      else
        field.resolve = (_, args, run: Run) =>
          run.counted ? counted(graph, run.counted, id, args as Arguments) : called(graph, run, id, args as Arguments)
    }
  for (const [name, { by, like }] of Object.entries(graph.edges)) {
    const [owner, field] = name.split('.') as [string, string]
    const type = schema.getType(owner)
    if (!(type instanceof GraphQLObjectType)) throw new Error(`The schema has no ${owner}: npm run record.`)
    type.getFields()[field]!.resolve = (from: Readonly<Record<string, unknown>>, _, run: Run) =>
      from[field] ?? loaderOf(graph, run, { name, like, read }).load(from[by] as string)
  }
}

async function* noEvents(): AsyncGenerator<never> {}

function counted({ operations }: Graph, count: NonNullable<Run['counted']>, id: string, given: Arguments): null {
  if (operations.get(id)!.operation.requiresIdempotencyKey) {
    count.commands += 1
    // Null is absent; an empty text is a key, which its operation refuses.
    if (typeof given[KEY_ARGUMENT] !== 'string') count.withoutKey += 1
  }
  return null
}

/** One operation, as a request to its route would be answered. @throws GraphQLError */
async function called(graph: Graph, run: Run, id: string, given: Arguments): Promise<unknown> {
  const { operation, bound } = graph.operations.get(id)!
  const values = withoutNull(given) as Arguments
  const c = contextOf(run, id, graph, values)
  return failing(graph, c, async () => {
    bound.allow(c, run.caller)
    const response = await bound.answer(c, { caller: run.caller }, partsOf(ownOf(values), operation))
    if (response.status >= 400) throw spelled(response, (await response.json()) as Problem, c)
    return response.status === 204 ? true : response.json()
  })
}

const ownOf = (values: Arguments): Arguments =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !HEADER_ARGUMENTS.includes(name)))

/** Null is absent, as in every message of this API. */
export function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) => (one === null ? [] : [[name, withoutNull(one)]])),
  )
}

/** The context of one operation: its headers are those of the request, and what its arguments say in their place. */
export function contextOf(run: Run, id: string, { operations }: Graph, values: Arguments): Context {
  const { operation } = operations.get(id)!
  const headers = new Headers(run.c.req.raw.headers)
  const { [KEY_ARGUMENT]: key, [WAIT_ARGUMENT]: wait, [VERSION_ARGUMENT]: version } = values
  if (typeof wait === 'number') headers.set('prefer', `wait=${wait}`)
  if (typeof version === 'number') headers.set('if-match', `"${version}"`)
  const c = new Context(new Request(new URL(run.c.req.url), { method: 'POST', headers }), {
    env: {},
    path: run.c.req.path,
  })
  // Not as a header, which would lose the spaces around it and throw for what is no character of a header.
  if (operation.requiresIdempotencyKey && typeof key === 'string') c.set('idempotencyKey', key)
  c.set('subject', run.c.get('subject'))
  c.set('address', run.c.get('address'))
  c.set('operationRoute', routeOf(operation))
  return c
}

/** @throws GraphQLError for what the operation throws: its refusal is logged as that of a request is. */
async function failing<T>(graph: Graph, c: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof GraphQLError ? error : await errorFrom(graph, c, error)
  }
}

async function errorFrom({ platform }: Graph, c: Context, error: unknown): Promise<GraphQLError> {
  logRefusal(platform.security, c, { error, isInternal: false })
  if (error instanceof RefusedInput) c.set('violations', error.violations)
  const response = answerProblem(c, error as Error, platform.log)
  return spelled(response, (await response.json()) as Problem, c)
}

function spelled({ headers }: Response, problem: Problem, c: Context): GraphQLError {
  const { message, extensions } = errorIn(problem, headers.get('retry-after'), c.get('violations'))
  return new GraphQLError(message, { extensions })
}

/** Reads the objects of an edge together: all of a request that are asked for at one time. */
function loaderOf(
  graph: Graph,
  run: Run,
  { name, like, read }: { readonly name: string; readonly like: string; readonly read: ReadEdge },
): DataLoader<string, object> {
  const known = run.loaders.get(name)
  if (known) return known
  /** @param isFurther The document was charged for one read of its edge. */
  async function readBatch(keys: readonly string[], isFurther: boolean): Promise<(object | Error)[]> {
    const c = contextOf(run, like, graph, {})
    const { objects, stale } = await failing(graph, c, async () => {
      graph.operations.get(like)!.bound.allow(c, run.caller)
      if (isFurther) graph.chargeFurther(run.c, run.caller, 1)
      return read(name, keys, run.caller)
    })
    if (!stale) return keys.map((key) => objects.get(key) ?? missing(name, key))
    const error = await errorFrom(graph, c, stale.error)
    const code = String(error.extensions['code'])
    countMissing(graph, name, { code, fallback: 'copies' })
    run.stale.push({ edge: name, ageSeconds: stale.ageSeconds, code })
    return keys.map((key) => objects.get(key) ?? error)
  }
  const made = new DataLoader<string, object>(async (keys) => {
    const starts = Array.from({ length: Math.ceil(keys.length / BATCH_KEYS) }, (_, at) => at * BATCH_KEYS)
    const read = starts.map(async (from) => {
      const batch = keys.slice(from, from + BATCH_KEYS)
      return readBatch(batch, from > 0).catch((error: Error) => {
        const code = error instanceof GraphQLError ? String(error.extensions['code']) : 'bug'
        countMissing(graph, name, { code, fallback: 'none' })
        return batch.map(() => error)
      })
    })
    return (await Promise.all(read)).flat()
  })
  run.loaders.set(name, made)
  return made
}

/** A refusal is an answer, and no object that this caller may not see is missing. What failed is logged already. */
function countMissing(
  { platform }: Graph,
  part: string,
  { code, fallback }: { readonly code: string; readonly fallback: 'none' | 'copies' },
): void {
  if (code === 'unavailable' || code === 'bug') platform.partMissing({ part, code, fallback })
}

const missing = (name: string, key: string): GraphQLError =>
  new GraphQLError(`${name} leads to ${key}, which there is not for this caller.`, {
    extensions: { status: 404, code: 'not-found' },
  })
