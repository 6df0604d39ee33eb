/** Faults of a simulated partner: calls that it does not answer, before or after their effect. */

import type { Hono } from 'hono'

export interface Faults {
  /** So many next calls are answered 503 before anything happens. */
  unavailable: number
  /** So many next calls take effect, and are answered 503 all the same. */
  lostAnswers: number
}

/** Makes the calls that change something fail as `faults` has it; each failure lowers its number. */
export function withFaults(app: Hono, faults: Faults): void {
  app.use('/v1/*', async (c, next) => {
    if (c.req.method !== 'POST') return next()
    if (faults.unavailable > 0) {
      faults.unavailable -= 1
      return c.json({ code: 'unavailable', message: 'Try again.' }, 503)
    }
    await next()
    if (faults.lostAnswers > 0) {
      faults.lostAnswers -= 1
      c.res = c.json({ code: 'unavailable', message: 'The answer was lost.' }, 503)
    }
    return undefined
  })
}
