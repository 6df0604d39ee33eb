/** Both versions of a product's page, from one declaration and one answer of the catalog. The clock is virtual. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { testConfig } from '../../shared/base/config.testing.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { gateway, testEdge } from './edge.testing.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer } from './issuer.testing.ts'

let issuer: TestIssuer
beforeAll(async () => void (issuer = await openIssuer()))
afterAll(() => issuer.close())

const price = (currency: string, unitMinor: number) => ({ unitMinor, currency, validFrom: '2026-01-01T00:00:00.000Z' })
const [inEuro, inDollars] = [price('EUR', 1190), price('USD', 1390)]
const about = { sku: 'TEA 1', name: 'Darjeeling' }
/** As the catalog's contract has it. */
const ofCatalog = { ...about, ...inEuro, prices: [inEuro, inDollars] }

function started(startAt: string, answer: object = ofCatalog, status = 200) {
  const requested: string[] = []
  const platform = testPlatform(gateway, {
    startAt,
    settings: {
      EDGE: testEdge(),
      ...issuer.settings,
      PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
      PAYMENT_PROVIDER_API: '{"kind":"simulator"}',
    },
    callExternal: everyAccountIsValid,
    async call(_service, path) {
      requested.push(path)
      return Response.json(answer, { status })
    },
  })
  const http = createHttpApp(app, platform, testConfig('gateway'))
  const bearer = async (roles: readonly string[] = ['customer']): Promise<string> => {
    const iat = platform.now() / 1_000
    const claims = { iat, exp: iat + 60, auth_time: iat }
    return `Bearer ${await issuer.token({ sub: 'jo', roles, claims })}`
  }
  const read = async (version: 'v1' | 'v2', roles?: readonly string[]) => {
    const authorization = await bearer(roles)
    const response = await http.request(`/${version}/products/TEA%201`, {
      headers: { authorization, 'x-forwarded-for': '203.0.113.9' },
    })
    const { headers } = response
    const [deprecation, sunset, link] = ['deprecation', 'sunset', 'link'].map((name) => headers.get(name))
    return { status: response.status, body: await response.json(), deprecation, sunset, link }
  }
  const call = async () =>
    http.request(
      '/millrace.catalog.v1.CatalogService/ReadProduct',
      {
        method: 'POST',
        headers: { authorization: await bearer(), 'content-type': 'application/json' },
        body: JSON.stringify({ sku: 'TEA 1' }),
      },
      {},
    )
  return { read, call, requested, platform }
}

it('version 1 has the newest price beside the list, version 2 in the list alone', async () => {
  const { read, requested } = started('2026-11-01T00:00:00Z')
  expect(await read('v2')).toEqual({
    status: 200,
    body: { ...about, prices: [inEuro, inDollars] },
    deprecation: null,
    sunset: null,
    link: null,
  })
  expect(await read('v1')).toEqual({
    status: 200,
    body: ofCatalog,
    deprecation: '@1796083200',
    sunset: 'Wed, 01 Dec 2027 00:00:00 GMT',
    link: '</v2/products/TEA%201>; rel="successor-version"',
  })
  expect(requested).toEqual(['/products/TEA%201', '/products/TEA%201'])
  expect(new Date(1_796_083_200_000).toISOString()).toBe('2026-12-01T00:00:00.000Z')
})

it('by RPC version 1 is announced as deprecated too, without the link that only a path can fill', async () => {
  const { call } = started('2026-11-01T00:00:00Z')
  const response = await call()
  expect([response.status, await response.json()]).toMatchObject([200, { sku: 'TEA 1' }])
  expect(response.headers.get('deprecation')).toBe('@1796083200')
  expect(response.headers.get('link')).toBeNull()
})

it('an answer of the time when a product had one price is shown in both', async () => {
  const { read } = started('2026-11-01T00:00:00Z', { ...about, ...inEuro })
  expect((await read('v2')).body).toEqual({ ...about, prices: [inEuro] })
  expect((await read('v1')).body).toEqual({ ...about, ...inEuro, prices: [inEuro] })
})

it('a refusal of the catalog is the same in both', async () => {
  const problem = { type: 'urn:x', title: 'not found', status: 404, code: 'not-found', detail: 'None.', instance: '/' }
  const { read } = started('2026-11-01T00:00:00Z', problem, 404)
  expect(await read('v1')).toMatchObject({ status: 404, body: { code: 'not-found', instance: '/v1/products/TEA 1' } })
  expect(await read('v2')).toMatchObject({ status: 404, body: { code: 'not-found' }, deprecation: null })
})

it('each use of version 1 since it is deprecated is counted: staff by name, customers together', async () => {
  const { read, platform } = started('2026-11-30T23:59:59Z')
  await read('v1')
  const uses = () => platform.measures.filter(({ name }) => name === 'millrace.api.deprecated_uses')
  expect(uses()).toEqual([])
  platform.advance(1_000)
  await read('v1')
  await read('v1', ['support'])
  await read('v2')
  expect(uses().map(({ attributes }) => attributes)).toEqual([
    { service: 'gateway', operation: 'readProductV1', caller: 'customer' },
    { service: 'gateway', operation: 'readProductV1', caller: 'staff:jo' },
  ])
  const lines = platform.logs.filter(({ event }) => event === 'api.deprecated-use')
  expect(lines.map(({ fields }) => fields)).toEqual([
    { operation: 'readProductV1', subject: 'customer:jo' },
    { operation: 'readProductV1', subject: 'staff:jo' },
  ])
})

it('from its sunset on version 1 is answered 410, without a call, and still counted; version 2 stays', async () => {
  const { read, requested, platform } = started('2027-11-30T23:59:59Z')
  expect((await read('v1')).status).toBe(200)
  platform.advance(1_000)
  const ended = await read('v1')
  expect(ended).toMatchObject({
    status: 410,
    body: {
      code: 'operation-ended',
      detail: 'GET /v1/products/{sku} ended at 2027-12-01T00:00:00.000Z: use /v2/products/{sku}.',
    },
    link: '</v2/products/TEA%201>; rel="successor-version"',
  })
  expect(requested).toHaveLength(1)
  expect(platform.measures.filter(({ name }) => name === 'millrace.api.deprecated_uses')).toHaveLength(2)
  expect((await read('v2')).status).toBe(200)
})
