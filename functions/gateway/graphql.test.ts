/** The operations as a graph: the same answers and codes as by REST, one call to each service for many objects, and limits. */

import { createHash } from 'node:crypto'
import { serverAudits } from 'graphql-http'
import { createClient } from 'graphql-sse'
import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import type { Call } from '../../shared/messaging/query.ts'
import { MAX_ALIASES, MAX_CALLS, MAX_DEPTH, MAX_DIRECTIVES, MAX_FIELDS } from '../../shared/graphql/limits.ts'
import { BODY_BYTES } from '../../shared/http/http.ts'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import documents from './documents.json' with { type: 'json' }
import { entry, openGraph, orderNamed, partAt, shopAnswers, type TestGraph } from './graphql.testing.ts'
import { openIssuer, type TestIssuer } from './issuer.testing.ts'

let issuer: TestIssuer
let graph: TestGraph
beforeAll(async () => {
  issuer = await openIssuer()
  graph = openGraph(issuer)
})
afterAll(() => issuer.close())
beforeEach(() => void (graph.platform.calls.length = 0))

const codesOf = ({ errors = [] }: { readonly errors?: readonly { readonly extensions: { code: string } }[] }) =>
  errors.map(({ extensions }) => extensions.code)
const documentOf = (name: string): string => Object.values(documents).find((text) => text.includes(` ${name}(`))!

describe('a query', () => {
  it('of 50 orders with products, shipments and timelines asks each service once', async () => {
    const query = documentOf('ListOrders').replace('shipments {', 'timeline { entries { type } } shipments {')
    const { data, errors } = await graph.post({ query, variables: { limit: 50 } })
    expect(errors).toBeUndefined()
    expect(partAt(data, 'listOrders', 'orders')).toHaveLength(50)
    expect(partAt(data, 'listOrders', 'orders', 49, 'order')).toMatchObject({
      lines: [{ product: { name: 'Tea SKU-0' } }, { product: { name: 'Tea TEA-001' } }],
      shipments: [{ status: 'dispatched' }],
      timeline: { entries: [{ type: 'order.placed' }] },
    })
    expect(graph.calls()).toEqual([
      'history /orders',
      'orders /batches/orders',
      'catalog /batches/products',
      'history /batches/timelines',
    ])
  })

  it('of an order leads to its customer, which no other caller sees', async () => {
    const query = '{ readOrder(orderId: "o-1") { customer { addresses { addressRef city } } } }'
    const own = await graph.post({ query })
    expect(own.errors).toBeUndefined()
    expect(partAt(own.data, 'readOrder', 'customer')).toEqual({ addresses: [{ addressRef: 'a-1', city: 'Bremen' }] })
    const byStaff = await graph.post({ query }, { roles: ['support'], sub: 'jo' })
    expect([byStaff.data, codesOf(byStaff)]).toEqual([{ readOrder: { customer: null } }, ['not-found']])
    expect(graph.calls().filter((one) => one.includes('/vaults/'))).toHaveLength(1)
    const mixed = openGraph(issuer, {
      call: async (service, path, options) =>
        path === '/batches/orders'
          ? Response.json({ orders: [orderNamed('o-1'), orderNamed('o-2', 'customer-2')] })
          : shopAnswers(service, path, options),
    })
    const list = '{ listOrders(limit: 2) { orders { order { customer { addresses { city } } } } } }'
    const { data } = await mixed.post({ query: list }, { roles: ['support'] })
    expect(partAt(data, 'listOrders', 'orders')).toEqual([
      { order: { customer: { addresses: [{ city: 'Bremen' }] } } },
      { order: { customer: null } },
    ])
  })

  it('has the answer of REST, without what is written for staff', async () => {
    const query = documentOf('ReadOrder').replace('entries {', 'entries { actor')
    const request = { query, variables: { orderId: 'o-1' } }
    const { data } = await graph.post(request)
    expect(partAt(data, 'readOrder')).toMatchObject({
      orderId: 'o-1',
      totalMinor: 2_500,
      timeline: { entries: [{ actor: null }] },
    })
    const byStaff = await graph.post(request, { roles: ['support'] })
    expect(partAt(byStaff.data, 'readOrder', 'timeline', 'entries', 0, 'actor')).toBe('staff:jo')
    const get = `/graphql?${new URLSearchParams({ query, variables: '{"orderId":"o-1"}' })}`
    const response = await graph.request(get, { headers: { authorization: `Bearer ${await graph.token()}` } })
    expect(await response.json()).toEqual({ data })
  })

  it('leads to no order of another customer, and says which part is missing', async () => {
    const call: typeof shopAnswers = async (service, path, options) =>
      path === '/batches/orders'
        ? Response.json({ orders: [orderNamed('o-1', 'someone'), orderNamed('o-2')] })
        : shopAnswers(service, path, options)
    const query = '{ listOrders(limit: 2) { orders { order { orderId } } } }'
    const { data, errors } = await openGraph(issuer, { call }).post({ query })
    expect(partAt(data, 'listOrders', 'orders')).toEqual([{ order: null }, { order: { orderId: 'o-2' } }])
    expect(errors).toMatchObject([{ path: ['listOrders', 'orders', 0, 'order'], extensions: { code: 'not-found' } }])
  })

  it('answers with the other parts when one service is unavailable', async () => {
    const call: typeof shopAnswers = async (service, path, options) => {
      if (service === 'catalog') throw new Unavailable('The catalog is down.')
      return shopAnswers(service, path, options)
    }
    const dead = openGraph(issuer, { call })
    const { status, data, errors } = await dead.post({ query: documentOf('ReadOrder'), variables: { orderId: 'o-1' } })
    expect(status).toBe(200)
    expect(partAt(data, 'readOrder')).toMatchObject({ orderId: 'o-1', lines: [{ product: null }] })
    expect(errors).toMatchObject([{ extensions: { code: 'unavailable', status: 503, retryAfterSeconds: 1 } }])
  })

  it('has the roles of its operations, and those of an edge', async () => {
    const query = '{ readStock(sku: "TEA-001") { available } listShipments { shipments { order { orderId } } } }'
    const { errors } = await graph.post({ query })
    expect(errors!.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['readStock'], 'forbidden'],
      [['listShipments'], 'forbidden'],
    ])
    expect(graph.calls()).toEqual([])
  })

  it.each([
    ['that its contract does not have', '{ readProduct(sku: "TEA-001") { name } }', { orderId: 'o-1' }],
    ['that lacks a field', '{ listAddresses { addresses { city } } }', { addresses: [{}] }],
  ])('answers a fault of a service with a code, and nothing of an answer %s', async (_, query, body) => {
    const faulty = openGraph(issuer, { call: async () => Response.json(body) })
    const { errors } = await faulty.post({ query })
    expect(codesOf({ errors: errors! })).toEqual(['bug'])
    expect(JSON.stringify(errors)).not.toMatch(/non-nullable|Product\.name|orderId/)
    expect(faulty.platform.logs.filter(({ severity }) => severity === 'ERROR')).toHaveLength(1)
  })
})

it('an argument that is null is absent', async () => {
  const { data, errors } = await graph.post({ query: '{ listOrders(status: null, limit: 1) { orders { orderId } } }' })
  expect([data, errors]).toEqual([{ listOrders: { orders: [{ orderId: 'o-1' }] } }, undefined])
})

it('a list is sorted by its argument, and refused by an order that is not declared', async () => {
  const listed = async (sort: string) => graph.post({ query: `{ listOrders(sort: "${sort}") { orders { orderId } } }` })
  expect((await listed('placedAt')).errors).toBeUndefined()
  const [call] = graph.platform.calls
  expect(call!.path).toBe('/orders?customer=customer-1&sort=placedAt')
  expect(codesOf(await listed('totalMinor'))).toEqual(['invalid-parameter'])
  expect(graph.calls()).toHaveLength(1)
})

describe('a mutation', () => {
  const cancel =
    'mutation M($key: String) { cancelOrder(orderId: "o-1", reason: "changed-mind", idempotencyKey: $key) { commandId } }'

  it('takes its key as a header or as an argument, and is refused without one', async () => {
    const byHeader = await graph.post({ query: cancel }, { headers: { 'idempotency-key': 'key-1' } })
    const byArgument = await graph.post({ query: cancel, variables: { key: 'key-1' } })
    expect([byHeader.errors, byArgument.errors]).toEqual([undefined, undefined])
    expect(graph.calls()).toHaveLength(2)
    expect(codesOf(await graph.post({ query: cancel }))).toEqual(['idempotency-key-missing'])
  })

  it.each(['a\nb: c', '漢字', '', ' key', 'k'.repeat(201)])('with the key %j is refused as by REST', async (key) => {
    const query = `mutation($key: String) { cancelOrder(orderId: "o-1", reason: "r", idempotencyKey: $key) { commandId } }`
    const answer = await graph.post({ query, variables: { key } })
    expect([codesOf(answer), graph.calls()]).toEqual([['invalid-parameter'], []])
  })

  it('is guarded by the version that its caller has seen, as an argument or as the header of REST', async () => {
    const bodies: unknown[] = []
    const guarded = openGraph(issuer, {
      call(service, path, options) {
        bodies.push(options?.body)
        return shopAnswers(service, path, options)
      },
    })
    const query =
      'mutation { cancelOrder(orderId: "o-1", reason: "other", idempotencyKey: "key-1", expectedVersion: 7) { commandId } }'
    await guarded.post({ query })
    await guarded.post({ query: cancel, variables: { key: 'key-2' } }, { headers: { 'if-match': '"8"' } })
    expect(bodies).toMatchObject([{ expectedVersion: 7 }, { expectedVersion: 8 }])
    const read = { query: '{ readOrder(orderId: "o-1") { version } }' }
    expect(codesOf(await graph.post(read, { headers: { 'if-match': '"8"' } }))).toEqual(['unsupported-precondition'])
  })

  it('waits for its outcome for waitSeconds', async () => {
    const commandId = '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f'
    const waiting = openGraph(issuer, {
      call: async (_, path) =>
        path === '/submissions/CancelOrder'
          ? Response.json({ commandId }, { status: 202 })
          : Response.json({
              commandId,
              command: 'CancelOrder',
              status: 'done',
              submittedAt: startOfTests,
              actor: 'customer:customer-1',
            }),
    })
    const cancelled = async (wait: string) =>
      waiting.post({
        query: `mutation { cancelOrder(orderId: "o-1", reason: "other", idempotencyKey: "key-1"${wait}) { commandId status } }`,
      })
    expect(partAt((await cancelled(', waitSeconds: 10')).data, 'cancelOrder')).toEqual({ commandId, status: 'done' })
    expect(partAt((await cancelled('')).data, 'cancelOrder')).toEqual({ commandId, status: null })
  })

  describe('of several commands', () => {
    const header = { headers: { 'idempotency-key': 'key-1' } }
    const two = (a: string, b: string): string =>
      `mutation M(${b.includes('$key') ? '$key: String, ' : ''}$isLeftOut: Boolean = false) {
        a: cancelOrder(orderId: "o-1", reason: "other"${a}) { commandId }
        ...Other
      }
      fragment Other on Mutation {
        b: cancelOrder(orderId: "o-2", reason: "other"${b}) @skip(if: $isLeftOut) { commandId }
      }`
    const own = (key: string): string => `, idempotencyKey: "${key}"`
    const done = { commandId: expect.any(String) as string }

    it.each<[string, string, Parameters<TestGraph['post']>[1]]>([
      ['without keys of their own, for which a header would serve twice', two('', ''), header],
      ['of which the second alone has a key, without a header', two('', own('key-2')), {}],
      ['of which the first alone has a key, without a header', two(own('key-2'), ''), {}],
      ['of which the second has null as its key', two(own('key-2'), ', idempotencyKey: null'), {}],
      [
        'of which the second has a variable without a value as its key',
        two(own('key-2'), ', idempotencyKey: $key'),
        {},
      ],
    ])('%s: none is done', async (_, query, sending) => {
      const answer = await graph.post({ query }, sending)
      expect([answer.status, codesOf(answer), answer.data]).toEqual([400, ['idempotency-key-missing'], undefined])
      expect(graph.calls()).toEqual([])
    })

    it.each<[string, string]>([
      ['first', two('', own('key-2'))],
      ['second', two(own('key-2'), '')],
    ])('takes the header for the %s, which alone has no key of its own', async (_, query) => {
      const keys: unknown[] = []
      const keyed = openGraph(issuer, {
        call(service, path, options) {
          keys.push((options!.body as { readonly key: string }).key)
          return shopAnswers(service, path, options)
        },
      })
      const { data, errors } = await keyed.post({ query }, header)
      expect([data, errors]).toEqual([{ a: done, b: done }, undefined])
      expect(new Set(keys)).toEqual(new Set(['key-1', 'key-2']))
    })

    it('counts none that is left out', async () => {
      const { data } = await graph.post({ query: two('', ''), variables: { isLeftOut: true } }, header)
      expect(data).toEqual({ a: done })
    })
  })

  it('is refused as REST refuses it, with the fields that its schema refused', async () => {
    const query = 'mutation { cancelOrder(orderId: "o-1", reason: "no reason", idempotencyKey: "key-1") { commandId } }'
    const { errors } = await graph.post({ query })
    expect(errors).toMatchObject([
      { extensions: { code: 'invalid-body', status: 422, violations: [{ field: 'reason' }] } },
    ])
  })

  it('is not sent by GET', async () => {
    const url = `/graphql?${new URLSearchParams({ query: cancel })}`
    const response = await graph.request(url, { headers: { authorization: `Bearer ${await graph.token()}` } })
    expect([response.status, codesOf((await response.json()) as never)]).toEqual([400, ['request-invalid']])
    expect(graph.calls()).toEqual([])
  })
})

describe('a document', () => {
  const times = (count: number, text: (at: number) => string): string =>
    Array.from({ length: count }, (_, at) => text(at)).join(' ')
  const nested = (depth: number): string => `{ ${'... on Query { '.repeat(depth)} __typename ${'}'.repeat(depth)} }`
  const doubling = times(30, (at) => `fragment F${at} on Query { ...F${at + 1} ...F${at + 1} }`)

  it.each<[string, unknown, number, string]>([
    ['that is no JSON', '{"query":', 400, 'invalid-json'],
    ['with a member twice', '{"query":"{ __typename }","query":"{ x }"}', 400, 'invalid-json'],
    ['that is null', null, 400, 'request-invalid'],
    ['that is a batch', [{ query: '{ __typename }' }], 400, 'request-invalid'],
    ['with unknown members', { query: '{ __typename }', persisted: true }, 400, 'request-invalid'],
    ['without a document', {}, 400, 'request-invalid'],
    ['with variables that are a list', { query: '{ __typename }', variables: [] }, 400, 'request-invalid'],
    ['with broken syntax', { query: '{ readOrder(' }, 400, 'invalid-document'],
    ['with a lone surrogate', { query: '{ \ud800 }' }, 400, 'invalid-document'],
    ['with an unknown field', { query: '{ orders }' }, 400, 'invalid-document'],
    [
      'without the operation it names',
      { query: 'query A { __typename }', operationName: 'B' },
      400,
      'invalid-document',
    ],
    [
      'of two operations, without a name',
      { query: 'query A { __typename } query B { __typename }' },
      400,
      'invalid-document',
    ],
    ['of a fragment in itself', { query: '{ ...A } fragment A on Query { ...A }' }, 400, 'invalid-document'],
    [
      'of fragments in each other',
      { query: '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }' },
      400,
      'invalid-document',
    ],
    [
      'of unused fragments in each other',
      { query: '{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }' },
      400,
      'invalid-document',
    ],
    [
      'of fragments that double',
      { query: `{ ...F0 } ${doubling} fragment F30 on Query { __typename }` },
      400,
      'document-too-complex',
    ],
    ['of 1,000 aliases', { query: `{ ${times(1_000, (at) => `a${at}:__typename`)} }` }, 400, 'document-too-complex'],
    [
      'of too many aliases',
      { query: `{ ${times(MAX_ALIASES + 1, (at) => `a${at}: __typename`)} }` },
      400,
      'document-too-complex',
    ],
    [
      'of too many directives',
      { query: `{ __typename ${'@skip(if: false) '.repeat(MAX_DIRECTIVES + 1)} }` },
      400,
      'document-too-complex',
    ],
    ['of too many fields', { query: `{ ${'__typename '.repeat(MAX_FIELDS + 1)} }` }, 400, 'document-too-complex'],
    [
      'of too many operations',
      { query: `{ ${times(MAX_CALLS + 1, (at) => `a${at}: listAddresses { addresses { city } }`)} }` },
      400,
      'document-too-complex',
    ],
    [
      'of one operation too often, without aliases',
      { query: `{ ${'listAddresses { addresses { city } } '.repeat(MAX_CALLS + 1)} }` },
      400,
      'document-too-complex',
    ],
    [
      'that is too deep',
      { query: `{ ${'a { '.repeat(MAX_DEPTH)} b ${'}'.repeat(MAX_DEPTH)} }` },
      400,
      'document-too-complex',
    ],
    ['of 600 fragments in a row', { query: nested(600) }, 400, 'document-too-complex'],
    [
      'of too many objects',
      {
        query:
          '{ ' +
          times(
            3,
            (at) =>
              `a${at}: listOrders(limit: 100) { orders { order { lines { taxes { amountMinor } product { prices { unitMinor } } } } } }`,
          ) +
          ' }',
      },
      400,
      'document-too-complex',
    ],
    // About 6 MB, from a text of one KiB.
    [
      'of too many objects of the schema',
      {
        query: `{ __schema { types { ${times(10, (at) => `a${at}: fields { ...F }`)} } } }
          fragment F on __Field { ${times(5, (at) => `b${at}: type { ...T }`)} }
          fragment T on __Type { ${times(6, (at) => `c${at}: fields { name }`)} }`,
      },
      400,
      'document-too-complex',
    ],
    [
      'that is too deep in the schema',
      { query: `{ __schema { types { ${'ofType { '.repeat(MAX_DEPTH)} name ${'}'.repeat(MAX_DEPTH)} } } }` },
      400,
      'document-too-complex',
    ],
    [
      'of too many fields of the schema',
      { query: `{ __type(name: "Order") { ${'name '.repeat(MAX_FIELDS)} } }` },
      400,
      'document-too-complex',
    ],
    [
      'with a huge list of variables',
      {
        query: 'query($a: [PlaceOrderLineInput!]!) { __typename }',
        variables: { a: Array.from({ length: 20_000 }, () => ({ sku: 1 })) },
      },
      400,
      'invalid-document',
    ],
    [
      'with variables of a wrong type',
      { query: 'query($o: String!) { readOrder(orderId: $o) { orderId } }', variables: { o: { a: 'b' } } },
      400,
      'invalid-variables',
    ],
    [
      'with variables that are nested deeply',
      `{"query":"query($o: String!) { readOrder(orderId: $o) { orderId } }","variables":{"o":${'['.repeat(5_000)}${']'.repeat(5_000)}}}`,
      400,
      'invalid-variables',
    ],
    [
      'with a body that is too large',
      { query: '{ __typename }', variables: { a: 'x'.repeat(BODY_BYTES) } },
      413,
      'body-too-large',
    ],
  ])('%s is refused by name', async (_, body, status, code) => {
    const answer = await graph.post(body)
    expect([answer.status, codesOf(answer)[0]]).toEqual([status, code])
    expect(graph.calls()).toEqual([])
    expect(JSON.stringify(answer).length).toBeLessThan(5_000)
  })

  it('with a limit by default of a variable costs as much as with that limit', async () => {
    const query = `query($n: Int = 100) { ${['a', 'b', 'c']
      .map((name) => `${name}: listOrders(limit: $n) { orders { order { lines { taxes { amountMinor } } } } }`)
      .join(' ')} }`
    expect((await graph.post({ query, variables: { n: 1 } })).status).toBe(200)
    expect(codesOf(await graph.post({ query }))).toEqual(['document-too-complex'])
  })

  it('with a negative limit costs no less: it takes nothing off the cost of the others', async () => {
    const many = 'orders { order { lines { taxes { amountMinor } product { prices { unitMinor } } } } }'
    const query = `query($n: Int) { a: listOrders(limit: -1000) { ${many} } b: listOrders(limit: $n) { ${many} } c: listOrders(limit: 100) { ${many} } }`
    expect(codesOf(await graph.post({ query, variables: { n: 100 } }))).toEqual(['document-too-complex'])
  })

  it('without a token, or with another media type, is not read', async () => {
    const unknown = await graph.request('/graphql', { method: 'POST', body: '{ not json' })
    expect([unknown.status, codesOf((await unknown.json()) as never)]).toEqual([401, ['token-missing']])
    const form = await graph.post('query={__typename}', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect([form.status, codesOf(form)]).toEqual([415, ['unsupported-media-type']])
  })

  const limitsOf = (burst: number, perSecond = 0.001) =>
    Object.fromEntries(
      ['customer', 'support', 'warehouse', 'admin', 'importer', 'address'].map((role) => [
        role,
        { perSecond, burst: role === 'customer' ? burst : 1_000 },
      ]),
    ) as never

  /** The reads that the limit still has room for. */
  const readsLeft = async (of: TestGraph): Promise<number> => {
    for (let reads = 0; ; reads++)
      if ((await of.post({ query: '{ listWebhooks { endpoints { url } } }' })).status === 429) return reads
  }
  const replay = 'replayWebhooks(endpointId: "w-1", since: "2026-01-01T00:00:00Z") { replayed }'

  it('is charged for each of its operations and edges', async () => {
    const limited = openGraph(issuer, { edge: { limits: limitsOf(12) } })
    const query = `{ ${times(2, (at) => `a${at}: listOrders(limit: 2) { orders { order { lines { product { name } } } } }`)} }`
    expect((await limited.post({ query })).status).toBe(200)
    // Two operations, and twice the edges to the orders and to their products.
    expect(await readsLeft(limited)).toBe(6)
  })

  it('is charged for an operation that does the work of many as for several, as REST is', async () => {
    const rest = openGraph(issuer, { edge: { limits: limitsOf(19) } })
    const response = await rest.request('/v1/webhook-endpoints/w-1/replay', {
      method: 'POST',
      headers: { authorization: `Bearer ${await rest.token()}`, 'content-type': 'application/json' },
      body: '{"since":"2026-01-01T00:00:00Z"}',
    })
    expect([response.status, await readsLeft(rest)]).toEqual([404, 9])
    const limited = openGraph(issuer, { edge: { limits: limitsOf(19) } })
    expect(codesOf(await limited.post({ query: `mutation { ${replay} }` }))).toEqual(['not-found'])
    expect(await readsLeft(limited)).toBe(9)
  })

  it('is charged for all of its operations before any of them is done', async () => {
    const query = `mutation { a: ${replay} b: ${replay} }`
    const short = openGraph(issuer, { edge: { limits: limitsOf(25, 1) } })
    expect(codesOf(await short.post({ query }))).toEqual(['not-found', 'not-found'])
    short.platform.calls.length = 0
    const answer = await short.post({ query })
    expect([answer.status, codesOf(answer), short.calls()]).toEqual([429, ['rate-limited'], []])
    // Five were left: one for the request. It needs fifteen more, and one for the request that comes again.
    expect(answer.errors![0]!.extensions).toMatchObject({ retryAfterSeconds: 16 })
    short.platform.advance(16_000)
    expect((await short.post({ query })).status).toBe(200)
    expect(await readsLeft(short)).toBe(0)
  })

  it('that counts as more requests than its caller ever has is refused as such: it would wait for ever', async () => {
    const limited = openGraph(issuer, { edge: { limits: limitsOf(19) } })
    const answer = await limited.post({ query: `mutation { a: ${replay} b: ${replay} }` })
    expect([answer.status, codesOf(answer), limited.calls()]).toEqual([400, ['document-too-complex'], []])
    expect(answer.errors![0]!.message).toContain('counts as 20 requests')
    expect(await readsLeft(limited)).toBe(18)
  })

  it('beyond the limit is answered after Retry-After, and takes nothing of the limit meanwhile but its request', async () => {
    const limited = openGraph(issuer, { edge: { limits: limitsOf(12, 1) } })
    const query = `{ ${times(10, (at) => `a${at}: readProduct(sku: "TEA-001") { name }`)} }`
    expect((await limited.post({ query })).errors).toBeUndefined()
    const { errors: [refusal] = [] } = await limited.post({ query })
    // Two are left: one for the request. It needs nine more than the other, and one for the request that comes again.
    expect(refusal!.extensions).toMatchObject({ code: 'rate-limited', retryAfterSeconds: 9 })
    limited.platform.advance(9_000)
    expect((await limited.post({ query })).errors).toBeUndefined()
  })

  it('is charged for each hundred objects of an edge', async () => {
    const skus = times(250, (at) => `SKU-${at}`).split(' ')
    const call: Call = async (service, path, options) =>
      path === '/orders/o-1'
        ? Response.json(orderNamed('o-1', 'customer-1', skus))
        : shopAnswers(service, path, options)
    const query = '{ readOrder(orderId: "o-1") { lines { product { name } } } }'
    // The operation, and three reads of the edge.
    const enough = openGraph(issuer, { call, edge: { limits: limitsOf(10) } })
    expect((await enough.post({ query })).errors).toBeUndefined()
    expect(enough.calls().filter((one) => one === 'catalog /batches/products')).toHaveLength(3)
    expect(await readsLeft(enough)).toBe(6)
    const short = openGraph(issuer, { call, edge: { limits: limitsOf(10) } })
    for (let reads = 0; reads < 7; reads++) await short.post({ query: '{ listWebhooks { endpoints { url } } }' })
    const answer = await short.post({ query })
    expect([...new Set(codesOf(answer))]).toEqual(['rate-limited'])
    expect(partAt(answer.data, 'readOrder', 'lines', 199)).toEqual({ product: { name: 'Tea SKU-199' } })
    expect(partAt(answer.data, 'readOrder', 'lines', 200)).toEqual({ product: null })
  })
})

describe('recorded documents', () => {
  const [digest, text] = Object.entries(documents).find(([, one]) => one.includes('query ReadOrder('))!
  const variables = { orderId: 'o-1' }

  it('are asked for by their digest, by POST and by GET', async () => {
    const closed = openGraph(issuer, { documents: 'recorded' })
    for (const request of [{ documentId: `sha256:${digest}` }, { documentId: digest }, { query: text }])
      expect(await closed.post({ ...request, variables })).toMatchObject({ data: { readOrder: { orderId: 'o-1' } } })
    const url = `/graphql?${new URLSearchParams({ documentId: `sha256:${digest}`, variables: JSON.stringify(variables) })}`
    const response = await closed.request(url, { headers: { authorization: `Bearer ${await closed.token()}` } })
    expect(response.status).toBe(200)
  })

  it.each<[string, object]>([
    ['another document', { query: '{ readOrder(orderId: "o-1") { orderId } }' }],
    ['a recorded document with a space more', { query: `${text} ` }],
    ['introspection', { query: getIntrospectionQuery() }],
    ['the smallest introspection', { query: '{ __schema { queryType { name } } }' }],
    ['an unknown digest', { documentId: `sha256:${createHash('sha256').update('x').digest('hex')}` }],
    ['the name of a property', { documentId: 'constructor' }],
  ])('are all that is answered where nothing else is: %s is refused', async (_, request) => {
    const closed = openGraph(issuer, { documents: 'recorded' })
    const answer = await closed.post(request)
    expect([answer.status, codesOf(answer)]).toEqual([403, ['document-not-recorded']])
    expect(closed.calls()).toEqual([])
  })

  it.each(['query', 'variables', 'operationName'])('by GET with two of %s are refused', async (name) => {
    const one = { query: '{ __typename }', variables: '{}', operationName: 'A' }[name]!
    const search = new URLSearchParams({ query: '{ __typename }', [name]: one })
    search.append(name, one)
    const response = await graph.request(`/graphql?${search}`, {
      headers: { authorization: `Bearer ${await graph.token()}` },
    })
    expect([response.status, codesOf((await response.json()) as never)]).toEqual([400, ['request-invalid']])
  })

  it('tools introspect where any document is answered', async () => {
    expect(await graph.post({ query: getIntrospectionQuery() })).toMatchObject({
      status: 200,
      data: { __schema: { queryType: { name: 'Query' } } },
    })
  })
})

describe('a subscription', () => {
  const query = 'subscription { progress: followOrder(orderId: "o-1") { type actor } }'

  function following(entries: () => readonly object[], requestTimeoutMs = 25_000): TestGraph {
    const call: typeof shopAnswers = async (service, path, options) =>
      path.endsWith('/timeline')
        ? Response.json({ orderId: 'o-1', entries: entries() })
        : shopAnswers(service, path, options)
    return openGraph(issuer, { call, edge: { requestTimeoutMs } })
  }
  async function streamed(of: TestGraph, headers: Record<string, string> = {}, sub = 'customer-1'): Promise<Response> {
    const authorization = `Bearer ${await of.token({ sub })}`
    const all = { authorization, 'content-type': 'application/json', accept: 'text/event-stream', ...headers }
    return of.request('/graphql', { method: 'POST', headers: all, body: JSON.stringify({ query }) })
  }
  const [placed, completed] = [entry('e-1', 'order.placed'), entry('e-2', 'order.completed')]

  it('sends each event as the document asks, and resumes behind the last one', async () => {
    const of = following(() => [placed, completed])
    const text = await (await streamed(of)).text()
    expect(text).toContain(
      'id: e-1~1\nevent: next\ndata: {"data":{"progress":{"type":"order.placed","actor":null}}}\n\n',
    )
    expect(text.endsWith('event: complete\ndata:\n\n')).toBe(true)
    const rest = await (await streamed(of, { 'last-event-id': 'e-1~1' })).text()
    expect(rest).not.toContain('order.placed')
    expect(rest).toContain('order.completed')
    expect((await streamed(of, { 'last-event-id': 'e-2~2' })).status).toBe(204)
  })

  it("of another customer's order is refused before it begins", async () => {
    const response = await streamed(
      following(() => [placed]),
      {},
      'someone',
    )
    expect([response.status, codesOf((await response.json()) as never)]).toEqual([404, ['not-found']])
  })

  it('without an event stream is refused', async () => {
    expect(codesOf(await graph.post({ query }))).toEqual(['request-invalid'])
  })

  // graphql-yoga#3268: its stream ended behind the first event.
  it('outlives the deadline of requests, for a client that we did not write', { timeout: 20_000 }, async () => {
    let entries: readonly object[] = [placed]
    const of = following(() => entries, 500)
    const client = createClient({
      url: 'http://gateway/graphql',
      headers: async () => ({ authorization: `Bearer ${await of.token()}` }),
      fetchFn: (url: string, init: RequestInit) => of.request(new URL(url).pathname, init),
    })
    const types: unknown[] = []
    for await (const { data } of client.iterate<{ progress: { type: string } }>({ query })) {
      types.push(data?.progress.type)
      // It is read a second later, and requests have half a second.
      entries = [placed, completed]
    }
    expect(types).toEqual(['order.placed', 'order.completed'])
    client.dispose()
  })
})

describe('the specification of GraphQL over HTTP', () => {
  it('has no objection', async () => {
    const authorization = `Bearer ${await graph.token()}`
    const fetchFn = async (url: string, init: RequestInit = {}) =>
      graph.request(`${new URL(url).pathname}${new URL(url).search}`, {
        ...init,
        headers: { ...(init.headers as object), authorization },
      })
    const audits = serverAudits({ url: 'http://gateway/graphql', fetchFn })
    const results = await Promise.all(audits.map(async (audit) => ({ name: audit.name, result: await audit.fn() })))
    expect(results.length).toBeGreaterThan(50)
    const found = results.flatMap(({ name, result }) =>
      result.status === 'ok' ? [] : [`${result.status}: ${name}: ${'reason' in result ? result.reason : ''}`],
    )
    expect(found).toEqual([])
  })
})
