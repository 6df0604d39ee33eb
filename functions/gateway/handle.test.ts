/** The declared requirements of an operation are checked before its handler runs: for every operation of the table, and for new ones. */

import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Caller, type Role, roles } from './caller-tokens.ts'
import { Refused } from '../../shared/base/errors.ts'
import { pathParametersOf, routeOf } from '../../shared/contracts/query.ts'
import { answerProblem } from '../../shared/http/http.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { sku } from '../shop/fields.ts'
import { app } from './app.ts'
import { testEdge } from './edge.testing.ts'
import { createHandle, type Handler, type Handlers } from './handle.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer } from './issuer.testing.ts'
import { isForCallers, type Operation, operations, requiredRoles } from './operations.ts'
import { gateway } from './service.ts'

let issuer: TestIssuer
const tokens = new Map<Role, string>()
beforeAll(async () => {
  issuer = await openIssuer()
  for (const role of roles) tokens.set(role, await issuer.token({ sub: `${role}-1`, roles: [role] }))
})
afterAll(() => issuer.close())

interface Given {
  readonly role?: Role | undefined
  readonly key?: string
  readonly body?: string
  readonly parameter?: string
}

type Refusal = readonly [name: string, given: Given, status: number, code: string]

/** Each request has one fault, and passes all checks before it. */
function refusalsOf({ access, requiresIdempotencyKey, body, ...operation }: Operation): Refusal[] {
  if (access === 'public') return []
  if (access === 'provider') return [['without a signature', { body: '{}' }, 401, 'signature-invalid']]
  const needed: readonly Role[] = requiredRoles[access]
  const role = needed[0] ?? 'customer'
  const right: Given = { role, key: 'key-1', body: '{}', parameter: 'x' }
  const tooSmall = needed.length === 0 ? [] : roles.filter((one) => !needed.includes(one))
  return [
    ['without a token', { ...right, role: undefined }, 401, 'token-missing'],
    ...tooSmall.map((one): Refusal => [`with the role ${one}`, { ...right, role: one }, 403, 'forbidden']),
    ...pathParametersOf(operation).map((name): Refusal => {
      const parameter = 'x'.repeat(501)
      return [`with a bad ${name}`, { ...right, parameter }, 404, 'not-found']
    }),
    ...(requiresIdempotencyKey
      ? ([
          ['without a key', { role, body: '{}', parameter: 'x' }, 400, 'idempotency-key-missing'],
          ['with a key of two words', { ...right, key: 'two words' }, 400, 'invalid-parameter'],
        ] as const)
      : []),
    ...(body
      ? ([
          ['with a body that is not JSON', { ...right, body: '{' }, 400, 'invalid-json'],
          ['with a body that breaks its contract', { ...right, body: '{"of":"nothing"}' }, 422, 'invalid-body'],
        ] as const)
      : []),
  ]
}

async function send(http: Hono, operation: Operation, { role, key, body, parameter = 'x' }: Given) {
  const token = role && tokens.get(role)
  const response = await http.request(routeOf(operation).replaceAll(/:\w+/g, parameter), {
    method: operation.method.toUpperCase(),
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    ...(body === undefined || operation.method === 'get' ? {} : { body }),
  })
  const text = await response.text()
  return { status: response.status, code: response.ok ? text : (JSON.parse(text) as { code: string }).code }
}

describe('the table of operations', () => {
  const called: string[] = []
  const started = (): Hono =>
    createHttpApp(
      app,
      testPlatform(gateway, {
        settings: { EDGE: testEdge(), ...issuer.settings, PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1' },
        callExternal: everyAccountIsValid,
        async call(_service, path) {
          called.push(path)
          return Response.json({ orderId: 'o-1' })
        },
      }),
      testConfig('gateway'),
    )

  const cases = Object.entries<Operation>(operations).flatMap(([id, operation]) =>
    refusalsOf(operation).map((refusal) => ({ name: `${id} ${refusal[0]}`, operation, refusal })),
  )

  it('has a refused request for each requirement that an operation declares', () => {
    const counted = (code: string) => cases.filter(({ refusal }) => refusal[3] === code).length
    const all = Object.values<Operation>(operations)
    expect(counted('token-missing')).toBe(all.filter(({ access }) => isForCallers(access)).length)
    expect(counted('forbidden')).toBeGreaterThan(5)
    expect(counted('idempotency-key-missing')).toBe(all.filter((one) => one.requiresIdempotencyKey).length)
    expect(counted('signature-invalid')).toBe(1)
  })

  it.each(cases)('refuses $name', async ({ operation, refusal: [, given, status, code] }) => {
    expect(await send(started(), operation, given)).toEqual({ status, code })
    expect(called).toEqual([])
  })
})

const common = {
  method: 'post',
  path: '/v1/planted/{sku}',
  parameters: { sku },
  summary: 'A new operation',
  answers: {},
} as const

/** With a handler that checks nothing. */
function planted<const O extends Operation>(operation: O) {
  const http = new Hono()
  http.onError((error, c) => answerProblem(c, error))
  const requests: unknown[] = []
  const handle = createHandle(http, {
    async caller(c) {
      const role = [...tokens].find(([, token]) => c.req.header('authorization') === `Bearer ${token}`)?.[0]
      if (role === undefined) throw new Refused('token-missing', 'Send a token.')
      return { sub: `${role}-1`, roles: [role] }
    },
    async providerSignature(c) {
      const signed = c.req.header('idempotency-key')
      return (body) => {
        if (body.toString() !== signed) throw new Refused('signature-invalid', 'The signature is of another body.')
      }
    },
  })
  handle(operation, ({ c, ...request }) => {
    requests.push(request)
    return c.body('open', 200)
  })
  return { requests, send: (given: Given) => send(http, operation, given) }
}

describe('a new operation', () => {
  it('refuses callers that its declaration does not name, though its handler checks nothing', async () => {
    const operation = {
      ...common,
      access: 'staff',
      requiresIdempotencyKey: true,
      body: z.strictObject({ n: z.int() }),
    } as const
    const { send, requests } = planted(operation)
    const refusals = refusalsOf(operation)
    expect(refusals.map(([name]) => name)).toEqual([
      'without a token',
      'with the role customer',
      'with a bad sku',
      'without a key',
      'with a key of two words',
      'with a body that is not JSON',
      'with a body that breaks its contract',
    ])
    for (const [name, given, status, code] of refusals) expect(await send(given), name).toEqual({ status, code })
    expect(requests).toEqual([])
  })

  it('receives the caller, the key, the parsed body and the parameters that it declares', async () => {
    const { send, requests } = planted({
      ...common,
      access: 'staff',
      requiresIdempotencyKey: true,
      body: z.strictObject({ n: z.int().default(7) }),
    })
    expect(await send({ role: 'importer', key: 'key-1', body: '{}', parameter: 'TEA-001' })).toMatchObject({
      status: 200,
    })
    expect(requests).toEqual([
      { caller: { sub: 'importer-1', roles: ['importer'] }, key: 'key-1', body: { n: 7 }, params: { sku: 'TEA-001' } },
    ])
  })

  it('receives nothing that it does not declare', async () => {
    const { send, requests } = planted({ ...common, path: '/v1/planted', parameters: {}, access: 'public' })
    expect(await send({ role: 'staff', key: 'key-1', body: '{}' })).toMatchObject({ status: 200 })
    expect(requests).toEqual([{ caller: undefined, key: undefined, body: undefined, params: {} }])
  })

  it('of the provider receives only a body with a valid signature', async () => {
    const { send, requests } = planted({ ...common, access: 'provider', body: z.looseObject({}) })
    expect(await send({ key: '{"a":1}', body: '{"a":2}' })).toEqual({ status: 401, code: 'signature-invalid' })
    expect(requests).toEqual([])
    expect(await send({ key: '{"a":1}', body: '{"a":1}' })).toMatchObject({ status: 200 })
  })

  it('is not registered when its declaration is incomplete', () => {
    // @ts-expect-error access is missing
    expect(() => planted({ ...common })).toThrow('post /v1/planted/{sku} declares no access')
    // @ts-expect-error the access is unknown
    expect(() => planted({ ...common, access: 'valueOf' })).toThrow('declares no access')
    expect(() => planted({ ...common, access: 'provider' })).toThrow('declares no body')
    expect(() => planted({ ...common, path: '/v1/planted/{thing}', access: 'staff' })).toThrow(
      'the parameter thing, which is not in its parameters',
    )
  })
})

/** Checked by the compiler only: a line without its expected error does not compile. */
export function typesOfHandlers(response: Response): void {
  const table = {
    read: { ...common, access: 'public' },
    write: { ...common, access: 'staff', requiresIdempotencyKey: true, body: z.strictObject({ n: z.int() }) },
  } as const
  const write: Handler<(typeof table)['write']> = ({ caller, key, body, params }) => {
    const taken: [Caller, string, number, string] = [caller, key, body.n, params.sku]
    // @ts-expect-error the path has no such parameter
    return taken.length === 4 ? response : params.orderId
  }
  const read: Handler<(typeof table)['read']> = ({ caller }) => {
    // @ts-expect-error a public operation has no caller
    return caller.sub === '' ? response : response
  }
  const whole: Handlers<typeof table> = { read, write }
  // @ts-expect-error an operation has no handler
  const missing: Handlers<typeof table> = { read }
  // @ts-expect-error a handler has no operation
  const superfluous: Handlers<typeof table> = { read, write, other: read }
  void [whole, missing, superfluous]
}
