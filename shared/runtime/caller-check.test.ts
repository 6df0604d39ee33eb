import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Config } from '../base/config.ts'
import { Unavailable } from '../base/errors.ts'
import { emailOf, idToken, testConfig, withoutSignature } from '../base/config.testing.ts'
import { startOfTests } from './platform.testing.ts'
import { createCallerCheck } from './caller-check.ts'

const nowSeconds = Date.parse(startOfTests) / 1000
const waiter = emailOf('waiter')
const token = (claims: object = {}): string => idToken('kitchen', 'waiter', claims)
const code = (of: string) => expect.objectContaining({ code: of })

function started(changes: Partial<Config> = {}, kind: 'delivery' | 'query' = 'delivery') {
  let nowMs = Date.parse(startOfTests)
  const check = createCallerCheck({ ...testConfig('kitchen'), ...changes }, () => nowMs)
  return {
    advance: (ms: number) => void (nowMs += ms),
    check: (headers: Record<string, string>) =>
      check({ get: (name) => headers[name] }, [waiter, emailOf('boss')], kind),
  }
}
const onCloudRun = { INGRESS: 'cloud-run' } as const

describe.each(['delivery', 'query'] as const)('a %s', (kind) => {
  it.each(['authorization', 'x-serverless-authorization'])('with a signed token in %s is admitted', async (header) => {
    expect(await started({}, kind).check({ [header]: token() })).toBe(waiter)
  })

  it.each<[string, object, string]>([
    ['of another issuer', { iss: 'https://issuer.example.com' }, 'token-invalid'],
    ['without an issuer', { iss: undefined }, 'token-invalid'],
    ['for another service', { aud: 'https://shop.example.com' }, 'token-invalid'],
    ['that has expired', { exp: nowSeconds - 11 }, 'token-expired'],
    ['that never expires', { exp: undefined }, 'token-invalid'],
    ['older than an hour, whatever its expiry', { iat: nowSeconds - 3_700, exp: nowSeconds + 1e9 }, 'token-expired'],
    ['of the future', { iat: nowSeconds + 60, exp: nowSeconds + 120 }, 'token-invalid'],
    ['without a subject', { sub: undefined }, 'token-invalid'],
    ['whose subject is not a text', { sub: 1 }, 'token-invalid'],
    ['whose subject is empty', { sub: '' }, 'token-invalid'],
    ['without an e-mail', { email: undefined }, 'token-invalid'],
    ['with an e-mail that is not verified', { email_verified: false }, 'token-invalid'],
    ['with email_verified as a text', { email_verified: 'true' }, 'token-invalid'],
    ['of another account', { email: emailOf('guest') }, 'caller-not-allowed'],
  ])('with a token %s is refused, signed or without its signature as from Cloud Run', async (_, claims, expected) => {
    await expect(started({}, kind).check({ authorization: token(claims) })).rejects.toEqual(code(expected))
    const forwarded = started(onCloudRun, kind).check({
      'x-serverless-authorization': withoutSignature(token(claims)),
      authorization: token(claims),
    })
    await expect(forwarded).rejects.toEqual(code(expected))
  })

  it.each<[string, string]>([
    ['no bearer', 'Basic abc'],
    ['a removed signature', withoutSignature(token())],
    ['an empty signature', token().replace(/[^.]*$/, '')],
    ['two parts', token().replace(/\.[^.]*$/, '')],
    ['a part too many', token().replace(/[^.]*$/, 'x.SIGNATURE_REMOVED_BY_GOOGLE')],
    ['another token’s signature', token().replace(/[^.]*$/, token({ sub: 'x' }).split('.')[2]!)],
    ['more than its limit', `Bearer ${'x'.repeat(9_000)}`],
  ])('with %s is refused where the ingress is not Cloud Run’s', async (_, authorization) => {
    await expect(started({}, kind).check({ authorization })).rejects.toEqual(code('token-invalid'))
    await expect(
      started({}, kind).check({ authorization: token(), 'x-serverless-authorization': authorization }),
    ).rejects.toEqual(code('token-invalid'))
  })

  it('without a token is refused', async () => {
    await expect(started({}, kind).check({})).rejects.toEqual(code('token-missing'))
  })

  it('with tokens of two accounts is refused', async () => {
    const headers = { 'x-serverless-authorization': token(), authorization: idToken('kitchen', 'boss') }
    await expect(started({}, kind).check(headers)).rejects.toEqual(code('token-invalid'))
    const forwarded = { ...headers, 'x-serverless-authorization': withoutSignature(token()) }
    await expect(started(onCloudRun, kind).check(forwarded)).rejects.toEqual(code('token-invalid'))
  })
})

describe('behind Cloud Run’s ingress', () => {
  it('a delivery is admitted by the token that the ingress verified', async () => {
    expect(await started(onCloudRun).check({ authorization: withoutSignature(token()) })).toBe(waiter)
  })

  it('a query needs a second token with its signature', async () => {
    const { check } = started(onCloudRun, 'query')
    const forwarded = withoutSignature(token())
    await expect(check({ authorization: forwarded })).rejects.toEqual(code('token-invalid'))
    await expect(check({ 'x-serverless-authorization': forwarded })).rejects.toEqual(code('token-invalid'))
    expect(await check({ 'x-serverless-authorization': forwarded, authorization: token() })).toBe(waiter)
  })

  it('a present signature is verified', async () => {
    const forged = token().replace(/[^.]*$/, token({ sub: 'x' }).split('.')[2]!)
    await expect(started(onCloudRun).check({ authorization: forged })).rejects.toEqual(code('token-invalid'))
  })

  it('only the token that the ingress verifies may be without its signature', async () => {
    const headers = { 'x-serverless-authorization': token(), authorization: withoutSignature(token()) }
    await expect(started(onCloudRun).check(headers)).rejects.toEqual(code('token-invalid'))
  })
})

describe('the issuer’s keys', () => {
  let server: Server
  let fetches = 0
  let status = 200
  afterEach(() => new Promise((resolve) => server.close(resolve)))

  async function issuer(): Promise<string> {
    const { ID_TOKEN_JWKS_URL } = testConfig('kitchen')
    const keys = await (await fetch(ID_TOKEN_JWKS_URL)).text()
    fetches = 0
    status = 200
    server = createServer((_, response) => {
      fetches += 1
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(keys)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`
  }

  it('are fetched once for concurrent callers', async () => {
    const { check } = started({ ID_TOKEN_JWKS_URL: await issuer() })
    await Promise.all(Array.from({ length: 20 }, () => check({ authorization: token() })))
    await check({ authorization: token({ iat: nowSeconds - 1 }) })
    expect(fetches).toBe(1)
  })

  it('that cannot be fetched make the service answer 503, and admit no caller', async () => {
    const { check } = started({ ID_TOKEN_JWKS_URL: await issuer() })
    status = 500
    await expect(check({ authorization: token() })).rejects.toThrow(Unavailable)
    status = 200
    expect(await check({ authorization: token() })).toBe(waiter)
  })

  it('are not needed again for a verified token, which is refused after it has expired', async () => {
    const { check, advance } = started({ ID_TOKEN_JWKS_URL: await issuer() })
    await check({ authorization: token() })
    advance(3_599_000)
    expect(await check({ authorization: token() })).toBe(waiter)
    expect(fetches).toBe(1)
    advance(60_000)
    await expect(check({ authorization: token() })).rejects.toEqual(code('token-expired'))
  })

  it('admit no token for more than an hour, whatever expiry it names', async () => {
    const { check, advance } = started({ ID_TOKEN_JWKS_URL: await issuer() })
    const long = token({ exp: nowSeconds + 36_000 })
    expect(await check({ authorization: long })).toBe(waiter)
    advance(5 * 3_600_000)
    await expect(check({ authorization: long })).rejects.toEqual(code('token-expired'))
  })
})
