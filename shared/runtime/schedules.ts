/**
 * Takes Cloud Scheduler's calls: enqueues the command of the schedule to the service's own queue. Cloud Scheduler calls at
 * least once; the command's id is derived from the time for which it calls, so every call for that time is the same task, and
 * the same message to its handler.
 */

import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { Refused } from '../base/errors.ts'
import { derivedId } from '../base/ids.ts'
import { schedulePath } from '../base/names.ts'
import type { OutgoingCommand } from '../contracts/message.ts'
import { jsonBody } from '../http/http.ts'
import type { RunningPlatform } from './create-platform.ts'
import { submittedData } from './submissions.ts'

/** Of the job: the data of the command, in the version that the stack was made with. */
const bodySchema = z.strictObject({ version: z.int().min(1), data: z.unknown() })
/** RFC 3339. Every attempt for one time of the schedule carries the same one. */
const SCHEDULE_TIME = 'x-cloudscheduler-scheduletime'

/** A path for each schedule of the description. @param check throws Refused for a caller that is not Cloud Scheduler */
export function scheduleRoutes(http: Hono, platform: RunningPlatform, check: (c: Context) => Promise<unknown>): void {
  const { name: service, schedules, contracts } = platform.service
  for (const [name, { command }] of Object.entries(schedules)) {
    http.post(schedulePath(name), async (c) => {
      await check(c)
      const dueAt = timeIn(c.req.header(SCHEDULE_TIME))
      const { version, data } = await jsonBody(c, bodySchema)
      const current = submittedData({ type: command, version, data }, contracts.commands[command]!)
      const id = derivedId(service, 'schedule', name, dueAt)
      await platform.send<OutgoingCommand>(
        { type: command, data: current },
        { id, subject: id, correlationId: id, actor: `service:${service}` },
      )
      platform.log('INFO', 'schedule.due', { correlationId: id, schedule: name, dueAt })
      return c.json({ commandId: id }, 202)
    })
  }
}

/** In UTC with milliseconds, so that one time has one text. @throws Refused for a call without the time that it is for */
function timeIn(header: string | undefined): string {
  const atMs = Date.parse(header ?? '')
  if (Number.isNaN(atMs))
    throw new Refused(
      'request-invalid',
      `${SCHEDULE_TIME} is ${header === undefined ? 'missing' : `"${header}"`}: Cloud Scheduler sends the time of the schedule.`,
    )
  return new Date(atMs).toISOString()
}
