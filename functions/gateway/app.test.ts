import { generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { derivedName } from '../../shared/base/ids.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { idToken, testConfig } from '../../shared/base/config.testing.ts'
import { startOfTests, testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { gateway, testEdge } from './edge.testing.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer, type TokenOptions } from './issuer.testing.ts'
import { order, placed } from './placed-order.testing.ts'

const nowSeconds = Date.parse(startOfTests) / 1000
const commandId = '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f'

let issuer: TestIssuer
let foreign: Awaited<ReturnType<typeof generateKeyPair>>

beforeAll(async () => {
  ;[issuer, foreign] = await Promise.all([openIssuer(), generateKeyPair('RS256')])
})
afterAll(() => issuer.close())

const token = (options?: TokenOptions): Promise<string> => issuer.token(options)

type Answers = Readonly<Record<string, (body: unknown, path: string) => Response>>

function started(answers: Answers = {}, settings: object = {}) {
  const calls: { service: string; path: string; body: unknown }[] = []
  /** The paths of reads that may be sent a second time. */
  const hedgedPaths: string[] = []
  const platform = testPlatform(gateway, {
    settings: {
      EDGE: testEdge(),
      ...issuer.settings,
      ...settings,
    },
    callExternal: everyAccountIsValid,
    async call(service, path, { body, hedged } = {}) {
      calls.push({ service, path, body })
      if (hedged) hedgedPaths.push(path)
      const answer = answers[service]
      if (!answer) throw new Unavailable(`http://10.0.0.1/${service} does not answer.`)
      return answer(body, path)
    },
  })
  const http = createHttpApp(app, platform, testConfig('gateway'))
  const send = async (
    method: string,
    path: string,
    {
      body,
      headers = {},
      bearer,
    }: { body?: unknown; headers?: Record<string, string>; bearer?: string | undefined } = {},
  ) => {
    const response = await http.request(path, {
      method,
      headers: {
        authorization: `Bearer ${bearer ?? (await token())}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': 'key-1' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    }
  }
  return { platform, http, calls, hedgedPaths, send }
}

/** The acts of a customer on an order, with a body of each. */
const acts = {
  cancel: { reason: 'other' },
  address: { addressRef: 'a-1' },
  payment: { paymentMethodRef: 'pm-1' },
}

const orders: Answers = { orders: () => Response.json(placed, { status: 201 }) }
const problem = (instance: string, status: number, code: string): Response =>
  Response.json(
    { type: `urn:millrace:problem:${code}`, status, code, detail: 'no', instance },
    { status, headers: { 'content-type': 'application/problem+json' } },
  )

describe('a customer', () => {
  it('places an order', async () => {
    const { send, calls } = started(orders)
    const answer = await send('POST', '/v1/orders', { body: order })
    expect(answer).toMatchObject({ status: 201, body: placed })
    // The id of the order follows from its customer and the key.
    expect(answer.headers.get('location')).toBe(`/v1/orders/${derivedName('o', 'customer-1', 'key-1')}`)
    expect(calls).toEqual([
      {
        service: 'orders',
        path: '/orders',
        body: { sub: 'customer-1', importer: false, idempotencyKey: 'key-1', order },
      },
    ])
  })

  it('gets no place of an order that was refused', async () => {
    const { send } = started({ orders: () => problem('/orders', 409, 'price-changed') })
    const answer = await send('POST', '/v1/orders', { body: order })
    expect([answer.status, answer.headers.get('location')]).toEqual([409, null])
  })

  it('lists own orders alone, with the filters of the request', async () => {
    const page = { orders: [], next: 'next' }
    const { send, calls } = started({
      history: () => Response.json(page),
      catalog: () => Response.json({ products: [] }),
    })
    expect(await send('GET', '/v1/orders?status=pending&limit=5&after=cursor')).toMatchObject({
      status: 200,
      body: page,
    })
    expect(calls.map(({ path }) => path)).toEqual(['/orders?customer=customer-1&status=pending&limit=5&after=cursor'])
    await send('GET', '/v1/orders?sort=placedAt')
    await send('GET', '/v1/products?sort=-name')
    expect(calls.splice(1).map(({ path }) => path)).toEqual([
      '/orders?customer=customer-1&sort=placedAt',
      '/products?sort=-name',
    ])
    expect(await send('GET', '/v1/orders?customer=customer-2')).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
    expect(await send('GET', '/v1/shipments')).toMatchObject({ status: 403 })
    expect(calls).toHaveLength(1)
  })

  it.each([
    'limit=0',
    'limit=101',
    'limit=5x',
    'status=lost',
    'placedFrom=yesterday',
    'after=',
    'nope=1',
    'status=pending&status=done',
  ])('is refused a list with %s before a service is asked', async (search) => {
    const { send, calls } = started({ history: () => Response.json({ orders: [] }) })
    expect(await send('GET', `/v1/orders?${search}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid-parameter' },
    })
    expect(calls).toEqual([])
  })

  it.each([
    ['orders', 'totalMinor', '-placedAt', 'placedAt'],
    ['products', 'unitMinor', 'sku', '-name'],
  ])(
    'is refused a list of %s that is sorted by %s, which is not declared, with the orders that are',
    async (list, sort, ...known) => {
      const { send, calls } = started({})
      const { status, body } = await send('GET', `/v1/${list}?sort=${sort}`)
      expect([status, body['code']]).toEqual([400, 'invalid-parameter'])
      for (const one of ['sort', ...known]) expect(body['detail']).toContain(one)
      expect(calls).toEqual([])
    },
  )

  it('gets an answer that it has no second time, which no cache keeps', async () => {
    const { http } = started({ history: () => Response.json({ orders: [] }) })
    const list = async (headers: Record<string, string>) =>
      http.request('/v1/orders', { headers: { authorization: `Bearer ${await token()}`, ...headers } })
    const first = await list({})
    const etag = first.headers.get('etag')!
    expect([first.status, await first.text()]).toEqual([200, '{"orders":[]}'])
    const again = await list({ 'if-none-match': etag })
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
    expect(again.headers.get('content-type')).toBeNull()
    for (const { headers } of [first, again]) expect(headers.get('cache-control')).toBe('no-store')
    const stranger = await http.request('/v1/orders', { headers: { 'if-none-match': '*' } })
    expect(stranger.status).toBe(401)
  })

  it.each([
    [
      '/v2/products/TEA-001',
      { sku: 'TEA-001', name: 'Tea', unitMinor: 1190, currency: 'EUR', validFrom: '' },
      404,
      'not-found',
    ],
    ['/v1/products', { products: [] }, 400, 'invalid-cursor'],
  ])('may keep what %s shows for 30 seconds, and no refusal', async (path, body, status, code) => {
    const ask = async (answer: () => Response) => {
      const { http } = started({ catalog: answer })
      const { status, headers } = await http.request(path, { headers: { authorization: `Bearer ${await token()}` } })
      return [status, headers.get('cache-control'), headers.get('vary')]
    }
    expect(await ask(() => Response.json(body))).toEqual([200, 'private, max-age=30', 'Authorization, Origin'])
    expect(await ask(() => problem('/products', status, code))).toEqual([status, 'no-store', 'Origin'])
  })

  it('gets the refusal of a cursor', async () => {
    const { send } = started({ history: () => problem('/orders', 400, 'invalid-cursor') })
    expect(await send('GET', '/v1/orders?after=edited')).toMatchObject({
      status: 400,
      body: { code: 'invalid-cursor' },
    })
  })

  it("cancels an order of one's own, and gets its owner's refusal", async () => {
    let submission = Response.json({ commandId }, { status: 202 })
    const { send, calls, platform } = started({ orders: () => submission })
    const body = { reason: 'changed-mind' }
    const path = '/v1/orders/o-1/cancel'
    expect(await send('POST', path, { body })).toMatchObject({ status: 202, body: { commandId } })
    // One visit: the owner of the order decides whether the caller may act on it.
    expect(calls).toEqual([
      {
        service: 'orders',
        path: '/submissions/CancelOrder',
        body: {
          key: 'key-1',
          actor: 'customer:customer-1',
          subject: 'o-1',
          limitedTo: 'customer-1',
          address: 'unknown',
          data: { orderId: 'o-1', by: 'customer', ...body },
        },
      },
    ])
    // Customers' commands about their own orders are no acts of staff.
    expect(platform.logs.filter(({ fields }) => fields?.['event'] === 'staff.command')).toEqual([])
    submission = problem('/submissions/CancelOrder', 409, 'already-dispatched')
    expect(await send('POST', path, { body })).toMatchObject({
      status: 409,
      body: { code: 'already-dispatched', instance: path },
    })
    expect(await send('POST', path, { body: { reason: 'because' } })).toMatchObject({
      status: 422,
      body: { code: 'invalid-body' },
    })
  })

  it('guards a cancellation by the tag of the order that its caller has seen', async () => {
    const { send, calls } = started({ orders: () => Response.json({ commandId }, { status: 202 }) })
    const body = { reason: 'changed-mind' }
    const headers = { 'if-match': `"7-${'x'.repeat(43)}"` }
    expect(await send('POST', '/v1/orders/o-1/cancel', { body, headers })).toMatchObject({ status: 202 })
    expect(calls).toMatchObject([{ path: '/submissions/CancelOrder', body: { expectedVersion: 7 } }])
  })

  it("names another address for an order of one's own", async () => {
    const { send, calls } = started({ orders: () => Response.json({ commandId }, { status: 202 }) })
    const body = { addressRef: 'address-2' }
    const path = '/v1/orders/o-1/address'
    expect(await send('POST', path, { body })).toMatchObject({ status: 202, body: { commandId } })
    expect(calls).toMatchObject([
      {
        path: '/submissions/CorrectAddress',
        body: { actor: 'customer:customer-1', limitedTo: 'customer-1', data: { orderId: 'o-1', ...body } },
      },
    ])
  })

  it.each([
    ['done', {}, 200, { commandId, status: 'done' }],
    [
      'refused',
      { code: 'already-dispatched', detail: 'It has left.', httpStatus: 409 },
      409,
      { code: 'already-dispatched', commandId, instance: '/v1/orders/o-1/cancel' },
    ],
  ])('waits for the outcome of a cancellation that is %s', async (status, more, expected, answered) => {
    const recorded = { commandId, command: 'CancelOrder', actor: 'customer:customer-1', submittedAt: startOfTests }
    const outcome = { ...recorded, status, finishedAt: startOfTests, ...more }
    const { send } = started({
      orders(_body, path) {
        if (path === `/submissions/${commandId}`) return Response.json(outcome)
        return Response.json({ commandId }, { status: 202 })
      },
    })
    const headers = { prefer: 'wait=10' }
    const answer = await send('POST', '/v1/orders/o-1/cancel', { body: { reason: 'changed-mind' }, headers })
    expect(answer).toMatchObject({ status: expected, body: answered })
    expect(answer.headers.get('preference-applied')).toBe('wait=10')
    expect((await send('GET', `/v1/commands/${commandId}`)).status).toBe(200)
    const another = { bearer: await token({ sub: 'customer-2' }) }
    expect((await send('GET', `/v1/commands/${commandId}`, another)).status).toBe(404)
  })

  it("continues an order of one's own with another payment method, and gets its owner's refusal", async () => {
    let submission = Response.json({ commandId }, { status: 202 })
    const { send, calls } = started({ orders: () => submission })
    const path = '/v1/orders/o-1/payment'
    const body = { paymentMethodRef: 'pm-2' }
    expect(await send('POST', path, { body })).toMatchObject({ status: 202, body: { commandId } })
    const data = { orderId: 'o-1', by: 'customer', ...body }
    expect(calls).toMatchObject([
      {
        path: '/submissions/PayOrder',
        body: { actor: 'customer:customer-1', limitedTo: 'customer-1', subject: 'o-1', data },
      },
    ])
    submission = problem('/submissions/PayOrder', 409, 'payment-not-needed')
    expect(await send('POST', path, { body })).toMatchObject({
      status: 409,
      body: { code: 'payment-not-needed', instance: path },
    })
    expect(await send('POST', path, { body: {} })).toMatchObject({ status: 422, body: { code: 'invalid-body' } })
  })

  it.each(['cancel', 'address', 'payment'])(
    "gets the owner's 404 for the %s of another customer's order",
    async (act) => {
      const { send, calls } = started({ orders: () => problem('/submissions/X', 404, 'not-found') })
      const body = acts[act as keyof typeof acts]
      const answer = await send('POST', `/v1/orders/o-1/${act}`, { body })
      expect(answer).toMatchObject({ status: 404, body: { code: 'not-found', instance: `/v1/orders/o-1/${act}` } })
      expect(calls).toMatchObject([{ body: { limitedTo: 'customer-1' } }])
    },
  )

  it('has no other operation that submits a command', () => {
    const submitting = Object.values(app.publicApi!.operations).filter(
      ({ access, submits }) => access === 'customer' && submits,
    )
    expect(submitting.map(({ path }) => path)).toEqual(Object.keys(acts).map((act) => `/v1/orders/{orderId}/${act}`))
  })

  it('reads an order with its timeline', async () => {
    const entries = [{ type: 'order.placed', source: 'orders', time: startOfTests, eventId: 'e-1', sequence: 1 }]
    const { send } = started({
      orders: () => Response.json({ ...placed, version: 7 }),
      history: () => Response.json({ orderId: 'o-1', entries }),
    })
    const { body, headers } = await send('GET', '/v1/orders/o-1')
    expect(body).toEqual({ ...placed, version: 7, timeline: { entries } })
    expect(headers.get('etag')).toMatch(/^"7-/)
  })

  it('reads no names of the staff and no reasons for the books, which staff reads', async () => {
    const entry = { type: 'refund.issued', source: 'payments', time: startOfTests, eventId: 'e-1', sequence: 1 }
    const inside = { actor: 'staff:jo', reason: 'goodwill' }
    const { send } = started({
      orders: () => Response.json(placed),
      history: () => Response.json({ orderId: 'o-1', entries: [{ ...entry, ...inside, amountMinor: 1190 }] }),
    })
    expect((await send('GET', '/v1/orders/o-1')).body['timeline']).toEqual({
      entries: [{ ...entry, amountMinor: 1190 }],
    })
    const bearer = await token({ sub: 'jo', roles: ['admin'] })
    expect((await send('GET', '/v1/orders/o-1', { bearer })).body['timeline']).toEqual({
      entries: [{ ...entry, ...inside, amountMinor: 1190 }],
    })
  })

  it('reads the order while its history is unavailable', async () => {
    const { send } = started({ orders: () => Response.json(placed) })
    expect(await send('GET', '/v1/orders/o-1')).toMatchObject({
      status: 200,
      body: { ...placed, timeline: { unavailable: true }, missing: [{ part: 'timeline', code: 'unavailable' }] },
    })
  })

  it('gets 404 for the order of another customer', async () => {
    const { send } = started({
      orders: () => Response.json(placed),
      history: () => Response.json({ orderId: 'o-1', entries: [] }),
    })
    const none = started({
      orders: () => problem('/orders/o-1', 404, 'not-found'),
      history: () => Response.json({ orderId: 'o-1', entries: [] }),
    })
    const bearer = await token({ sub: 'customer-2' })
    const [theirs, missing] = [
      await send('GET', '/v1/orders/o-1', { bearer }),
      await none.send('GET', '/v1/orders/o-1', { bearer }),
    ]
    expect(theirs).toMatchObject({ status: 404, body: { code: 'not-found', instance: '/v1/orders/o-1' } })
    expect(missing).toMatchObject({ status: 404, body: { code: 'not-found', instance: '/v1/orders/o-1' } })
  })

  it.each(['/v1/products', '/v1/prices', '/v1/stock'])('may not write to %s', async (path) => {
    const { send, calls } = started()
    expect(await send('POST', path, { body: {} })).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(calls).toEqual([])
  })

  it('cannot act as an importer by a field of the body', async () => {
    const { send, calls } = started(orders)
    expect(await send('POST', '/v1/orders', { body: { ...order, importer: true } })).toMatchObject({
      status: 422,
      body: { code: 'invalid-body' },
    })
    expect(calls).toEqual([])
  })
})

describe('staff', () => {
  const everyProductIsKnown = () => Response.json({ unknown: [] })
  const staff = () => token({ sub: 'staff-1', roles: ['admin'] })

  it('is refused a delivery of a product that the shop does not sell, by its SKU', async () => {
    const { send, calls } = started({ catalog: () => Response.json({ unknown: ['TEA-O01'] }) })
    const body = { lines: ['TEA-001', 'TEA-O01', 'TEA-001'].map((sku) => ({ sku, quantity: 1 })) }
    expect(await send('POST', '/v1/stock', { body, bearer: await staff() })).toMatchObject({
      status: 422,
      body: { code: 'unknown-sku', detail: expect.stringContaining('does not sell TEA-O01: publish it first') },
    })
    expect(calls).toMatchObject([{ path: '/unknown-skus', body: { skus: ['TEA-001', 'TEA-O01'] } }])
  })

  it("lists every customer's orders, or those of one, and shipments", async () => {
    const { send, calls } = started({ history: () => Response.json({ orders: [], shipments: [] }) })
    const paths = ['/v1/orders', '/v1/orders?customer=customer-2&status=pending', '/v1/shipments?status=created']
    for (const path of paths) expect(await send('GET', path, { bearer: await staff() })).toMatchObject({ status: 200 })
    expect(calls.map(({ path }) => path)).toEqual([
      '/orders',
      '/orders?customer=customer-2&status=pending',
      '/shipments?status=created',
    ])
  })

  it.each(['warehouse', 'importer'])(
    "of the role %s sees no other customer's orders, and submits commands to its own alone",
    async (role) => {
      const { send, calls } = started({
        orders: (body) => (body ? Response.json({ commandId }, { status: 202 }) : Response.json(placed)),
        history: () => Response.json({ orders: [], orderId: 'o-1', entries: [] }),
      })
      const bearer = await token({ sub: 'worker', roles: [role] })
      expect(await send('GET', '/v1/orders/o-1', { bearer })).toMatchObject({ status: 404 })
      expect(await send('GET', '/v1/orders?customer=customer-1', { bearer })).toMatchObject({ status: 403 })
      await send('GET', '/v1/orders', { bearer })
      expect(calls.at(-1)?.path).toBe('/orders?customer=worker')
      for (const [act, body] of Object.entries(acts)) await send('POST', `/v1/orders/o-1/${act}`, { bearer, body })
      const limited = calls.filter(({ path }) => path.startsWith('/submissions/'))
      expect(limited).toMatchObject(Object.keys(acts).map(() => ({ body: { limitedTo: 'worker' } })))
    },
  )

  it('reads a product by a read that may be sent a second time, and an order by one that may not', async () => {
    const { send, calls, hedgedPaths } = started()
    for (const path of ['/v2/products/TEA-001', '/v1/orders/o-1']) await send('GET', path, { bearer: await staff() })
    expect([calls.length, hedgedPaths]).toEqual([3, ['/products/TEA-001']])
  })

  it('reads the orders of every customer', async () => {
    const { send } = started({
      orders: () => Response.json(placed),
      history: () => Response.json({ orderId: 'o-1', entries: [] }),
    })
    expect((await send('GET', '/v1/orders/o-1', { bearer: await staff() })).status).toBe(200)
  })

  it.each([
    `/v1/orders/${'x'.repeat(101)}`,
    `/v1/orders/${'x'.repeat(1_501)}/saga`,
    '/v1/products/__x__',
    `/v1/stock/${'x'.repeat(65)}`,
    `/v1/deliveries/${'x'.repeat(201)}`,
  ])('get 404 at %s, and no service is called', async (path) => {
    const { send, calls } = started()
    expect(await send('GET', path, { bearer: await staff() })).toMatchObject({
      status: 404,
      body: { code: 'not-found' },
    })
    expect(calls).toEqual([])
  })

  it.each([
    ['/v1/products', { sku: 'TEA-001', name: 'Tea', unitMinor: 1190, currency: 'EUR' }, 'PublishProduct', 'catalog'],
    ['/v1/prices', { sku: 'TEA-001', unitMinor: 1250, currency: 'EUR' }, 'ChangePrice', 'catalog'],
    ['/v1/stock', { lines: [{ sku: 'TEA-001', quantity: 1_000_000 }] }, 'ReceiveStock', 'inventory'],
  ])('writes to %s by one submission to the owner, with caller and key', async (path, body, type, service) => {
    const { send, platform, calls } = started({
      catalog: everyProductIsKnown,
      [service]: () => Response.json({ commandId }, { status: 202 }),
    })
    const submissions = () => calls.filter((call) => call.path.startsWith('/submissions/'))
    const answer = await send('POST', path, { body, bearer: await staff() })
    expect(answer).toMatchObject({ status: 202, body: { commandId } })
    expect(submissions()).toMatchObject([
      { service, path: `/submissions/${type}`, body: { key: 'key-1', actor: 'staff:staff-1', data: body } },
    ])
    expect(await send('POST', path, { body, bearer: await staff() })).toMatchObject({ body: answer.body })
    expect(submissions()[1]).toEqual(submissions()[0])
    expect(platform.sent).toEqual([])
  })

  it.each([
    [
      'another request',
      () => problem('/submissions/ReceiveStock', 409, 'idempotency-key-reused'),
      409,
      'idempotency-key-reused',
    ],
    ['an unknown owner', undefined, 503, 'unavailable'],
  ])("passes on the owner's answer to a key of %s", async (_, owner, status, code) => {
    const { send, platform } = started({ catalog: everyProductIsKnown, ...(owner ? { inventory: owner } : {}) })
    const body = { lines: [{ sku: 'TEA-001', quantity: 1 }] }
    const answer = await send('POST', '/v1/stock', { body, bearer: await staff() })
    expect(answer).toMatchObject({ status, body: { code, instance: '/v1/stock' } })
    // No security event of an act: nothing was accepted.
    expect(platform.logs.filter(({ fields }) => fields?.['event'] === 'staff.command')).toEqual([])
  })

  it('retries a saga, closes an order, and reads the state of a saga', async () => {
    const saga = { orderId: 'o-1', status: 'rejected', stuck: true, waitsFor: [] }
    const { send, calls } = started({
      orders: (body) => (body ? Response.json({ commandId }, { status: 202 }) : Response.json(saga)),
    })
    const bearer = await staff()
    expect(await send('GET', '/v1/orders/o-1/saga', { bearer })).toMatchObject({ status: 200, body: saga })
    const body = { reason: 'inventory is back' }
    expect((await send('POST', '/v1/orders/o-1/retry', { bearer, body })).status).toBe(202)
    expect(calls.slice(1)).toEqual([
      {
        service: 'orders',
        path: '/submissions/RetryCheckout',
        body: { key: 'key-1', actor: 'staff:staff-1', subject: 'o-1', data: { orderId: 'o-1', ...body } },
      },
    ])
    expect((await send('POST', '/v1/orders/o-1/close', { bearer, body })).status).toBe(202)
    expect(calls[2]).toMatchObject({ path: '/submissions/CloseOrder', body: { data: { orderId: 'o-1', ...body } } })
    for (const [method, path] of [
      ['GET', '/v1/orders/o-1/saga'],
      ['POST', '/v1/orders/o-1/retry'],
      ['POST', '/v1/orders/o-1/close'],
    ] as const)
      expect(await send(method, path, method === 'POST' ? { body } : {})).toMatchObject({ status: 403 })
    expect(calls).toHaveLength(3)
  })

  it.each(['retry', 'close'])('get 404 for the %s of an order that its owner does not know', async (act) => {
    const { send, platform } = started({ orders: () => problem('/submissions/X', 404, 'not-found') })
    const path = `/v1/orders/o-typo/${act}`
    const answer = await send('POST', path, { bearer: await staff(), body: { reason: 'inventory is back' } })
    expect(answer).toMatchObject({ status: 404, body: { code: 'not-found', instance: path } })
    expect(platform.logs.filter(({ fields }) => fields?.['event'] === 'staff.command')).toEqual([])
  })

  it('refunds an order under an id that follows from the key, and passes on why the owner refuses', async () => {
    const { send, calls } = started({ payments: () => Response.json({ commandId }, { status: 202 }) })
    const body = { amountMinor: 1190, reason: 'one was broken', lines: [{ lineId: '1', quantity: 1 }] }
    const bearer = await staff()
    const path = '/v1/orders/o-1/refunds'
    const [first, again] = [await send('POST', path, { bearer, body }), await send('POST', path, { bearer, body })]
    expect(first).toMatchObject({ status: 202, body: { commandId, refundId: expect.any(String) } })
    expect(again.body).toEqual(first.body)
    expect(calls[0]).toMatchObject({
      path: '/submissions/RefundPayment',
      body: { data: { orderId: 'o-1', refundId: first.body['refundId'], ...body } },
    })
    expect(await send('POST', path, { body })).toMatchObject({ status: 403 })
    for (const amountMinor of [0, -1, 1.5])
      expect(await send('POST', path, { bearer, body: { ...body, amountMinor } })).toMatchObject({ status: 422 })
    const refusing = started({ payments: () => problem(path, 409, 'more-than-captured') })
    expect(await refusing.send('POST', path, { bearer, body })).toMatchObject({
      status: 409,
      body: { code: 'more-than-captured' },
    })
  })

  it("cancel every customer's order, recorded as an act of staff", async () => {
    const { send, calls, platform } = started({ orders: () => Response.json({ commandId }, { status: 202 }) })
    const body = { reason: 'suspected-fraud' }
    const answer = await send('POST', '/v1/orders/o-1/cancel', { bearer: await staff(), body })
    expect(answer).toMatchObject({ status: 202, body: { commandId } })
    const submission = { actor: 'staff:staff-1', subject: 'o-1', key: 'key-1' }
    const data = { orderId: 'o-1', by: 'staff', ...body }
    expect(calls).toEqual([{ service: 'orders', path: '/submissions/CancelOrder', body: { ...submission, data } }])
    expect(platform.logs.filter(({ fields }) => fields?.['event'] === 'staff.command')).toHaveLength(1)
  })

  it('names a delivery whose result it can read', async () => {
    const { send, calls } = started({
      inventory: (body) =>
        body ? Response.json({ commandId }, { status: 202 }) : problem('/deliveries/d-1', 404, 'not-found'),
    })
    const { body } = await send('POST', '/v1/stock', {
      body: { lines: [{ sku: 'TEA-001', quantity: 1 }] },
      bearer: await staff(),
    })
    const path = `/v1/deliveries/${String(body['deliveryId'])}`
    expect(await send('GET', path, { bearer: await staff() })).toMatchObject({ status: 404, body: { instance: path } })
    expect(calls.at(-1)).toMatchObject({ service: 'inventory', path: `/deliveries/${String(body['deliveryId'])}` })
  })
})

describe('an importer', () => {
  it('places no order, which would be paid and shipped, whatever other roles it has', async () => {
    const { send, calls } = started(orders)
    for (const roles of [['importer'], ['importer', 'admin']]) {
      const bearer = await token({ sub: 'importer-1', roles })
      expect(await send('POST', '/v1/orders', { body: order, bearer })).toMatchObject({
        status: 403,
        body: { code: 'forbidden', detail: expect.stringContaining('POST /v1/imported-orders') },
      })
    }
    expect(calls).toEqual([])
  })

  it.each([
    ['a price', { lines: [{ sku: 'TEA-001', quantity: 1, unitMinor: 1 }] }],
    ['a customer', { customerRef: '17850' }],
    ['a time', { placedAt: '2010-12-01T08:26:00.000Z' }],
  ])('is the only one to state %s, in an import', async (_what, change) => {
    const { send, calls } = started(orders)
    for (const roles of [[], ['admin']])
      expect(
        await send('POST', '/v1/orders', { body: { ...order, ...change }, bearer: await token({ roles }) }),
      ).toMatchObject({
        status: 422,
        body: { code: 'invalid-body' },
      })
    expect(calls).toEqual([])
  })
})

describe('a token', () => {
  const unsigned = (alg: string) =>
    `${Buffer.from(JSON.stringify({ alg, typ: 'JWT' })).toString('base64url')}.${Buffer.from(JSON.stringify({ iss: 'issuer', aud: 'shop', sub: 'customer-1', iat: nowSeconds, exp: nowSeconds + 60 })).toString('base64url')}.`

  it.each<[string, () => string | Promise<string>, string]>([
    ['expired', () => token({ claims: { exp: nowSeconds - 60 } }), 'token-expired'],
    ['of a foreign key', () => token({ key: foreign.privateKey }), 'token-invalid'],
    ['of an unknown key', () => token({ header: { kid: 'key-2' } }), 'token-invalid'],
    ['unsigned', () => unsigned('none'), 'token-invalid'],
    ['unsigned, oddly spelt', () => unsigned('nOnE'), 'token-invalid'],
    [
      'signed with the public key as a secret',
      () => token({ header: { alg: 'HS256' }, key: new TextEncoder().encode('x'.repeat(64)) }),
      'token-invalid',
    ],
    ['of another issuer', () => token({ claims: { iss: 'evil' } }), 'token-invalid'],
    ['for another audience', () => token({ claims: { aud: 'bank' } }), 'token-invalid'],
    ['of another type', () => token({ header: { typ: 'at+jwt' } }), 'token-invalid'],
    ['not valid yet', () => token({ claims: { nbf: nowSeconds + 600 } }), 'token-invalid'],
    ['with an unknown role', () => token({ roles: ['staff'] }), 'token-invalid'],
    ['without a subject', () => token({ sub: '' }), 'token-invalid'],
    ['that is malformed', () => 'hello', 'token-invalid'],
    ['that is huge', () => 'a'.repeat(10_000), 'token-invalid'],
  ])('%s is refused', async (_name, make, code) => {
    const { send, calls } = started(orders)
    const answer = await send('POST', '/v1/orders', { body: order, bearer: await make() })
    expect(answer).toMatchObject({ status: 401, body: { code, status: 401, type: `urn:millrace:problem:${code}` } })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(calls).toEqual([])
  })

  it('is required', async () => {
    const { http } = started(orders)
    const response = await http.request('/v1/orders', {
      method: 'POST',
      body: JSON.stringify(order),
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k' },
    })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ code: 'token-missing' })
  })

  it('is not read from the URL', async () => {
    const { http } = started(orders)
    expect((await http.request(`/v1/orders/o-1?access_token=${await token()}`)).status).toBe(401)
  })

  it("is answered 503 while the issuer's keys are unavailable", async () => {
    const { send } = started(orders, { TOKEN_JWKS_URL: 'http://127.0.0.1:1/jwks' })
    const answer = await send('POST', '/v1/orders', { body: order })
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(answer.headers.get('retry-after')).toBe('1')
  })
})

describe('a body', () => {
  it.each<[string, unknown, number, string]>([
    ['of 10 MB', { ...order, addressRef: 'x'.repeat(10_000_000) }, 413, 'body-too-large'],
    ['that is not JSON', '{"currency":', 400, 'invalid-json'],
    ['with two members of one name', JSON.stringify(order).replace('{', '{"currency":"EUR",'), 400, 'invalid-json'],
    ['with a quantity of zero', { ...order, lines: [{ sku: 'TEA-001', quantity: 0 }] }, 422, 'invalid-body'],
    [
      'with 1,001 lines',
      { ...order, lines: Array.from({ length: 1_001 }, () => ({ sku: 'TEA-001', quantity: 1 })) },
      422,
      'invalid-body',
    ],
    ['with unknown fields', { ...order, discount: 5 }, 422, 'invalid-body'],
    ['that is a list', [], 422, 'invalid-body'],
  ])('%s is refused before a service is called', async (_name, body, status, code) => {
    const { send, calls } = started(orders)
    expect(await send('POST', '/v1/orders', { body })).toMatchObject({ status, body: { code, instance: '/v1/orders' } })
    expect(calls).toEqual([])
  })

  it('without a content length is cut off at the limit', async () => {
    const { http } = started(orders)
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) })
    const response = await http.request('/v1/orders', {
      method: 'POST',
      body: endless,
      duplex: 'half',
      headers: {
        authorization: `Bearer ${await token()}`,
        'content-type': 'application/json',
        'idempotency-key': 'key-1',
      },
    })
    expect(response.status).toBe(413)
  })

  it('must have the content type JSON', async () => {
    const { send } = started(orders)
    expect(await send('POST', '/v1/orders', { body: order, headers: { 'content-type': 'text/plain' } })).toMatchObject({
      status: 415,
      body: { code: 'unsupported-media-type' },
    })
  })
})

describe('an idempotency key', () => {
  it('is required', async () => {
    const { http } = started(orders)
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' }
    const response = await http.request('/v1/orders', { method: 'POST', headers, body: JSON.stringify(order) })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'idempotency-key-missing' })
  })

  it.each(['', 'x'.repeat(201), 'two words'])('"%s" is refused', async (key) => {
    const { send } = started(orders)
    expect((await send('POST', '/v1/orders', { body: order, headers: { 'idempotency-key': key } })).status).toBe(400)
  })

  it('that was used for another body is refused with the answer of orders', async () => {
    const { send } = started({ orders: () => problem('/orders', 409, 'idempotency-key-reused') })
    expect(await send('POST', '/v1/orders', { body: order })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused', instance: '/v1/orders' },
    })
  })
})

describe('a failure', () => {
  it('of a service is answered 503 with Retry-After and without internal addresses', async () => {
    const { send } = started()
    const answer = await send('POST', '/v1/orders', { body: order })
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(JSON.stringify(answer.body)).not.toContain('10.0.0.1')
  })

  it('is answered 500 without details when a service rejects the token of the gateway', async () => {
    const { send, platform } = started({ orders: () => problem('/orders', 401, 'token-invalid') })
    const answer = await send('POST', '/v1/orders', { body: order })
    expect(answer).toMatchObject({ status: 500, body: { code: 'bug' } })
    expect(platform.logs.at(-1)).toMatchObject({ severity: 'ERROR' })
  })

  it.each([
    ['GET', '/v1/products/TEA-001', 422, 'unknown-sku', undefined],
    ['GET', '/v1/addresses', 404, 'not-found', undefined],
    ['POST', '/v1/prices', 422, 'invalid-body', { sku: 'TEA-001', unitMinor: 1, currency: 'EUR' }],
  ])('is answered 500 when a service refuses %s %s with a code that it does not declare', async (...given) => {
    const [method, path, status, code, body] = given
    const refuse = () => problem(path, status, code)
    const { send, platform } = started({ catalog: refuse, customers: refuse })
    const bearer = await token({ sub: 'jo', roles: ['admin'] })
    expect(await send(method, path, { body, bearer })).toMatchObject({ status: 500, body: { code: 'bug' } })
    const failure = platform.logs.findLast(({ event }) => event === 'request.failed')
    expect(String(failure?.fields['error'])).toContain(`with ${status}, which its contract does not name: `)
  })

  it('of an unknown path is answered 404', async () => {
    expect(await started().send('GET', '/v2/orders')).toMatchObject({
      status: 404,
      body: { code: 'not-found', instance: '/v2/orders' },
    })
  })

  it.each(['/commands/PublishProduct', '/commands/RepublishEvents', '/events/order.placed'])(
    'at the internal path %s is answered 404, also with a token of a platform account',
    async (path) => {
      const bearer = idToken('gateway', 'operations').slice('Bearer '.length)
      expect((await started().send('POST', path, { body: {} })).status).toBe(404)
      expect((await started().send('POST', path, { body: {}, bearer })).status).toBe(404)
    },
  )
})
