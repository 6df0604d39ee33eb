/** Limits of Node's server, which apply before the platform's code gets a request. */

import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createEdge } from '../../shared/edge/edge.ts'
import { testLimits, testRoles } from '../../shared/edge/edge.testing.ts'
import { loadApp } from '../../functions/apps.ts'
import { services } from '../../functions/index.ts'
import { answerProblem } from '../../shared/http/http.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { limitServer, serverOptions } from '../../shared/runtime/server-limits.ts'
import { answerOf, openRequest } from '../support/raw-client.ts'

const history = services.find(({ name }) => name === 'history')!

let server: Server
afterEach(() => {
  server.close()
  server.closeAllConnections()
})

const tooMany = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`h${at}`, '']))

async function serving(http: Hono): Promise<number> {
  server = createAdaptorServer({ fetch: http.fetch, serverOptions }) as Server
  limitServer(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

async function started(options = {}): Promise<number> {
  server = createServer({ ...serverOptions, ...options }, (request, response) => {
    response.setHeader('connection', 'close').end(String(request.headers['x-forwarded-for']))
  })
  limitServer(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

describe("a service's server", () => {
  it('drops no header, not even the address that a front end appends after thousands of others', async () => {
    const many = Object.fromEntries(Array.from({ length: 2_200 }, (_, at) => [`h${at.toString(36)}`, '']))
    const socket = await openRequest(await started(), {
      method: 'GET',
      path: '/',
      headers: { ...many, 'x-forwarded-for': '203.0.113.7' },
    })
    expect(await answerOf(socket)).toContain('203.0.113.7')
  })

  it('refuses header fields beyond its limit, and closes the connection', async () => {
    const port = await serving(createHttpApp(await loadApp('history'), testPlatform(history), testConfig('history')))
    const socket = await openRequest(port, { method: 'GET', path: '/health/live', headers: tooMany })
    expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 431 [^]*"code":"too-many-headers"/)
  })

  it('counts such requests for their address at the edge', async () => {
    const burst = 3
    const wide = { perSecond: 1_000, burst: 1_000 }
    const http = new Hono()
    const limits = { member: wide, clerk: wide, auditor: wide, address: { perSecond: 0.001, burst } }
    createEdge(http, { settings: testLimits({ limits }), roles: testRoles, signedPaths: [], now: () => 0 })
    http.onError((error, c) => answerProblem(c, error))
    const port = await serving(http)
    const statuses: string[] = []
    for (let index = 0; index <= burst; index++) {
      const [answer] = await once(await openRequest(port, { method: 'GET', path: '/', headers: tooMany }), 'data')
      statuses.push(String(answer).slice(9, 12))
    }
    expect(statuses).toEqual(['431', '431', '431', '429'])
  })

  it('closes idle connections when all are taken', async () => {
    server = createServer(serverOptions, (_, response) => void response.end('ok'))
    limitServer(server)
    server.maxConnections = 5
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const idle = await Promise.all(
      Array.from({ length: 5 }, () => openRequest(port, { method: 'GET', path: '/', headers: {} })),
    )
    await Promise.all(idle.map(async (socket) => once(socket, 'data')))
    const closed = Promise.all(idle.map(async (socket) => once(socket, 'close')))
    // The connection beyond the limit is refused, and causes idle ones to be closed.
    expect(await answerOf(await openRequest(port, { method: 'GET', path: '/', headers: {} }))).toBe('')
    await closed
    const next = await openRequest(port, { method: 'GET', path: '/', headers: { connection: 'close' } })
    expect(await answerOf(next)).toContain('200 OK')
  })

  it('refuses a head beyond its limit', async () => {
    const headers = { a: 'x'.repeat(17_000) }
    const socket = await openRequest(await started(), { method: 'GET', path: '/', headers })
    expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('closes a connection that does not send its head', async () => {
    const port = await started({ headersTimeout: 50, connectionsCheckingInterval: 10 })
    const socket = await openRequest(port, { method: 'GET', path: '/', isUnfinished: true })
    expect(await answerOf(socket)).toMatch(/^(HTTP\/1\.1 408 |$)/)
  })

  it('has consistent limits', async () => {
    await started()
    expect(server.headersTimeout).toBeLessThan(server.requestTimeout)
    expect(server.keepAliveTimeout).toBeGreaterThan(600_000)
    expect(server.maxConnections).toBeGreaterThan(0)
    expect(server.timeout).toBeGreaterThan(0)
  })
})
