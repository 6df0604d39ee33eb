/** Serves plugins over gRPC, on `node:http2` itself. */
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Streaming, Unary } from '../service.ts'
import { refusalOf } from '../gate.ts'
import type { Journal } from '../journal.ts'
import { StatusError } from '../status.ts'
import { GrpcCall } from './grpc-call.ts'
import { readEach, readOne } from './grpc-requests.ts'
import { encodedMessage } from './grpc-status.ts'
import type { GrpcMethod, GrpcMethods } from './methods.ts'

/** Node refuses further calls on a connection while HTTP/2 buffers more than this for it. */
const MAX_SESSION_MEMORY_MB = 1024
/** The time for clients to take the ends of their calls when the server closes. */
const CLOSE_TIMEOUT_MS = 500

interface Calling {
  readonly principal: string
  readonly journal: Journal
  /** The port that answers: known once it is open. */
  port(): number
}

export interface GrpcServer {
  /** Serves a connection, of which nothing was read. */
  accept(socket: Socket): void
  /** Ends all calls with UNAVAILABLE, and then the connections. */
  close(): Promise<void>
}

/** A gRPC server whose every caller is `principal`. */
export function grpcServer(methods: GrpcMethods, calling: Calling): GrpcServer {
  const server = createServer({ maxSessionMemory: MAX_SESSION_MEMORY_MB })
  const sessions = new Set<ServerHttp2Session>()
  const calls = new Set<GrpcCall>()
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  // Its connection is closed with it.
  server.on('sessionError', () => {})
  server.on('stream', (stream, headers) => {
    const call = answer(stream, headers, { methods, calling })
    if (!call) return
    calls.add(call)
    stream.on('close', () => calls.delete(call))
  })
  return {
    accept: (socket) => void server.emit('connection', socket),
    async close() {
      for (const call of calls) call.fail(new StatusError('UNAVAILABLE', 'The local cloud is being stopped.'))
      const closed = [...sessions].map((session) => new Promise((resolve) => session.once('close', resolve)))
      // Tells the clients by GOAWAY that no further call is accepted.
      for (const session of sessions) session.close()
      const timeout = setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, CLOSE_TIMEOUT_MS)
      await Promise.all(closed)
      clearTimeout(timeout)
    },
  }
}

interface Serving {
  readonly methods: GrpcMethods
  readonly calling: Calling
}

/** Undefined for a request that is no call of gRPC. */
function answer(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { methods, calling }: Serving,
): GrpcCall | undefined {
  if (!isGrpc(headers)) {
    stream.on('error', () => {})
    const message = encodedMessage('This port takes gRPC over HTTP/2 alone: the content type must be application/grpc.')
    stream.respond({ ':status': 415, 'grpc-status': '13', 'grpc-message': message }, { endStream: true })
    stream.resume()
    return undefined
  }
  const path = headers[':path'] ?? ''
  const method = methods.get(path)
  const call = new GrpcCall(stream, { principal: calling.principal, isStream: method?.streaming !== undefined })
  const timeout = headers['grpc-timeout']
  if (timeout !== undefined) call.setDeadline(String(timeout))
  if (!method) call.fail(new StatusError('UNIMPLEMENTED', `The server does not implement the method ${path}`))
  else serve(stream, headers, { call, method, calling })
  return call
}

/** `application/grpc`, with a codec or parameters behind it. */
function isGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers['content-type'] ?? ''
  return headers[':method'] === 'POST' && /^application\/grpc(?:\+proto)?(?:;|$)/.test(type)
}

interface Served {
  readonly call: GrpcCall
  readonly method: GrpcMethod
  readonly calling: Calling
}

function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, { call, method, calling }: Served): void {
  const { unary, streaming } = method
  const { 'grpc-encoding': encoding = 'identity' } = headers
  const reading = { stream, call, method, encoding: String(encoding) }
  const refusal = refusalAtGate(headers, calling.port())
  if (refusal) call.fail(refusal)
  else if (unary) readOne(reading, (request) => void answerUnary(unary, request, { call, method, calling }))
  else if (!streaming)
    call.fail(new StatusError('UNIMPLEMENTED', `${method.name} is not implemented by the local cloud.`))
  else if (method.requestStream) void answerStream(streaming, readEach(reading), { call, method, calling })
  else readOne(reading, (request) => void answerStream(streaming, one(request), { call, method, calling }))
}

function refusalAtGate(headers: IncomingHttpHeaders, port: number): StatusError | undefined {
  const arrival = {
    method: 'POST',
    authority: headers[':authority'] ?? headers.host,
    target: headers[':path'] ?? '',
    header: (name: string) => headers[name]?.toString(),
  }
  const refusal = refusalOf(arrival, port, 'api')
  return refusal && new StatusError('PERMISSION_DENIED', refusal.message)
}

async function answerUnary(unary: Unary, request: unknown, { call, method, calling }: Served): Promise<void> {
  try {
    const response = await flushed(calling.journal, () => unary(request, call))
    if (!call.hasEnded) call.end(method.encode(response))
  } catch (error) {
    call.fail(error)
  }
}

async function answerStream(
  streaming: Streaming,
  requests: AsyncIterable<unknown>,
  { call, method, calling: { journal } }: Served,
): Promise<void> {
  const write = (response: unknown): void => {
    if (call.hasEnded) return
    try {
      journal.flush()
      call.write(method.encode(response))
    } catch (error) {
      // Of this stream alone: it is written to in the course of other calls.
      call.fail(error)
    }
  }
  call.open()
  try {
    await flushed(journal, () => streaming(requests, write, call))
    call.end()
  } catch (error) {
    call.fail(error)
  }
}

/** Before an answer, an error too, its changes are written. */
async function flushed<Result>(journal: Journal, handle: () => Result): Promise<Awaited<Result>> {
  try {
    return await handle()
  } finally {
    journal.flush()
  }
}

// oxlint-disable-next-line require-yield
async function* one(request: unknown): AsyncGenerator {
  yield request
}
