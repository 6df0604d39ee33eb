/** A backup at once, for people: at Google only a schedule takes one. */

import { Hono } from 'hono'
import { z } from 'zod'
import { takeBackup } from '../backups/backup.ts'
import { failedPrecondition, invalidArgument } from '../../core/status.ts'
import type { Http } from '../../core/service.ts'
import type { FirestoreCore } from '../database.ts'
import { parseDatabaseName } from '../values/paths.ts'
import { schedulesOf } from './admin/backup-schedules.ts'

const body = z.strictObject({ database: z.string() })

export function backupRoutes(core: FirestoreCore): Http {
  const app: Http = new Hono()
  // The same backup as the schedule with the longest retention would take.
  app.post('/_local/firestore/backups', async (c) => {
    const { success, data } = body.safeParse(await c.req.json().catch(() => undefined))
    if (!success) throw invalidArgument('Send {"database": "projects/PROJECT/databases/DATABASE"} as JSON.')
    const schedules = schedulesOf(core, data.database).map(([, { retentionMs }]) => retentionMs)
    core.database(parseDatabaseName(data.database))
    if (schedules.length === 0)
      throw failedPrecondition(`${data.database} has no backup schedule, which says how long a backup is kept.`)
    const name = takeBackup(core, parseDatabaseName(data.database), Math.max(...schedules))
    core.backups.start()
    return c.json({ name }, 201)
  })
  return app
}
