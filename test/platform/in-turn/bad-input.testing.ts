/** Refusals of the edge: the status, the stable code, and that nothing was lost or changed. */

import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { references } from '../../../functions/shop/cli/references.ts'
import { badOrders, line, order, own } from '../../support/bad-orders.ts'
import { stateOf, type State } from '../../support/state.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'

let platform: TestPlatform
let state: State

beforeAll(async () => {
  platform = platformInTurn().platform
  state = stateOf(platform)
  Object.assign(own, await references(platform.customer()))
  await state.seeded()
}, 120_000)
afterAll(() => state?.close(), 30_000)

interface Given {
  readonly method?: 'GET' | 'POST'
  readonly path?: string
  /** A text is sent unchanged, an object as JSON. */
  readonly body?: unknown
  /** undefined: no key. */
  readonly key?: string | undefined
  readonly token?: string | undefined
  readonly contentType?: string
}

const token = async (sub = 'customer-1', roles = ['customer'], expiresInSeconds = 3_600): Promise<string> =>
  (await platform.identity.mint({ sub, roles, expiresInSeconds })).token

async function send(given: Given): Promise<{ status: number; body: Record<string, unknown> }> {
  const { method = 'POST', path = '/v1/orders', body = method === 'POST' ? order() : undefined } = given
  const key = 'key' in given ? given.key : crypto.randomUUID()
  const bearer = 'token' in given ? given.token : await token()
  const response = await fetch(`${platform.running.publicUrl}${path}`, {
    method,
    headers: {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(body === undefined ? {} : { 'content-type': given.contentType ?? 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  if (!response.ok) expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Asserts the status and code of the refusal, and that no document or task has changed. */
async function refused(given: Given, status: number, code: string, detail: string | RegExp = ''): Promise<void> {
  const before = await state.all()
  const answer = await send(given)
  expect(answer).toMatchObject({
    status,
    body: { status, code, type: `urn:millrace:problem:${code}`, instance: given.path ?? '/v1/orders' },
  })
  expect(answer.body['detail']).toMatch(detail)
  expect(await state.all()).toEqual(before)
}

describe('an invalid order is refused:', () => {
  it.each(badOrders)('%s', (_, body, status, code, detail) => refused({ body }, status, code, detail))

  it('a price set by staff', async () =>
    refused(
      { token: await token('staff-1', ['admin']), body: line({ unitMinor: 1 }) },
      422,
      'invalid-body',
      'unitMinor',
    ))
})

describe('a malformed body is refused:', () => {
  it('10 MB', () =>
    refused({ body: JSON.stringify(order({ addressRef: 'a'.repeat(10_000_000) })) }, 413, 'body-too-large'))
  it('invalid JSON', () => refused({ body: '{"currency": "EUR", "lines": [' }, 400, 'invalid-json'))
  it('an empty body', () => refused({ body: '' }, 400, 'invalid-json'))
  it('JSON that is not an object', () => refused({ body: '[]' }, 422, 'invalid-body'))
  it('a form', () =>
    refused({ body: 'a=b', contentType: 'application/x-www-form-urlencoded' }, 415, 'unsupported-media-type'))
})

describe('an invalid token is refused:', () => {
  const claims = { roles: ['admin'] }
  const signedByAnother = async (kid: string): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
      .setIssuer(platform.identity.issuer)
      .setAudience(platform.running.projectId)
      .setSubject('customer-1')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign((await generateKeyPair('RS256')).privateKey)
  const ownKid = async (): Promise<string> => {
    const { keys } = (await (await fetch(platform.identity.jwksUrl)).json()) as { keys: { kid: string }[] }
    return keys[0]!.kid
  }

  it('no token', () => refused({ token: undefined }, 401, 'token-missing'))
  it('expired', async () => refused({ token: await token('customer-1', ['customer'], -60) }, 401, 'token-expired'))
  it('a text that is not a JWT', () => refused({ token: 'abc' }, 401, 'token-invalid'))
  it('signed by another issuer under its own key id', async () => {
    await refused({ token: await signedByAnother('foreign') }, 401, 'token-invalid')
  })
  it("signed by another issuer under the platform's key id", async () => {
    await refused({ token: await signedByAnother(await ownKid()) }, 401, 'token-invalid')
  })
  it('signed with the public key as a shared secret', async () => {
    const { keys } = (await (await fetch(platform.identity.jwksUrl)).json()) as { keys: object[] }
    const confused = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: await ownKid(), typ: 'JWT' })
      .setIssuer(platform.identity.issuer)
      .setAudience(platform.running.projectId)
      .setSubject('customer-1')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(JSON.stringify(keys[0])))
    await refused({ token: confused }, 401, 'token-invalid')
  })
  it('unsigned', async () => {
    const unsigned = new UnsecuredJWT(claims)
      .setIssuer(platform.identity.issuer)
      .setAudience(platform.running.projectId)
      .setSubject('customer-1')
      .setIssuedAt()
      .setExpirationTime('1h')
      .encode()
    await refused({ token: unsigned }, 401, 'token-invalid')
  })
  it('changed after it was signed', async () => {
    const [header, , signature] = (await token()).split('.')
    const payload = Buffer.from(
      JSON.stringify({
        roles: ['importer'],
        iss: platform.identity.issuer,
        aud: platform.running.projectId,
        sub: 'customer-1',
        iat: Math.floor(Date.now() / 1000),
        exp: Math.floor(Date.now() / 1000) + 3600,
      }),
    ).toString('base64url')
    await refused({ token: `${header}.${payload}.${signature}` }, 401, 'token-invalid')
  })
  it('for another project, by the same issuer', async () => {
    const other = await platform.cloud.core<{ mintIdToken(o: object): Promise<string> }>('iam').mintIdToken({
      email: 'orders@millrace-local.iam.gserviceaccount.com',
      audience: platform.running.publicUrl,
    })
    await refused({ token: other }, 401, 'token-invalid')
  })
  it('of an unknown role', async () => refused({ token: await token('customer-1', ['root']) }, 401, 'token-invalid'))
  it("a customer's at a path for staff", async () => {
    const product = { sku: 'TEA-001', name: 'Free tea', unitMinor: 1, currency: 'EUR' }
    await refused({ path: '/v1/products', body: product }, 403, 'forbidden', 'admin')
    await refused({ path: '/v1/prices', body: { sku: 'TEA-001', unitMinor: 1, currency: 'EUR' } }, 403, 'forbidden')
    await refused({ path: '/v1/stock', body: { lines: [{ sku: 'TEA-001', quantity: 1 }] } }, 403, 'forbidden')
    await refused({ method: 'GET', path: '/v1/stock/TEA-001' }, 403, 'forbidden')
  })
})

describe('an idempotency key is refused:', () => {
  it('that is missing', () => refused({ key: undefined }, 400, 'idempotency-key-missing'))
  it.each([
    ['empty', ''],
    ['with a space', 'a key'],
    ['outside ASCII', 'schlüssel'],
    ['of 201 characters', 'k'.repeat(201)],
  ])('%s', (_, key) => refused({ key }, 400, 'invalid-parameter', 'Idempotency-Key'))
})

describe("a staff command's key", () => {
  it('with another body is refused, and the first command stays', async () => {
    const [key, bearer] = ['the-staff-key', await token('staff-1', ['admin'])]
    const stock = (quantity: number) => ({
      path: '/v1/stock',
      key,
      token: bearer,
      body: { lines: [{ sku: 'POT-001', quantity }] },
    })
    const first = await send(stock(5))
    expect(first.status).toBe(202)
    const path = `/v1/deliveries/${String(first.body['deliveryId'])}`
    await expect
      .poll(async () => (await send({ method: 'GET', path, token: bearer })).status, { timeout: 10_000 })
      .toBe(200)
    await state.tasksDone()
    await refused(stock(6), 409, 'idempotency-key-reused')
    expect(await send(stock(5))).toEqual(first)
    expect((await send({ method: 'GET', path, token: bearer })).body['lines']).toEqual([
      { sku: 'POT-001', quantity: 5 },
    ])
  })
})

describe('a path is answered 404:', () => {
  it('an unknown one', () => refused({ method: 'GET', path: '/v1/nothing' }, 404, 'not-found'))
  it('of an unknown order', () => refused({ method: 'GET', path: '/v1/orders/o-none' }, 404, 'not-found'))
})

/** Waits until nothing more is written for the order. */
async function done(customer: string, orderId: unknown): Promise<void> {
  await platform.followed(platform.customer(customer), String(orderId))
  // The notifications of placed, confirmed, dispatched, delivered and completed are the last writes.
  await vi.waitUntil(async () => (await state.sends(String(orderId))).length === 5, { timeout: 10_000 })
  await state.tasksDone()
}

describe('a placed order', () => {
  const key = 'the-one-key'
  let placed: Record<string, unknown>

  beforeAll(async () => {
    placed = (await send({ key })).body
    await done('customer-1', placed['orderId'])
  }, 60_000)

  it('is not changed by its key with another body, which is refused', () =>
    refused({ key, body: line({ quantity: 3 }) }, 409, 'idempotency-key-reused', key))

  it('is returned for its key with the same body, in any order of the fields', async () => {
    const before = await state.all()
    const again = await send({ key })
    const turned = await send({ key, body: Object.fromEntries(Object.entries(order()).toReversed()) })
    const payment = { capturedMinor: placed['totalMinor'], refundedMinor: 0, refunds: [] }
    const shipments = [
      {
        shipmentId: `s-${String(placed['orderId'])}-1`,
        status: 'delivered',
        trackingRef: expect.any(String),
        lines: [{ lineId: '1', sku: 'TEA-001', quantity: 2 }],
      },
    ]
    expect(again).toEqual({ status: 200, body: { ...placed, status: 'completed', payment, shipments } })
    expect(turned).toEqual(again)
    expect(await state.all()).toEqual(before)
    // The state that the tests compare contains writes of orders, and tasks.
    expect(Object.keys(before)).toEqual(
      expect.arrayContaining(['firestore.documentWrites.orders', expect.stringMatching('/queues/orders/tasks/')]),
    )
  })

  it("is distinct from another customer's order with the same key", async () => {
    const theirs = await references(platform.customer('customer-2'))
    const other = await send({ key, token: await token('customer-2'), body: order(theirs) })
    expect(other.status).toBe(201)
    expect(other.body['orderId']).not.toBe(placed['orderId'])
    await done('customer-2', other.body['orderId'])
  })

  it('is answered 404 to another customer', async () => {
    const path = `/v1/orders/${String(placed['orderId'])}`
    const stranger = await send({ method: 'GET', path, token: await token('customer-2') })
    expect(stranger).toMatchObject({ status: 404, body: { code: 'not-found' } })
    // The answer is that of an unknown order, so it does not reveal that the order exists.
    const none = await send({ method: 'GET', path: '/v1/orders/o-none', token: await token('customer-2') })
    expect(Object.keys(stranger.body)).toEqual(Object.keys(none.body))
    expect((await send({ method: 'GET', path })).body).toMatchObject({
      orderId: placed['orderId'],
      status: 'completed',
    })
  })
})
