/** A query from its caller to its owner and back: both ends by the same contract. */

import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  defineCodes,
  Refused,
  type PlatformCode,
  platformCodes,
  type RefusalCode,
  Unavailable,
} from '../base/errors.ts'
import { defineContracts } from '../contracts/contract.ts'
import type { Answered } from '../contracts/query.ts'
import { answerProblem } from '../http/http.ts'
import { implement } from '../service/app.ts'
import type { Call } from '../messaging/query.ts'
import { defineService } from '../service/service.ts'
import { testPlatform } from './platform.testing.ts'
import { serveQueries } from './queries.testing.ts'
import { queryRoutes } from './query-routes.ts'

const name = z.string().regex(/^[a-z ]+$/)
const kitchenCodes = defineCodes({ 'sold-out': { status: 409 } })
const kitchenContracts = defineContracts({
  service: 'kitchen',
  events: {},
  commands: {},
  queries: {
    readDish: {
      method: 'get',
      path: '/menus/{menu}/dishes/{dish}',
      parameters: { menu: name, dish: name, language: name },
      answers: { 200: z.object({ dish: name, minor: z.int() }) },
      refuses: ['not-found', kitchenCodes['sold-out']],
    },
    orderDish: {
      method: 'post',
      path: '/orders',
      body: z.strictObject({ dish: name }),
      answers: { 201: z.object({ orderId: name }), 200: z.object({ orderId: name }), 204: null },
    },
  },
})
const { readDish } = kitchenContracts.queries
const kitchen = defineService({
  name: 'kitchen',
  ingress: 'internal',
  contracts: kitchenContracts,
  uses: [],
  on: [],
  sends: [],
})
const waiter = defineService({
  name: 'waiter',
  ingress: 'public',
  contracts: defineContracts({ service: 'waiter', events: {}, commands: {} }),
  uses: [kitchenContracts],
  on: [],
  sends: [],
  queries: ['readDish', 'orderDish'],
})

type Dish = Answered<typeof readDish>
const soup: Dish = { status: 200, body: { dish: 'soup', minor: 450 } }
const requested = { menu: 'of today', dish: 'soup', language: 'en' }

/** A waiter who asks a kitchen. */
function opened({ cook = async () => soup, garble }: { cook?: () => Promise<Dish>; garble?: () => Response } = {}) {
  const requests: unknown[] = []
  const paths: string[] = []
  const app = implement(kitchen, {
    on: {},
    commands: {},
    queries: {
      readDish: (request) => (requests.push(request), cook()),
      async orderDish({ body }) {
        requests.push(body)
        return body.dish === 'nothing' ? { status: 204 } : { status: 201, body: { orderId: 'first' } }
      },
    },
  })
  const failures: string[] = []
  const http = new Hono()
  queryRoutes(http, app, testPlatform(kitchen), () => undefined)
  http.onError((error, c) => {
    failures.push(error.message)
    return answerProblem(c, error)
  })
  const call: Call = async (service, path, { method = 'GET', body } = {}) => {
    paths.push(`${method} ${service}${path}`)
    if (garble) return garble()
    const headers = { 'content-type': 'application/json' }
    return http.request(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  }
  return { http, requests, paths, failures, platform: testPlatform(waiter, { call }) }
}

describe('a query', () => {
  it('reaches its handler with its parameters, and its answer has status and body', async () => {
    const { platform, paths, requests } = opened()
    expect(await platform.query(kitchenContracts, 'readDish', requested)).toEqual(soup)
    expect(paths).toEqual(['GET kitchen/menus/of%20today/dishes/soup?language=en'])
    expect(requests).toEqual([requested])
  })

  it('reaches its handler with its body, and answers without a body when its contract declares none', async () => {
    const { platform, paths, requests } = opened()
    const ask = (dish: string) => platform.query(kitchenContracts, 'orderDish', { body: { dish } })
    expect(await ask('soup')).toEqual({ status: 201, body: { orderId: 'first' } })
    expect(await ask('nothing')).toEqual({ status: 204 })
    expect(paths).toEqual(['POST kitchen/orders', 'POST kitchen/orders'])
    expect(requests).toEqual([{ dish: 'soup' }, { dish: 'nothing' }])
  })

  it('with a parameter of a newer revision is answered as a missing route, which its caller takes as transient', async () => {
    const { platform, requests } = opened()
    const readDish = {
      ...kitchenContracts.queries.readDish,
      parameters: { ...kitchenContracts.queries.readDish.parameters, sort: z.string() },
    }
    const newer = { ...kitchenContracts, queries: { ...kitchenContracts.queries, readDish } }
    await expect(platform.query(newer, 'readDish', { ...requested, sort: 'price' })).rejects.toThrow(Unavailable)
    expect(requests).toEqual([])
  })

  it('makes its callee one of those that its caller calls', () => {
    expect(waiter.calls).toEqual(['kitchen'])
  })

  it('that the description does not name is not asked', async () => {
    const platform = testPlatform({ ...waiter, queries: ['orderDish'] })
    await expect(platform.query(kitchenContracts, 'readDish', requested)).rejects.toThrow(
      "waiter does not query readDish: name it in the description's queries.",
    )
  })

  it('without a handler does not compile, and is not served', () => {
    // @ts-expect-error readDish has no handler.
    const app = implement(kitchen, { on: {}, commands: {}, queries: { orderDish: async () => ({ status: 204 }) } })
    expect(() => serveQueries(app, testPlatform(kitchen))).toThrow(
      'kitchen has no handler for the query readDish: give one to implement().',
    )
  })

  it('that the contracts do not have compiles neither where it is asked nor where it is answered', () => {
    const { platform } = opened()
    const readSoup = async () => soup
    const answered = { on: {}, commands: {}, queries: { readDish: readSoup, orderDish: readSoup, readSoup } }
    // @ts-expect-error An order has no answer of a dish.
    implement(kitchen, answered)
    defineService({
      ...waiter,
      ingress: 'internal',
      contracts: kitchenContracts,
      name: 'kitchen',
      // @ts-expect-error There is no query readSoup.
      queries: ['readSoup'],
    })
    // @ts-expect-error There is no query readSoup.
    const ask = () => platform.query(kitchenContracts, 'readSoup', requested)
    // @ts-expect-error The dish is missing.
    const askLess = () => platform.query(kitchenContracts, 'readDish', { menu: 'a', language: 'en' })
    expect([ask, askLess]).toHaveLength(2)
  })
})

describe('a parameter', () => {
  it.each([
    ['in the path', { ...requested, dish: '../soup' }, '/menus/{menu}/dishes/{dish}: dish: '],
    ['in the search', { ...requested, language: 'EN' }, '/menus/{menu}/dishes/{dish}: language: '],
  ])('%s that breaks its schema is not asked', async (_, request, fault) => {
    const { platform, paths } = opened()
    await expect(platform.query(kitchenContracts, 'readDish', request)).rejects.toThrow(fault)
    expect(paths).toEqual([])
  })

  it.each([
    '/menus/of%20today/dishes/SOUP?language=en',
    '/menus/a%2Fb/dishes/soup?language=en',
    '/menus/m/dishes/soup?language=EN',
    '/menus/m/dishes/soup',
  ])('of %s does not reach the handler, and is no refusal by its rules', async (path) => {
    const { http, requests } = opened()
    const answer = await http.request(path)
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'request-invalid'])
    expect(requests).toEqual([])
  })
})

describe('an answer', () => {
  it.each<[string, object, string]>([
    ['of another shape', { status: 200, body: { dish: 'soup', minor: '450' } }, 'breaks its contract: minor: '],
    ['of another status', { status: 203, body: soup.body }, 'is not in its contract.'],
  ])('%s does not leave its owner', async (_, answer, fault) => {
    const { http, failures } = opened({ cook: async () => answer as Dish })
    expect((await http.request('/menus/m/dishes/soup?language=en')).status).toBe(500)
    expect(failures).toEqual([expect.stringMatching(/^The answer 20\d of kitchen to readDish /)])
    expect(failures[0]).toContain(fault)
  })

  it('has no field that its contract does not name', async () => {
    const body = { ...soup.body, recipe: 'secret' }
    const { http } = opened({ cook: async () => ({ status: 200, body }) })
    expect(await (await http.request('/menus/m/dishes/soup?language=en')).json()).toEqual(soup.body)
  })

  it.each<[string, Response, string]>([
    ['of another shape', Response.json({ dish: 'soup' }), 'with 200, which breaks its contract: minor: '],
    ['that is not JSON', new Response('soup'), 'with 200, which breaks its contract: answer: '],
    ['of another status', Response.json(soup.body, { status: 203 }), 'with 203, which its contract does not name: '],
    ['of a refusal that is not named', Response.json({ code: 'forbidden', detail: 'no' }, { status: 403 }), 'with 403'],
  ])('%s is an error that names the query', async (_, answer, fault) => {
    const { platform } = opened({ garble: () => answer })
    await expect(platform.query(kitchenContracts, 'readDish', requested)).rejects.toThrow(
      `kitchen answered readDish ${fault}`,
    )
  })

  it('that refuses has the code and the reason', async () => {
    for (const code of ['not-found', kitchenCodes['sold-out']] as const) {
      const cook = async () => Promise.reject(new Refused(code, 'There is no soup today.'))
      const { platform } = opened({ cook })
      const answer = await platform.query(kitchenContracts, 'readDish', requested)
      const refused: 'not-found' | 'sold-out' = code === 'not-found' ? code : code.name
      expect(answer).toEqual({ refused, detail: 'There is no soup today.' } satisfies typeof answer)
    }
  })

  it('is relayed as it came', async () => {
    const { platform } = opened({ garble: () => new Response('{ "dish" : 1 }') })
    const { response, refused } = await platform.relay(kitchenContracts, 'readDish', requested)
    expect([response.status, await response.text(), refused]).toEqual([200, '{ "dish" : 1 }', undefined])
  })

  it.each([
    ['text', () => new Response('hello', { status: 201 })],
    ['another body', () => Response.json({ what: 'is this?' })],
  ])('to a write is relayed as it came if its contract has it, and with %s is a bug', async (_, garble) => {
    const order = { body: { dish: 'soup' } }
    const right = opened({ garble: () => new Response('{ "orderId" : "o" }', { status: 201 }) })
    const { response } = await right.platform.relay(kitchenContracts, 'orderDish', order)
    expect([response.status, await response.text()]).toEqual([201, '{ "orderId" : "o" }'])
    await expect(opened({ garble }).platform.relay(kitchenContracts, 'orderDish', order)).rejects.toThrow(
      'which breaks its contract',
    )
  })

  it('that refuses is relayed as it came, with the declaration of its code', async () => {
    const problem = { code: 'sold-out', detail: 'No.', bound: 'soups' }
    const { platform } = opened({ garble: () => Response.json(problem, { status: 409 }) })
    const { response, refused } = await platform.relay(kitchenContracts, 'readDish', requested)
    expect([response.status, await response.json(), refused]).toEqual([409, problem, kitchenCodes['sold-out']])
  })

  it.each([
    ['of another status', new Response('{}', { status: 418 }), 418],
    ['of a refusal that is not named', Response.json({ code: 'forbidden', detail: 'no' }, { status: 403 }), 403],
    ['of a refusal without a code', new Response('no', { status: 404 }), 404],
  ])('%s is not relayed', async (_, answer, status) => {
    const { platform } = opened({ garble: () => answer })
    await expect(platform.relay(kitchenContracts, 'readDish', requested)).rejects.toThrow(
      `kitchen answered readDish with ${status}, which its contract does not name: `,
    )
  })

  it.each(['caller-not-allowed', 'route-missing'] as const)(
    'of the runtime, %s, is no refusal by the rules of the owner: it is unavailable while it is deployed',
    async (code) => {
      const { platform } = opened({ garble: () => problemOf(code) })
      const unavailable = { name: 'Unavailable', message: `kitchen answered readDish with ${code}: No.` }
      await expect(platform.query(kitchenContracts, 'readDish', requested)).rejects.toMatchObject(unavailable)
      await expect(platform.relay(kitchenContracts, 'readDish', requested)).rejects.toMatchObject(unavailable)
    },
  )

  it.each(['token-invalid', 'request-invalid'] as const)('of the runtime, %s, is a bug', async (code) => {
    const { platform } = opened({ garble: () => problemOf(code) })
    await expect(platform.query(kitchenContracts, 'readDish', requested)).rejects.toMatchObject({ name: 'Error' })
    await expect(platform.relay(kitchenContracts, 'readDish', requested)).rejects.toMatchObject({ name: 'Error' })
  })

  it('of the runtime is not among the refusals that a contract names', () => {
    // @ts-expect-error Of the platform's codes a query refuses with those of rules alone.
    const refuses: readonly RefusalCode[] = ['route-missing']
    const named = (code: RefusalCode) => () =>
      defineContracts({
        service: 'kitchen',
        events: {},
        commands: {},
        queries: { readDish: { method: 'get', path: '/dishes', answers: { 200: z.object({}) }, refuses: [code] } },
      })
    for (const code of [
      ...refuses,
      platformCodes['caller-not-allowed'],
      defineCodes({ unavailable: { status: 409 } }).unavailable,
    ])
      expect(named(code)).toThrow(/The query readDish can't refuse with .*defineCodes/)
    expect(named('not-found')).not.toThrow()
  })
})

const problemOf = (code: PlatformCode): Response =>
  Response.json(
    { code, detail: 'No.' },
    { status: platformCodes[code].status, headers: { 'content-type': 'application/problem+json' } },
  )
