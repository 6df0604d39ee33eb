/** Serves the queries that a service's contracts declare: a request is parsed before its handler, and an answer after it. */

import type { Context, Hono } from 'hono'
import type { ContentfulStatusCode, ContentlessStatusCode } from 'hono/utils/http-status'
import { type PlatformCode, Refused } from '../base/errors.ts'
import { fitted } from '../contracts/answer-shape.ts'
import { type QueryContract, routeOf } from '../contracts/query.ts'
import { jsonBody } from '../http/http.ts'
import { checkSearch, parametersIn } from '../http/parameters.ts'
import type { Platform } from '../service/platform.ts'
import type { Service } from '../service/service.ts'
import type { ServiceApp } from '../service/service-app.ts'

export interface QueryPlatform extends Platform {
  readonly service: Pick<Service, 'name' | 'contracts'>
}

/**
 * A route for each query of the service's contracts.
 * @param check Throws Refused for a caller that may not ask the query of this name.
 * @throws Error for a query that has no handler.
 */
export function queryRoutes(
  http: Hono,
  app: Pick<ServiceApp, 'queries'>,
  platform: QueryPlatform,
  check: (c: Context, query: string) => unknown,
): void {
  const { name: service, contracts } = platform.service
  for (const [name, contract] of Object.entries(contracts.queries ?? {})) {
    const handle = app.queries?.[name]
    if (!handle) throw new Error(`${service} has no handler for the query ${name}: give one to implement().`)
    http.on(contract.method.toUpperCase(), routeOf(contract), async (c) => {
      await check(c, name)
      const answer = await handle((await requestIn(c, contract)) as never, platform)
      return sent(c, answer, { contract, about: `The answer ${answer.status} of ${service} to ${name}` })
    })
  }
}

const ofParsing: readonly string[] = [
  'invalid-body',
  'invalid-json',
  'invalid-parameter',
  'not-found',
  'unsupported-media-type',
] satisfies readonly PlatformCode[]

/** @throws Refused with a code that no owner refuses with: a request that breaks its contract is a bug of the caller. */
async function requestIn(c: Context, contract: QueryContract): Promise<object> {
  checkKnown(c, contract)
  try {
    const parameters = parametersIn(c, contract)
    return contract.body ? { ...parameters, body: await jsonBody(c, contract.body) } : parameters
  } catch (error) {
    if (!(error instanceof Refused) || !ofParsing.includes(error.code)) throw error
    throw new Refused('request-invalid', error.message)
  }
}

/**
 * A caller of a newer revision may send a parameter that this one lacks. Without it a list would lack a filter or be sorted
 * otherwise; so the caller gets the answer of a missing route, which it takes as transient.
 */
function checkKnown(c: Context, contract: QueryContract): void {
  try {
    checkSearch(c, contract)
  } catch (error) {
    throw new Refused('route-missing', (error as Error).message)
  }
}

/** @throws Error for an answer that breaks the contract. Fields that the contract does not name are left out. */
function sent(
  c: Context,
  { status, body }: { readonly status: number; readonly body?: unknown },
  { contract, about }: { readonly contract: QueryContract; readonly about: string },
): Response {
  const schema = contract.answers[status]
  if (schema === undefined) throw new Error(`${about} is not in its contract.`)
  if (schema === null) return c.body(null, status as ContentlessStatusCode)
  return c.json(fitted(schema, body, about) as object, status as ContentfulStatusCode)
}
