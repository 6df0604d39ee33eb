/** When a job is due: a schedule of unix-cron with five fields, in a time zone. https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules */

import { Cron } from 'croner'
import { invalidArgument } from '../../core/status.ts'

/** Croner knows more than Google: `L`, `W`, `#`, `?`, `@daily`. Letters are allowed in names of months and weekdays only. */
const FIELDS =
  /^[\d*,/-]+ [\d*,/-]+ [\d*,/-]+ ([\d*,/-]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)+ ([\d*,/-]|SUN|MON|TUE|WED|THU|FRI|SAT)+$/i

/**
 * The first time after that one. A schedule for one time of day that a change to summer time skips is due at the first time after the gap; a time
 * that occurs twice counts once. A schedule with several times an hour or a day follows the clock on the wall.
 * @throws INVALID_ARGUMENT that names the schedule or the time zone
 */
export function nextTime({ schedule, timeZone }: { schedule: string; timeZone: string }, afterMs: number): number {
  const text = schedule.trim().replaceAll(/\s+/g, ' ')
  if (!FIELDS.test(text))
    throw invalidArgument(
      `Job.schedule "${schedule}" must be unix-cron with five fields, such as "30 4 * * MON-FRI"; other formats are not served by the local cloud.`,
    )
  if (!isTimeZone(timeZone))
    throw invalidArgument(`Job.time_zone "${timeZone}" must be the name of a time zone, such as Europe/Berlin.`)
  try {
    const next = new Cron(text, { timezone: timeZone, mode: '5-part', paused: true }).nextRun(new Date(afterMs))
    if (next) return next.getTime()
  } catch (error) {
    throw invalidArgument(`Job.schedule "${schedule}" is no schedule of unix-cron: ${(error as Error).message}`)
  }
  throw invalidArgument(`Job.schedule "${schedule}" never comes: no month has such a day.`)
}

function isTimeZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
