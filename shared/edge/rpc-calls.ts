/** Spells calls of remote procedures by Connect's library: Connect, gRPC and gRPC-Web. Loaded at the first call. */

import { create, type DescMethod, type DescService, fromBinary, type Message } from '@bufbuild/protobuf'
import { base64Decode } from '@bufbuild/protobuf/wire'
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from '@connectrpc/connect'
import type { UniversalHandler, UniversalServerResponse } from '@connectrpc/connect/protocol'
import type { Http2Bindings, HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { StatusCode } from 'hono/utils/http-status'
import { requestContext, withDeadline } from '../base/deadline.ts'
import { Refused, refuseIf, RefusedInput, type Violation } from '../base/errors.ts'
import { repeatedMember, twoMembers } from '../base/repeated-member.ts'
import { BODY_BYTES, limitedBody } from '../http/http.ts'
import { jsonOf, messageOf } from '../rpc/convert.ts'
import { fileDescriptor, registryOf } from '../rpc/descriptors.ts'
import { errorOf, type Problem } from '../rpc/errors.ts'
import { reflectedFiles, googleService } from '../rpc/google-protos.ts'
import type { RpcName } from '../rpc/names.ts'
import type { RpcRecord } from '../contracts/rpc-record.ts'
import { createReflection } from '../rpc/reflection.ts'
import type { Operation } from '../service/operation.ts'
import type { Health } from '../service/health.ts'
import type { Platform } from '../service/platform.ts'
import { allowKeeping } from './cache.ts'
import type { RequestParts } from './handle.ts'
import { partsOf } from './message-parts.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The fields of a message that the schema of its operation refused. */
    violations?: readonly Violation[]
  }
}

interface Call {
  readonly name: RpcName
  readonly operation: Operation
  /** Runs the operation with what the message says. */
  answer(parts: RequestParts): Promise<Response>
}

export interface RpcCalls {
  /** @throws Refused, Unavailable; a problem of the operation is returned as REST has it, and spelled by `spellProblem`. */
  answer(c: Context, call: Call): Promise<Response>
  answerPlatform(c: Context): Promise<Response>
  /** Undefined for a request of no known protocol: the problem stays as it is. */
  spellProblem(c: Context, problem: Response): Promise<Response | undefined>
}

/** A platform with the health of its process. */
export interface RunningService extends Platform {
  readonly health: Pick<Health, 'readiness'>
}

type Run = (message: Message, context: HandlerContext) => Promise<Message>
const runKey = createContextKey<Run | undefined>(undefined)
const failureKey = createContextKey<ConnectError | undefined>(undefined)

const HEALTH_PATH = '/grpc.health.v1.Health/Check'

/** The longest conversation about descriptors, which a tool has in one stream, and the longest silence in it. */
const REFLECTION_MS = 10_000
const SILENCE_MS = 1_000
/** The longest check of health has the name of a service. */
const HEALTH_BYTES = 1_024

/** @param records Of every service that answers operations. */
export function createRpcCalls(records: readonly RpcRecord[], platform: RunningService): RpcCalls {
  const files = records.flatMap((record) => Object.entries(record).map(([name, one]) => fileDescriptor(name, one)))
  const services = [...registryOf(files)].filter((one): one is DescService => one.kind === 'service')
  const health = googleService('grpc.health.v1.Health')
  const reflections = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'].map(
    googleService,
  )
  const router = createConnectRouter({
    readMaxBytes: BODY_BYTES,
    jsonOptions: { ignoreUnknownFields: false },
    // Before anything is read: a request that was refused elsewhere is only answered here.
    requestGate({ values }) {
      const failure = values.get(failureKey)
      if (failure) throw failure
    },
  })
  // Descriptors that are made in memory have no types of their own.
  const implement = (service: DescService, methods: object): void => void router.service(service, methods)
  for (const service of services)
    implement(
      service,
      Object.fromEntries(
        service.methods.map(({ localName }) => [
          localName,
          (message: Message, context: HandlerContext) => context.values.get(runKey)!(message, context),
        ]),
      ),
    )
  implement(health, { check: checkHealth(platform, [...services, health]) })
  const serverReflectionInfo = createReflection([...files, ...reflectedFiles()], [...services, health, ...reflections])
  for (const reflection of reflections) implement(reflection, { serverReflectionInfo })
  const handlers = new Map(router.handlers.map((one) => [one.requestPath, one]))

  return {
    async answer(c, { name, operation, answer }) {
      const handler = handlers.get(name.path)
      if (!handler) throw new Error(`${name.path} is not recorded: run npm run record.`)
      refuseIf(
        isGrpcOverHttp1(c),
        'unsupported-media-type',
        'gRPC needs HTTP/2: speak gRPC-Web or Connect over HTTP/1.1.',
      )
      const bytes = c.req.method === 'GET' ? undefined : await limitedBody(c, operation.maxBodyBytes ?? BODY_BYTES)
      refuseRepeated(typeOf(c), bytes ?? bytesInQuery(c))
      let ended: { readonly problem: Response } | { readonly error: unknown } | undefined
      let isRead = false
      const run: Run = async (message, { timeoutMs }) => {
        isRead = true
        try {
          const response = await within(timeoutMs(), () =>
            answer(partsOf(jsonOf(message, handler.method.input), operation)),
          )
          if (response.status < 400) return await answered(response, handler.method)
          ended = { problem: response }
        } catch (error) {
          ended = { error }
        }
        throw new ConnectError('The operation refused.')
      }
      const spelled = await spell(c, handler, bytes, createContextValues().set(runKey, run))
      if (ended && 'problem' in ended) return ended.problem
      if (ended) {
        if (ended.error instanceof RefusedInput) c.set('violations', ended.error.violations)
        throw ended.error
      }
      if (isUnspelled(spelled))
        throw new Refused(
          'unsupported-media-type',
          `${c.req.method} with "${c.req.header('content-type') ?? ''}" is neither Connect nor gRPC nor gRPC-Web.`,
        )
      if (!isRead) checkMessage(c, handler.method, bytes ?? bytesInQuery(c))
      else if (c.req.method === 'GET' && spelled.status === 200) allowKeeping(c, operation.cache)
      return unary(c, spelled)
    },
    async answerPlatform(c) {
      const handler = handlers.get(c.req.path)!
      if (handler.method.methodKind === 'unary') {
        const bytes = await limitedBody(c, HEALTH_BYTES)
        checkMessage(c, handler.method, bytes)
        return unary(c, await spell(c, handler, bytes))
      }
      return streamed(c, handler)
    },
    async spellProblem(c, response) {
      if (isGrpcOverHttp1(c)) return undefined
      const problem = (await response.clone().json()) as Problem
      const retryAfter = response.headers.get('retry-after')
      const failure = errorOf(problem, retryAfter === null ? undefined : Number(retryAfter), c.get('violations'))
      const spelled = await spell(
        c,
        // The problem of a procedure that is not recorded is spelled alike.
        handlers.get(c.req.path) ?? handlers.get(HEALTH_PATH)!,
        undefined,
        createContextValues().set(failureKey, failure),
      )
      return isUnspelled(spelled) ? undefined : unary(c, spelled)
    },
  }
}

/** The client waits no longer: the work for it ends, and so do the calls that it makes. */
const within = (timeoutMs: number | undefined, work: () => Promise<Response>): Promise<Response> =>
  timeoutMs === undefined ? work() : withDeadline(timeoutMs, work, { byCaller: true })

/** The library answers a media type, a method or a version of HTTP that no protocol has without a body. */
const isUnspelled = ({ status, body }: UniversalServerResponse): boolean =>
  body === undefined && [405, 415, 505].includes(status)

const isGrpcOverHttp1 = (c: Context): boolean =>
  /^application\/grpc(?!-web)/.test(c.req.header('content-type') ?? '') && httpVersionOf(c).startsWith('1')

const httpVersionOf = (c: Context): string => ((c.env ?? {}) as Partial<HttpBindings>).incoming?.httpVersion ?? '1.1'

const FRAME_BYTES = 5

/** Of the message in a frame, as its head says. */
const lengthOf = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getUint32(1)

/** The library takes a message that it can not read for a failure of its own. @throws Refused for one that its sender got wrong */
function checkMessage(c: Context, { input }: DescMethod, bytes: Uint8Array): void {
  const type = typeOf(c)
  const isFramed = type.startsWith('application/grpc')
  const isWhole =
    !isFramed || (bytes.length >= FRAME_BYTES && bytes[0] === 0 && bytes.length === FRAME_BYTES + lengthOf(bytes))
  if (/json|text/.test(type) || !isWhole) return
  try {
    fromBinary(input, isFramed ? bytes.subarray(FRAME_BYTES) : bytes)
  } catch (error) {
    throw new Refused('invalid-body', `The message is no ${input.typeName}: ${(error as Error).message}`)
  }
}

const typeOf = (c: Context): string =>
  (c.req.method === 'GET' ? c.req.query('encoding') : c.req.header('content-type')) ?? ''

/** As in a body of REST. The head of a frame is no JSON. @throws Refused */
function refuseRepeated(type: string, bytes: Uint8Array): void {
  if (!type.includes('json')) return
  const repeated = repeatedMember(Buffer.from(bytes).toString('utf8'))
  if (repeated !== undefined) throw new Refused('invalid-json', `The message is not JSON: ${twoMembers(repeated)}`)
}

/** The message that Connect's GET has in its query. @throws Refused */
function bytesInQuery(c: Context): Uint8Array {
  const { message = '', base64 } = c.req.query()
  if (base64 !== '1') return new TextEncoder().encode(message)
  try {
    return base64Decode(message)
  } catch (error) {
    throw new Refused('invalid-body', `The message is no base64: ${(error as Error).message}`)
  }
}

const answered = async (response: Response, { output }: DescMethod): Promise<Message> =>
  response.status === 204 ? create(output) : messageOf((await response.json()) as never, output)

function spell(
  c: Context,
  handler: UniversalHandler,
  bytes: Uint8Array | undefined,
  contextValues = createContextValues(),
  body: AsyncIterable<Uint8Array> = once(bytes),
): Promise<UniversalServerResponse> {
  return handler({
    httpVersion: httpVersionOf(c),
    url: c.req.url,
    method: c.req.method,
    header: c.req.raw.headers,
    body,
    signal: requestContext()?.signal ?? c.req.raw.signal,
    contextValues,
  })
}

async function* once(bytes: Uint8Array | undefined): AsyncIterable<Uint8Array> {
  if (bytes && bytes.length > 0) yield bytes
}

async function unary(c: Context, { status, header, body, trailer }: UniversalServerResponse): Promise<Response> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? once(undefined)) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  addTrailers(c.env as HttpBindings, trailer)
  return c.newResponse(bytes.length === 0 ? null : bytes, status as StatusCode, entriesOf(header))
}

const entriesOf = (headers: Headers | undefined): Record<string, string> => Object.fromEntries(headers ?? [])

/** Trailers leave after the body. Only gRPC has some, which is served over HTTP/2 alone. */
function addTrailers({ outgoing }: HttpBindings, trailer: Headers | undefined): void {
  const entries = entriesOf(trailer)
  if (Object.keys(entries).length > 0) outgoing.addTrailers(entries)
}

/** Writes to the connection itself, so that the limits of the edge hold until the stream has ended. */
async function streamed(c: Context, handler: UniversalHandler): Promise<Response> {
  const { incoming, outgoing } = c.env as HttpBindings
  const { status, header, body, trailer } = await spell(c, handler, undefined, undefined, untilSilent(incoming))
  outgoing.writeHead(status, entriesOf(header))
  for await (const chunk of body ?? once(undefined)) if (!outgoing.write(chunk)) await drained(outgoing)
  addTrailers(c.env as HttpBindings, trailer)
  // A client that sends nothing more does not end its side either: the stream ends behind the trailers.
  const { stream } = (c.env as Http2Bindings).outgoing as Partial<Http2Bindings['outgoing']>
  stream?.once('wantTrailers', () => setImmediate(() => stream.close()))
  outgoing.end()
  return RESPONSE_ALREADY_SENT
}

/** The client that says nothing more, or has had its time, has ended the stream. */
async function* untilSilent(incoming: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const endMs = performance.now() + REFLECTION_MS
  const iterator = incoming[Symbol.asyncIterator]()
  for (let leftMs = SILENCE_MS; leftMs > 0; leftMs = Math.min(SILENCE_MS, endMs - performance.now())) {
    const { promise: silence, resolve } = Promise.withResolvers<undefined>()
    const timer = setTimeout(resolve, leftMs, undefined)
    const read = await Promise.race([iterator.next(), silence]).finally(() => clearTimeout(timer))
    if (!read || read.done) return
    yield read.value
  }
}

const drained = (outgoing: HttpBindings['outgoing']): Promise<void> =>
  new Promise((resolve) => {
    outgoing.once('drain', resolve)
    outgoing.once('close', resolve)
  })

const SERVING = 1
const NOT_SERVING = 2

/** An empty name asks for the process as a whole. */
const checkHealth =
  (platform: RunningService, services: readonly DescService[]) =>
  async (request: Message): Promise<object> => {
    const { service = '' } = request as Message & { readonly service?: string }
    if (service !== '' && !services.some(({ typeName }) => typeName === service))
      throw new ConnectError(`There is no service ${service}.`, Code.NotFound)
    const { status } = await platform.health.readiness()
    return { status: status === 'not-ready' ? NOT_SERVING : SERVING }
  }
