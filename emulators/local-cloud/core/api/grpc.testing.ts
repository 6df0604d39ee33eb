/** A gRPC server on a free port with methods of a test, and a client that writes gRPC's frames itself. */

import { readFileSync } from 'node:fs'
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { once } from 'node:events'
import type { Streaming, Unary } from '../service.ts'
import { openJournal, type Journal } from '../journal.ts'
import { listen, type PortServer } from '../server.ts'
import { grpcServer } from './grpc.ts'
import { methodsOf } from './methods.ts'
import { protoRoot } from './proto.ts'

const protoOf = (path: string): object => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as object
const pubsub = protoOf('../../pubsub/pubsub.proto.json')
const firestore = protoOf('../../firestore/firestore.proto.json')

export const GET_TOPIC = '/google.pubsub.v1.Publisher/GetTopic'
export const BATCH_GET = '/google.firestore.v1.Firestore/BatchGetDocuments'
export const STREAMING_PULL = '/google.pubsub.v1.Subscriber/StreamingPull'

/** The handlers of the next calls: unary, of many responses, of many requests and responses. */
export interface Handlers {
  getTopic?: Unary
  batchGetDocuments?: Streaming
  streamingPull?: Streaming
}

export interface TestServer extends PortServer {
  readonly journal: Journal
  readonly origin: string
}

export async function openGrpc(handlers: Handlers): Promise<TestServer> {
  const journal = openJournal()
  const methods = methodsOf([
    {
      proto: pubsub,
      services: [
        { name: 'google.pubsub.v1.Publisher', unary: { getTopic: (...call) => handlers.getTopic!(...call) } },
        {
          name: 'google.pubsub.v1.Subscriber',
          streaming: { streamingPull: (...call) => handlers.streamingPull!(...call) },
        },
      ],
    },
    {
      proto: firestore,
      services: [
        {
          name: 'google.firestore.v1.Firestore',
          streaming: { batchGetDocuments: (...call) => handlers.batchGetDocuments!(...call) },
        },
      ],
    },
  ])
  const opened: { server?: PortServer } = {}
  const grpc = grpcServer(methods, { principal: 'owner', journal, port: () => opened.server!.port })
  const server = (opened.server = await listen(0, grpc, (_, response) => void response.end()))
  return { port: server.port, close: () => server.close(), journal, origin: `http://127.0.0.1:${server.port}` }
}

const encoded = (proto: object, type: string, message: object): Buffer => {
  const found = protoRoot(proto).lookupType(type)
  return Buffer.from(found.encode(found.fromObject(message)).finish())
}
export const topicRequest = (topic: string): Buffer => encoded(pubsub, 'google.pubsub.v1.GetTopicRequest', { topic })
export const pullRequest = (request: object): Buffer =>
  encoded(pubsub, 'google.pubsub.v1.StreamingPullRequest', request)
export const readRequest = (documents: readonly string[]): Buffer =>
  encoded(firestore, 'google.firestore.v1.BatchGetDocumentsRequest', { documents })

export function framed(message: Buffer, flag = 0): Buffer {
  const frame = Buffer.alloc(5 + message.length)
  frame[0] = flag
  frame.writeUInt32BE(message.length, 1)
  message.copy(frame, 5)
  return frame
}

export const connected = async (origin: string): Promise<ClientHttp2Session> => {
  const session = connect(origin)
  session.on('error', () => {})
  await once(session, 'connect')
  return session
}

export const beginCall = (
  session: ClientHttp2Session,
  path: string,
  headers: OutgoingHttpHeaders = {},
): ClientHttp2Stream => {
  const all = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers }
  const stream = session.request(all)
  stream.on('error', () => {})
  return stream
}

export interface Outcome {
  readonly http: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  /** The number of `grpc-status`, wherever it was. */
  readonly status: number | undefined
  readonly message: string
  readonly bytes: Buffer
  readonly resetCode: number
  /** Whether the status came after the headers of the answer. */
  readonly hasTrailers: boolean
}

/** Reads a call to its end. */
export function outcomeOf(stream: ClientHttp2Stream): Promise<Outcome> {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  const parts: Buffer[] = []
  stream.once('response', (received) => (headers = received))
  stream.once('trailers', (received) => (trailers = received))
  stream.on('data', (part: Buffer) => void parts.push(part))
  return new Promise((resolve) => {
    stream.once('close', () => {
      const from = 'grpc-status' in trailers ? trailers : headers
      resolve({
        http: Number(headers[':status']),
        headers,
        trailers,
        status: from['grpc-status'] === undefined ? undefined : Number(from['grpc-status']),
        message: decodeURIComponent(String(from['grpc-message'] ?? '')),
        bytes: Buffer.concat(parts),
        resetCode: stream.rstCode,
        hasTrailers: 'grpc-status' in trailers,
      })
    })
  })
}
