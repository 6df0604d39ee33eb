/** Makes the public API of a service from the operations that all services declare. */

import { submittedSchema } from '../contracts/command-status.ts'
import type { Contracts } from '../contracts/contract.ts'
import type { Message } from '../contracts/message.ts'
import { type Api, type QueryOperation, type Given, hasCodeAtEdge, type Submitted } from '../service/api.ts'
import type { EdgeCode } from '../service/edge-code.ts'
import { mergedMembers } from '../service/merged-members.ts'
import type { OperationContext } from '../service/operation-context.ts'
import type { Platform } from '../service/platform.ts'
import type { Caller, Operation, Operations } from '../service/operation.ts'
import {
  checkedPublicApi,
  type OperationHandler,
  type PublicApi,
  type RpcSource,
  withCommandOperations,
} from '../service/public-api.ts'
import { servedBy } from '../service/versions.ts'
import { answerSubmitted } from './commands.ts'
import { earlierHandler } from './earlier-versions.ts'
import { relayed } from './relay.ts'

/** A command that was submitted for a caller. */
export interface SubmittedAct {
  readonly caller: Caller
  readonly request: OperationContext['request']
  readonly command: string
  readonly commandId: string
  /** The object that the command is about. */
  readonly subject: string
}

/** The public service's own part: who its callers are, and their limits. */
interface Door extends Omit<PublicApi, 'operations' | 'webhooks' | 'handlers' | 'signatures' | 'edges' | 'loaders'> {
  /** Called for each submitted command, before its answer. */
  submitted?(platform: Platform, act: SubmittedAct): void
}

/** Imports the module of a service's code at the edge: `functions/NAME/edge.ts`. */
type LoadCode = (service: string) => Promise<{ readonly edge?: EdgeCode }>

/**
 * @param loadRpcs Imports the record of a service's remote procedures: `functions/NAME/rpc.json`. Absent: REST alone.
 * @throws Error for code at the edge that is missing, and for a member of problem documents that two services declare otherwise.
 */
export async function serveOperations(
  { submitted, description, ...door }: Door,
  apis: readonly Api[],
  loadCode: LoadCode,
  loadRpcs?: RpcSource['load'],
): Promise<PublicApi> {
  const codes = await Promise.all(apis.map((api) => codeOf(api, loadCode)))
  const operations: Operations = Object.fromEntries(
    apis.flatMap((api) => servedBy(api).map(({ id, describe }) => [id, describe()])),
  )
  const problemMembers = mergedMembers('member of problem documents', [
    { service: 'The public API', members: description.problemMembers },
    ...apis.map((api) => ({ service: api.contracts.service, members: api.problemMembers })),
  ])
  const api = checkedPublicApi({
    ...door,
    description: { ...description, problemMembers },
    operations,
    webhooks: merged(apis.map(({ webhooks = {} }) => webhooks)),
    rpcs: loadRpcs && { owners: ownersOf(apis), load: loadRpcs },
    handlers: (platform) =>
      merged(apis.map((api, at) => handlersOf(api, codes[at]!, { ...door, platform, submitted }))),
    edges: merged(apis.map(({ atEdge }) => atEdge.edges)),
    loaders: (platform) => merged(codes.map((code) => code.edges?.(platform) ?? {})),
    signatures: (platform) => merged(apis.map((api, at) => ofVersions(api, codes[at]!.signatures?.(platform) ?? {}))),
  })
  return Object.values(operations).some(({ submits }) => submits) ? withCommandOperations(api) : api
}

const ownersOf = (apis: readonly Api[]): Readonly<Record<string, string>> =>
  Object.fromEntries(apis.flatMap((api) => servedBy(api).map(({ id }) => [id, api.contracts.service])))

async function codeOf(api: Api, loadCode: LoadCode): Promise<EdgeCode> {
  if (!hasCodeAtEdge(api)) return {}
  const { service } = api.contracts
  const missing = (cause?: unknown): Error =>
    new Error(`${service} answers operations at the edge: export edge, made by implementEdge, from its edge.ts.`, {
      cause,
    })
  const { edge } = await loadCode(service).catch((error: unknown) => {
    throw missing(error)
  })
  if (edge === undefined) throw missing()
  return edge
}

/** By the name of each version, without names of operations of other services. */
const ofVersions = <V>(api: Api, parts: Readonly<Record<string, V>>): Readonly<Record<string, V>> => {
  const ids = new Map(Object.entries(api.operations).map(([id, declared]) => [declared, id]))
  return Object.fromEntries(
    servedBy(api).flatMap(({ id, declared }) => {
      const newest = ids.get(declared)!
      return Object.hasOwn(parts, newest) ? [[id, parts[newest]!]] : []
    }),
  )
}

const merged = <V>(records: readonly Readonly<Record<string, V>>[]): Readonly<Record<string, V>> =>
  Object.assign({}, ...records) as Readonly<Record<string, V>>

interface Parts extends Pick<Door, 'subjectOf' | 'roles' | 'access'> {
  readonly platform: Platform
  readonly submitted: Door['submitted'] | undefined
}

function handlersOf(api: Api, code: EdgeCode, parts: Parts): ReturnType<PublicApi['handlers']> {
  const { contracts, operations } = api
  const handlers = code.handlers?.(parts.platform) ?? {}
  const checks = code.checks?.(parts.platform) ?? {}
  const made = Object.entries(operations).flatMap(([id, one]): [string, Handler][] => {
    if ('asks' in one) return [[id, relaying(contracts, one, parts)]]
    if ('submits' in one) return [[id, submitting(one, checkOf(id, one, checks), parts)]]
    return Object.hasOwn(handlers, id) ? [[id, handlers[id]!]] : []
  })
  const newest = ofVersions(api, Object.fromEntries(made))
  return Object.fromEntries(
    servedBy(api).flatMap(({ id, earlier, declared }) => {
      const handler = newest[id]
      if (!handler) return []
      return [[id, earlier ? earlierHandler(declared.describe(), earlier, handler) : handler]]
    }),
  )
}

type Handler = OperationHandler<Operation>
type Check = NonNullable<ReturnType<NonNullable<EdgeCode['checks']>>[string]>

function checkOf(id: string, { isChecked }: Submitted, checks: Readonly<Record<string, Check>>): Check | undefined {
  if (!isChecked) return undefined
  if (!Object.hasOwn(checks, id)) throw new Error(`The operation ${id} has no check: give one to implementEdge.`)
  return checks[id]
}

function relaying(contracts: Contracts, operation: QueryOperation, { platform }: Parts): Handler {
  const { asks, request, shapes, timeoutMs, hedged, location, securityEvent } = operation
  const options = { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(hedged ? { hedged } : {}) }
  return async (given) => {
    const { c } = given
    // The runtime has checked all parts as the operation declares them, from which the types of these functions follow.
    const parsed = given as never
    const answer = await platform.relay(contracts, asks as never, request(parsed) as never, options)
    if (!answer.refused) {
      if (location) c.header('location', location(parsed))
      if (securityEvent) platform.security({ ...securityEvent(parsed), outcome: 'done', ...c.request })
    }
    return relayed(c, answer, platform, shapes)
  }
}

/**
 * The limit of an operation that names none: a caller acts on what is the caller's own, unless a privileged role of the caller is
 * one that the operation takes.
 */
function ownUnlessTaken(
  operation: Submitted,
  { roles: { privileged }, access }: Parts,
): NonNullable<Submitted['limitedTo']> {
  const taken = access[operation.describe().access]?.filter((role) => privileged.includes(role)) ?? []
  return ({ sub, roles }) => (roles.some((role) => taken.includes(role)) ? undefined : sub)
}

function submitting(operation: Submitted, check: Check | undefined, parts: Parts): Handler {
  const { platform, subjectOf, submitted } = parts
  const { submits: type, subject: field, answers, derives } = operation
  const limitOf = operation.limitedTo ?? ownUnlessTaken(operation, parts)
  return async (given) => {
    await check?.(given)
    // `submits` declares a token, a key and an object as the body of its operation.
    const { caller, key, params, body } = given as unknown as Given<object, object, string>
    const { c } = given
    const derived = Object.entries(derives).map(([name, derive]) => [name, derive(caller, key)] as const)
    const data: Readonly<Record<string, unknown>> = {
      ...body,
      ...Object.fromEntries(derived),
      ...params,
    }
    const subject = data[field] as string
    const { address } = c.request
    const options = {
      key,
      actor: subjectOf(caller),
      subject,
      limitedTo: limitOf(caller),
      address,
      expectedVersion: c.expectedVersion,
    }
    const answer = await platform.submit<Message>({ type, data }, options)
    if (answer.refused) return relayed(c, answer, platform)
    const { commandId } = submittedSchema.parse(await answer.response.json())
    submitted?.(platform, { caller, request: c.request, command: type, commandId, subject })
    const members = Object.fromEntries(answers.map((name) => [name, data[name]]))
    return answerSubmitted(c, platform, { commandId, command: type, answer: members })
  }
}
