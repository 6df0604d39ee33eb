/** Every open port of the platform by the system's list, and its answers to a page in a browser. */

import { existsSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { business, services } from '../../../functions/index.ts'
import { partnersOf } from '../../../shared/service/business.ts'
import { joinPlatform } from '../../support/joined-platform.ts'
import { listenersOf } from '../../support/listeners.ts'

const platform = joinPlatform('ports')
const listed = existsSync('/proc/net/tcp')
/** Of the process of the local cloud; the services have their own. */
const ports: readonly number[] = listed ? listenersOf(platform.running.pid).map(({ port }) => port) : []

function answer(
  port: number,
  headers: Record<string, string>,
  path = '/',
  method = 'GET',
): Promise<Pick<IncomingMessage, 'headers' | 'statusCode'>> {
  return new Promise((resolve, reject) => {
    const sent = { host: `127.0.0.1:${port}`, connection: 'close', ...headers }
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers: sent }, (response) => {
      response.resume()
      resolve(response)
    })
    outgoing.once('error', reject)
    outgoing.end(method === 'POST' ? '{}' : undefined)
  })
}

const statusOf = async (...parameters: Parameters<typeof answer>): Promise<number> =>
  (await answer(...parameters)).statusCode!
const each = (request: (port: number) => Promise<number>): Promise<Record<number, number>> =>
  Promise.all(ports.map(async (port) => [port, await request(port)])).then(Object.fromEntries)
const all = (of: readonly number[], status: number): Record<number, number> =>
  Object.fromEntries(of.map((port) => [port, status]))

describe.skipIf(!listed)('the ports of the local cloud (as Linux lists them)', () => {
  const ofServices = (): number[] => services.map(({ name }) => platform.ports.service(name))
  const others = (): number[] => ports.filter((port) => !ofServices().includes(port))

  it('are the documented ones', () => {
    const { api, identity, partner, account } = platform.ports
    const expected = [api, identity, ...partnersOf(business).map(partner), ...services.map(({ name }) => account(name))]
    expect(new Set(ports)).toEqual(new Set([...expected, ...ofServices()]))
  })

  it('answer 421 to a host name that resolves to loopback', async () => {
    expect(await each((port) => statusOf(port, { host: `evil.example:${port}` }))).toEqual(all(ports, 421))
  })

  it('answer 403 to a page of another origin, except the services, which check origins themselves', async () => {
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      const answers = await each((port) => statusOf(port, headers))
      expect(answers).toMatchObject(all(others(), 403))
    }
  })

  it('answer 415 to a body that a form or script may send without a preflight, except the services', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', '']) {
      const headers = { 'content-type': type }
      const answers = await each((port) => (others().includes(port) ? statusOf(port, headers, '/', 'POST') : okay()))
      expect(answers).toMatchObject(all(others(), 415))
    }
  })

  it('let a page of a configured origin call the gateway, and no other page', async () => {
    const headersOf = (origin: string) => ({ origin, 'access-control-request-method': 'POST' })
    const preflight = async (origin: string): Promise<string | undefined> =>
      (await answer(platform.ports.service('gateway'), headersOf(origin), '/v1/orders', 'OPTIONS')).headers[
        'access-control-allow-origin'
      ]
    expect(await preflight('http://localhost:5173')).toBe('http://localhost:5173')
    expect(await preflight('https://evil.example')).toBeUndefined()
  })

  it('answer 404 to pages for internal services, also with a token', async () => {
    const internal = services.filter(({ ingress }) => ingress === 'internal')
    expect(internal.length).toBeGreaterThan(5)
    for (const { name } of internal) {
      const port = platform.ports.service(name)
      expect(await statusOf(port, { origin: 'https://evil.example', authorization: 'Bearer x.y.z' })).toBe(404)
    }
  })
})

const okay = (): Promise<number> => Promise.resolve(200)
