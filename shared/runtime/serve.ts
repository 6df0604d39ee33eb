/** Runs a service as a container does: listens on PORT, finishes running requests on SIGTERM. */

import { serve as listen, type ServerType } from '@hono/node-server'
import type { Server } from 'node:http'
import { readConfig } from '../base/config.ts'
import { loadClients } from '../gcp/load-clients.ts'
import { clientsOf, createPlatform } from './create-platform.ts'
import type { ServiceApp } from '../service/service-app.ts'
import type { Service } from '../service/service.ts'
import { createCloudEventFunction } from './cloud-event-function.ts'
import { createHttpApp } from './http-app.ts'
import { acceptHttp2 } from './http2.ts'
import { limitServer, serverOptions } from './server-limits.ts'

/** Cloud Run kills ten seconds after SIGTERM; unfinished deliveries are redelivered. */
export const STOP_TIMEOUT_MS = 9_000
const IDLE_CHECK_INTERVAL_MS = 50

/** @param load Imports the handlers. @param makePlatform for tests. */
export async function serve(
  service: Service,
  load: () => Promise<ServiceApp>,
  makePlatform = createPlatform,
): Promise<void> {
  const config = readConfig()
  const platform = makePlatform(service, config)
  const { app, call } = await loadCode(service, load, config.GOOGLE_CLOUD_PROJECT)
  const { fetch } = createHttpApp(app, platform, config, call)
  const server = listen({ fetch, port: config.PORT, serverOptions })
  limitServer(server as Server)
  const http2 = app.publicApi?.rpcs && acceptHttp2(server as Server, fetch)

  let isStopping = false
  // The listener stays: without one, a second signal would end the process in the middle of its work.
  process.on('SIGTERM', () => {
    if (isStopping) return
    isStopping = true
    platform.health.stop()
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref()
    http2?.close()
    void stopped(server)
      .then(() => platform.close())
      // Nothing acknowledged is lost when a resource fails to close; Cloud Run logs the instance's exit code.
      .then((allClosed) => process.exit(allClosed ? 0 : 1))
  })
}

/** All that a service loads before it listens. It needs no variables, and connects to nothing. */
export async function loadCode(service: Service, load: () => Promise<ServiceApp>, projectId: string) {
  const [app] = await Promise.all([load(), loadClients(clientsOf(service))])
  const call = service.runtime === 'cloudevent' ? await createCloudEventFunction(service.name, projectId) : undefined
  return { app, call }
}

/** No new connections; each that is there ends with its answer, or at once when it waits for nothing. */
function stopped(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    const endIdle = (): void => {
      if ('closeIdleConnections' in server) server.closeIdleConnections()
    }
    // A connection kept alive would otherwise stay for seconds after its last answer.
    const idleCheck = setInterval(endIdle, IDLE_CHECK_INTERVAL_MS)
    server.close(() => {
      clearInterval(idleCheck)
      resolve()
    })
    endIdle()
  })
}
