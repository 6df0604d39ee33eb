/** The limit on the header fields of a request. */

import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import type { IncomingMessage } from 'node:http'
import { answerProblem } from './http.ts'

/** A browser sends some thirty, front ends add ten. Each costs time whenever another one is read. */
const HEADERS = 100

/** Node would drop those beyond a number without a word, and with them the address that a front end adds last. */
const hasTooManyHeaders = ({ rawHeaders }: IncomingMessage): boolean => rawHeaders.length > 2 * HEADERS

/** Refuses a request with more header fields than any client needs. @param charge Counts the refused request for its sender. */
export function limitHeaders(charge: (c: Context) => void = () => {}): MiddlewareHandler {
  return async (c, next) => {
    const { incoming } = (c.env ?? {}) as Partial<HttpBindings>
    if (!incoming || !hasTooManyHeaders(incoming)) return next()
    charge(c)
    return answerProblem(c, { code: 'too-many-headers', detail: `A request has at most ${HEADERS} header fields.` })
  }
}
