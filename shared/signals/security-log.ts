/** Security events: each refusal, and each act of a caller with further rights, or of an operator, is one line `security` of the log. */

import type { Log } from './log.ts'

/** Names the caller and the fault. Never contains a token, a key, a reference to personal data, or a body. */
export interface SecurityEvent {
  /** The problem's code for a refusal (`token-expired`), a dotted name for an act (`command.sent`): a closed set. */
  readonly event: string
  readonly outcome: 'refused' | 'done'
  /** `ROLE:SUBJECT` of a person (`admin:jo`), or a service account's e-mail; absent when the caller is not verified. */
  readonly subject?: string | undefined
  readonly reason: string
  /** The caller's network address, where the edge knows it. */
  readonly address?: string | undefined
  /** The id of the key that the caller's token or signature names. */
  readonly keyId?: string | undefined
  /** The route's pattern, not the path. */
  readonly route?: string | undefined
  /** The action of an act, and its object. */
  readonly act?: Readonly<Record<string, string | number | undefined>>
}

export interface SecurityLog {
  (event: SecurityEvent): void
  /** Writes the counts that are still held. */
  close(): void
}

/** Refusals of one kind that have a line of their own; further ones within the same second are counted in one line. */
export const LINES_PER_KIND_AND_SECOND = 10
const WINDOW_MS = 1_000
const VALUE_CHARACTERS = 300

interface SecurityLogParts {
  readonly log: Log
  /** Milliseconds since the epoch. */
  now(): number
  /** Runs `work` after this time, in milliseconds; must not keep the process alive. */
  readonly later?: (work: () => void, afterMs: number) => void
}

interface Window {
  readonly startMs: number
  lines: number
  unlogged: number
}

export function createSecurityLog({ log, now, later = unreferenced }: SecurityLogParts): SecurityLog {
  const windows = new Map<string, Window>()

  const end = (event: string, window: Window): void => {
    if (windows.get(event) !== window) return
    windows.delete(event)
    if (window.unlogged === 0) return
    const reason = `${window.unlogged} more of this kind within ${WINDOW_MS} ms, without a line of their own`
    log('WARNING', 'security', { event, outcome: 'refused', count: window.unlogged, reason })
  }
  const windowOf = (event: string): Window => {
    const open = windows.get(event)
    if (open && now() - open.startMs < WINDOW_MS) return open
    if (open) end(event, open)
    const window = { startMs: now(), lines: 0, unlogged: 0 }
    windows.set(event, window)
    return window
  }

  const record = (event: SecurityEvent): void => {
    // Acts come from authenticated callers with limits, and each is logged separately.
    if (event.outcome === 'done') return log('NOTICE', 'security', { ...fieldsOf(event), count: 1 })
    const window = windowOf(event.event)
    if (window.lines < LINES_PER_KIND_AND_SECOND) {
      window.lines += 1
      return log('WARNING', 'security', { ...fieldsOf(event), count: 1 })
    }
    window.unlogged += 1
    if (window.unlogged === 1) later(() => end(event.event, window), Math.max(0, window.startMs + WINDOW_MS - now()))
  }
  return Object.assign(record, {
    close() {
      for (const [event, window] of windows) end(event, window)
    },
  })
}

/** The limit of a caller's text in a line, so that callers can not make lines grow. */
function fieldsOf({ act, ...event }: SecurityEvent): Record<string, unknown> {
  const entries = Object.entries({ ...event, ...act }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? value.slice(0, VALUE_CHARACTERS) : value]),
  )
}

function unreferenced(work: () => void, afterMs: number): void {
  setTimeout(work, afterMs).unref()
}
