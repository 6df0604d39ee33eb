/** The gateway's GraphQL for tests: in the process, with services that answer from memory and count how often they are asked. */

import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'
import type { Call } from '../../shared/messaging/query.ts'
import { app } from './app.ts'
import { gateway, testEdge } from './edge.testing.ts'
import { everyAccountIsValid, type TestIssuer } from './issuer.testing.ts'

export const placedAt = '2026-01-01T00:00:00.000Z'

/** As orders answers it. */
export const orderNamed = (orderId: string, customerRef = 'customer-1', skus: readonly string[] = ['TEA-001']) => ({
  orderId,
  status: 'confirmed',
  customerRef,
  currency: 'EUR',
  totalMinor: 2_500,
  shippingMinor: 0,
  lines: skus.map((sku, at) => ({ lineId: String(at + 1), sku, quantity: 1, unitMinor: 1_250 })),
  placedAt,
  shipments: [{ shipmentId: `${orderId}-s`, status: 'dispatched', trackingRef: 't-1' }],
})

export const entry = (eventId: string, type: string) => ({
  eventId,
  type,
  source: 'orders',
  // Long enough ago that nothing follows an order's last one.
  time: '2025-12-31T23:00:00.000Z',
  sequence: 1,
  actor: 'staff:jo',
  reason: 'for the books',
})

const rowOf = (orderId: string) => ({
  orderId,
  customerRef: 'customer-1',
  status: 'confirmed',
  placedAt,
  totalMinor: 2_500,
  currency: 'EUR',
})

/** Answers as the services do: by the path, with as many orders as a page is asked for. */
export const shopAnswers: Call = async (_service, path, { method, body } = {}) => {
  const sent = (body ?? {}) as { readonly orderIds?: string[]; readonly skus?: string[] }
  if (method === 'POST' && path === '/orders') return Response.json(orderNamed('o-1'), { status: 201 })
  const url = new URL(path, 'http://shop')
  if (path.startsWith('/orders?') || path === '/orders') {
    const rows = Number(url.searchParams.get('limit') ?? 20)
    return Response.json({ orders: Array.from({ length: rows }, (_, at) => rowOf(`o-${at + 1}`)) })
  }
  if (path === '/batches/orders')
    return Response.json({
      orders: sent.orderIds!.map((id, at) => orderNamed(id, 'customer-1', [`SKU-${at % 7}`, 'TEA-001'])),
    })
  if (path === '/batches/products')
    return Response.json({
      products: sent.skus!.map((sku) => ({
        sku,
        name: `Tea ${sku}`,
        unitMinor: 1_250,
        currency: 'EUR',
        validFrom: placedAt,
      })),
    })
  if (path === '/batches/timelines')
    return Response.json({
      timelines: sent.orderIds!.map((orderId) => ({ orderId, entries: [entry('e-1', 'order.placed')] })),
    })
  if (path.endsWith('/timeline')) return Response.json({ orderId: 'o-1', entries: [entry('e-1', 'order.placed')] })
  if (path.startsWith('/orders/')) return Response.json(orderNamed('o-1'))
  if (path.startsWith('/products/'))
    return Response.json({ sku: 'TEA-001', name: 'Tea', unitMinor: 1_250, currency: 'EUR', validFrom: placedAt })
  if (path.startsWith('/vaults/'))
    return Response.json({
      addresses: [
        { addressRef: 'a-1', name: 'Ada', lines: ['Am Wall 1'], city: 'Bremen', country: 'DE', addedAt: placedAt },
      ],
    })
  if (path.startsWith('/submissions/')) return Response.json({ commandId: crypto.randomUUID() }, { status: 202 })
  return Response.json({ code: 'not-found', detail: 'There is nothing here.', status: 404 }, { status: 404 })
}

/** The part of an answer at this path. */
export const partAt = (data: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce((part, name) => (part as Readonly<Record<string | number, unknown>> | undefined)?.[name], data)

export interface GraphqlAnswer {
  readonly status: number
  readonly data?: unknown
  readonly extensions?: unknown
  readonly errors?: readonly {
    readonly message: string
    readonly path?: unknown
    readonly extensions: { readonly code: string }
  }[]
}

export interface TestGraph {
  readonly platform: TestPlatform
  /** The requests to services, as `SERVICE PATH`. */
  calls(): string[]
  /** @param body Sent as JSON; a text as it is. */
  post(body: unknown, options?: Sending): Promise<GraphqlAnswer>
  request(path: string, init: RequestInit): Promise<Response>
  token(options?: Parameters<TestIssuer['token']>[0]): Promise<string>
}

interface Sending {
  readonly headers?: Readonly<Record<string, string>>
  readonly roles?: readonly string[]
  readonly sub?: string
}

interface GraphOptions {
  readonly call?: Call
  readonly documents?: 'any' | 'recorded'
  readonly edge?: Parameters<typeof testEdge>[0]
}

export function openGraph(
  issuer: TestIssuer,
  { call = shopAnswers, documents = 'any', edge }: GraphOptions = {},
): TestGraph {
  const platform = testPlatform(gateway, {
    settings: {
      EDGE: testEdge(edge),
      ...issuer.settings,
      GRAPHQL_DOCUMENTS: documents,
      PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
      PAYMENT_PROVIDER_API: '{"kind":"simulator"}',
    },
    callExternal: everyAccountIsValid,
    call,
  })
  const http = createHttpApp(app, platform, testConfig('gateway'))
  const tokens = new Map<string, string>()
  const token: TestGraph['token'] = async ({ sub = 'customer-1', roles = ['customer'] } = {}) => {
    const name = [sub, ...roles].join()
    const made = tokens.get(name) ?? (await issuer.token({ sub, roles }))
    tokens.set(name, made)
    return made
  }
  return {
    platform,
    token,
    calls: () => platform.calls.map(({ service, path }) => `${service} ${path.split('?')[0]}`),
    request: async (path, init) => http.request(path, init),
    async post(body, { headers = {}, roles, sub } = {}) {
      const response = await http.request('/graphql', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await token({ ...(sub ? { sub } : {}), ...(roles ? { roles } : {}) })}`,
          'content-type': 'application/json',
          accept: 'application/graphql-response+json',
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
      return { status: response.status, ...((await response.json()) as Omit<GraphqlAnswer, 'status'>) }
    },
  }
}
