/**
 * The protocol of a connection, by its first bytes. The file stands twice, in shared/runtime/ and in emulators/local-cloud/core/:
 * neither package may import the other, and test/architecture/first-bytes.test.ts compares them.
 */

import type { Socket } from 'node:net'

/** HTTP/2's preface begins with it, and no method of HTTP/1.1 does. */
const PREFACE = 'PRI'
/** A client sends its first bytes when it has connected. */
const FIRST_BYTES_TIMEOUT_MS = 10_000

/** Closes a connection that ends, fails or is silent before they are there: they may come one by one. */
export function sniff(socket: Socket, decided: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0)
  const end = (): void => void socket.destroy()
  const timeout = setTimeout(end, FIRST_BYTES_TIMEOUT_MS)
  const read = (): void => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    seen = Buffer.concat([seen, chunk])
    const text = seen.toString('latin1', 0, PREFACE.length)
    if (text.length < PREFACE.length && PREFACE.startsWith(text)) return
    clearTimeout(timeout)
    socket.off('readable', read)
    socket.off('error', end)
    socket.off('end', end)
    socket.unshift(seen)
    decided(text === PREFACE)
  }
  socket.on('readable', read)
  socket.on('error', end)
  socket.on('end', end)
  socket.once('close', () => clearTimeout(timeout))
  // Node does not announce bytes again that a former reader of this turn left: those behind an instance's secret, say.
  if (socket.readableLength > 0) read()
}
