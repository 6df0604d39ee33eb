/**
 * Hostile text in every field of every body that the API takes, in its keys and paths and in the subject of a token: it is
 * refused with a problem that names the field, or it goes on and comes out of BigQuery as it went in.
 */

import { BigQuery } from '@google-cloud/bigquery'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { bigquery as plugin } from 'local-google-cloud/bigquery'
import { createLocalCloud } from 'local-google-cloud'
import { app } from '../../functions/gateway/app.ts'
import { gateway, testEdge } from '../../functions/gateway/edge.testing.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { reference, words } from '../../shared/base/fields.ts'
import answersOfCustomers from '../../functions/customers/frozen-queries.json' with { type: 'json' }
import answersOfOrders from '../../functions/orders/frozen-queries.json' with { type: 'json' }
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'

/** A valid body of each operation, in which every string is replaced in turn. */
const bodies: readonly (readonly [path: string, body: object])[] = [
  [
    '/v1/orders',
    {
      currency: 'EUR',
      lines: [{ sku: 'TEA-001', quantity: 1 }],
      addressRef: 'a-1',
      paymentMethodRef: 'p-1',
    },
  ],
  [
    '/v1/imported-orders',
    {
      currency: 'EUR',
      lines: [{ sku: 'TEA-001', quantity: 1, unitMinor: 1190 }],
      placedAt: '2026-01-01T00:00:00Z',
      customerRef: 'customer-1',
    },
  ],
  ['/v1/orders/o-1/retry', { reason: 'it is back' }],
  ['/v1/orders/o-1/close', { reason: 'paid by invoice' }],
  ['/v1/products', { sku: 'TEA-001', name: 'Darjeeling', unitMinor: 1190, currency: 'EUR' }],
  ['/v1/prices', { sku: 'TEA-001', unitMinor: 1190, currency: 'EUR', validFrom: '2026-01-01T00:00:00Z' }],
  ['/v1/stock', { lines: [{ sku: 'TEA-001', quantity: 1 }] }],
  ['/v1/addresses', { name: 'A. Customer', lines: ['1 Mill Lane'], postcode: '10115', city: 'Berlin', country: 'DE' }],
  ['/v1/payment-methods', { token: 'card-ok' }],
  ['/v1/consents', { kind: 'marketing-email', version: '2026-01' }],
]

const hostile = [
  '\uD800',
  'a\uDC00b',
  '\uDC00\uD800',
  'a\u0000b',
  '\u001B]0;owned\u0007',
  'a\u007F',
  'a\u009B2J',
  'a\nb',
  'a\u2028b',
  'a\u202Eb',
  'a\u2067b\u2069',
  'x'.repeat(100_000),
  '',
]
/** Texts that some kinds accept. */
const odd = [
  'é',
  'e\u0301',
  'Å',
  '\u212B',
  '😀'.repeat(200),
  '😀'.repeat(125),
  'a b',
  ' a',
  'a\u200Db',
  '注文',
  '__proto__',
]
const text = fc.oneof(
  fc.constantFrom(...hostile, ...odd),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
)

type Path = readonly (string | number)[]
const stringsIn = (value: unknown, path: Path = []): Path[] => {
  if (typeof value === 'string') return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, one]) => stringsIn(one, [...path, name]))
}
function replaced(body: object, path: Path, given: string): object {
  const copy = structuredClone(body)
  const holder = path.slice(0, -1).reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], copy)
  ;(holder as Record<string, unknown>)[path.at(-1)!] = given
  return copy
}
const fields = bodies.flatMap(([path, body]) =>
  stringsIn(body).map((field) => ({ path, body, field, name: `${path} ${field.join('.')}` })),
)

let issuer: TestIssuer
let importer: string
let admin: string
beforeAll(async () => {
  issuer = await openIssuer()
  importer = await issuer.token({ sub: 'importer-1', roles: ['importer'] })
  admin = await issuer.token({ sub: 'admin-1', roles: ['admin', 'customer'] })
})
afterAll(() => issuer.close())

/** By the end of the path. */
const answers = {
  '/orders': answersOfOrders['readOrder@200'],
  '/addresses': answersOfCustomers['addAddress@201'],
  '/payment-methods': answersOfCustomers['addPaymentMethod@201'],
  '/consents': answersOfCustomers['grantConsent@201'],
}

function opened() {
  const passed: unknown[] = []
  const platform = testPlatform(gateway, {
    settings: { EDGE: testEdge(), ...issuer.settings },
    callExternal: everyAccountIsValid,
    async call(service, path, { body } = {}) {
      passed.push(body)
      if (path.startsWith('/submissions/')) return Response.json({ commandId: crypto.randomUUID() }, { status: 202 })
      if (path === '/unknown-skus') return Response.json({ unknown: [] })
      const answer = Object.entries(answers).find(([end]) => path.endsWith(end))?.[1] ?? {}
      return Response.json(answer, { status: service === 'customers' ? 201 : 200 })
    },
  })
  const http = createHttpApp(app, platform, testConfig('gateway'))
  const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const response = await http.request(path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${path === '/v1/imported-orders' ? importer : admin}`,
        'content-type': 'application/json',
        'idempotency-key': crypto.randomUUID(),
        ...headers,
      },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as { code?: string; detail?: string } }
  }
  return { http, post, passed }
}

describe.each(fields)('$name', ({ path, body, field }) => {
  it('is refused by its name, or passed on unchanged', async () => {
    const { post, passed } = opened()
    await fc.assert(
      fc.asyncProperty(text, async (given) => {
        passed.length = 0
        const answer = await post(path, replaced(body, field, given))
        if (answer.status >= 300) {
          expect(answer).toMatchObject({ status: 422, body: { code: 'invalid-body' } })
          expect(answer.body.detail).toContain(`${field.join('.')}: `)
          // The refusal does not quote the text.
          expect(answer.body.detail).not.toMatch(/[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069]/u)
          return
        }
        expect(hostile).not.toContain(given)
        expect(JSON.stringify(passed)).toContain(JSON.stringify(given))
      }),
      { numRuns: 60, seed: 20_261_128, examples: [...hostile, ...odd].map((given) => [given] as [string]) },
    )
  })
})

it.each(hostile.slice(0, -2))('a token of the subject %j is refused', async (sub) => {
  const { post } = opened()
  const token = await issuer.token({ sub, roles: ['importer'] })
  const answer = await post(...(bodies[0] as [string, object]), { authorization: `Bearer ${token}` })
  expect(answer).toMatchObject({ status: 401, body: { code: 'token-invalid' } })
})

it.each(['%00', '%1B%5D0;x%07', 'a%E2%80%AEb', 'e%CC%81', '%20a', 'a'.repeat(101)])(
  'an order id %s is answered 404 without a call of a service',
  async (name) => {
    const { http, passed } = opened()
    const headers = { authorization: `Bearer ${admin}` }
    expect((await http.request(`/v1/orders/${name}`, { headers })).status).toBe(404)
    expect(passed).toEqual([])
  },
)

it('accepted texts are equal in BigQuery, also where two texts look alike', async () => {
  const cloud = await createLocalCloud({
    plugins: [plugin()],
    project: { id: 'p', number: '1', region: 'europe-west1' },
  })
  vi.stubEnv('BIGQUERY_EMULATOR_HOST', `http://${cloud.ownerHost}`)
  try {
    const isTaken = (given: string): boolean => reference.safeParse(given).success || words.safeParse(given).success
    const taken = [...new Set([...odd, ...fc.sample(text, { numRuns: 300, seed: 20_261_128 })].filter(isTaken))]
    expect(taken.length).toBeGreaterThan(100)
    const client = new BigQuery({ projectId: 'p' })
    await client.createDataset('events')
    const schema = [
      { name: 'id', type: 'INTEGER' },
      { name: 'data', type: 'JSON' },
    ]
    await client.dataset('events').createTable('orders', { schema })
    const rows = taken.map((given, id) => ({ id, data: JSON.stringify({ addressRef: given }) }))
    await client.dataset('events').table('orders').insert(rows)
    const [found] = await client.query(
      "SELECT JSON_VALUE(data, '$.addressRef') AS given FROM events.orders ORDER BY id",
    )
    expect(found.map(({ given }: { given: string }) => given)).toEqual(taken)
  } finally {
    vi.unstubAllEnvs()
    await cloud.close()
  }
})
