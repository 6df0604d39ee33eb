/** One gRPC call on its HTTP/2 stream: deadline, cancellation, responses, and the status that ends it. */

import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import type { RequestContext } from '../service.ts'
import { asStatus, StatusError } from '../status.ts'
import { ACCEPTED_ENCODINGS } from './frames.ts'
import { OK, trailersOf } from './grpc-status.ts'

const HEADERS: OutgoingHttpHeaders = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': ACCEPTED_ENCODINGS,
}
// Google's clients read no date.
const BEFORE_TRAILERS = { waitForTrailers: true, sendDate: false }
const TRAILERS_ONLY = { endStream: true, sendDate: false }
/** With this much unread, `drained` waits. */
const DRAIN_ABOVE_BYTES = 1024 * 1024
/** A stream whose client reads so little ends. */
const MAX_UNREAD_BYTES = 256 * 1024 * 1024
/** Longer deadlines, of weeks, can not be set as a timer, and none is. */
const MAX_TIMER_MS = 2 ** 31 - 1

const timeoutUnitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** `signal` and `drained` are made only for handlers that use them: an abort makes an error, at the end of every call. */
export class GrpcCall implements RequestContext {
  readonly principal: string
  readonly transport = 'grpc'
  readonly #stream: ServerHttp2Stream
  /** Without headers before its status, Google's clients take an error of a stream for no answer at all, and ask twice more, for six seconds. */
  readonly #sendsHeadersFirst: boolean
  #controller: AbortController | undefined
  #deadline: NodeJS.Timeout | undefined
  #hasEnded = false
  #hasHeaders = false
  #isSendScheduled = false
  #unsent: Buffer[] = []
  #unsentBytes = 0
  /** Called once, when the call has ended in whichever way. */
  onEnd: (() => void) | undefined

  constructor(stream: ServerHttp2Stream, { principal, isStream }: { principal: string; isStream: boolean }) {
    this.principal = principal
    this.#stream = stream
    this.#sendsHeadersFirst = isStream
    // Its close, which follows, ends the call.
    stream.on('error', () => {})
    stream.on('close', () => this.#ended())
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#hasEnded) this.#controller.abort()
    }
    return this.#controller.signal
  }

  /** @param timeout The header `grpc-timeout`, which ends the call with DEADLINE_EXCEEDED. */
  setDeadline(timeout: string): void {
    const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(timeout) ?? []
    if (!amount || !unit) return this.fail(new StatusError('INTERNAL', `Invalid grpc-timeout value "${timeout}".`))
    const ms = Number(amount) * timeoutUnitsMs[unit]!
    if (ms > MAX_TIMER_MS) return
    this.#deadline = setTimeout(() => this.fail(new StatusError('DEADLINE_EXCEEDED', 'Deadline exceeded')), ms)
  }

  /** Resolves when the client has read enough for the next response; undefined when it has. */
  drained(): Promise<void> | undefined {
    if (this.#hasEnded || this.#unreadBytes < DRAIN_ABOVE_BYTES) return undefined
    this.#send()
    if (!this.#stream.writableNeedDrain) return undefined
    return new Promise((resolve) => {
      const settle = (): void => {
        this.#stream.off('drain', settle)
        this.#stream.off('close', settle)
        resolve()
      }
      this.#stream.on('drain', settle)
      this.#stream.on('close', settle)
    })
  }

  /** Sends the headers of a stream that may stay without a response for long. */
  open(): void {
    this.#scheduleSend()
  }

  /** One response of a stream. Those of one turn are sent together. */
  write(frame: Buffer): void {
    if (this.#hasEnded) return
    this.#unsent.push(frame)
    this.#unsentBytes += frame.length
    if (this.#unreadBytes <= MAX_UNREAD_BYTES) return this.#scheduleSend()
    // A status would wait behind the responses that the client does not read.
    this.#unsent = []
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    this.#ended()
  }

  /** Ends the call with its last response, if it has one. The handler has returned: its signal stays as it is. */
  end(frame?: Buffer): void {
    if (this.#hasEnded) return
    this.#controller = undefined
    if (frame) this.#unsent.push(frame)
    this.#close(OK)
  }

  /** Ends the call with an error; after its end, does nothing. */
  fail(error: unknown): void {
    if (this.#hasEnded) return
    const trailers = trailersOf(asStatus(error))
    if (this.#hasHeaders || this.#sendsHeadersFirst || this.#unsent.length > 0) return this.#close(trailers)
    this.#ended()
    if (!this.#isGone) this.#stream.respond({ ...HEADERS, ...trailers }, TRAILERS_ONLY)
    this.#discardRest()
  }

  #close(trailers: OutgoingHttpHeaders): void {
    this.#ended()
    if (this.#isGone) return
    this.#sendHeaders()
    this.#stream.on('wantTrailers', () => this.#stream.sendTrailers(trailers))
    const last = this.#taken()
    if (last) this.#stream.end(last)
    else this.#stream.end()
    this.#discardRest()
  }

  /** The client may still be sending: its bytes are read, or the other calls of its connection would wait for room. */
  #discardRest(): void {
    if (!this.#stream.readableEnded) this.#stream.resume()
  }

  #scheduleSend(): void {
    if (this.#isSendScheduled) return
    this.#isSendScheduled = true
    // After the promises of this turn, so that a handler that has its result soon ends the call with one write.
    queueMicrotask(() => process.nextTick(() => this.#send()))
  }

  #send(): void {
    this.#isSendScheduled = false
    if (this.#hasEnded || this.#isGone) return
    this.#sendHeaders()
    const frames = this.#taken()
    if (frames) this.#stream.write(frames)
  }

  #sendHeaders(): void {
    if (this.#hasHeaders) return
    this.#hasHeaders = true
    this.#stream.respond(HEADERS, BEFORE_TRAILERS)
  }

  #taken(): Buffer | undefined {
    const frames = this.#unsent
    if (frames.length === 0) return undefined
    this.#unsent = []
    this.#unsentBytes = 0
    return frames.length === 1 ? frames[0] : Buffer.concat(frames)
  }

  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  get #unreadBytes(): number {
    return this.#unsentBytes + this.#stream.writableLength
  }

  #ended(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    clearTimeout(this.#deadline)
    this.#controller?.abort()
    this.onEnd?.()
  }
}
