/**
 * Every forged token: customers' at the gateway, services' at each ingress and at the partners. None is let in, and no revoked sign-in. Of the routes that
 * one check protects npm test attacks the first and the last with each token, npm run verify all.
 */

import { beforeAll, describe, expect, it } from 'vitest'
import { services } from '../../../functions/index.ts'
import { accountEmail, commandPath, eventPath, pushAccountId } from '../../../shared/base/names.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { secretValue } from '../../support/secret-value.ts'
import { firstAndLast, oneOf, representatives } from '../../support/whole-lists.ts'
import {
  statusOf,
  type Attack,
  attempts,
  bearer,
  acceptedAttempts,
  unissuedClaims,
  REFUSALS,
  type Route,
  victimInTurn,
} from './attack.testing.ts'
import { places, signed, tokens } from './kinds.testing.ts'

/** The statuses with which the ingress refuses external callers itself, without starting a service. */
const INGRESS_REFUSALS = [...REFUSALS, 404]

let platform: TestPlatform
let attack: Attack

beforeAll(() => {
  ;({ platform, attack } = victimInTurn())
})

it('forged tokens are of at least forty kinds', () => {
  expect(Object.keys(tokens).length + Object.keys(places).length).toBeGreaterThanOrEqual(40)
})

describe('forged tokens are refused', () => {
  /** One ingress protects all: a service that is called, one by the functions framework, and one that no event reaches; all in `npm run verify`. */
  const internal = representatives(
    services.filter(({ ingress }) => ingress === 'internal'),
    ['orders', 'notifications', 'reconciliation'],
    ({ name }) => name,
  )

  it.each(internal.map((service) => [service.name, service] as const))(
    'at the ingress of %s',
    { timeout: 240_000 },
    async (name, service) => {
      const origin = platform.running.publicUrl.replace(/\d+$/, String(platform.ports.service(name)))
      const of = await attack.ofGoogle(service.on.length > 0 ? pushAccountId(name) : 'gateway', origin)
      const more = {
        'a customer’s token': signed(await attack.ofCustomer()),
        'a token for the gateway': signed({ ...of, claims: { ...of.claims, aud: platform.running.publicUrl } }),
        ...unissuedClaims(of),
      }
      const routes = [
        ...firstAndLast(attack.events(service)),
        ...firstAndLast(attack.commands(service)),
        ...firstAndLast(attack.submissions(service)),
        ...firstAndLast(await attack.ownRoutes(service)),
        { method: 'GET', path: '/health/live' },
        { method: 'POST', path: '/' },
      ]
      const kinds = attempts(of, more)
      kinds.push([
        'nonsense in X-Serverless-Authorization, which goes before',
        { headers: { 'x-serverless-authorization': 'Bearer nonsense', authorization: `Bearer ${signed(of)}` } },
      ])
      expect(await acceptedAttempts(origin, routes, kinds, INGRESS_REFUSALS)).toEqual([])
      const before = platform.cloud.counters()['run.coldStarts'] ?? 0
      // The genuine token is admitted, so the refusals are due to the forgery.
      expect(platform.run.processes().map((one) => one.service)).not.toContain(name)
      if (service.on.length > 0) {
        expect(await statusOf(origin, { method: 'GET', path: '/health/live' }, bearer(signed(of)))).toBe(200)
        expect(platform.cloud.counters()['run.coldStarts']).toBe(before + 1)
        await platform.run.kill(name, 'SIGKILL')
      }
    },
  )

  it('at the gateway', { timeout: 240_000 }, async () => {
    const gateway = services.find(({ ingress }) => ingress === 'public')!
    const origin = platform.running.publicUrl
    const of = await attack.ofCustomer()
    const routes = await attack.ownRoutes(gateway)
    const more = {
      'a service’s token': signed(await attack.ofGoogle('orders', origin)),
      'a service’s token for the customers’ audience': signed(
        await attack.ofGoogle('orders', String(of.claims['aud'])),
      ),
      'an unknown role': signed({ ...of, claims: { ...of.claims, roles: ['staff'] } }),
      'roles that are no list': signed({ ...of, claims: { ...of.claims, roles: 'admin' } }),
      'an empty subject': signed({ ...of, claims: { ...of.claims, sub: '' } }),
      'a subject too long': signed({ ...of, claims: { ...of.claims, sub: 'x'.repeat(129) } }),
    }
    const kinds = attempts(of, more)
    expect(await acceptedAttempts(origin, firstAndLast(routes), kinds)).toEqual([])
    expect(await acceptedAttempts(origin, routes, oneOf(6, kinds))).toEqual([])
    // The gateway has no ingress check, and no paths for events and commands.
    const service = bearer(signed(await attack.ofGoogle('orders', origin)))
    for (const path of [commandPath('PlaceOrder'), eventPath('order.placed')])
      expect(await statusOf(origin, { method: 'POST', path }, service)).toBe(404)
    // The genuine token is admitted, so the refusals are due to the forgery.
    expect(REFUSALS).not.toContain(await statusOf(origin, { method: 'GET', path: '/v1/orders/x' }, bearer(signed(of))))
  })

  it.each([
    [
      'payment provider',
      () => platform.paymentProvider.url,
      'payment-provider-key',
      'carrier-key',
      [
        'POST /v1/authorizations',
        'POST /v1/authorizations/by-key/k/captures',
        'POST /v1/authorizations/by-key/k/void',
        'POST /v1/authorizations/by-key/k/refunds',
        'GET /v1/authorizations/by-key/k',
        'GET /v1/ledger',
      ],
    ],
    [
      'carrier',
      () => platform.carrier.url,
      'carrier-key',
      'payment-provider-key',
      ['POST /v1/bookings', 'POST /v1/bookings/k/cancel', 'GET /v1/bookings/k'],
    ],
  ] as const)('at the %s', { timeout: 120_000 }, async (_, url, key, other, lines) => {
    const routes = lines.map((line): Route => ({ method: line.split(' ')[0]!, path: line.split(' ')[1]! }))
    const genuine = await secretValue(platform.running, key)
    const of = await attack.ofGoogle('payments', url())
    const kinds = attempts(of, {
      'a customer’s token': signed(await attack.ofCustomer()),
      'a token for the gateway': signed(await attack.ofGoogle('payments', platform.running.publicUrl)),
      'the genuine ID token of a service': signed(of),
      'the name of the key': key,
      'the key of the other partner': await secretValue(platform.running, other),
      'a part of it': genuine.slice(0, -1),
      'it and more': `${genuine}a`,
    })
    expect(await acceptedAttempts(url(), routes, kinds)).toEqual([])
    expect(await statusOf(url(), routes.at(-1)!, bearer(genuine))).not.toBe(401)
  })
})

describe('a sign-in of staff, which the gateway checks at the identity platform by its own grant', () => {
  const stock = async (sub: string): Promise<number> => {
    const { token } = await platform.identity.mint({ sub, roles: ['admin'] })
    return answerTo(token)
  }
  const answerTo = async (token: string): Promise<number> => {
    const response = await fetch(`${platform.running.publicUrl}/v1/stock/TEA-404`, {
      headers: { authorization: `Bearer ${token}` },
    })
    await response.body?.cancel()
    return response.status
  }

  it(
    'a valid sign-in of staff is admitted; a revoked one and one without a second factor are refused',
    { timeout: 60_000 },
    async () => {
      expect(await stock('clerk')).toBe(404)
      const { token } = await platform.identity.mint({ sub: 'leaver', roles: ['admin'] })
      platform.identity.revoke('leaver', Math.floor(Date.now() / 1000) + 60)
      expect(await answerTo(token)).toBe(401)
      const { token: weak } = await platform.identity.mint({ sub: 'clerk', roles: ['admin'], secondFactor: null })
      expect(await answerTo(weak)).toBe(401)
    },
  )

  it("only the gateway's account may read accounts, and no service may change them", async () => {
    const { projectId } = platform.running
    const send = async (account: string, operation: string, body: object): Promise<number> => {
      const { accessToken } = platform.cloud.core<{ accessToken(email: string): { token: string } }>('iam')
      const { token } = accessToken(accountEmail(account, projectId))
      const url = `${platform.running.identityUrl}/identitytoolkit.googleapis.com/v1/projects/${projectId}/accounts:${operation}`
      const response = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      await response.body?.cancel()
      return response.status
    }
    expect(await send('gateway', 'lookup', { localId: ['clerk'] })).toBe(200)
    expect(await send('gateway', 'update', { localId: 'clerk', validSince: '0' })).toBe(403)
    for (const account of ['orders', 'payments', 'operations'])
      expect(await send(account, 'lookup', { localId: ['clerk'] })).toBe(403)
  })
})
