/** Every string that a message or a request may hold is of one of the shared kinds of text. Answers contain stored data: test/architecture/stored-data.test.ts. */

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { services } from '../../functions/index.ts'
import { app as gatewayApp } from '../../functions/gateway/app.ts'
import { ordersContracts, placeRequest } from '../../functions/orders/contracts.ts'
import { orders } from '../../functions/orders/service.ts'
import { envelopeSchema } from '../../shared/contracts/envelope.ts'
import { idempotencyKey, subject } from '../../shared/base/fields.ts'
import { freshId } from '../../shared/base/ids.ts'
import { republishContract } from '../../shared/messaging/republish.ts'
import { memory } from '../../shared/messaging/memory.testing.ts'
import { startOfTests, testPlatform, testTrace } from '../../shared/runtime/platform.testing.ts'
import { code, identifier, textKinds } from '../../shared/base/text.ts'

interface Found {
  readonly path: string
  readonly schema: z.core.$ZodType
}

/** Every string schema within a schema, with the path to it. @throws Error for a type that it does not know */
function stringsIn(schema: z.core.$ZodType, path: string): Found[] {
  const { def } = (schema as z.core.$ZodTypes)._zod
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- contracts are of these types; any other throws
  switch (def.type) {
    case 'string':
      return [{ path, schema }]
    case 'object':
      return Object.entries(def.shape).flatMap(([name, one]) => stringsIn(one, `${path}.${name}`))
    case 'array':
      return stringsIn(def.element, `${path}[]`)
    case 'optional':
    case 'nullable':
    case 'default':
      return stringsIn(def.innerType, path)
    case 'union':
      return def.options.flatMap((one) => stringsIn(one, path))
    case 'record':
      return [...stringsIn(def.keyType, `${path} key`), ...stringsIn(def.valueType, `${path}{}`)]
    default:
      if (['number', 'boolean', 'literal', 'enum', 'unknown'].includes(def.type)) return []
      throw new Error(`${path}: this test does not know the type ${def.type}`)
  }
}

/** A UUID or a time: Zod's own format, which accepts only ASCII. */
const isFormat = (schema: z.core.$ZodType): boolean => {
  const { def } = (schema as z.core.$ZodString)._zod
  return 'format' in def && ['uuid', 'datetime'].includes(String(def.format))
}

const isTime = (schema: z.core.$ZodType): boolean => {
  const { def } = (schema as z.core.$ZodString)._zod
  return 'format' in def && def.format === 'datetime'
}

/** A code's pattern is anchored and accepts printable ASCII. */
const isShared = (schema: z.core.$ZodType): boolean => textKinds.get(schema as z.ZodString) !== undefined

const schemas: readonly (readonly [string, z.ZodType])[] = [
  ['envelope', envelopeSchema],
  ['RepublishEvents', republishContract.data],
  ['POST /orders of orders', placeRequest],
  ['sub', subject],
  ['Idempotency-Key', idempotencyKey],
  ...services.flatMap(({ contracts: { events, commands } }) =>
    Object.entries({ ...events, ...commands }).map(([type, { data }]) => [type, data] as const),
  ),
  ...services.flatMap(({ contracts: { events } }) =>
    Object.entries(events).flatMap(([type, { previousVersions = {} }]) =>
      Object.entries(previousVersions).map(([version, { data }]) => [`${type}@${version}`, data] as const),
    ),
  ),
  ...Object.entries(gatewayApp.publicApi!.operations).flatMap(([id, { body }]) =>
    body ? [[`${id} body`, body] as const] : [],
  ),
  ...services.flatMap(({ contracts: { queries = {} } }) =>
    Object.entries(queries).flatMap(([name, { parameters = {}, body }]) => [
      ...Object.entries(parameters).map(([parameter, schema]) => [`${name} ${parameter}`, schema] as const),
      ...(body ? [[`${name} body`, body] as const] : []),
    ]),
  ),
]
/** The parameters and bodies that the edge takes from its clients. */
const atEdge = Object.entries(gatewayApp.publicApi!.operations).flatMap(([id, { parameters = {}, body }]) => [
  ...Object.entries(parameters).map(([name, schema]) => [`${id} ${name}`, schema] as const),
  ...(body ? [[`${id} body`, body] as const] : []),
])
const strings = schemas.flatMap(([name, schema]) => stringsIn(schema, name))

describe('every string that enters by a contract', () => {
  it('is of a shared kind, or of a format', () => {
    expect(strings.length).toBeGreaterThan(150)
    expect(strings.filter(({ schema }) => !isShared(schema) && !isFormat(schema)).map(({ path }) => path)).toEqual([])
  })

  it('refuses an unpaired surrogate, a control character, an override of direction, and an unbounded text', () => {
    const hostile = [
      '\uD800',
      'a\uDC00b',
      'a\u0000',
      'a\u001B]0;x\u0007',
      'a\u007F',
      'a\u009B2J',
      'a\u202Eb',
      'a\u2066b',
    ]
    const taken = strings.flatMap(({ path, schema }) =>
      [...hostile, 'x'.repeat(100_000), `2026-01-01T00:00:00.${'1'.repeat(100_000)}Z`]
        .filter((text) => z.safeParse(schema, text).success)
        .map((text) => `${path} takes ${JSON.stringify(text.slice(0, 20))}`),
    )
    expect(taken).toEqual([])
  })
})

it('the edge refuses every time with an offset that no zone has; contracts read the events and commands that have one', () => {
  const taking = (given: readonly (readonly [string, z.core.$ZodType])[], time: string): string[] =>
    given
      .flatMap(([name, schema]) => stringsIn(schema, name))
      .filter(({ schema }) => isTime(schema) && z.safeParse(schema, time).success)
      .map(({ path }) => path)
  expect(taking(atEdge, '2026-01-15T00:00:00+14:00')).toEqual([
    'changePrice body.validFrom',
    'importOrder body.placedAt',
    'listOrders placedFrom',
    'listOrders placedBefore',
    'replayWebhooks body.since',
  ])
  expect(taking(atEdge, '2026-01-15T00:00:00+23:59')).toEqual([])
  const messages = schemas.filter(([name]) => !name.endsWith(' body'))
  expect(taking(messages, '2026-01-15T00:00:00+23:59')).toEqual(taking(messages, '2026-01-15T00:00:00+14:00'))
})

it('a plain string is detected anywhere in a schema', () => {
  const plain = z.strictObject({
    a: z.array(z.object({ b: z.string().optional() })),
    c: z.union([z.literal('x'), z.string()]),
    d: identifier({ characters: 2, bytes: 2 }).nullable(),
    e: code(/^x$/, 'x'),
  })
  expect(
    stringsIn(plain, 'p')
      .filter(({ schema }) => !isShared(schema))
      .map(({ path }) => path),
  ).toEqual(['p.a[].b', 'p.c'])
})

it('an order with a text beyond later bounds is published again', async () => {
  const kept = memory()
  const platform = testPlatform(orders, { kept })
  const addressRef = '\uD800\u001B]0;old\u0007'
  const { example } = ordersContracts.events['order.placed']
  const placed = { id: freshId(0), type: 'order.placed', version: 1, sequence: 1, data: { ...example, addressRef } }
  await kept.store.append(await kept.store.load('o-1'), {
    cause: freshId(0),
    time: startOfTests,
    correlationId: 'o-1',
    actor: 'customer:customer-1',
    traceparent: testTrace,
    events: [placed],
    commands: [],
  })
  expect(await platform.streams.republish('o-1')).toBe(1)
  expect(platform.published).toMatchObject([{ type: 'order.placed', data: { addressRef } }])
})
