/** Which protocol a connection speaks: its first bytes decide. */

import type { Socket } from 'node:net'

/** HTTP/2's preface begins with `PRI`; no HTTP/1 method does. */
const PREFACE = 'PRI'
/** The time after which a silent connection is closed. */
const FIRST_BYTES_TIMEOUT_MS = 10_000

/** The three bytes may come one by one. */
export function sniff(socket: Socket, decided: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0)
  const timeout = setTimeout(() => socket.destroy(), FIRST_BYTES_TIMEOUT_MS)
  const read = (): void => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    seen = Buffer.concat([seen, chunk])
    const text = seen.toString('latin1', 0, PREFACE.length)
    if (text.length < PREFACE.length && PREFACE.startsWith(text)) return
    clearTimeout(timeout)
    socket.off('readable', read)
    socket.unshift(seen)
    decided(text === PREFACE)
  }
  socket.on('readable', read)
  socket.once('close', () => clearTimeout(timeout))
  // Node does not announce bytes again that a former reader of this turn left: those behind an instance's secret, say.
  if (socket.readableLength > 0) read()
}
