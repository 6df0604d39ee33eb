/** A process of a service, asked at its own port and not through its ingress: it is on loopback alone, and a forged request changes nothing. */

import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { references } from '../../functions/shop/cli/references.ts'
import { services } from '../../functions/index.ts'
import { accountEmail, pushAccountId } from '../../shared/base/names.ts'
import { listenersOf, LOOPBACK } from '../support/listeners.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startTestPlatform()
  for (const { name } of services) await fetch(`${platform.running.serviceUrls[name]}/health/live`, await pass(name))
}, 120_000)
afterAll(() => platform?.close(), 30_000)

const processOf = (name: string) => platform.run.processes().find(({ service }) => service === name)!
const email = (account: string): string => accountEmail(account, platform.running.projectId)

/** What its ingress lets through: a token of an account that may call it. */
async function pass(name: string): Promise<RequestInit> {
  const service = services.find((one) => one.name === name)!
  const { mintIdToken } = platform.cloud.core<{ mintIdToken(of: object): Promise<string> }>('iam')
  const audience = platform.running.serviceUrls[name]!
  const account = service.on.length > 0 ? pushAccountId(name) : 'gateway'
  return { headers: { authorization: `Bearer ${await mintIdToken({ email: email(account), audience })}` } }
}

/** As the ingress forwards it: unverified and unsigned. */
function unsigned(service: string, account: string): string {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const claims = {
    iss: 'https://accounts.google.com',
    aud: platform.running.serviceUrls[service],
    sub: '1',
    email: email(account),
    email_verified: true,
    iat: nowSeconds,
    exp: nowSeconds + 3_600,
  }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `Bearer ${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.SIGNATURE_REMOVED_BY_GOOGLE`
}

/** The status; undefined when the connection was refused or closed without an answer. */
function answerOf(service: string, path: string, { account, body }: { account: string; body: object }) {
  return new Promise<number | undefined>((resolve) => {
    const { port } = processOf(service)
    const headers = { authorization: unsigned(service, account), 'content-type': 'application/json' }
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.once('error', () => resolve(undefined))
    sent.end(JSON.stringify(body))
  })
}

const order = {
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 1 }],
}

describe('at its own port', () => {
  it.runIf(process.platform === 'linux').each(services.map(({ name }) => name))(
    '%s listens on loopback alone',
    (name) => {
      const { pid, port } = processOf(name)
      expect(listenersOf(pid)).toEqual([{ address: LOOPBACK, port }])
    },
  )

  it.runIf(process.platform === 'linux')('the emulators listen on loopback alone too', () => {
    const found = listenersOf(process.pid)
    expect(found.length).toBeGreaterThan(services.length)
    expect(found.filter(({ address }) => address !== LOOPBACK)).toEqual([])
  })

  it('nothing answers on the addresses of this machine', async () => {
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4')
    for (const { address } of outside)
      for (const { port } of platform.run.processes())
        await expect(fetch(`http://${address}:${port}/health/live`)).rejects.toThrow()
  })

  it('orders takes no payment that payments did not authorize', async () => {
    const api = platform.customer()
    const own = await references(api, 'card-action-required')
    const { body: placed } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
      key: crypto.randomUUID(),
      body: { ...order, ...own },
    })
    const { orderId } = placed
    const paid = {
      id: crypto.randomUUID(),
      type: 'payment.authorized',
      version: 1,
      source: 'payments',
      subject: orderId,
      sequence: 1,
      time: new Date().toISOString(),
      correlationId: orderId,
      causationId: orderId,
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      actor: 'service:payments',
      data: {
        orderId,
        paymentId: 'p-1',
        amountMinor: 1190,
        currency: 'EUR',
        expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
      },
    }
    const message = { data: Buffer.from(JSON.stringify(paid)).toString('base64'), messageId: '1' }
    const answer = await answerOf('orders', '/events/payment.authorized', {
      account: pushAccountId('orders'),
      body: { message, subscription: 'projects/p/subscriptions/s' },
    })
    expect(answer).toBeUndefined()
    expect((await platform.customer().send<{ status: string }>('GET', `/v1/orders/${orderId}`)).body.status).toBe(
      'pending',
    )
  })

  it('orders takes no order in the name of the gateway', async () => {
    const lines = [{ sku: 'TEA-001', quantity: 1, unitMinor: 1 }]
    const own = await references(platform.customer('victim-1'))
    const body = { sub: 'victim-1', importer: true, idempotencyKey: 'forged', order: { ...order, ...own, lines } }
    expect(await answerOf('orders', '/orders', { account: 'gateway', body })).toBeUndefined()
  })
})
