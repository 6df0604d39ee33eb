/**
 * Ten thousand requests made by schema: against every route of the gateway, every push path, every command path and every
 * query path of every service. None finds a bug, none hangs, every answer is one that is documented, and nothing grows.
 */

import * as fc from 'fast-check'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { References } from '../../cli/references.ts'
import { services } from '../../functions/index.ts'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { type Operation, operations, problemsOf } from '../../functions/gateway/operations.ts'
import type { Contracts } from '../../shared/contract.ts'
import { envelopeSchema } from '../../shared/envelope.ts'
import { commandPath, pushPath, repeatCommand } from '../../shared/names.ts'
import { repeatSchema } from '../../shared/repeat.ts'
import { idToken } from '../../shared/testing/config.ts'
import { startOfTests } from '../../shared/testing/platform.ts'
import { breaking, keeping } from './by-schema.ts'
import { type Mesh, openMesh } from './mesh.ts'

/** Printed by fast-check when a request fails: give it here to run the same ones. */
const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_126)
const HANGS_AFTER_MS = 5_000
/** Services remember what they are told: each mesh is asked so often, then a new one takes its place. */
const ASKED_PER_MESH = 500
/** What is held after so many requests more, once the garbage is gone. */
const GROWTH_BYTES = 24 * 1024 * 1024

interface Asked {
  readonly service: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

let issuer: TestIssuer
let mesh: Mesh
let asked = 0
/** Of customer-1, in every mesh. */
let own: References
const tokens: Record<string, string> = {}

beforeAll(async () => {
  issuer = await openIssuer()
  for (const role of ['customer', 'staff', 'importer'])
    tokens[role] = await issuer.token({ sub: `${role}-1`, roles: [role] })
  mesh = await openMesh(issuer.settings)
  own = await mesh.references('customer-1')
}, 30_000)
afterAll(async () => {
  await mesh?.close()
  issuer?.close()
})

const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

const segment = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('o-1', 'TEA-001', 'BANK%20CHARGES', 'd-1') },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }).map(encoded) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '%E0%A4%A',
      '%',
      '%00',
      '..%2F..',
      '%2E%2E',
      'a%2Fb',
      '__proto__',
      'constructor',
      'x'.repeat(1_600),
      '*',
      ':orderId',
      'a;b=c',
    ),
  },
)
/** A lone surrogate has no encoding. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}
const filled = (path: string): fc.Arbitrary<string> => {
  const names = [...path.matchAll(/\{\w+\}|:\w+/g)].map(([name]) => name)
  return fc
    .tuple(...names.map(() => segment))
    .map((values) => names.reduce((made, name, at) => made.replace(name, () => values[at]!), path))
}

const bodyOf = (value: fc.Arbitrary<unknown>): fc.Arbitrary<string | Uint8Array> =>
  fc.oneof(
    { weight: 6, arbitrary: value.map((one) => JSON.stringify(one) ?? '') },
    { weight: 3, arbitrary: breaking(value).map((one) => JSON.stringify(one) ?? '') },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom('', '{', '[[[[', '"', '\uFEFF{}', '{"a":1,"a":2}'),
      ),
    },
  )

const traces = mostly(
  `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  '',
  'hello',
  `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`,
  'a, b',
  'x'.repeat(3_000),
)
const common = fc.record(
  {
    'content-type': mostly(
      'application/json',
      'text/plain',
      'application/json; charset=latin1',
      '',
      'application/json, application/json',
    ),
    traceparent: traces,
    'x-forwarded-for': fc.constantFrom('203.0.113.7', '1.1.1.1, 2.2.2.2', '::1', ',,,', 'x'.repeat(2_000)),
    'x-deadline-ms': fc.constantFrom('20000', '99999999', '-1', 'soon', '1, 2'),
    'content-encoding': mostly('identity', 'gzip'),
  },
  { requiredKeys: ['content-type'] },
)

/** Chance alone seldom names a product that is sold, in its currency, without a field that only importers may set. */
const likelyOrder = fc
  .record({
    currency: fc.constant('EUR'),
    lines: fc.array(
      fc.record({ sku: fc.constantFrom('TEA-001', 'BANK CHARGES'), quantity: fc.integer({ min: 1, max: 100_000 }) }),
      {
        minLength: 1,
        maxLength: 5,
      },
    ),
  })
  .map((order) => ({ ...order, ...own }))
const publicBody = ({ body, path }: Operation): fc.Arbitrary<string | Uint8Array> => {
  const byContract = bodyOf(body ? keeping(body) : fc.jsonValue())
  return path === '/v1/orders' ? fc.oneof(byContract, bodyOf(likelyOrder)) : byContract
}

const publicRequests = fc.oneof(
  ...Object.values<Operation>(operations).map((operation) =>
    fc
      .record({
        path: filled(operation.path),
        query: mostly('', '?', '?access_token=x', '?orderId=%00', `?${'a=b&'.repeat(300)}`),
        headers: common,
        role: fc.constantFrom('staff', 'importer', 'customer', 'customer', 'none'),
        key: mostly('key-1', 'key-2', '', 'two words', 'x'.repeat(300)),
        body: publicBody(operation),
      })
      .map(({ path, query, headers, role, key, body }) => ({
        operation,
        request: {
          service: 'gateway',
          method: operation.method.toUpperCase(),
          path: `${path}${query}`,
          headers: {
            ...headers,
            ...(role === 'none' ? {} : { authorization: `Bearer ${role}` }),
            'idempotency-key': key,
          },
          ...(operation.method === 'get' ? {} : { body }),
        } satisfies Asked,
      })),
  ),
)

const envelopeOf = (type: string, data: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .record({
      envelope: keeping(envelopeSchema),
      data,
      version: mostly(1, 2, 99),
      sequence: fc.constantFrom(0, 1, 2, 7),
      traceparent: fc.constant(`00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`),
    })
    .map(({ envelope, ...rest }) => ({ ...(envelope as object), ...rest, type }))

const attempts = mostly('0', '4', '19', '20', '-1', 'many', '1e9')
const deliveryHeaders = (service: string, usual: string) =>
  fc.record({
    authorization: mostly(
      idToken(service, usual),
      idToken(service, 'operations'),
      idToken(service, 'stranger'),
      idToken('other', usual),
      'Bearer x',
      '',
    ),
    'content-type': mostly('application/json', ''),
    'x-cloudtasks-taskretrycount': attempts,
    'x-operator': mostly('jo', '%E0%A4%A', 'x'.repeat(3_000)),
  })

const pushes = fc.oneof(
  ...services.flatMap((service) =>
    service.on.map((type) => {
      const contract = [service.contracts, ...service.uses].map((one: Contracts) => one.events[type]).find(Boolean)!
      const message = bodyOf(envelopeOf(type, keeping(contract.data))).map((data) =>
        Buffer.from(data).toString('base64'),
      )
      const push = message.map((data) => ({
        message: { data, attributes: { type }, messageId: 'm-1', publishTime: startOfTests },
        subscription: 'projects/test-project/subscriptions/s',
      }))
      return fc.record({
        service: fc.constant(service.name),
        method: fc.constant('POST'),
        path: fc.constant(pushPath(service.runtime, 'test-project', type)),
        headers: deliveryHeaders(service.name, `${service.name}-push`),
        body: fc.oneof(
          { weight: 4, arbitrary: push.map((one) => JSON.stringify(one)) },
          { weight: 1, arbitrary: bodyOf(push) },
        ),
      })
    }),
  ),
)

const tasks = fc.oneof(
  ...services
    .filter(({ runtime, ingress }) => runtime === 'http' && ingress === 'internal')
    .flatMap((service) =>
      [...service.accepts, repeatCommand, 'ShredOrder'].map((type) => {
        const schema = service.contracts.commands[type]?.data ?? repeatSchema
        return fc.record({
          service: fc.constant(service.name),
          method: fc.constant('POST'),
          path: fc.oneof(
            { weight: 6, arbitrary: fc.constant(commandPath(type)) },
            { weight: 1, arbitrary: segment.map((one) => `/commands/${one}`) },
          ),
          headers: deliveryHeaders(service.name, 'sender'),
          body: bodyOf(envelopeOf(type, keeping(schema))),
        })
      }),
    ),
)

/** The services' own paths, as the gateway asks them. */
const queries = fc
  .constantFrom('catalog', 'orders', 'inventory', 'payments', 'shipping', 'history')
  .chain((service) => {
    const routes = mesh.apps
      .get(service)!
      .routes.filter(({ method, path }) => method !== 'ALL' && !/^\/(commands|events|health)\//.test(path))
    return fc.constantFrom(...routes, { method: 'GET', path: '/:nothing' }).chain(({ method, path }) =>
      fc.record({
        service: fc.constant(service),
        method: fc.constant(method),
        path: filled(path),
        headers: deliveryHeaders(service, 'gateway'),
        ...(method === 'POST' ? { body: bodyOf(fc.jsonValue()) } : {}),
      }),
    )
  })

async function ask({ service, path, headers, ...init }: Asked): Promise<Response> {
  asked += 1
  if (asked % ASKED_PER_MESH === 0) {
    await mesh.close()
    mesh = await openMesh(issuer.settings)
  }
  const role = /^Bearer (\w+)$/.exec(headers['authorization'] ?? '')?.[1]
  const authorization = role && tokens[role] ? { authorization: `Bearer ${tokens[role]}` } : {}
  const { promise: hung, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${init.method} ${path} of ${service} hangs`)), HANGS_AFTER_MS)
  try {
    return await Promise.race([mesh.ask(service, path, { ...init, headers: { ...headers, ...authorization } }), hung])
  } finally {
    clearTimeout(timer)
  }
}

const noBug = (response: Response): void => {
  if (response.status === 500)
    throw new Error(`a bug: ${String((mesh.bugs().at(-1) as { error?: Error })?.error?.stack)}`)
}
const run = async <T>(
  requests: fc.Arbitrary<T>,
  numRuns: number,
  check: (given: T) => Promise<void>,
): Promise<void> => {
  await fc.assert(fc.asyncProperty(requests, check), {
    seed: SEED,
    numRuns,
    interruptAfterTimeLimit: 280_000,
    markInterruptAsFailure: true,
  })
}

describe('generated requests', { timeout: 300_000 }, () => {
  it('to the gateway are answered as its document says', async () => {
    const seen = new Map<string, number>()
    await run(publicRequests, 4_000, async ({ operation, request }) => {
      const response = await ask(request)
      noBug(response)
      const text = await response.text()
      seen.set(`${operation.path} ${response.status}`, (seen.get(`${operation.path} ${response.status}`) ?? 0) + 1)
      const answer = operation.answers[response.status]
      if (answer) {
        if (answer[1]) answer[1].parse(JSON.parse(text))
        return
      }
      // A segment with a slash in it is another path.
      const { code } = JSON.parse(text) as { code: string }
      if (code !== 'not-found' || operation.path.includes('{'))
        expect([...problemsOf(operation), 'not-found']).toContain(code)
    })
    // They reached what they are for, and not only its door.
    for (const { path, method, answers } of Object.values<Operation>(operations).filter(
      ({ access }) => access !== 'provider',
    )) {
      const good = Object.keys(answers).some((status) => seen.has(`${path} ${status}`))
      if (method === 'post' || !path.includes('{')) expect(good, `${path}: ${[...seen.keys()].join(', ')}`).toBe(true)
    }
  })

  it.each([
    ['push paths are acknowledged', pushes, 3_500],
    ['command paths are acknowledged, postponed', tasks, 2_500],
  ] as const)('to %s, put aside, or refused at the door', async (_, requests, count) => {
    const seen = new Set<number>()
    await run(requests, count, async (request) => {
      const response = await ask(request)
      noBug(response)
      seen.add(response.status)
      await response.body?.cancel()
      expect([204, 401, 403, 404, 503]).toContain(response.status)
    })
    expect([...seen]).toEqual(expect.arrayContaining([204, 401, 403]))
  })

  it('to the services themselves are answered or refused', async () => {
    await run(queries, 1_000, async (request) => {
      const response = await ask(request)
      noBug(response)
      await response.body?.cancel()
      expect(response.status).toBeLessThan(504)
    })
  })

  it('leave nothing behind that grows', async () => {
    const before = await held()
    // Against one gateway: what it keeps of each caller, address and circuit has a bound.
    await run(publicRequests, 1_000, async ({ request }) => {
      const address = `198.51.${asked % 250}.${asked % 199}`
      await (await ask({ ...request, headers: { ...request.headers, 'x-forwarded-for': address } })).body?.cancel()
    })
    expect((await held()) - before).toBeLessThan(GROWTH_BYTES)
  })
})

async function held(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await mesh.close()
  mesh = await openMesh(issuer.settings)
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  return process.memoryUsage().heapUsed
}
