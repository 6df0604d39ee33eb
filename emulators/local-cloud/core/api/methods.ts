/**
 * The served gRPC methods with their codecs. protobufjs compiles the codec of a message type once, at its first use, for all
 * ports. Handlers get messages as `@grpc/proto-loader` would decode them: lowerCamelCase, 64-bit integers and enum values as
 * strings, bytes as Buffer, scalar fields always present, a oneof's chosen field named by the oneof.
 */

import protobuf, { type IConversionOptions, type Method, type Type } from 'protobufjs'
import type { GrpcService, Streaming, Unary } from '../service.ts'
import { StatusError } from '../status.ts'
import { frameOf, roomForFrameHeader } from './frames.ts'
import { protoRoot } from './proto.ts'

export const messageShape = {
  longs: String,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
  oneofs: true,
} as const satisfies IConversionOptions

/** Services with the vendored proto that describes them. */
export interface Served {
  readonly services: readonly GrpcService[]
  readonly proto: object
}

/** A method of a service, found by its path. */
export interface GrpcMethod {
  /** `google.pubsub.v1.Publisher.publish` */
  readonly name: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  /** The handler; neither: the local cloud does not implement the method. */
  readonly unary?: Unary
  readonly streaming?: Streaming
  /** @throws INVALID_ARGUMENT for bytes that are no such message, or nest deeper than protobuf reads. */
  decode(bytes: Uint8Array): unknown
  /** The message in its frame. */
  encode(response: unknown): Buffer
}

/** By the path of a request, `/google.pubsub.v1.Publisher/Publish`. */
export type GrpcMethods = ReadonlyMap<string, GrpcMethod>

/** @throws Error for a service that its proto does not describe. */
export function methodsOf(served: readonly Served[]): GrpcMethods {
  const methods = new Map<string, GrpcMethod>()
  for (const { services, proto } of served) {
    const root = protoRoot(proto)
    for (const service of services) {
      if (!(root.lookup(service.name) instanceof protobuf.Service))
        throw new Error(`The vendored proto has no service ${service.name}.`)
      for (const method of root.lookupService(service.name).methodsArray)
        methods.set(`/${service.name}/${method.name}`, methodOf(service, method))
    }
  }
  return methods
}

function methodOf(service: GrpcService, method: Method): GrpcMethod {
  method.resolve()
  const { requestStream = false, responseStream = false } = method
  const key = lowerFirst(method.name)
  const unary = requestStream || responseStream ? undefined : service.unary?.[key]
  const streaming = unary ? undefined : service.streaming?.[key]
  return {
    name: `${service.name}.${key}`,
    requestStream,
    responseStream,
    ...(unary ? { unary } : {}),
    ...(streaming ? { streaming } : {}),
    decode: decoderOf(method.resolvedRequestType!),
    encode: encoderOf(method.resolvedResponseType!),
  }
}

const decoderOf =
  (type: Type): GrpcMethod['decode'] =>
  (bytes) => {
    try {
      return type.toObject(type.decode(bytes), messageShape)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new StatusError('INVALID_ARGUMENT', `The request is not such a message: ${reason}.`)
    }
  }

const encoderOf =
  (type: Type): GrpcMethod['encode'] =>
  (response) =>
    frameOf(type.encode(type.fromObject(response as object), roomForFrameHeader(protobuf.Writer.create())).finish())

export const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
