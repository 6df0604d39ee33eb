/** A client of remote procedures for tests, by libraries that know nothing of this server: grpc-js, and protobufjs, which reads `.proto` files. */

import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import protobuf from 'protobufjs'

export interface GrpcAnswer {
  readonly message: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, unknown>>
}

export interface GrpcClient {
  /** @throws ServiceError */
  call(path: string, request: object, metadata?: Metadata, deadlineMs?: number): Promise<GrpcAnswer>
  close(): void
}

/** @param files The `.proto` files that declare the services. */
export function grpcClient(address: string, files: readonly string[]): GrpcClient {
  const root = protobuf.loadSync([...files])
  const client = new Client(address, credentials.createInsecure())
  return {
    call(path, request, metadata, deadlineMs) {
      const [, service, name] = path.split('/')
      const method = root.lookupService(service!).methods[name!]!
      method.resolve()
      const { resolvedRequestType: input, resolvedResponseType: output } = method
      return new Promise((resolve, reject) => {
        let headers: Readonly<Record<string, unknown>> = {}
        const call = client.makeUnaryRequest(
          path,
          (value: object) => Buffer.from(input!.encode(input!.fromObject(value)).finish()),
          (bytes) => output!.toObject(output!.decode(bytes), { longs: Number }),
          request,
          metadata ?? new Metadata(),
          deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
          (error: ServiceError | null, message?: object) => {
            if (error) reject(error)
            else resolve({ message: message as GrpcAnswer['message'], headers })
          },
        )
        call.on('metadata', (received) => (headers = received.getMap()))
      })
    },
    close: () => client.close(),
  }
}

/** The details of an error as `google.rpc` has them. */
export function detailsOf(error: unknown): Readonly<Record<string, object>> {
  const [bytes] = (error as ServiceError).metadata.get('grpc-status-details-bin')
  if (!bytes) return {}
  const { details } = status.decode(bytes as Buffer) as unknown as {
    details: { type_url: string; value: Uint8Array }[]
  }
  return Object.fromEntries(
    details.map(({ type_url: url, value }) => {
      const name = url.slice(url.lastIndexOf('.') + 1)
      const type = google.lookupType(name)
      return [name, type.toObject(type.decode(value), { longs: Number })]
    }),
  )
}

const google = protobuf.parse(
  `
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message FieldViolation { string field = 1; string description = 2; }
  message BadRequest { repeated FieldViolation field_violations = 1; }
`,
  { keepCase: true },
).root
const status = google.lookupType('Status')
