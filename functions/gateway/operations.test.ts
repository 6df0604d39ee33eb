/** The declared requirements of every operation of the gateway's table are checked before its handler runs. */

import type { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testConfig } from '../../shared/base/config.testing.ts'
import { refusalsOf, send } from '../../shared/edge/operation-refusals.testing.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { gateway, testEdge } from './edge.testing.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer } from './issuer.testing.ts'
import { callerRoles, isForCallers, requiredRoles, roles } from '../shop/roles.ts'

const { operations } = app.publicApi!
let issuer: TestIssuer
const tokens = new Map<string, string>()
beforeAll(async () => {
  issuer = await openIssuer()
  for (const role of roles) tokens.set(role, await issuer.token({ sub: `${role}-1`, roles: [role] }))
})
afterAll(() => issuer.close())

describe('the table of operations', () => {
  const called: string[] = []
  const started = (): Hono =>
    createHttpApp(
      app,
      testPlatform(gateway, {
        settings: {
          EDGE: testEdge(),
          ...issuer.settings,
          PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
          PAYMENT_PROVIDER_API: '{"kind":"simulator"}',
        },
        callExternal: everyAccountIsValid,
        async call(_service, path) {
          called.push(path)
          return Response.json({ orderId: 'o-1' })
        },
      }),
      testConfig('gateway'),
    )

  const cases = Object.entries(operations).flatMap(([id, operation]) =>
    refusalsOf(operation, { access: requiredRoles, roles: callerRoles }).map((refusal) => ({
      name: `${id} ${refusal[0]}`,
      operation,
      refusal,
    })),
  )

  it('has a refused request for each requirement that an operation declares', () => {
    const counted = (code: string) => cases.filter(({ refusal }) => refusal[3] === code).length
    const all = Object.values(operations)
    expect(counted('token-missing')).toBe(all.filter(({ access }) => isForCallers(access)).length)
    expect(counted('forbidden')).toBeGreaterThan(5)
    expect(counted('idempotency-key-missing')).toBe(all.filter((one) => one.requiresIdempotencyKey).length)
    expect(counted('signature-invalid')).toBe(3)
    // Of a signed operation, the sender's signature is checked first.
    const guarded = all.filter(({ checksVersion }) => checksVersion)
    expect(counted('unsupported-precondition')).toBe(all.length - 3 - guarded.length)
    expect(guarded).toHaveLength(6)
  })

  const taking = Object.entries(operations).filter(([, { body, access }]) => body && access !== 'signed')

  it.each(taking)('%s has an example of its body, which the gateway hands on', async (_, operation) => {
    const { examples = [] } = operation.body!.meta() as { readonly examples?: readonly object[] }
    expect(examples.length).toBeGreaterThan(0)
    const values = ['o-1', 'TEA-001', 'whe-00000000000000000000000000', crypto.randomUUID()]
    const parameter = values.find((value) =>
      Object.values(operation.parameters ?? {}).every((schema) => schema.safeParse(value).success),
    )!
    const role = requiredRoles[operation.access as keyof typeof requiredRoles][0] ?? 'customer'
    for (const example of examples) {
      await send(started(), operation, { role, key: 'key-1', body: JSON.stringify(example), parameter }, (one) =>
        tokens.get(one)!,
      )
      expect(called).not.toEqual([])
      called.length = 0
    }
  })

  it.each(cases)('refuses $name', async ({ operation, refusal: [, given, status, code] }) => {
    expect(await send(started(), operation, given, (role) => tokens.get(role)!)).toEqual({ status, code })
    expect(called).toEqual([])
  })
})
