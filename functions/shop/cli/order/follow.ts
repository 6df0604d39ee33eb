/** Follows one order: each event as it happens, and after three seconds without one what the order waits for. */

import type { Refusal } from '../../../../cli/api.ts'
import { UsageError } from '../../../../cli/command.ts'
import { hasEnded, type OrderView, type TimelineEntry } from '../order-view.ts'

const POLL_INTERVAL_MS = 100
/** Without an event for so long, the order waits for something: it is named. */
const QUIET_MS = 3_000
/** The same obstacle is named again after so long. */
const REPEAT_MS = 15_000

export interface Followed {
  /** @throws Refusal, or an error for which `isUnreachable` holds */
  read(): Promise<OrderView>
  /** The reason why the order waits now, as one line. */
  obstacle(): Promise<string>
  isUnreachable(error: unknown): boolean
  printEntry(entry: TimelineEntry, startMs: number): void
  note(line: string): void
  /** The command that follows the order again. */
  readonly again: string
  readonly timeoutMs: number
  now(): number
  pause(ms: number): Promise<void>
}

/** Returns the order once it has ended, or waits for its customer. @throws UsageError when neither is so in time */
export async function followOrder(orderId: string, followed: Followed): Promise<OrderView> {
  const { now, note, printEntry, again, timeoutMs } = followed
  const endMs = now() + timeoutMs
  const printed = new Set<string>()
  let startMs: number | undefined
  let quietSinceMs = now()
  let printedNote: { readonly line: string; readonly atMs: number } | undefined
  let isAway = false

  const printNew = (entries: readonly TimelineEntry[]): void => {
    for (const entry of entries) {
      if (printed.has(entry.eventId)) continue
      printed.add(entry.eventId)
      startMs ??= Date.parse(entry.time)
      printEntry(entry, startMs)
      quietSinceMs = now()
      printedNote = undefined
    }
  }
  const noteObstacle = async (): Promise<void> => {
    if (isAway || now() - quietSinceMs < QUIET_MS || (printedNote && now() - printedNote.atMs < QUIET_MS)) return
    const line = await followed.obstacle()
    if (
      !printedNote ||
      withoutTimes(line) !== withoutTimes(printedNote.line) ||
      now() - printedNote.atMs >= REPEAT_MS
    ) {
      note(line)
      printedNote = { line, atMs: now() }
    }
  }

  for (;;) {
    try {
      const order = await followed.read()
      if (isAway) note('The platform answers again.')
      isAway = false
      const entries = order.timeline.entries ?? []
      printNew(entries)
      // The service history receives the last event a moment later: wait for it too.
      const isRecorded =
        order.timeline.unavailable === true || entries.some(({ type }) => type === `order.${order.status}`)
      if ((hasEnded(order) || order.paymentNeeded) && isRecorded) return order
      await noteObstacle()
    } catch (error) {
      if (followed.isUnreachable(error)) {
        if (!isAway) note(`The platform does not answer. The order goes on when it runs again: ${again} follows it.`)
        isAway = true
      } else if (isUnavailable(error)) await noteObstacle().catch(() => {})
      else throw error
    }
    if (now() >= endMs)
      throw new UsageError(
        `${orderId} has not ended within ${timeoutMs / 1000} s. ${again} follows it further; npm run trace -- ${orderId} shows its steps.`,
      )
    await followed.pause(POLL_INTERVAL_MS)
  }
}

const withoutTimes = (line: string): string => line.replaceAll(/\d+ s\b/g, '')

const isUnavailable = (error: unknown): boolean => (error as Partial<Refusal>).problem?.status === 503
