/**
 * Serves plugins over gRPC. Handlers get messages as `@grpc/proto-loader` decodes them: lowerCamelCase, 64-bit integers
 * and enum values as strings, bytes as Buffer, scalar fields always present, a oneof's chosen field named by the oneof.
 */

import {
  type MethodDefinition,
  Metadata,
  Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { fromJSON, type Options } from '@grpc/proto-loader'
import type { EventEmitter } from 'node:events'
import type { GrpcService, RequestContext } from '../service.ts'
import { refusalOf } from '../gate.ts'
import type { Journal } from '../journal.ts'
import { oncePerProto } from './proto.ts'
import { encodeStatus } from './rpc-status.ts'
import { StatusError } from '../status.ts'

export const messageShape = {
  keepCase: false,
  longs: String,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
  oneofs: true,
} as const satisfies Options

/** As large as Firestore's and Pub/Sub's largest request, with room for framing. */
const MAX_MESSAGE_BYTES = 20 * 1024 * 1024

/** Services with the vendored proto that describes them. */
export interface Served {
  readonly services: readonly GrpcService[]
  readonly proto: object
}

/** A service as gRPC knows it: read from the proto once, served on every port. */
export interface DefinedService {
  readonly service: GrpcService
  readonly definition: ServiceDefinition
}

type Method = MethodDefinition<unknown, unknown> & { readonly originalName?: string }
interface Calling {
  readonly principal: string
  readonly journal: Journal
  /** The port that answers: known once it is open. */
  port(): number
}

const definitionsIn = oncePerProto((proto) => fromJSON(proto, messageShape))

export function defineServices(served: readonly Served[]): DefinedService[] {
  return served.flatMap(({ services, proto }) => {
    const definitions = definitionsIn(proto)
    return services.map((service) => {
      const definition = definitions[service.name] as ServiceDefinition | undefined
      if (!definition) throw new Error(`The vendored proto has no service ${service.name}.`)
      return { service, definition: readingEach(definition) }
    })
  })
}

/** A request that is no such message, or nests deeper than protobuf reads. */
class Unreadable {
  readonly reason: string

  constructor(error: unknown) {
    this.reason = error instanceof Error ? error.message : String(error)
  }
}

/** gRPC itself would answer INTERNAL, as for a fault of the server. */
function readingEach(definition: ServiceDefinition): ServiceDefinition {
  const methods = Object.entries(definition).map(([name, method]) => {
    const requestDeserialize = (bytes: Buffer): unknown => {
      try {
        return method.requestDeserialize(bytes)
      } catch (error) {
        return new Unreadable(error)
      }
    }
    return [name, { ...method, requestDeserialize }]
  })
  return Object.fromEntries(methods) as ServiceDefinition
}

/** @throws INVALID_ARGUMENT */
function readable(request: unknown): unknown {
  if (!(request instanceof Unreadable)) return request
  throw new StatusError('INVALID_ARGUMENT', `The request is not such a message: ${request.reason}.`)
}

/** A gRPC server whose every caller is `principal`. */
export function grpcServer(defined: readonly DefinedService[], calling: Calling): Server {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  })
  for (const { service, definition } of defined) {
    server.addService(definition, implementation(service, definition, calling))
  }
  return server
}

function implementation(
  service: GrpcService,
  definition: ServiceDefinition,
  calling: Calling,
): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => {
      const key = lowerFirst((method as Method).originalName ?? name)
      const unary = service.unary?.[key]
      const streaming = service.streaming?.[key]
      if (unary && !method.responseStream && !method.requestStream) {
        return [
          name,
          (call: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<unknown>) =>
            void answerUnary(unary, call, reply, calling),
        ]
      }
      if (streaming)
        return [name, (call: AnyStream) => void answerStream(streaming, call, method.requestStream, calling)]
      const missing = new StatusError('UNIMPLEMENTED', `${service.name}.${key} is not implemented by the local cloud.`)
      return [
        name,
        method.responseStream
          ? (call: AnyStream) => fail(call, missing)
          : (_: unknown, reply: sendUnaryData<unknown>) => reply(grpcError(missing)),
      ]
    }),
  )
}

type AnyStream = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>

async function answerUnary(
  unary: NonNullable<GrpcService['unary']>[string],
  call: ServerUnaryCall<unknown, unknown>,
  reply: sendUnaryData<unknown>,
  calling: Calling,
): Promise<void> {
  let response: unknown
  try {
    response = await flushed(calling, () => unary(readable(call.request), contextOf(call, calling)))
  } catch (error) {
    reply(grpcError(error))
    return
  }
  reply(null, response)
}

async function answerStream(
  streaming: NonNullable<GrpcService['streaming']>[string],
  call: AnyStream,
  requestStream: boolean,
  calling: Calling,
): Promise<void> {
  const requests = requestStream
    ? leftOpen(call as ServerDuplexStream<unknown, unknown>)
    : one((call as ServerWritableStream<unknown, unknown>).request)
  const write = (response: unknown): void => {
    try {
      calling.journal.flush()
    } catch (error) {
      // Of this stream alone: it is written to in the course of other calls.
      return fail(call, error)
    }
    call.write(response)
  }
  // Without headers, Google's clients take an error for no answer at all, and ask twice more, for six seconds.
  call.sendMetadata(new Metadata())
  try {
    await flushed(calling, () => streaming(requests, write, contextOf(call, calling)))
    call.end()
  } catch (error) {
    fail(call, error)
  }
}

/** Before an answer, an error too, its changes are written. */
async function flushed<Result>({ journal }: Calling, handle: () => Result): Promise<Awaited<Result>> {
  try {
    return await handle()
  } finally {
    journal.flush()
  }
}

/** A client that stops reading must not end the call, whose error it still has to get. */
function leftOpen(call: AsyncIterable<unknown>): AsyncIterable<unknown> {
  const iterator = call[Symbol.asyncIterator]()
  const next = async (): Promise<IteratorResult<unknown>> => {
    const result = await iterator.next()
    return result.done ? result : { ...result, value: readable(result.value) }
  }
  return { [Symbol.asyncIterator]: () => ({ next }) }
}

// oxlint-disable-next-line require-yield
async function* one(request: unknown): AsyncGenerator {
  yield readable(request)
}

/** @throws PERMISSION_DENIED when the gate refuses the call. */
function passGate(call: ServerUnaryCall<unknown, unknown> | AnyStream, { port }: Calling): void {
  const arrival = {
    method: 'POST',
    authority: call.getHost(),
    target: call.getPath(),
    header: (name: string) => call.metadata.get(name)[0]?.toString(),
  }
  const refusal = refusalOf(arrival, port(), 'api')
  if (refusal) throw new StatusError('PERMISSION_DENIED', refusal.message)
}

/** Every call is `cancelled` at its end, and an abort makes an error, so the signal is made only for handlers that use it. */
function contextOf(call: ServerUnaryCall<unknown, unknown> | AnyStream, calling: Calling): RequestContext {
  passGate(call, calling)
  const { principal } = calling
  let controller: AbortController | undefined
  return {
    principal,
    transport: 'grpc',
    get signal() {
      if (!controller) {
        const aborting = (controller = new AbortController())
        if (call.cancelled) aborting.abort()
        else (call as EventEmitter).on('cancelled', () => aborting.abort())
      }
      return controller.signal
    },
  }
}

function fail(call: AnyStream, error: unknown): void {
  call.emit('error', grpcError(error))
}

function grpcError(error: unknown): { code: number; details: string; metadata: Metadata } {
  const status = asStatus(error)
  const metadata = new Metadata()
  if (status.details.length > 0) metadata.set('grpc-status-details-bin', encodeStatus(status))
  return { code: status.grpcCode, details: status.message, metadata }
}

/** An error other than StatusError is a bug of the emulator: the caller gets its message, the terminal its stack. */
export function asStatus(error: unknown): StatusError {
  if (error instanceof StatusError) return error
  console.error(error)
  return new StatusError('INTERNAL', error instanceof Error ? error.message : String(error))
}

export const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
