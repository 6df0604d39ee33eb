/** The required claims of a token, the additional ones of staff, and the delay of a revocation. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { app } from '../../functions/gateway/app.ts'
import { gateway, testEdge } from '../../functions/gateway/edge.testing.ts'
import { openIssuer, type TestIssuer, type TokenOptions } from '../../functions/gateway/issuer.testing.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import answersOfCatalog from '../../functions/catalog/frozen-queries.json' with { type: 'json' }
import answersOfOrders from '../../functions/orders/frozen-queries.json' with { type: 'json' }
import { STAFF_SESSION_MAX_SECONDS, STATE_FRESH_MS, STATE_STALE_MS } from '../../functions/gateway/staff-tokens.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { startOfTests, testPlatform } from '../../shared/runtime/platform.testing.ts'

const startSeconds = Date.parse(startOfTests) / 1000

let issuer: TestIssuer
beforeAll(async () => {
  issuer = await openIssuer()
})
afterAll(() => issuer.close())

interface Account {
  localId: string
  validSince: string
  disabled?: boolean
}

function started(settings: Readonly<Record<string, string>> = {}) {
  const accounts = new Map<string, Account>(
    ['clerk', 'importer-1'].map((localId) => [localId, { localId, validSince: '0' }]),
  )
  const issuers = { answers: true, queries: [] as unknown[] }
  const platform = testPlatform(gateway, {
    settings: {
      EDGE: testEdge(),
      PAYMENT_PROVIDER_URL: 'https://provider.example.com',
      ...issuer.settings,
      ...settings,
    },
    call: async () =>
      Response.json({ ...answersOfOrders['readOrder@200'], ...answersOfCatalog['readProduct@200'], entries: [] }),
    async callExternal(url, options) {
      issuers.queries.push({ url, token: options.token, body: options.body })
      if (!issuers.answers) throw new Unavailable('The issuer is silent.')
      const { localId } = options.body as { localId: [string] }
      const account = accounts.get(localId[0])
      return Response.json(account ? { users: [account] } : { kind: 'identitytoolkit#GetAccountInfoResponse' })
    },
  })
  const http = createHttpApp(app, platform, testConfig('gateway'))
  /** Status and code of a request, by default to a path for every caller. */
  const send = async (given: TokenOptions, path = '/v2/products/TEA-001'): Promise<string> => {
    const response = await http.request(path, { headers: { authorization: `Bearer ${await issuer.token(given)}` } })
    const { code } = (await response.json()) as { code?: string }
    return code === undefined ? String(response.status) : `${response.status} ${code}`
  }
  return { platform, accounts, issuers, send }
}

const clerk: TokenOptions = { sub: 'clerk', roles: ['admin'] }
const withClaims = (claims: object, of: TokenOptions = clerk): TokenOptions => ({ ...of, claims })

describe('every token', () => {
  it.each<[string, object, string]>([
    ['issued in the future', { iat: startSeconds + 60, exp: startSeconds + 3_600 }, '401 token-invalid'],
    ['issued within the tolerance of clocks', { iat: startSeconds + 3 }, '200'],
    ['issued more than an hour ago', { iat: startSeconds - 3_700, exp: startSeconds + 60 }, '401 token-expired'],
    ['with a lifetime of ten years', { exp: startSeconds + 315_360_000 }, '401 token-invalid'],
    ['with a lifetime of an hour and ten seconds', { exp: startSeconds + 3_610 }, '401 token-invalid'],
    ['with a lifetime of an hour', { exp: startSeconds + 3_600 }, '200'],
  ])('%s', async (_, claims, answer) => {
    const { send } = started()
    expect(await send(withClaims(claims, { sub: 'customer-1' }), '/v1/orders/o-1')).toBe(answer)
    expect(await send(withClaims(claims))).toBe(answer)
  })

  it.each(['', ' ', 'clerk ', ' clerk', 'cl\u0000erk', 'cl\u001berk', '\ud800', 'clerk\n', 'x'.repeat(129)])(
    'with the subject %j is refused',
    async (sub) => {
      const { send } = started()
      expect(await send({ sub }, '/v1/orders/o-1')).toBe('401 token-invalid')
    },
  )
})

describe.each(['support', 'warehouse', 'admin', 'importer'])('a token of the role %s', (role) => {
  const of: TokenOptions = { sub: role === 'importer' ? 'importer-1' : 'clerk', roles: [role] }

  it('is admitted with a sign-in of today and a second factor', async () => {
    expect(await started().send(of)).toBe('200')
  })

  it.each<[string, object, string]>([
    ['has no time of the sign-in', { auth_time: undefined }, '401 token-invalid'],
    ['has a sign-in time that is not a number', { auth_time: 'today' }, '401 token-invalid'],
    ['has a sign-in time in the future', { auth_time: startSeconds + 60 }, '401 token-invalid'],
    [
      'was renewed since a sign-in of yesterday',
      { auth_time: startSeconds - STAFF_SESSION_MAX_SECONDS - 1 },
      '401 token-expired',
    ],
    ['has no second factor', { firebase: { sign_in_provider: 'password' } }, '401 second-factor-missing'],
    ['has an empty second factor', { firebase: { sign_in_second_factor: '' } }, '401 second-factor-missing'],
    ['has no claims of Identity Platform', { firebase: undefined }, '401 second-factor-missing'],
    [
      'has a second factor in a custom claim',
      { firebase: 'totp', sign_in_second_factor: 'totp' },
      '401 second-factor-missing',
    ],
  ])('that %s is refused', async (_, claims, answer) => {
    const { send, platform } = started()
    expect(await send(withClaims(claims, of))).toBe(answer)
    expect(platform.logs.find(({ event }) => event === 'security')?.fields).toMatchObject({
      event: answer.slice(4),
      subject: `token:${of.sub}`,
    })
  })

  it('needs no second factor in an environment where it is optional', async () => {
    const { send } = started({ STAFF_SECOND_FACTOR: 'optional' })
    expect(await send(withClaims({ firebase: { sign_in_provider: 'password' } }, of))).toBe('200')
  })
})

it('an environment that sets neither required nor optional does not start', () => {
  expect(() => started({ STAFF_SECOND_FACTOR: 'sometimes' })).toThrow(/required/)
})

describe('a revoked sign-in of staff', () => {
  it('is refused within a minute, and a new one is admitted', async () => {
    const { send, accounts, platform } = started()
    expect(STATE_FRESH_MS).toBeLessThanOrEqual(60_000)
    expect(await send(clerk)).toBe('200')
    accounts.set('clerk', { localId: 'clerk', validSince: String(startSeconds + 10) })
    platform.advance(STATE_FRESH_MS)
    expect(await send(clerk)).toBe('401 token-revoked')
    const since = startSeconds + STATE_FRESH_MS / 1000
    expect(await send(withClaims({ iat: since, auth_time: since, exp: since + 3_600 }))).toBe('200')
  })

  it('is also refused when its account was disabled or deleted', async () => {
    const { send, accounts, platform } = started()
    accounts.set('clerk', { localId: 'clerk', validSince: '0', disabled: true })
    expect(await send(clerk)).toBe('401 token-revoked')
    accounts.delete('clerk')
    platform.advance(STATE_FRESH_MS)
    expect(await send(clerk)).toBe('401 token-revoked')
  })

  it('is checked by one query a minute, with an access token of the API, and not for customers', async () => {
    const { send, issuers, platform } = started()
    await Promise.all([send(clerk), send(clerk), send(clerk)])
    await send(clerk)
    await send({ sub: 'customer-1' }, '/v1/orders/o-1')
    expect(issuers.queries).toEqual([
      {
        url: 'https://accounts.example.com/v1/projects/shop/accounts:lookup',
        token: 'access',
        body: { localId: ['clerk'] },
      },
    ])
    platform.advance(STATE_FRESH_MS)
    await send(clerk)
    expect(issuers.queries).toHaveLength(2)
  })
})

describe('while the identity platform does not answer', () => {
  it('staff who were admitted before are admitted for a bounded time, then refused', async () => {
    const { send, issuers, platform } = started()
    expect(await send(clerk)).toBe('200')
    issuers.answers = false
    platform.advance(STATE_FRESH_MS)
    expect(await send(clerk)).toBe('200')
    expect(await send({ sub: 'importer-1', roles: ['importer'] })).toBe('503 unavailable')
    platform.advance(STATE_STALE_MS - STATE_FRESH_MS)
    expect(await send(clerk)).toBe('503 unavailable')
    expect(await send({ sub: 'customer-1' }, '/v1/orders/o-1')).toBe('200')
    issuers.answers = true
    platform.advance(10_000)
    expect(await send(clerk)).toBe('200')
  })

  it('it is queried at most once in a few seconds', async () => {
    const { send, issuers, platform } = started()
    issuers.answers = false
    for (let sent = 0; sent < 50; sent++) expect(await send(clerk)).toBe('503 unavailable')
    expect(issuers.queries).toHaveLength(1)
    platform.advance(5_000)
    await send(clerk)
    expect(issuers.queries).toHaveLength(2)
  })
})
