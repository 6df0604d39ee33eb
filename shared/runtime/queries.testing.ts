/** Serves the queries of a service in a test, without the check of their callers. */

import { Hono } from 'hono'
import { answerProblem } from '../http/http.ts'
import type { ServiceApp } from '../service/service-app.ts'
import { type QueryPlatform, queryRoutes } from './query-routes.ts'

export function serveQueries(app: ServiceApp, platform: QueryPlatform): Hono {
  const http = new Hono()
  queryRoutes(http, app, platform, () => undefined)
  http.onError((error, c) => answerProblem(c, error))
  return http
}
