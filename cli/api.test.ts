import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import type { ServiceState } from './failed-starts.ts'
import { type Api, connect, connectWith } from './api.ts'

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An issuer whose tokens have these lifetimes, and a gateway that answers with the token of the request. */
async function platform(livesMs: number, refusals = 0): Promise<{ api: Api; signIns: () => number }> {
  let signIns = 0
  const identityUrl = await serve((_, response) => {
    signIns += 1
    response.statusCode = signIns > refusals ? 200 : 503
    response.end(JSON.stringify({ token: `t${signIns}`, expiresAt: new Date(Date.now() + livesMs).toISOString() }))
  })
  const publicUrl = await serve(({ headers }, response) => response.end(JSON.stringify(headers.authorization)))
  const running = {
    pid: process.pid,
    projectId: 'p',
    apiHost: '127.0.0.1:1',
    region: 'europe-west1',
    publicUrl,
    serviceUrls: {},
    identityUrl,
    secret: 's',
    dataDirectory: '.data',
  }
  return { api: connect(running, { sub: 'c', roles: ['customer'] }), signIns: () => signIns }
}
const listOrders = async (api: Api): Promise<unknown> => (await api.send('GET', '/v1/orders')).body

it('one token is used for many calls, concurrent ones too', async () => {
  const { api, signIns } = await platform(3_600_000)
  expect(await Promise.all(Array.from({ length: 5 }, () => listOrders(api)))).toEqual(Array(5).fill('Bearer t1'))
  expect(await listOrders(api)).toBe('Bearer t1')
  expect(signIns()).toBe(1)
})

it('a token that is valid for a minute or less is used for one call', async () => {
  const { api, signIns } = await platform(60_000)
  expect(await listOrders(api)).toBe('Bearer t1')
  expect(await listOrders(api)).toBe('Bearer t2')
  expect(await listOrders(api)).toBe('Bearer t3')
  expect(signIns()).toBe(3)
})

it('the next call repeats a failed sign-in', async () => {
  const { api } = await platform(3_600_000, 1)
  await expect(listOrders(api)).rejects.toThrow(
    /^signing in failed with 503: .*\nThe identity platform answered this: .* terminal of npm start\.$/s,
  )
  expect(await listOrders(api)).toBe('Bearer t2')
})

/** A platform whose service `halls` is public and answers with this status. */
async function failing(status: number, services: readonly ServiceState[]): Promise<Api> {
  const identityUrl = await serve((_, response) =>
    response.end(JSON.stringify({ token: 't', expiresAt: new Date(Date.now() + 3_600_000).toISOString() })),
  )
  const publicUrl = await serve((_, response) => {
    response.statusCode = status
    response.end(JSON.stringify({ status, code: 'unavailable', detail: 'Try again.' }))
  })
  const local = await serve(({ url }, response) =>
    response.end(JSON.stringify(url === '/_local/run/processes' ? { services } : { queues: [], subscriptions: [] })),
  )
  const running = {
    pid: process.pid,
    projectId: 'p',
    apiHost: new URL(local).host,
    region: 'europe-west1',
    publicUrl,
    serviceUrls: { seats: 'http://127.0.0.1:1', halls: publicUrl },
    identityUrl,
    secret: 's',
    dataDirectory: '.data',
  }
  return connect(running, { sub: 'c', roles: ['customer'] })
}
const runs: ServiceState = { service: 'halls', state: 'running' }

it.each([500, 503])('%d is explained with the reason of each service that does not start', async (status) => {
  const reason = 'seats did not start: SyntaxError: Unexpected token\n  at seats.ts:1'
  const api = await failing(status, [{ service: 'seats', state: 'failed', reason }, runs])
  await expect(listOrders(api)).rejects.toThrow(
    `${status} unavailable: Try again.\nseats does not start: SyntaxError: Unexpected token`,
  )
})

it.each([500, 503])('%d of services that run names the one that answered, and the way to its log', async (status) => {
  await expect(listOrders(await failing(status, [runs]))).rejects.toThrow(
    /^\d+ unavailable: Try again\.\nThe service halls answered this\..*: npm run logs -- halls --level warning --no-follow$/,
  )
})

it('a refusal of the request has no such line', async () => {
  await expect(listOrders(await failing(409, [runs]))).rejects.toThrow(/^409 unavailable: Try again\.$/)
})

it('a call with a time ends after it, when the public API gives no answer', async () => {
  const publicUrl = await serve(() => {})
  const api = connectWith(publicUrl, async () => 't')
  await expect(api.send('GET', '/v1/orders', { timeoutMs: 20 })).rejects.toThrow(/timeout/)
})
