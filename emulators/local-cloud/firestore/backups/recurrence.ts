/** When a schedule's next backup is due. Google takes it at a time of its own within the day; here it is midnight, UTC. */

const DAY_MS = 86_400_000

/** The index of each is its number in JavaScript (`getUTCDay`). */
export const DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const

/** @param day Absent: every day. */
export function nextDueMs(nowMs: number, day: string | undefined): number {
  const tomorrowMs = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS
  if (day === undefined) return tomorrowMs
  const days = (DAYS.indexOf(day as (typeof DAYS)[number]) - new Date(tomorrowMs).getUTCDay() + 7) % 7
  return tomorrowMs + days * DAY_MS
}
