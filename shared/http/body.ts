/** Reads the body of a request within a limit of bytes and of time, and tells a client that went away from a fault of ours. */

import { Refused } from '../base/errors.ts'

/**
 * A body has this long, and a second more for so many bytes that have arrived: 1 MiB has six seconds, and 60 KB
 * have 2.2. A client that sends a byte now and then holds a place no longer than a client that sends nothing.
 */
export const BODY_GRACE_MS = 2_000
export const BODY_BYTES_PER_SECOND = 256 * 1024

/**
 * @param source Node's request, or a stream of the web's kind.
 * @param evicted Ends the reading with its reason, when the request loses its place to others.
 * @throws Refused: `body-too-large`, `body-too-slow`, or `client-closed` when the client hung up before the end.
 */
export async function readBody(
  source: AsyncIterable<Uint8Array>,
  limitBytes: number,
  evicted?: AbortSignal,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  const pace = enforceMinimumRate(() => bytes, evicted)
  // The iterator is not ended after a refusal: that would close the connection before the refusal is sent.
  const iterator = source[Symbol.asyncIterator]()
  const next = (): Promise<IteratorResult<Uint8Array>> => Promise.race([iterator.next(), pace.late])
  try {
    for (let read = await next(); !read.done; read = await next()) {
      bytes += read.value.length
      if (bytes > limitBytes) throw tooLarge(limitBytes)
      chunks.push(read.value)
    }
  } catch (error) {
    // A TypeError is a bug, such as reading a stream twice. A socket's stream fails with any other error when the client hangs up.
    if (error instanceof Refused || error instanceof TypeError) throw error
    throw new Refused('client-closed', 'The client hung up before the end of its body.')
  } finally {
    pace.end()
  }
  return chunks.length === 1 ? Buffer.from(chunks[0]!.buffer, chunks[0]!.byteOffset, bytes) : Buffer.concat(chunks)
}

export const tooLarge = (limitBytes: number): Refused =>
  new Refused('body-too-large', `The body exceeds ${limitBytes} bytes.`)

function enforceMinimumRate(
  bytes: () => number,
  evicted?: AbortSignal,
): { readonly late: Promise<never>; end(): void } {
  const startedMs = performance.now()
  const { promise: late, reject } = Promise.withResolvers<never>()
  late.catch(() => {})
  const leftMs = (): number =>
    BODY_GRACE_MS + (bytes() * 1000) / BODY_BYTES_PER_SECOND - (performance.now() - startedMs)
  let timer: NodeJS.Timeout | undefined
  let checking: NodeJS.Immediate | undefined
  const watch = (): void => void (timer = setTimeout(check, Math.max(1, Math.ceil(leftMs()))))
  const check = (): void => {
    if (leftMs() > 0) return watch()
    // Bytes that have arrived while this process was busy are read first.
    checking = setImmediate(() => {
      if (leftMs() > 0) return watch()
      reject(
        new Refused(
          'body-too-slow',
          `The body did not arrive in time: send it in ${BODY_GRACE_MS / 1000} s and at ${BODY_BYTES_PER_SECOND / 1024} KiB/s at least.`,
        ),
      )
    })
  }
  const evict = (): void => reject(evicted!.reason)
  evicted?.addEventListener('abort', evict)
  if (evicted?.aborted) evict()
  watch()
  return {
    late,
    end() {
      evicted?.removeEventListener('abort', evict)
      clearTimeout(timer)
      clearImmediate(checking)
    },
  }
}
