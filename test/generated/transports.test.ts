/**
 * Requests by the spellings beside REST, made at random: messages of any fields by Connect and gRPC-Web, JSON by Connect, documents of
 * GraphQL that were cut and mixed, and any arguments of each operation. Each is answered, none finds a bug, and each refusal has its code.
 */

import * as fc from 'fast-check'
import {
  buildSchema,
  getNamedType,
  type GraphQLInputType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { app } from '../../functions/gateway/app.ts'
import documents from '../../functions/gateway/documents.json' with { type: 'json' }
import { gateway, testEdge } from '../../functions/gateway/edge.testing.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { roles } from '../../functions/shop/roles.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { isRpc, rpcNameOf } from '../../shared/rpc/names.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'
import { root } from '../support/root.ts'
import { wholeLists } from '../support/whole-lists.ts'

const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_130)
const runs = { numRuns: wholeLists ? 5_000 : 250, seed: SEED }
const UNKNOWN = '2'
const INTERNAL = '13'

let issuer: TestIssuer
let platform: TestPlatform
let http: ReturnType<typeof createHttpApp>
let authorization: string
beforeAll(async () => {
  issuer = await openIssuer()
  const wide = { perSecond: 1_000_000, burst: 1_000_000 }
  platform = testPlatform(gateway, {
    settings: {
      ...issuer.settings,
      EDGE: testEdge({ limits: { ...Object.fromEntries(roles.map((role) => [role, wide])), address: wide } as never }),
      GRAPHQL_DOCUMENTS: 'any',
    },
    callExternal: everyAccountIsValid,
    // A request that is valid by chance ends here, as one to a service that does not answer.
    call: async () => Promise.reject(new Unavailable('No service answers in this test.')),
  })
  http = createHttpApp(app, platform, testConfig('gateway'))
  authorization = `Bearer ${await issuer.token({ sub: 'admin-1', roles: ['admin', 'support'] })}`
})
afterAll(() => issuer.close())
beforeEach(() => void (platform.logs.length = 0))

const { operations, rpcs } = app.publicApi!
const paths = Object.entries(operations)
  .filter(([, one]) => isRpc(one))
  .map(([id, one]) => rpcNameOf(rpcs!.owners[id] ?? 'gateway', id, one).path)

async function send(path: string, type: string, body: Uint8Array<ArrayBuffer> | string) {
  const headers = { authorization, 'content-type': type, 'idempotency-key': 'key-1' }
  const response = await http.request(path, { method: 'POST', headers, body }, { outgoing: new EventEmitter() })
  return { status: response.status, text: await response.text() }
}

const bugs = () => platform.logs.filter(({ severity }) => severity === 'ERROR')

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]
const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('o-1', 'TEA-001', 'EUR', '1', ''))
/** A field as protobuf writes it, with any number and any kind of value; some are cut. */
const field: fc.Arbitrary<number[]> = fc
  .tuple(
    fc.integer({ min: 0, max: 12 }),
    fc.oneof(
      fc.nat().map((value) => [0, ...varint(value)]),
      text.map((value) => [2, ...varint(Buffer.byteLength(value)), ...Buffer.from(value)]),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => [2, ...varint(bytes.length), ...bytes]),
      fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => [1, ...bytes]),
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => [5, ...bytes]),
      fc.constantFrom([3], [4], [2, 255, 255, 255, 255, 15], [0, ...Array.from({ length: 12 }, () => 255)]),
    ),
  )
  .map(([number, [kind, ...rest]]) => [...varint((number << 3) | kind), ...rest])
const message = fc.array(field, { maxLength: 8 }).map((fields) => Uint8Array.from(fields.flat()))

const framed = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

it('a message of any fields is answered by Connect', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), message, async (path, bytes) => {
      const { status, text: answer } = await send(path, 'application/proto', bytes)
      expect(bugs()).toEqual([])
      expect(status, answer).not.toBe(500)
      if (status !== 200) expect(JSON.parse(answer)).toMatchObject({ code: expect.any(String) as string })
    }),
    runs,
  )
})

it('a message of any fields is answered by gRPC-Web', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), message, fc.boolean(), async (path, bytes, isFramed) => {
      const body = isFramed ? framed(bytes) : bytes
      const { status, text: answer } = await send(path, 'application/grpc-web+proto', body)
      expect(bugs()).toEqual([])
      expect(status).toBe(200)
      const [, code] = /grpc-status: ?(\d+)/i.exec(answer) ?? []
      expect([UNKNOWN, INTERNAL, undefined], answer).not.toContain(code)
    }),
    runs,
  )
})

it('any JSON is answered by Connect', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.json({ maxDepth: 3 }), async (path, body) => {
      const { status, text: answer } = await send(path, 'application/json', body)
      expect(bugs()).toEqual([])
      expect(status, answer).not.toBe(500)
    }),
    runs,
  )
})

const tokens = Object.values(documents).flatMap((one) => one.match(/\w+|"[^"]*"|[^\s\w]/g) ?? [])
const odd = [
  '...',
  '...A',
  'fragment A on Order { ...A }',
  '@skip(if: true)',
  '"""',
  '\\u{110000}',
  '1e999',
  '-',
  '$x',
  '',
]
/** A recorded document from which words were cut, and into which others were put. */
const document = fc
  .tuple(
    fc.constantFrom(...Object.values(documents)),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.constantFrom(...tokens, ...odd)), { maxLength: 4 }),
  )
  .map(([whole, changes]) => {
    const words = whole.match(/\w+|"[^"]*"|[^\s\w]/g) ?? []
    for (const [at, cut, put] of changes) words.splice(at % (words.length + 1), cut, put)
    return words.join(' ')
  })

it('a document that was cut and mixed, with any variables, is answered by GraphQL', async () => {
  const request = fc.record(
    { query: fc.oneof(document, fc.string()), variables: fc.jsonValue({ maxDepth: 3 }), operationName: fc.jsonValue() },
    { requiredKeys: ['query'] },
  )
  await fc.assert(
    fc.asyncProperty(request, async (given) => {
      const { status, text: answer } = await send('/graphql', 'application/json', JSON.stringify(given))
      expect(bugs()).toEqual([])
      expect([200, 400], answer).toContain(status)
      const { errors = [] } = JSON.parse(answer) as { readonly errors?: readonly { extensions?: { code?: string } }[] }
      for (const one of errors) expect(one.extensions?.code, answer).toMatch(/^(?!bug$)[a-z-]+$/)
    }),
    runs,
  )
})

const oddText = fc.oneof(
  text,
  fc.constantFrom('\n', ' key', '漢字', '\u202e', '__proto__', '2026-02-30T00:00:00Z', 'x'.repeat(300)),
)
const oddNumber = fc.oneof(fc.integer({ min: -2, max: 200 }), fc.constantFrom(-1e9, 2 ** 31 - 1))

/** As a document writes it; what is not required is there or not. */
function literal(type: GraphQLInputType): fc.Arbitrary<string> {
  if (isNonNullType(type)) return literal(type.ofType)
  if (isListType(type)) return fc.array(literal(type.ofType), { maxLength: 3 }).map((all) => `[${all.join(' ')}]`)
  if (isInputObjectType(type)) return named(Object.values(type.getFields())).map((fields) => `{ ${fields} }`)
  if (String(type) === 'Boolean') return fc.boolean().map(String)
  return ['Int', 'SafeInt'].includes(String(type)) ? oddNumber.map(String) : oddText.map((one) => JSON.stringify(one))
}
const named = (all: readonly { readonly name: string; readonly type: GraphQLInputType }[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      ...all.map(({ name, type }) => {
        const one = literal(type).map((value) => `${name}: ${value}`)
        return isNonNullType(type) ? one : fc.option(one, { nil: '' })
      }),
    )
    .map((given) => given.join(' '))

it('any arguments of an operation are answered by GraphQL', async () => {
  const schema = buildSchema(readFileSync(join(root, 'functions/gateway/schema.graphql'), 'utf8'))
  const calls = (['query', 'mutation'] as const).flatMap((kind) => {
    const type = kind === 'query' ? schema.getQueryType() : schema.getMutationType()
    return Object.values(type!.getFields()).map(({ name, args, type: answer }) => {
      const leads = isObjectType(getNamedType(answer)) ? ' { __typename }' : ''
      return named(args).map((given) => `${kind} { ${name}${given.trim() === '' ? '' : `(${given})`}${leads} }`)
    })
  })
  expect(calls.length).toBeGreaterThan(30)
  await fc.assert(
    fc.asyncProperty(fc.oneof(...calls), async (query) => {
      platform.logs.length = 0
      const { text: answer } = await send('/graphql', 'application/json', JSON.stringify({ query }))
      expect(bugs(), query).toEqual([])
      expect(answer, query).not.toContain('"bug"')
    }),
    runs,
  )
})
