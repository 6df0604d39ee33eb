/** The served AsyncAPI document is valid and complete, and its page shows every message. `shared/edge/asyncapi.ts` makes it. */

import schema from '@asyncapi/specs/schemas/3.0.0.json' with { type: 'json' }
import { registerSchema, validate } from '@hyperjump/json-schema/draft-07'
import { beforeAll, describe, expect, it } from 'vitest'
import { contractsOf } from '../../shared/service/service.ts'
import { services } from '../index.ts'
import { documentedGateway } from './documented.testing.ts'

const AT = 'https://asyncapi.test/3.0.0'
registerSchema(schema, AT)

interface Document {
  readonly channels: Readonly<Record<string, { readonly address: string }>>
  readonly operations: Readonly<Record<string, { readonly action: string }>>
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly examples: readonly { readonly payload: object }[] }>>
  }
}
const http = documentedGateway()
let text: string
let document: Document
beforeAll(async () => {
  text = await (await http.request('/asyncapi.json')).text()
  document = JSON.parse(text) as Document
})

const isValid = async (document: string): Promise<boolean> => (await validate(AT, JSON.parse(document) as never)).valid

describe('the document', () => {
  it('is valid AsyncAPI 3, by a schema that detects errors', async () => {
    expect(await isValid(text)).toBe(true)
    for (const [right, wrong] of [
      ['"asyncapi":"3.0.0"', '"asyncapi":"2.6.0"'],
      ['"action":"send"', '"action":"publish"'],
      ['"address":', '"adress":'],
      ['"contentType":"application/json"', '"contentType":7'],
    ] as const)
      expect(await isValid(text.replace(right, wrong)), wrong).toBe(false)
  })

  it('has an operation at both ends of each edge, and no other', () => {
    const expected = services.flatMap(({ name, on, accepts }) =>
      [...new Set([...on, ...accepts])].map((type) => `${name}.receive.${type}`),
    )
    const received = Object.keys(document.operations).filter((name) => name.includes('.receive.'))
    expect(received.toSorted()).toEqual(expected.toSorted())
    const sent = Object.keys(document.operations).filter((name) => name.includes('.send.'))
    expect(sent).toEqual(expect.arrayContaining(['orders.send.order.placed', 'orders.send.ReserveStock']))
    expect(sent.length + received.length).toBe(Object.keys(document.operations).length)
  })

  it('has no reference that leads nowhere', () => {
    const references = [...new Set([...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!))]
    expect(references.length).toBeGreaterThan(100)
    const found = (path: string): unknown =>
      path.split('/').reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], document)
    expect(references.filter((path) => found(path) === undefined)).toEqual([])
  })

  it('names the topic of an event, and the queue of a command', () => {
    expect(document.channels['order.placed']!.address).toBe('order.placed')
    expect(document.channels['ReserveStock']!.address).toBe('inventory')
  })

  it('has examples with the data of the contracts, in whole envelopes', () => {
    const contracts = new Map(
      services.flatMap((service) =>
        contractsOf(service).flatMap(({ events, commands }) => Object.entries({ ...events, ...commands })),
      ),
    )
    const broken = Object.entries(document.components.messages).filter(([type, { examples }]) => {
      const { data } = examples[0]!.payload as { readonly data: unknown }
      return !contracts.get(type)!.data.safeParse(data).success
    })
    expect(broken).toEqual([])
  })
})

it('document and page are not there where messages are not described to strangers, and nothing names them', async () => {
  const closed = documentedGateway({ MESSAGE_DOCUMENTS: 'withheld' })
  for (const path of ['/asyncapi.json', '/docs/messages']) expect((await closed.request(path)).status).toBe(404)
  for (const path of ['/openapi.json', '/docs'])
    expect(await (await closed.request(path)).text()).not.toMatch(/asyncapi|docs\/messages/)
})

describe('the page', () => {
  it('shows every message with its ends, is linked from that of the API, and loads no external resource', async () => {
    const answer = await http.request('/docs/messages')
    const page = await answer.text()
    for (const type of Object.keys(document.components.messages)) expect(page).toContain(`<code>${type}</code>`)
    expect(page).toMatch(/Command, version 1\. From orders to\s+inventory\./)
    expect(page).not.toMatch(/<script|src=|href="https?:|@import|url\(/)
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await (await http.request('/docs')).text()).toContain('href="/docs/messages"')
  })
})
