/** `google.rpc.Status` with its details, as gRPC carries it in `grpc-status-details-bin`. */

import { readFileSync } from 'node:fs'
import protobuf, { type INamespace } from 'protobufjs'
import { fromProto3JSON } from 'proto3-json-serializer'
import type { StatusError } from '../status.ts'

const root = protobuf.Root.fromJSON(
  JSON.parse(readFileSync(new URL('rpc-status.proto.json', import.meta.url), 'utf8')) as INamespace,
)
const prefix = 'type.googleapis.com/'

/** @throws Error when a detail's `@type` is no message of google.rpc. */
export function encodeStatus(error: StatusError): Buffer {
  const status = root.lookupType('google.rpc.Status')
  const details = error.details.map(({ '@type': url, ...fields }) => {
    const type = root.lookupType(url.slice(prefix.length))
    return { type_url: url, value: type.encode(fromProto3JSON(type, fields as never)!).finish() }
  })
  return Buffer.from(
    status.encode(status.fromObject({ code: error.grpcCode, message: error.message, details })).finish(),
  )
}
