/** Which services may query which paths: the invoker grant covers a service as a whole, an answer may be for one caller alone. */

import type { MiddlewareHandler } from 'hono'
import { Refused } from '../base/errors.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The service that queries, once its token is checked. */
    service?: string
  }
}

/** Guards the routes that follow. @throws Refused for any other service, and for an unknown caller. */
export const onlyFor = (...services: readonly string[]): MiddlewareHandler =>
  async function checkService(c, next) {
    const service = c.get('service')
    if (service === undefined || !services.includes(service))
      throw new Refused(
        'forbidden',
        `${service ?? 'An unknown caller'} may not query this path: only ${services.join(', ')} may.`,
        { event: 'caller-refused', subject: service },
      )
    await next()
  }
