/** A public service is closed unless its table of operations opens it. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { idToken, testConfig } from '../base/config.testing.ts'
import { defineContracts } from '../contracts/contract.ts'
import { createHttpApp } from '../runtime/http-app.ts'
import { testPlatform } from '../runtime/platform.testing.ts'
import { implement } from '../service/app.ts'
import { defineEdgeSettings, tokenSettings } from '../service/edge-settings.ts'
import type { Operation } from '../service/operation.ts'
import { checkedPublicApi, type PublicApi } from '../service/public-api.ts'
import type { OperationContext } from '../service/operation-context.ts'
import { defineService } from '../service/service.ts'
import { testEdgeFor } from './edge.testing.ts'

const contracts = defineContracts({ service: 'boxoffice', events: {}, commands: {} })
const common = { name: 'boxoffice', contracts, uses: [], on: [], sends: [] } as const
const roles = { ordinary: 'guest', privileged: ['usher'] } as const
const limits = defineEdgeSettings(['guest', 'usher'])
const boxoffice = defineService({ ...common, ingress: 'public', settings: [limits, ...tokenSettings] })
const inside = defineService({ ...common, ingress: 'internal' })

const operation = { method: 'get', path: '/v1/seats', summary: 'See the seats', answers: { 200: ['Seats.'] } } as const
const parts = {
  description: { title: 'The theatre', text: 'Seats & "programmes".' },
  roles,
  access: { guests: [], ushers: ['usher'] },
  limits,
  subjectOf: ({ sub }: { readonly sub: string }) => `guest:${sub}`,
} as const
const open = ({ c }: { readonly c: OperationContext }): Response => c.checked('open', 200, 'text/plain')
const ofGuests = checkedPublicApi({
  ...parts,
  operations: {
    readSeats: { ...operation, access: 'guests' },
    closeHouse: { ...operation, method: 'post', path: '/v1/house', access: 'ushers', isIdempotent: true },
    readProgramme: { ...operation, path: '/v1/programme', access: 'public' },
  },
  handlers: () => ({ readSeats: open, closeHouse: open, readProgramme: open }),
})

const issuer = 'https://issuer.example.com'
let keys: Server
let keysUrl: string
beforeAll(async () => {
  const jwks = await (await fetch(testConfig('boxoffice').ID_TOKEN_JWKS_URL)).text()
  keys = createServer((_, response) => response.setHeader('content-type', 'application/json').end(jwks))
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve))
  keysUrl = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`
})
afterAll(() => void keys.close())

const bearer = (role?: string): Record<string, string> => ({
  authorization: idToken('boxoffice', 'jo', {
    iss: issuer,
    aud: 'theatre',
    sub: 'jo',
    ...(role ? { roles: [role] } : {}),
  }),
})

function started(publicApi: PublicApi, edge: Parameters<typeof testEdgeFor<'guest' | 'usher'>>[1] = {}) {
  const platform = testPlatform(boxoffice, {
    settings: {
      EDGE: testEdgeFor(['guest', 'usher'], edge),
      TOKEN_ISSUER: issuer,
      TOKEN_AUDIENCE: 'theatre',
      TOKEN_JWKS_URL: keysUrl,
    },
  })
  const app = implement(boxoffice, { on: {}, commands: {}, publicApi })
  return createHttpApp(app, platform, testConfig('boxoffice'))
}

describe('an operation', () => {
  it.each<[string, string, string, Record<string, string>, number]>([
    ['without a token', 'GET', '/v1/seats', {}, 401],
    ['with a token that names no role', 'GET', '/v1/seats', bearer(), 200],
    ['with the ordinary role, where it takes another', 'POST', '/v1/house', bearer('guest'), 403],
    ['with the role that it takes', 'POST', '/v1/house', bearer('usher'), 200],
    ['with a role that the API does not have', 'GET', '/v1/seats', bearer('owner'), 401],
    ['that is public, without a token', 'GET', '/v1/programme', {}, 200],
    ['that is in no table', 'GET', '/v1/till', bearer('usher'), 404],
  ])('%s: %s %s', async (_, method, path, headers, status) => {
    expect((await started(ofGuests).request(path, { method, headers })).status).toBe(status)
  })

  it('without access does not compile, and its service does not start', () => {
    const api = checkedPublicApi({
      ...parts,
      // @ts-expect-error access has no default
      operations: { readSeats: operation },
      handlers: () => ({ readSeats: open }),
    })
    expect(() => started(api)).toThrow('get /v1/seats declares no access')
  })

  it('with an access that the API does not have: its service does not start', () => {
    const api = checkedPublicApi({
      ...parts,
      operations: { readSeats: { ...operation, access: 'strangers' } },
      handlers: () => ({ readSeats: open }),
    })
    expect(() => started(api)).toThrow('get /v1/seats declares no access')
  })

  it('has no access of roles under a name that means that no token is asked for', () => {
    const rest = {
      description: parts.description,
      roles,
      limits,
      subjectOf: parts.subjectOf,
      operations: { readSeats: { ...operation, access: 'public' } },
      handlers: () => ({ readSeats: open }),
    } as const
    expect(() => checkedPublicApi({ ...rest, access: { public: ['usher'] } })).toThrow('names public, which means')
    expect(() => checkedPublicApi({ ...rest, access: { signed: ['usher'] } })).toThrow('names signed, which means')
  })

  it('that takes no token refuses no role', () => {
    const define = (access: 'public' | 'guests') =>
      checkedPublicApi({
        ...parts,
        operations: { readSeats: { ...operation, access, notFor: { usher: 'Ushers know them.' } } },
        handlers: () => ({ readSeats: open }),
      })
    expect(() => define('public')).toThrow('get /v1/seats takes no token, and can not refuse a role')
    expect(() => define('guests')).not.toThrow()
  })

  it('without a handler: its service does not start', () => {
    const api = checkedPublicApi({
      ...parts,
      operations: { readSeats: { ...operation, access: 'guests' } },
      handlers: () => ({}),
    })
    expect(() => started(api)).toThrow('The operation readSeats has no handler')
  })

  it.each(['post', 'delete'] as const)(
    'by %s with neither body nor key is refused unless a repeat is harmless',
    (method) => {
      const define = (stated: { readonly isIdempotent?: true }) =>
        checkedPublicApi({
          ...parts,
          operations: { closeHouse: { ...operation, method, access: 'ushers', ...stated } },
          handlers: () => ({ closeHouse: open }),
        })
      expect(() => define({})).toThrow(`${method} /v1/seats has neither body nor key`)
      expect(() => define({ isIdempotent: true })).not.toThrow()
    },
  )

  it.each<[string, Partial<Operation>, string]>([
    ['a command', { method: 'post', isIdempotent: true }, 'only the JSON answer 200 to a GET may be kept'],
    ['an answer that is no JSON', { answers: { 200: ['A page.'] } }, 'only the JSON answer 200 to a GET may be kept'],
    ['no time', { cache: { seconds: 0 } }, 'is kept for 0 seconds'],
    ['a part of a second', { cache: { seconds: 0.5 } }, 'is kept for 0.5 seconds'],
  ])('has no cache for %s', (_, changes, fault) => {
    const kept: Operation = {
      ...operation,
      access: 'guests',
      answers: { 200: ['Seats.', z.object({})] },
      cache: { seconds: 30 },
    }
    const define = (given: Partial<Operation>) =>
      checkedPublicApi({
        ...parts,
        operations: { readSeats: { ...kept, ...given } },
        handlers: () => ({ readSeats: open }),
      })
    expect(() => define(changes)).toThrow(fault)
    expect(() => define({})).not.toThrow()
  })

  it.each<[string, Partial<Operation>, string]>([
    ['none', { charges: 0 }, 'counts as 0 requests'],
    ['one, which is what it counts as without', { charges: 1 }, 'counts as 1 requests'],
    ['a part of one', { charges: 2.5 }, 'counts as 2.5 requests'],
    ['several of no caller', { charges: 2, access: 'public' }, 'has no caller whose limit it counts to'],
    ['several of a sender who signs', { charges: 2, access: 'signed' }, 'has no caller whose limit it counts to'],
  ])('does not count as %s', (_, changes, fault) => {
    const define = (given: Partial<Operation>) =>
      checkedPublicApi({
        ...parts,
        operations: { readSeats: { ...operation, access: 'guests', charges: 2, ...given } },
        handlers: () => ({ readSeats: open }),
      })
    expect(() => define(changes)).toThrow(fault)
    expect(() => define({})).not.toThrow()
  })

  it('that counts as more requests than a limit has room for: its service does not start', () => {
    const api = checkedPublicApi({
      ...parts,
      operations: { readSeats: { ...operation, access: 'guests', charges: 8 } },
      handlers: () => ({ readSeats: open }),
    })
    const bursts = (guest: number, address: number) => ({
      limits: {
        guest: { perSecond: 1, burst: guest },
        usher: { perSecond: 1, burst: 100 },
        address: { perSecond: 1, burst: address },
      },
    })
    expect(() => started(api, bursts(8, 8))).not.toThrow()
    for (const [name, limits] of [
      ['guest', bursts(7, 8)],
      ['address', bursts(8, 7)],
    ] as const)
      expect(() => started(api, limits)).toThrow(
        `get /v1/seats counts as 8 requests, and the limit of ${name} has a burst of 7`,
      )
  })

  it('that is signed needs a check of signatures', () => {
    const api = checkedPublicApi({
      ...parts,
      operations: { notify: { ...operation, method: 'post', access: 'signed', body: z.looseObject({}) } },
      handlers: () => ({ notify: open }),
    })
    expect(() => started(api)).toThrow('post /v1/seats is signed, and the API has no check')
  })
})

describe('the document of a public API', () => {
  interface Document {
    readonly info: { readonly title: string }
    readonly paths: Record<
      string,
      Record<string, { security: object[]; responses: Record<string, { description: string }> }>
    >
  }
  const codesOf = async (api: PublicApi, path: string, method: string): Promise<string> => {
    const document = (await (await started(api).request('/openapi.json')).json()) as Document
    const { responses } = document.paths[path]![method]!
    return Object.values(responses)
      .map(({ description }) => description)
      .join(', ')
  }

  it('has every operation with its access, and those that serve it', async () => {
    const document = (await (await started(ofGuests).request('/openapi.json')).json()) as Document
    expect(document.info.title).toBe('The theatre')
    const access = Object.entries(document.paths).map(([path, methods]) => [
      path,
      Object.values(methods)[0]!.security.length,
    ])
    expect(access).toEqual([
      ['/v1/seats', 1],
      ['/v1/house', 1],
      ['/v1/programme', 0],
      ['/openapi.json', 0],
      ['/docs', 0],
    ])
  })

  it('has the refusals that follow from the declaration, and those of privileged tokens where the service checks them', async () => {
    expect(await codesOf(ofGuests, '/v1/programme', 'get')).toBe(
      'Seats., invalid-parameter, unsupported-precondition, rate-limited, overloaded, unavailable',
    )
    const codes = await codesOf(ofGuests, '/v1/house', 'post')
    expect(codes).toContain('forbidden')
    expect(codes).not.toContain('token-revoked')
    const checked: PublicApi = { ...ofGuests, privilegedTokens: () => async () => {} }
    expect(await codesOf(checked, '/v1/house', 'post')).toContain('token-revoked, second-factor-missing')
  })

  it('is a page too, whose texts are escaped', async () => {
    const answer = await started(ofGuests).request('/docs')
    const page = await answer.text()
    expect(answer.headers.get('content-type')).toBe('text/html; charset=UTF-8')
    expect(page).toContain('Seats &amp; &quot;programmes&quot;.')
    for (const { path } of Object.values(ofGuests.operations)) expect(page).toContain(`<code>${path}</code>`)
  })

  it('is served by the platform alone: an operation with its name or path is refused', () => {
    const define = (operations: Record<string, object>) => () =>
      checkedPublicApi({ ...parts, operations, handlers: () => ({}) } as unknown as PublicApi)
    const remedy = 'give yours another name and path'
    expect(define({ readDocument: { ...operation, access: 'public' } })).toThrow(remedy)
    expect(define({ readManual: { ...operation, path: '/docs', access: 'public' } })).toThrow(remedy)
  })
})

describe('a service', () => {
  const routes = (http: { get(path: string, handler: typeof open): unknown }): void => void http.get('/v1/seats', open)

  it('that is public is refused with a route of its own, besides its table and in place of it', () => {
    const remedy = 'declare each operation with its access by defineApi, and make publicApi by serveOperations'
    // @ts-expect-error a service has no routes of its own
    expect(() => implement(boxoffice, { on: {}, commands: {}, routes })).toThrow(remedy)
    const both = { on: {}, commands: {}, publicApi: ofGuests, routes }
    expect(() => implement(boxoffice, both)).toThrow('The service boxoffice gives routes of its own')
  })

  it('that is public is refused without a table of operations', () => {
    // @ts-expect-error the public API is missing
    expect(() => implement(boxoffice, { on: {}, commands: {} })).toThrow('is public and has no publicApi')
  })

  it('that is internal is refused with a public API and with a route of its own', () => {
    const withApi = { on: {}, commands: {}, publicApi: ofGuests }
    expect(() => implement(inside, withApi)).toThrow('is internal, so that no client reaches its publicApi')
    const withRoute = { on: {}, commands: {}, routes }
    expect(() => implement(inside, withRoute)).toThrow('declare queries in its contracts')
  })

  it('that is public and was made without implement does not start without a table', () => {
    const platform = testPlatform(boxoffice, { settings: {} })
    expect(() => createHttpApp({ on: {}, commands: {} }, platform, testConfig('boxoffice'))).toThrow(
      'is public and has no publicApi',
    )
  })
})
