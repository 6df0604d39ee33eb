/** The messages of a call: the one of a unary request, or those of a stream, read as fast as the handler takes them. */

import type { ServerHttp2Stream } from 'node:http2'
import { StatusError } from '../status.ts'
import { type Frame, FrameReader, messageIn } from './frames.ts'
import type { GrpcCall } from './grpc-call.ts'
import type { GrpcMethod } from './methods.ts'

interface Reading {
  readonly stream: ServerHttp2Stream
  readonly call: GrpcCall
  readonly method: GrpcMethod
  /** The header `grpc-encoding`. */
  readonly encoding: string
}

/** Calls `handle` with the request, once the client has sent it and nothing else; any other content fails the call. */
export function readOne({ stream, call, method, encoding }: Reading, handle: (request: unknown) => void): void {
  let only: Frame | undefined
  readFrames(stream, call, {
    frame(frame) {
      if (only) throw new StatusError('UNIMPLEMENTED', `Received a second request message for ${method.name}.`)
      only = frame
    },
    end() {
      if (!only) throw new StatusError('UNIMPLEMENTED', `Received no request message for ${method.name}.`)
      const message = messageIn(only, encoding)
      if (!(message instanceof Promise)) return handle(method.decode(message))
      message
        .then((bytes) => {
          if (!call.hasEnded) handle(method.decode(bytes))
        })
        .catch((error: unknown) => call.fail(error))
    },
  })
}

/** The requests of a stream. It ends at the client's end, and when the call has ended. */
export function readEach({ stream, call, method, encoding }: Reading): AsyncIterable<unknown> {
  const received: Frame[] = []
  let hasEnded = false
  let wake: (() => void) | undefined
  const woken = (): void => {
    wake?.()
    wake = undefined
  }
  readFrames(stream, call, {
    frame(frame) {
      received.push(frame)
      // Unread bytes stay with the client: HTTP/2's flow control.
      stream.pause()
      woken()
    },
    end() {
      hasEnded = true
      woken()
    },
  })
  call.onEnd = () => {
    hasEnded = true
    received.length = 0
    woken()
  }
  const next = async (): Promise<IteratorResult<unknown>> => {
    while (received.length === 0 && !hasEnded) {
      stream.resume()
      await new Promise<void>((resolve) => (wake = resolve))
    }
    const frame = received.shift()
    if (!frame) return { done: true, value: undefined }
    return { done: false, value: method.decode(await messageIn(frame, encoding)) }
  }
  // No `return`: a handler that stops reading must not end the call, whose error the client still has to get.
  return { [Symbol.asyncIterator]: () => ({ next }) }
}

interface FrameHandlers {
  frame(frame: Frame): void
  end(): void
}

function readFrames(stream: ServerHttp2Stream, call: GrpcCall, handlers: FrameHandlers): void {
  const reader = new FrameReader()
  const orFail = (work: () => void): void => {
    // After its end, the rest of the call is read and means nothing.
    if (call.hasEnded) return
    try {
      work()
    } catch (error) {
      call.fail(error)
    }
  }
  stream.on('data', (chunk: Buffer) => orFail(() => reader.read(chunk, handlers.frame)))
  stream.on('end', () =>
    orFail(() => {
      if (!reader.isBetweenFrames) throw new StatusError('INTERNAL', 'The request ended within a message.')
      handlers.end()
    }),
  )
}
