/** The served document is valid and complete, and describes exactly the registered routes. `shared/edge/openapi.ts` makes it. */

import { createHash } from 'node:crypto'
import { type SchemaObject, validate } from '@hyperjump/json-schema/openapi-3-1'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { routeOf } from '../../shared/contracts/query.ts'
import { problemsOf } from '../../shared/edge/openapi.ts'
import type { Operation } from '../../shared/service/operation.ts'
import { app } from './app.ts'
import { documentedGateway } from './documented.testing.ts'
import { webhookHeaders } from '../../shared/http/webhook-signing.ts'
import { isForCallers } from '../shop/roles.ts'
import { verificationBody, webhookBody, type WebhookType, webhookTypes } from '../webhooks/contracts.ts'

const api = app.publicApi!
const { operations } = api
const http = documentedGateway()
const served = async (): Promise<Document> => (await (await http.request('/openapi.json')).json()) as Document

interface Described {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<Operation['method'], Described>>>>>
}

/** The places where it breaks OpenAPI's own schema, or JSON Schema's where the document holds a schema. */
async function faults(text: string): Promise<string[]> {
  const document = JSON.parse(text) as SchemaObject
  const result = await validate('https://spec.openapis.org/oas/3.1/schema-base', document, 'BASIC')
  return result.valid ? [] : (result.errors ?? []).map(({ instanceLocation }) => instanceLocation)
}

const described = (document: Document) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ path, method, one })),
  )

describe('the document', () => {
  it('is valid OpenAPI 3.1, by a schema that detects errors', async () => {
    const text = JSON.stringify(await served())
    expect(await faults(text)).toEqual([])
    for (const [right, wrong] of [
      ['"in":"path","required":true', '"in":"path","required":false'],
      ['"summary":', '"sumary":'],
      ['"type":"object"', '"type":"objekt"'],
      ['"openapi":"3.1.1"', '"openapi":"3.0.0"'],
    ] as const)
      expect(await faults(text.replace(right, wrong)), wrong).not.toEqual([])
  })

  it('has the webhooks as they are sent', async () => {
    const document = (await served()) as unknown as {
      readonly webhooks: Readonly<Record<string, { readonly post: Described }>>
    }
    expect(Object.keys(document.webhooks).toSorted()).toEqual([...webhookTypes, 'endpoint.verification'].toSorted())
    const headers = Object.keys(webhookHeaders([], { id: 'w', atMs: 0, body: '' }))
    for (const [type, { post }] of Object.entries(document.webhooks)) {
      const body = type === 'endpoint.verification' ? verificationBody : webhookBody(type as WebhookType)
      const { $schema: _, ...schema } = z.toJSONSchema(body, { target: 'draft-2020-12', io: 'output' })
      expect(post.requestBody!.content['application/json']!.schema).toEqual(schema)
      expect(['content-type', ...post.parameters.map(({ name }) => name)]).toEqual(headers)
    }
  })

  it('has no unresolved reference', async () => {
    const document = await served()
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to!)
    expect(references.length).toBeGreaterThan(10)
    for (const to of references) {
      expect(to).toMatch(/^#\//)
      const found = to
        .slice(2)
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
      expect(found, to).toBeDefined()
    }
  })

  it('says as how many requests an operation counts, and what it refuses that no schema says', async () => {
    const all = described(await served()) as unknown as {
      readonly one: Described & { readonly 'x-charges'?: number }
    }[]
    const charged = all.flatMap(({ one }) => (one['x-charges'] ? [[one.operationId, one['x-charges']]] : []))
    expect(charged).toEqual([['replayWebhooks', 10]])
    const { properties } = all.find(({ one }) => one.operationId === 'addPaymentMethod')!.one.requestBody!.content[
      'application/json'
    ]!.schema as { readonly properties: Readonly<Record<string, { readonly 'x-refusals'?: readonly string[] }>> }
    expect(properties['token']!['x-refusals']).toEqual([expect.stringContaining('holds a card number')])
  })

  it('names each operation once, and each parameter of its path', async () => {
    const all = described(await served())
    expect(new Set(all.map(({ one }) => one.operationId)).size).toBe(all.length)
    for (const { path, one } of all) {
      const inPath = one.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
    }
  })

  it('has schemas that accept and refuse the same bodies as the contracts', async () => {
    const document = await served()
    const body = document.paths['/v1/orders']!.post!.requestBody!.content['application/json']!.schema
    // Zod reads patterns without the u flag, which JSON Schema requires.
    const ascii = JSON.stringify(body)
      .replaceAll(/\[\^(?:\\\\p\{\w+\})+\]/g, '[!-~]')
      .replaceAll(String.raw`\\p{L}`, 'A-Za-z')
      .replaceAll(String.raw`\\p{N}`, '0-9')
    const parser = z.fromJSONSchema(JSON.parse(ascii) as Parameters<typeof z.fromJSONSchema>[0])
    const order = { currency: 'EUR', lines: [{ sku: 'TEA-001', quantity: 1 }], addressRef: 'a', paymentMethodRef: 'c' }
    expect(parser.safeParse(order).success).toBe(true)
    for (const wrong of [
      { ...order, discount: 1 },
      { ...order, currency: 'eur' },
      { ...order, addressRef: ' a' },
      { ...order, lines: [] },
      { ...order, lines: [{ sku: '../x', quantity: 1 }] },
      { ...order, lines: [{ sku: 'TEA-001', quantity: 0 }] },
      {},
    ])
      expect(parser.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false)
  })

  it("has patterns that compile with JSON Schema's flag", async () => {
    const patterns = [...JSON.stringify(await served()).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)]
    expect(patterns.length).toBeGreaterThan(5)
    for (const [, text] of patterns) expect(() => new RegExp(JSON.parse(text!) as string, 'u')).not.toThrow()
  })

  it('can not be made, nor a route, from a path whose parameter has no schema', () => {
    const fault = '/v1/things/{constructor} has the parameter constructor, which is not in its parameters'
    expect(() => routeOf({ path: '/v1/things/{constructor}' })).toThrow(fault)
    expect(routeOf(operations['readSaga']!)).toBe('/v1/orders/:orderId/saga')
  })

  it('describes exactly the registered routes', async () => {
    const registered = http.routes
      // Middleware stands on every path; any other route of all methods would be an operation without a row in the table.
      .filter(({ method, path }) => !(method === 'ALL' && path === '/*') && !path.startsWith('/health/'))
      // Remote procedures are described by their .proto files, and the graph by its schema.
      .filter(({ path }) => !/^\/(?:(?:millrace|grpc)\.|graphql$)/.test(path))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    const documented = described(await served()).map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    expect([...new Set(registered)].toSorted()).toEqual(documented.toSorted())
  })

  it('lists every error code under its status', async () => {
    const document = await served()
    for (const [id, one] of Object.entries(operations)) {
      const { responses } = document.paths[one.path]![one.method]!
      for (const { name: code, status } of problemsOf(one, api)) {
        const { content, description } = responses[String(status)]!
        expect(description.split(', '), `${id} ${code}`).toContain(code)
        expect(JSON.stringify(content)).toContain(`"${code}"`)
      }
      if (isForCallers(one.access)) {
        const path = routeOf(one).replaceAll(/:\w+/g, 'x')
        const answer = await http.request(path, { method: one.method.toUpperCase() })
        expect(answer.status, path).toBe(401)
      }
    }
  })
})

describe('the page', () => {
  it('contains exactly the style that its content security policy allows', async () => {
    const answer = await http.request('/docs')
    const styles = [...(await answer.text()).matchAll(/<style>([^]*?)<\/style>/g)].map(([, text]) => text!)
    expect(styles).toHaveLength(1)
    const hash = createHash('sha256').update(styles[0]!).digest('base64')
    expect(answer.headers.get('content-security-policy')).toContain(`style-src 'sha256-${hash}'`)
  })

  it('shows every operation and loads no external resource', async () => {
    const answer = await http.request('/docs')
    const page = await answer.text()
    expect(answer.status).toBe(200)
    for (const { path } of Object.values(operations)) expect(page).toContain(path)
    // An address in an example is text.
    const markup = page.replaceAll(/<pre>[^<]*<\/pre>/g, '')
    expect(markup).not.toMatch(/<script|src=|https?:\/\/|@import|url\(/)
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; frame-ancestors 'none'$/,
    )
  })
})
