/**
 * Requests made by schema, more than ten thousand in `npm run verify`, and a quarter of them in npm test: against every route of the gateway, every push path, every command path and every
 * query path of every service. None finds a bug, none hangs, every answer is documented, and nothing grows.
 */

import * as fc from 'fast-check'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { References } from '../../functions/shop/cli/references.ts'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { app as gatewayApp } from '../../functions/gateway/app.ts'
import { problemsOf } from '../../shared/edge/openapi.ts'
import { type TestRequest, publicRequests, pushes, queries, tasks } from './arbitrary-requests.testing.ts'
import { type Cluster, openCluster } from '../support/in-process-cluster.ts'
import { wholeLists } from '../support/whole-lists.ts'

/** The seed that fast-check prints when a request fails: set it to repeat the same requests. */
const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_126)
const HANGS_AFTER_MS = 5_000
/** Services keep state, so the cluster is replaced after so many requests. */
const REQUESTS_PER_CLUSTER = 500
/** The memory in use after so many more requests and a garbage collection. */
const GROWTH_BYTES = 24 * 1024 * 1024

let issuer: TestIssuer
let cluster: Cluster
let requestCount = 0
/** The references of customer-1, the same in every cluster. */
let own: References
const tokens: Record<string, string> = {}

beforeAll(async () => {
  issuer = await openIssuer()
  for (const role of ['customer', 'support', 'admin', 'importer'])
    tokens[role] = await issuer.token({ sub: `${role}-1`, roles: [role] })
  cluster = await openCluster(issuer.settings)
  own = await cluster.references('customer-1')
}, 30_000)
afterAll(() => issuer?.close())

async function send({ service, path, headers, ...init }: TestRequest): Promise<Response> {
  requestCount += 1
  if (requestCount % REQUESTS_PER_CLUSTER === 0) cluster = await openCluster(issuer.settings)
  const role = /^Bearer (\w+)$/.exec(headers['authorization'] ?? '')?.[1]
  const authorization = role && tokens[role] ? { authorization: `Bearer ${tokens[role]}` } : {}
  const { promise: hung, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${init.method} ${path} of ${service} hangs`)), HANGS_AFTER_MS)
  try {
    return await Promise.race([
      cluster.request(service, path, { ...init, headers: { ...headers, ...authorization } }),
      hung,
    ])
  } finally {
    clearTimeout(timer)
  }
}

const noBug = (response: Response): void => {
  if (response.status === 500)
    throw new Error(`a bug: ${String((cluster.bugs().at(-1) as { error?: Error })?.error?.stack)}`)
}
const run = async <T>(requests: fc.Arbitrary<T>, count: number, check: (given: T) => Promise<void>): Promise<void> => {
  await fc.assert(fc.asyncProperty(requests, check), {
    seed: SEED,
    numRuns: wholeLists ? count : Math.ceil(count / 4),
    interruptAfterTimeLimit: 280_000,
    markInterruptAsFailure: true,
  })
}

describe('generated requests', { timeout: 300_000 }, () => {
  it('to the gateway get only documented answers', async () => {
    const seen = new Map<string, number>()
    await run(publicRequests(own), 6_500, async ({ operation, request }) => {
      const response = await send(request)
      noBug(response)
      const text = await response.text()
      seen.set(`${operation.path} ${response.status}`, (seen.get(`${operation.path} ${response.status}`) ?? 0) + 1)
      const answer = operation.answers[response.status]
      if (answer) {
        if (answer[1]) answer[1].parse(JSON.parse(text))
        return
      }
      // A segment that contains a slash gives another path.
      const { code } = JSON.parse(text) as { code: string }
      if (code !== 'not-found' || operation.path.includes('{'))
        expect(['not-found', ...problemsOf(operation, gatewayApp.publicApi!).map(({ name }) => name)]).toContain(code)
    })
    // Some requests reached their handlers, and were not all refused before.
    for (const { path, answers } of Object.values(gatewayApp.publicApi!.operations).filter(
      ({ access }) => access !== 'signed',
    )) {
      const good = Object.keys(answers).some((status) => seen.has(`${path} ${status}`))
      // A generated id names nothing that exists.
      if (!path.includes('{')) expect(good, `${path}: ${[...seen.keys()].join(', ')}`).toBe(true)
    }
  })

  it.each([
    ['push paths are acknowledged', pushes, 3_500],
    ['command paths are acknowledged, retried later', tasks, 2_500],
  ] as const)('to %s, dead-lettered, or refused by access control', async (_, requests, count) => {
    const seen = new Set<number>()
    await run(requests, count, async (request) => {
      const response = await send(request)
      noBug(response)
      seen.add(response.status)
      await response.body?.cancel()
      expect([204, 401, 403, 404, 503]).toContain(response.status)
    })
    expect([...seen]).toEqual(expect.arrayContaining([204, 401, 403]))
  })

  it("to the services' own paths are answered or refused", async () => {
    await run(queries(cluster.apps), 1_000, async (request) => {
      const response = await send(request)
      noBug(response)
      await response.body?.cancel()
      expect(response.status).toBeLessThan(504)
    })
  })

  it('do not make the memory of the gateway grow', async () => {
    const before = await held()
    // One gateway: its data on callers, addresses and circuits are bounded.
    await run(publicRequests(own), 6_500, async ({ request }) => {
      const address = `198.51.${requestCount % 250}.${requestCount % 199}`
      await (await send({ ...request, headers: { ...request.headers, 'x-forwarded-for': address } })).body?.cancel()
    })
    expect((await held()) - before).toBeLessThan(GROWTH_BYTES)
  })
})

async function held(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  cluster = await openCluster(issuer.settings)
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  return process.memoryUsage().heapUsed
}
