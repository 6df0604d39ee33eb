/** The protocol of gRPC, by clients that write it themselves, and by Google's library as the judge. */

import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { once } from 'node:events'
import { constants, type ClientHttp2Session } from 'node:http2'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { deflateSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RequestContext } from '../service.ts'
import { StatusError } from '../status.ts'
import { FrameReader, MAX_MESSAGE_BYTES } from './frames.ts'
import {
  BATCH_GET,
  beginCall,
  connected,
  framed,
  GET_TOPIC,
  type Handlers,
  openGrpc,
  outcomeOf,
  pullRequest,
  readRequest,
  STREAMING_PULL,
  type TestServer,
  topicRequest,
} from './grpc.testing.ts'

const OK = 0
const CANCELLED = 1
const INVALID_ARGUMENT = 3
const DEADLINE_EXCEEDED = 4
const RESOURCE_EXHAUSTED = 8
const UNIMPLEMENTED = 12
const INTERNAL = 13
const UNAVAILABLE = 14

let handlers: Handlers
let server: TestServer
let session: ClientHttp2Session
beforeEach(async () => {
  handlers = { getTopic: ({ topic }: { topic: string }) => ({ name: topic }) }
  server = await openGrpc(handlers)
  session = await connected(server.origin)
})
afterEach(async () => {
  session.destroy()
  await server.close()
  vi.restoreAllMocks()
})

const call = (bytes: Buffer, headers: Record<string, string> = {}, path = GET_TOPIC) => {
  const stream = beginCall(session, path, headers)
  stream.end(bytes)
  return outcomeOf(stream)
}
const topic = 'projects/p/topics/a-topic'
const answer = framed(Buffer.concat([Buffer.of(0x0a, topic.length), Buffer.from(topic)]))

describe('a unary call', () => {
  it('is answered with headers, one message and its status', async () => {
    const outcome = await call(framed(topicRequest(topic)))
    expect(outcome).toMatchObject({ http: 200, status: OK, bytes: answer, resetCode: constants.NGHTTP2_NO_ERROR })
    expect(outcome.headers['content-type']).toBe('application/grpc+proto')
  })

  it('is answered the same when its frame is split at any byte', async () => {
    const frame = framed(topicRequest(topic))
    for (let at = 1; at < frame.length; at++) {
      const stream = beginCall(session, GET_TOPIC)
      const outcome = outcomeOf(stream)
      stream.write(frame.subarray(0, at))
      await nextTurn()
      stream.end(frame.subarray(at))
      expect(await outcome, `split at ${at}`).toMatchObject({ status: OK, bytes: answer })
    }
  })

  it.each([
    ['no message', Buffer.alloc(0), UNIMPLEMENTED, 'Received no request message'],
    ['two messages', Buffer.concat([framed(topicRequest('a')), framed(topicRequest('b'))]), UNIMPLEMENTED, 'second'],
    ['half of a header', Buffer.alloc(3), INTERNAL, 'ended within a message'],
    ['half of a message', framed(topicRequest(topic)).subarray(0, -1), INTERNAL, 'ended within a message'],
    [
      'a byte behind its message',
      Buffer.concat([framed(topicRequest(topic)), Buffer.of(0)]),
      INTERNAL,
      'within a message',
    ],
    ['a flag that does not exist', framed(topicRequest(topic), 2), INTERNAL, 'neither 0 nor 1'],
    ['bytes that are no message', framed(Buffer.of(0x0f)), INVALID_ARGUMENT, 'not such a message'],
  ])('with %s is refused', async (_, bytes, status, message) => {
    const outcome = await call(bytes)
    expect(outcome).toMatchObject({ http: 200, status })
    expect(outcome.message).toContain(message)
  })

  it('takes and sends messages up to the limit, and refuses a larger one at its header', async () => {
    // The name's tag, and its length in four bytes.
    const largest = 'x'.repeat(MAX_MESSAGE_BYTES - 5)
    handlers.getTopic = ({ topic: name }: { topic: string }) => ({ name })
    const outcome = await call(framed(topicRequest(largest)))
    expect(outcome).toMatchObject({ status: OK })
    expect(outcome.bytes).toHaveLength(MAX_MESSAGE_BYTES + 5)

    const stream = beginCall(session, GET_TOPIC)
    const header = Buffer.alloc(5)
    header.writeUInt32BE(MAX_MESSAGE_BYTES + 1, 1)
    stream.write(header)
    const [refusal] = (await once(stream, 'response')) as [Record<string, string>]
    expect(refusal['grpc-status']).toBe(String(RESOURCE_EXHAUSTED))
    stream.close()

    handlers.getTopic = () => ({ name: `${largest}x` })
    expect(await call(framed(topicRequest('a')))).toMatchObject({
      status: RESOURCE_EXHAUSTED,
      message: expect.stringContaining('Sent message larger than max') as string,
    })
  })

  it('that is refused while its client still sends leaves the connection to the others', async () => {
    const refused = beginCall(session, '/google.example.Missing/Do')
    const outcome = outcomeOf(refused)
    // More than a connection's window: unread bytes would hold back every other call.
    refused.end(Buffer.alloc(1_000_000))
    expect(await call(framed(topicRequest(topic)))).toMatchObject({ status: OK })
    expect(await outcome).toMatchObject({ status: UNIMPLEMENTED })
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('may be compressed by %s', async (encoding, compress) => {
    const bytes = framed(compress(topicRequest(topic)), 1)
    expect(await call(bytes, { 'grpc-encoding': encoding })).toMatchObject({ status: OK, bytes: answer })
  })

  it.each<[string, Buffer, Record<string, string>, number]>([
    ['an encoding that is not served', Buffer.from('x'), { 'grpc-encoding': 'snappy' }, UNIMPLEMENTED],
    ['no encoding', gzipSync(topicRequest(topic)), {}, INTERNAL],
    ['bytes that are not compressed', topicRequest(topic), { 'grpc-encoding': 'gzip' }, INTERNAL],
    [
      'too large a message within',
      gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES + 1)),
      { 'grpc-encoding': 'gzip' },
      RESOURCE_EXHAUSTED,
    ],
  ])('that is compressed with %s is refused', async (_, message, headers, status) => {
    const outcome = await call(framed(message, 1), headers)
    expect(outcome).toMatchObject({ status })
    if (status === UNIMPLEMENTED) expect(outcome.message).toContain('gzip')
  })
})

describe('a request', () => {
  it.each(['application/json', 'application/grpc-web', 'application/grpcx', 'application/grpc+json', ''])(
    'of the content type "%s" is refused with 415',
    async (type) => {
      const outcome = await call(framed(topicRequest(topic)), { 'content-type': type })
      expect(outcome).toMatchObject({ http: 415, status: INTERNAL })
    },
  )

  it.each(['application/grpc', 'application/grpc+proto', 'application/grpc;charset=utf-8'])(
    'of the content type %s is served',
    async (type) => {
      expect(await call(framed(topicRequest(topic)), { 'content-type': type })).toMatchObject({ status: OK })
    },
  )

  it('of another HTTP method is refused with 415', async () => {
    expect(await call(framed(topicRequest(topic)), { ':method': 'PUT' })).toMatchObject({ http: 415 })
  })

  it('for an unknown method is UNIMPLEMENTED, with the path', async () => {
    expect(await call(framed(Buffer.alloc(0)), {}, '/google.pubsub.v1.Publisher/Nothing')).toMatchObject({
      status: UNIMPLEMENTED,
      message: 'The server does not implement the method /google.pubsub.v1.Publisher/Nothing',
    })
    expect(await call(framed(Buffer.alloc(0)), {}, '/google.pubsub.v1.Publisher/Publish')).toMatchObject({
      status: UNIMPLEMENTED,
      message: 'google.pubsub.v1.Publisher.publish is not implemented by the local cloud.',
    })
  })

  it('with too much metadata is refused alone', async () => {
    const stream = beginCall(session, GET_TOPIC, { large: 'x'.repeat(60_000), more: 'x'.repeat(60_000) })
    stream.end(framed(topicRequest(topic)))
    const { http, resetCode } = await outcomeOf(stream)
    expect(http === 431 || resetCode !== constants.NGHTTP2_NO_ERROR).toBe(true)
    const other = await connected(server.origin)
    const next = beginCall(other, GET_TOPIC)
    next.end(framed(topicRequest(topic)))
    expect(await outcomeOf(next)).toMatchObject({ status: OK })
    other.destroy()
  })

  it('of a connection that is no HTTP/2 after all ends that connection alone', async () => {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {}).resume()
    socket.write('PRI * HTTP/2.0\r\n\r\nnonsense that is no frame')
    await once(socket, 'close')
    expect(await call(framed(topicRequest(topic)))).toMatchObject({ status: OK })
  })
})

describe('a status', () => {
  it.each([
    'plain',
    'hundred % sure',
    'größer: 漢字 🙂',
    'line\nfeed and\ttab',
    'half a 🙂: \ud83d',
    '/?#[]@!$&()*+,;=',
  ])('carries the message %j', async (message) => {
    handlers.getTopic = () => {
      throw new StatusError('NOT_FOUND', message)
    }
    const outcome = await call(framed(topicRequest(topic)))
    expect(outcome).toMatchObject({ status: 5, message: Buffer.from(message).toString() })
    // Trailers alone: one frame.
    expect(outcome.hasTrailers).toBe(false)
    expect(await judged()).toMatchObject({ code: 5, details: Buffer.from(message).toString() })
  })

  it('is cut when its message is too long for trailers, and says when its details are', async () => {
    handlers.getTopic = () => {
      throw new StatusError('INTERNAL', 'x'.repeat(100_000))
    }
    expect((await call(framed(topicRequest(topic)))).message).toMatch(/^x{8000}…$/)
    const metadata = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`id-${at}`, 'x'.repeat(50)]))
    handlers.getTopic = () => {
      throw new StatusError('ABORTED', 'Many.', [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'MANY', domain: 'd', metadata },
      ])
    }
    const { status, message, headers } = await call(framed(topicRequest(topic)))
    expect(status).toBe(10)
    expect(message).toMatch(/^Many\. \(\d+ bytes of details are left out/)
    expect(headers).not.toHaveProperty('grpc-status-details-bin')
  })
})

describe('a deadline', () => {
  it('ends a call with its status, and aborts what the handler does', async () => {
    let context: RequestContext | undefined
    const aborted = new Promise<void>((resolve) => {
      handlers.getTopic = (_, given) => {
        context = given
        given.signal.addEventListener('abort', () => resolve())
        return new Promise(() => {})
      }
    })
    expect(await call(framed(topicRequest(topic)), { 'grpc-timeout': '20m' })).toMatchObject({
      status: DEADLINE_EXCEEDED,
    })
    await aborted
    expect(context!.hasEnded).toBe(true)
  })

  it('also of a call whose client sends nothing', async () => {
    const stream = beginCall(session, GET_TOPIC, { 'grpc-timeout': '20m' })
    const [headers] = (await once(stream, 'response')) as [Record<string, string>]
    expect(headers['grpc-status']).toBe(String(DEADLINE_EXCEEDED))
    stream.close()
  })

  it('ends a stream that is open, after its responses', async () => {
    handlers.batchGetDocuments = (_, write) => {
      write({ missing: 'a' })
      return new Promise(() => {})
    }
    const outcome = await call(framed(readRequest(['a'])), { 'grpc-timeout': '50m' }, BATCH_GET)
    expect(outcome).toMatchObject({ http: 200, status: DEADLINE_EXCEEDED, hasTrailers: true })
    expect(messagesIn(outcome.bytes)).toHaveLength(1)
  })

  it.each(['99999999H', '1S', '60000m', '99999999u'])('of %s is no matter for a quick call', async (timeout) => {
    expect(await call(framed(topicRequest(topic)), { 'grpc-timeout': timeout })).toMatchObject({ status: OK })
  })

  it.each(['', 'soon', '1', '123456789S', '-1S', '1 S'])('of "%s" is refused', async (timeout) => {
    expect(await call(framed(topicRequest(topic)), { 'grpc-timeout': timeout })).toMatchObject({ status: INTERNAL })
  })
})

describe('a call whose client hangs up', () => {
  it('is aborted, and its late answer is dropped', async () => {
    let finish: (() => void) | undefined
    const aborted = new Promise<void>((resolve) => {
      handlers.getTopic = (_, { signal }) => {
        signal.addEventListener('abort', () => resolve())
        return new Promise((answered) => (finish = () => answered({ name: 'late' })))
      }
    })
    const stream = beginCall(session, GET_TOPIC)
    stream.end(framed(topicRequest(topic)))
    while (!finish) await nextTurn()
    stream.close(constants.NGHTTP2_CANCEL)
    await aborted
    finish()
    handlers.getTopic = ({ topic: name }: { topic: string }) => ({ name })
    expect(await call(framed(topicRequest(topic)))).toMatchObject({ status: OK, bytes: answer })
  })

  it('is aborted when the whole connection breaks', async () => {
    const aborted = new Promise<void>((resolve, reject) => {
      handlers.streamingPull = async (requests, _, { signal }) => {
        signal.addEventListener('abort', () => resolve())
        for await (const _one of requests);
        if (!signal.aborted) reject(new Error('The requests ended before the signal.'))
      }
    })
    const stream = beginCall(session, STREAMING_PULL)
    stream.write(framed(pullRequest({ clientId: 'a' })))
    await once(stream, 'response')
    session.destroy()
    await aborted
  })

  it('has a signal that stays as it is after an answer', async () => {
    let signal: AbortSignal | undefined
    handlers.getTopic = (_, context) => {
      ;({ signal } = context)
      return {}
    }
    await call(framed(topicRequest(topic)))
    expect(signal!.aborted).toBe(false)
  })
})

describe('a stream', () => {
  it('answers each request, ends when the client does, and is split at any byte', async () => {
    handlers.streamingPull = async (requests, write) => {
      for await (const { clientId } of requests as AsyncIterable<{ clientId: string }>)
        write({ receivedMessages: [{ ackId: clientId }] })
    }
    const requests = Buffer.concat(['a', 'bc', ''].map((clientId) => framed(pullRequest({ clientId }))))
    for (let at = 1; at < requests.length; at++) {
      const stream = beginCall(session, STREAMING_PULL)
      const outcome = outcomeOf(stream)
      stream.write(requests.subarray(0, at))
      await nextTurn()
      stream.end(requests.subarray(at))
      const { bytes, status } = await outcome
      expect({ status, answers: messagesIn(bytes).map(String) }, `split at ${at}`).toEqual({
        status: OK,
        answers: ['\n\x03\n\x01a', '\n\x04\n\x02bc', '\n\x02\n\x00'],
      })
    }
  })

  it('has headers before its first response', async () => {
    handlers.streamingPull = () => new Promise(() => {})
    const stream = beginCall(session, STREAMING_PULL)
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    expect(headers).not.toHaveProperty('grpc-status')
    stream.close()
  })

  it('that fails sends its responses and headers before the status', async () => {
    handlers.batchGetDocuments = (_, write) => {
      write({ missing: 'a' })
      return Promise.reject(new StatusError('ABORTED', 'Halfway.'))
    }
    const outcome = await call(framed(readRequest(['a'])), {}, BATCH_GET)
    expect(outcome).toMatchObject({ status: 10, message: 'Halfway.', hasTrailers: true })
    expect(messagesIn(outcome.bytes)).toHaveLength(1)
    handlers.batchGetDocuments = () => Promise.reject(new StatusError('ABORTED', 'Nothing.'))
    expect(await call(framed(readRequest(['a'])), {}, BATCH_GET)).toMatchObject({ status: 10, hasTrailers: true })
  })

  it.each([
    ['an oversized message', Buffer.of(0, 0xff, 0xff, 0xff, 0xff), RESOURCE_EXHAUSTED],
    ['bytes that are no message', framed(Buffer.of(0x0f)), INVALID_ARGUMENT],
    ['a broken flag', Buffer.of(9, 0, 0, 0, 0), INTERNAL],
  ])('ends at %s', async (_, bytes, status) => {
    handlers.streamingPull = async (requests) => {
      for await (const _one of requests);
    }
    const stream = beginCall(session, STREAMING_PULL)
    const outcome = outcomeOf(stream)
    stream.write(framed(pullRequest({ clientId: 'a' })))
    stream.write(bytes)
    stream.once('trailers', () => stream.end())
    expect(await outcome).toMatchObject({ status })
  })

  it('of compressed requests keeps their order', async () => {
    const seen: string[] = []
    handlers.streamingPull = async (requests) => {
      for await (const { clientId } of requests as AsyncIterable<{ clientId: string }>) seen.push(clientId)
    }
    const frames = ['1', '2', '3', '4'].map((clientId, at) => {
      const message = pullRequest({ clientId })
      return at % 2 === 0 ? framed(gzipSync(message), 1) : framed(message)
    })
    const headers = { 'grpc-encoding': 'gzip' }
    expect(await call(Buffer.concat(frames), headers, STREAMING_PULL)).toMatchObject({ status: OK })
    expect(seen).toEqual(['1', '2', '3', '4'])
  })

  it('takes requests no faster than its handler', async () => {
    let release: (() => void) | undefined
    let taken = 0
    handlers.streamingPull = async (requests) => {
      for await (const _one of requests) {
        taken += 1
        if (taken === 1) await new Promise<void>((resolve) => (release = resolve))
      }
    }
    const stream = beginCall(session, STREAMING_PULL)
    const outcome = outcomeOf(stream)
    const frame = framed(pullRequest({ clientId: 'x'.repeat(10_000) }))
    let sent = 0
    for (let at = 0; at < 100; at++) stream.write(frame, () => (sent += 1))
    while (!release) await nextTurn()
    await call(framed(topicRequest(topic)))
    // The window of a stream has 64 KiB.
    expect(sent).toBeLessThan(20)
    expect(taken).toBe(1)
    release()
    stream.end()
    expect(await outcome).toMatchObject({ status: OK })
    expect(taken).toBe(100)
  })

  it('tells its handler when the client does not read, and goes on when it does', async () => {
    let written = 0
    handlers.batchGetDocuments = async (_, write, context) => {
      for (; written < 100; written++) {
        write({ missing: 'x'.repeat(100_000) })
        const read = context.drained!()
        if (read) await read
      }
    }
    const stream = beginCall(session, BATCH_GET)
    stream.pause()
    stream.end(framed(readRequest(['a'])))
    await once(stream, 'response')
    await call(framed(topicRequest(topic)))
    expect(written).toBeLessThan(20)
    const { bytes, status } = await outcomeOf(stream.resume())
    expect({ status, messages: messagesIn(bytes).length }).toEqual({ status: OK, messages: 100 })
  })

  it('is broken off when its handler writes on and on for a client that does not read', async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<void>()
    const large = 'x'.repeat(10_000_000)
    handlers.batchGetDocuments = async (_, write, { signal }) => {
      signal.addEventListener('abort', () => resolve())
      for (let at = 0; at < 40 && !signal.aborted; at++) write({ missing: large })
      await aborted
    }
    const stream = beginCall(session, BATCH_GET)
    stream.pause()
    stream.end(framed(readRequest(['a'])))
    await aborted
    const { resetCode } = await outcomeOf(stream.resume())
    expect(resetCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  })
})

describe('a connection', () => {
  it('answers pings, also without a call', async () => {
    for (let at = 0; at < 3; at++) {
      await new Promise<void>((resolve, reject) => session.ping((error) => (error ? reject(error) : resolve())))
    }
  })

  it('ends its calls with UNAVAILABLE and says GOAWAY when the server closes', async () => {
    let aborted = false
    handlers.streamingPull = (_, write, { signal }) => {
      signal.addEventListener('abort', () => (aborted = true))
      write({})
      return new Promise(() => {})
    }
    handlers.getTopic = () => new Promise(() => {})
    const stream = beginCall(session, STREAMING_PULL)
    const streamed = outcomeOf(stream)
    stream.write(framed(pullRequest({ clientId: 'a' })))
    stream.once('trailers', () => stream.end())
    await once(stream, 'data')
    const unary = call(framed(topicRequest(topic)))
    await new Promise<void>((resolve) => session.ping(() => resolve()))
    const goneAway = once(session, 'goaway')
    await server.close()
    expect(await unary).toMatchObject({ status: UNAVAILABLE })
    expect(await streamed).toMatchObject({ status: UNAVAILABLE, hasTrailers: true })
    expect(aborted).toBe(true)
    const [code] = (await goneAway) as [number]
    expect(code).toBe(constants.NGHTTP2_NO_ERROR)
  })

  it('whose client neither reads nor closes does not hold the server open', async () => {
    handlers.batchGetDocuments = async (_, write) => {
      write({ missing: 'x'.repeat(1_000_000) })
    }
    const stream = beginCall(session, BATCH_GET)
    stream.pause()
    stream.end(framed(readRequest(['a'])))
    await once(stream, 'response')
    await server.close()
  })
})

describe("Google's library", () => {
  it('gets the answer, metadata in bytes notwithstanding', async () => {
    const metadata = new Metadata()
    metadata.set('trace-bin', Buffer.from([0, 255, 1]))
    metadata.set('x-goog-request-params', 'a=b')
    expect(await judged(metadata)).toEqual(answer.subarray(5))
  })

  it('gets what a deadline and a cancellation of its own lead to', async () => {
    handlers.getTopic = () => new Promise(() => {})
    const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure())
    const bytes = (value: Buffer): Buffer => value
    const late = await new Promise<ServiceError | null>((resolve) => {
      const deadline = Date.now() + 30
      client.makeUnaryRequest(GET_TOPIC, bytes, bytes, topicRequest(topic), new Metadata(), { deadline }, resolve)
    })
    expect(late).toMatchObject({ code: DEADLINE_EXCEEDED })
    const cancelled = await new Promise<ServiceError | null>((resolve) => {
      const one = client.makeUnaryRequest(GET_TOPIC, bytes, bytes, topicRequest(topic), resolve)
      one.cancel()
    })
    expect(cancelled).toMatchObject({ code: CANCELLED })
    client.close()
  })
})

/** The answer of Google's library to the same call. */
async function judged(metadata = new Metadata()): Promise<Buffer | ServiceError> {
  const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure())
  const bytes = (value: Buffer): Buffer => value
  const result = await new Promise<Buffer | ServiceError>((resolve) => {
    client.makeUnaryRequest(GET_TOPIC, bytes, bytes, topicRequest(topic), metadata, (error, value) =>
      resolve(error ?? value!),
    )
  })
  client.close()
  return result
}

function messagesIn(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = []
  const reader = new FrameReader()
  reader.read(bytes, ({ message }) => void messages.push(message))
  expect(reader.isBetweenFrames).toBe(true)
  return messages
}
