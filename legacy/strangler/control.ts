/** The controls of the migration, for `npm run strangle`: where it stands, to another step, the kill switch. */

import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Comparison } from './compare.ts'
import { type Migration, StepRefused } from './migration.ts'
import { steps } from './steps.ts'
import type { State, Store } from './store.ts'

export const SECRET_HEADER = 'x-local-cloud-secret'

export interface Status extends State {
  readonly steps: Readonly<Record<string, string>>
  /** Changes that are not published yet. */
  readonly waiting: number
  /** Orders of the old shop that are not finished. */
  readonly open: number
  readonly comparison: Comparison
}

const stepRequest = z.strictObject({
  step: z.int(),
  percent: z.number().min(0).max(100).optional(),
  callers: z.array(z.string().min(1)).max(1_000).optional(),
  force: z.boolean().optional(),
})
const killRequest = z.strictObject({ killed: z.boolean() })

/** @param exclusively Runs one act after the other, also beside those of a timer. */
export function createControl(
  { migration, store }: { readonly migration: Migration; readonly store: Store },
  secret: string,
  exclusively: <T>(act: () => Promise<T>) => Promise<T>,
): Hono {
  const app = new Hono()
  app.onError((error, c) => {
    const isRefused = error instanceof StepRefused || error instanceof z.ZodError
    return c.json(
      { detail: error instanceof z.ZodError ? z.prettifyError(error) : error.message },
      isRefused ? 409 : 500,
    )
  })
  app.use('/strangler/control/*', async (c, next) => {
    if (c.req.header(SECRET_HEADER) !== secret) return c.json({ detail: 'The run secret is missing or wrong.' }, 401)
    return next()
  })
  const status = async (c: Context) => {
    const comparison = await exclusively(() => migration.compare())
    const answer: Status = { ...store.state(), steps, waiting: store.waiting(), open: migration.open(), comparison }
    return c.json(answer)
  }
  const bodyOf = (c: Context): Promise<unknown> => c.req.json().catch(() => undefined)
  app.get('/strangler/control/status', status)
  app.post('/strangler/control/step', async (c) => {
    const { step, ...moving } = stepRequest.parse(await bodyOf(c))
    await exclusively(() => migration.goTo(step, moving))
    return status(c)
  })
  app.post('/strangler/control/kill', async (c) => {
    migration.kill(killRequest.parse(await bodyOf(c)).killed)
    return status(c)
  })
  return app
}
