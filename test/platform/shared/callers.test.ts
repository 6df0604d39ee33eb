/** Requests to the own port of a service's process, past its ingress: it listens on loopback only, and forged requests change nothing. */

import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { references } from '../../../functions/shop/cli/references.ts'
import { secretOf } from '../../../cli/command.ts'
import { services } from '../../../functions/index.ts'
import { accountEmail, jobName, pushAccountId } from '../../../shared/base/names.ts'
import { envelope } from '../../support/envelope.ts'
import { joinPlatform } from '../../support/joined-platform.ts'
import { listenersOf, LOOPBACK } from '../../support/listeners.ts'

const platform = joinPlatform('callers')
const line = { sku: 'CALLERS-1', quantity: 1 }
beforeAll(async () => {
  await platform.sell({ sku: line.sku, unitMinor: 1190 })
  // Every service has a part in an order, or is called by the clock: from here on each has a process.
  await platform.followed(platform.customer(), await platform.place(line))
  const { apiHost, projectId, region } = platform.running
  for (const { name, schedules } of services)
    for (const schedule of Object.keys(schedules)) {
      const job = `projects/${projectId}/locations/${region}/jobs/${jobName(name, schedule)}`
      const answer = await fetch(`http://${apiHost}/v1/${job}:run`, {
        method: 'POST',
        headers: secretOf(platform.running),
      })
      expect(answer.status).toBe(200)
    }
  await vi.waitUntil(async () => (await processes()).length === services.length, { timeout: 30_000 })
}, 120_000)

interface Process {
  readonly service: string
  readonly pid: number
  readonly port: number
}

const processes = async (): Promise<readonly Process[]> =>
  (await platform.local<{ processes: Process[] }>('run/processes')).processes
const processOf = async (name: string): Promise<Process> => (await processes()).find(({ service }) => service === name)!
const email = (account: string): string => accountEmail(account, platform.running.projectId)

/** The token in the form that the ingress forwards, without its signature. */
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
async function answerOf(service: string, path: string, { account, body }: { account: string; body: object }) {
  const { port } = await processOf(service)
  return new Promise<number | undefined>((resolve) => {
    const headers = { authorization: unsigned(service, account), 'content-type': 'application/json' }
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.once('error', () => resolve(undefined))
    sent.end(JSON.stringify(body))
  })
}

describe('at its own port', () => {
  it.runIf(process.platform === 'linux').each(services.map(({ name }) => name))(
    '%s listens on loopback only',
    async (name) => {
      const { pid, port } = await processOf(name)
      expect(listenersOf(pid)).toEqual([{ address: LOOPBACK, port }])
    },
  )

  it.runIf(process.platform === 'linux')('the emulators listen on loopback only', () => {
    const found = listenersOf(platform.running.pid)
    expect(found.length).toBeGreaterThan(services.length)
    expect(found.filter(({ address }) => address !== LOOPBACK)).toEqual([])
  })

  it('no port answers on the other addresses of this machine', async () => {
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4')
    for (const { address } of outside)
      for (const { port } of await processes())
        await expect(fetch(`http://${address}:${port}/health/live`)).rejects.toThrow()
  })

  it('orders refuses a payment event that payments did not send', async () => {
    const orderId = await platform.place(line, { card: 'card-action-required' })
    const status = async () =>
      (await platform.customer().send<{ status: string }>('GET', `/v1/orders/${orderId}`)).body.status
    // A forged event that is taken would end this wait of the order for its customer.
    await expect.poll(status, { timeout: 20_000 }).toBe('payment-needed')
    const paid = envelope('payment.authorized', {
      source: 'payments',
      subject: orderId,
      correlationId: orderId,
      causationId: orderId,
      actor: 'service:payments',
      data: {
        orderId,
        paymentId: 'p-1',
        amountMinor: 1190,
        currency: 'EUR',
        expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
      },
    })
    const message = { data: Buffer.from(JSON.stringify(paid)).toString('base64'), messageId: '1' }
    const answer = await answerOf('orders', '/events/payment.authorized', {
      account: pushAccountId('orders'),
      body: { message, subscription: 'projects/p/subscriptions/s' },
    })
    expect(answer).toBeUndefined()
    expect(await status()).toBe('payment-needed')
  })

  it('orders refuses an order that the gateway did not send', async () => {
    const lines = [{ ...line, unitMinor: 1 }]
    const own = await references(platform.customer('victim-1'))
    const body = {
      sub: 'victim-1',
      importer: true,
      idempotencyKey: 'forged',
      order: { currency: 'EUR', ...own, lines },
    }
    expect(await answerOf('orders', '/orders', { account: 'gateway', body })).toBeUndefined()
  })
})
