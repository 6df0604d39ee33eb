/** The declared requirements of an operation are checked before its handler runs, whatever the handler does. */

import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Refused } from '../base/errors.ts'
import { answerProblem } from '../http/http.ts'
import type { Caller, Operation } from '../service/operation.ts'
import type { OperationHandler } from '../service/public-api.ts'
import { type TestRole, testRoleNames, testRoles } from './edge.testing.ts'
import { type AccessChecks, bind, routeRest } from './handle.ts'
import { type Given, refusalsOf, send } from './operation-refusals.testing.ts'

const access = { member: [], clerk: ['clerk', 'auditor'] } as const satisfies Record<string, readonly TestRole[]>
type TestOperation = Operation<keyof typeof access>
const sku = z.string().max(500)

const common = {
  method: 'post',
  path: '/v1/planted/{sku}',
  parameters: { sku },
  summary: 'A new operation',
  answers: { 200: ['Open.'] },
} as const

/** With a handler that checks nothing. */
function planted<const O extends TestOperation>(operation: O) {
  const http = new Hono()
  http.onError((error, c) => answerProblem(c, error))
  const requests: unknown[] = []
  const checks: AccessChecks = {
    async caller(c) {
      const role = testRoleNames.find((one) => c.req.header('authorization') === `Bearer ${one}`)
      if (role === undefined) throw new Refused('token-missing', 'Send a token.')
      return { sub: `${role}-1`, roles: [role] }
    },
    async signature(c) {
      const signed = c.req.header('idempotency-key')
      return (body) => {
        if (body.toString() !== signed) throw new Refused('signature-invalid', 'The signature is of another body.')
      }
    },
  }
  const handler: OperationHandler<Operation> = ({ c, ...request }) => {
    requests.push(request)
    return c.checked('open', 200, 'text/plain')
  }
  routeRest(http, operation, bind(operation, handler, access, checks))
  return { requests, send: (given: Given) => send(http, operation, given, (role) => role) }
}

describe('a new operation', () => {
  it('refuses callers that its declaration does not name, though its handler checks nothing', async () => {
    const operation = {
      ...common,
      access: 'clerk',
      requiresIdempotencyKey: true,
      body: z.strictObject({ n: z.int() }),
    } as const
    const { send, requests } = planted(operation)
    const refusals = refusalsOf(operation, { access, roles: testRoles })
    expect(refusals.map(([name]) => name)).toEqual([
      'without a token',
      'with a parameter that it does not have',
      'with If-Match',
      'with the role member',
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
      access: 'clerk',
      requiresIdempotencyKey: true,
      body: z.strictObject({ n: z.int().default(7) }),
    })
    expect(await send({ role: 'auditor', key: 'key-1', body: '{}', parameter: 'TEA-001' })).toMatchObject({
      status: 200,
    })
    expect(requests).toEqual([
      { caller: { sub: 'auditor-1', roles: ['auditor'] }, key: 'key-1', body: { n: 7 }, params: { sku: 'TEA-001' } },
    ])
  })

  it('receives nothing that it does not declare', async () => {
    const { send, requests } = planted({ ...common, path: '/v1/planted', parameters: {}, access: 'public' })
    expect(await send({ role: 'clerk', key: 'key-1', body: '{}' })).toMatchObject({ status: 200 })
    expect(requests).toEqual([{ caller: undefined, key: undefined, body: undefined, params: {} }])
  })

  it('that is signed receives only a body with a valid signature', async () => {
    const { send, requests } = planted({ ...common, access: 'signed', body: z.looseObject({}) })
    expect(await send({ key: '{"a":1}', body: '{"a":2}' })).toEqual({ status: 401, code: 'signature-invalid' })
    expect(requests).toEqual([])
    expect(await send({ key: '{"a":1}', body: '{"a":1}' })).toMatchObject({ status: 200 })
  })

  it('is not registered when its declaration is incomplete', () => {
    // @ts-expect-error access is missing
    expect(() => planted({ ...common })).toThrow('post /v1/planted/{sku} declares no access')
    // @ts-expect-error the access is unknown
    expect(() => planted({ ...common, access: 'valueOf' })).toThrow('declares no access')
    expect(() => planted({ ...common, access: 'signed' })).toThrow('declares no body')
    expect(() => planted({ ...common, path: '/v1/planted/{thing}', access: 'clerk' })).toThrow(
      'the parameter thing, which is not in its parameters',
    )
  })
})

/** Checked by the compiler only: a line without its expected error does not compile. */
export function typesOfHandlers(response: Response): void {
  const table = {
    read: { ...common, access: 'public' },
    write: { ...common, access: 'clerk', requiresIdempotencyKey: true, body: z.strictObject({ n: z.int() }) },
  } as const
  const write: OperationHandler<(typeof table)['write'], TestRole> = ({ caller, key, body, params }) => {
    const taken: [Caller<TestRole>, string, number, string] = [caller, key, body.n, params.sku]
    // @ts-expect-error the path has no such parameter
    return taken.length === 4 ? response : params.orderId
  }
  const read: OperationHandler<(typeof table)['read'], TestRole> = ({ caller }) => {
    // @ts-expect-error a public operation has no caller
    return caller.sub === '' ? response : response
  }
  void [read, write]
}
