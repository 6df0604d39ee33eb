/** Operations that services declare are served behind the checks of the edge, each by its own means. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { idToken, testConfig } from '../base/config.testing.ts'
import { Refused } from '../base/errors.ts'
import { defineContracts } from '../contracts/contract.ts'
import { createHttpApp } from '../runtime/http-app.ts'
import { testPlatform } from '../runtime/platform.testing.ts'
import { implement } from '../service/app.ts'
import type { Api } from '../service/api.ts'
import { apisFor } from '../service/define-api.ts'
import { type EdgeCode, implementEdge } from '../service/edge-code.ts'
import { defineEdgeSettings, tokenSettings } from '../service/edge-settings.ts'
import type { Platform } from '../service/platform.ts'
import { defineService, type Service } from '../service/service.ts'
import { apisOf, withOperations } from '../service/with-operations.ts'
import { testEdgeFor } from './edge.testing.ts'
import { shaped, upcastBody } from '../service/earlier-version.ts'
import { serveOperations, type SubmittedAct } from './serve-operations.ts'

const contracts = defineContracts({
  service: 'seats',
  events: {},
  commands: {
    TakeSeat: {
      version: 1,
      data: z.strictObject({ seat: z.string(), by: z.string(), note: z.string() }),
      example: { seat: 'a1', by: 'jo', note: 'aisle' },
    },
  },
  queries: {
    readSeat: {
      method: 'get',
      path: '/halls/{hall}/seats/{seat}',
      parameters: { hall: z.string(), seat: z.string() },
      answers: { 200: z.object({ seat: z.string() }) },
      refuses: ['not-found'],
    },
  },
})
const seatsApi = apisFor<'guest' | 'usher', 'guests' | 'ushers'>()(contracts, ({ asks, submits, handles }) => ({
  readSeat: asks('readSeat', {
    path: '/v1/seats/{seat}',
    summary: 'See',
    access: 'guests',
    answers: { 200: 'It.' },
    request: ({ caller, params }) => ({ ...params, hall: `of ${caller.sub}` }),
    location: ({ params }) => `/v1/seats/${params.seat}`,
  }),
  takeSeat: submits('TakeSeat', {
    path: '/v1/seats/{seat}',
    summary: 'Take',
    access: 'guests',
    derives: { by: ({ sub }, key) => `${sub} ${key}` },
    subject: 'seat',
    answers: ['by'],
    isChecked: true,
    limitedTo: ({ sub }) => sub,
  }),
  leaveSeat: submits('TakeSeat', {
    path: '/v1/seats/{seat}/leave',
    summary: 'Leave',
    access: 'guests',
    derives: { by: ({ sub }) => sub },
    subject: 'seat',
  }),
  clearSeat: submits('TakeSeat', {
    path: '/v1/seats/{seat}/clear',
    summary: 'Clear',
    access: 'ushers',
    derives: { by: ({ sub }) => sub },
    subject: 'seat',
  }),
  notify: handles({
    method: 'post',
    path: '/v1/notices',
    summary: 'Receive',
    access: 'signed',
    body: z.looseObject({}),
    answers: { 204: ['Accepted.'] },
  }),
}))
const common = { uses: [], on: [], sends: [] } as const
const limits = defineEdgeSettings(['guest', 'usher'])
const seats = defineService({
  ...common,
  name: 'seats',
  ingress: 'internal',
  contracts,
  api: seatsApi,
  acceptsSubmitted: ['TakeSeat'],
})
const door = defineService({
  ...common,
  name: 'door',
  ingress: 'public',
  contracts: defineContracts({ service: 'door', events: {}, commands: {} }),
  settings: [limits, ...tokenSettings],
})
const services: readonly Service[] = withOperations([door, seats])
const [served] = services as [Service]

const code = implementEdge(seatsApi, {
  handlers: () => ({ notify: ({ c }) => c.empty(204) }),
  checks: () => ({
    async takeSeat({ body: { note } }) {
      if (note === 'reserved') throw new Refused('forbidden', 'It is reserved.')
    },
  }),
  signatures: () => ({
    notify: async (c) => {
      if (c.req.header('x-signed') === undefined) throw new Refused('signature-invalid', 'It is not signed.')
      return () => {}
    },
  }),
})

const issuer = 'https://issuer.example.com'
let keys: Server
let keysUrl: string
beforeAll(async () => {
  const jwks = await (await fetch(testConfig('door').ID_TOKEN_JWKS_URL)).text()
  keys = createServer((_, response) => response.setHeader('content-type', 'application/json').end(jwks))
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve))
  keysUrl = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`
})
afterAll(() => void keys.close())

const token = (roles?: readonly string[]): string =>
  idToken('door', 'jo', { iss: issuer, aud: 'theatre', sub: 'jo', ...(roles ? { roles } : {}) })

interface Start {
  readonly edge?: EdgeCode
  readonly load?: Parameters<typeof serveOperations>[2]
  readonly access?: object
  readonly apis?: readonly Api[]
}
async function started({
  edge = code,
  load = async () => ({ edge }),
  access = { guests: [], ushers: ['usher'] },
  apis = apisOf(services),
}: Start = {}) {
  const acts: SubmittedAct[] = []
  const publicApi = await serveOperations(
    {
      description: { title: 'The theatre', text: 'Seats.' },
      roles: { ordinary: 'guest', privileged: ['usher'] },
      access: access as Record<string, readonly string[]>,
      limits,
      subjectOf: ({ sub }) => `guest:${sub}`,
      submitted: (_, act) => void acts.push(act),
    },
    apis,
    load,
  )
  const sent: { path: string; body: unknown }[] = []
  const platform = testPlatform(served, {
    async call(_service, path, { body } = {}) {
      sent.push({ path, body })
      if (path.endsWith('none')) return Response.json({ code: 'not-found', detail: 'None.' }, { status: 404 })
      return body
        ? Response.json({ commandId: '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f' }, { status: 202 })
        : Response.json({ seat: 'a1' })
    },
    settings: {
      EDGE: testEdgeFor(['guest', 'usher']),
      TOKEN_ISSUER: issuer,
      TOKEN_AUDIENCE: 'theatre',
      TOKEN_JWKS_URL: keysUrl,
    },
  })
  const http = createHttpApp(implement(door, { on: {}, commands: {}, publicApi }), platform, testConfig('door'))
  const request = (method: string, path: string, headers: Record<string, string> = {}, body?: object) =>
    http.request(path, {
      method,
      headers: {
        authorization: token(),
        'content-type': 'application/json',
        'x-forwarded-for': '203.0.113.9',
        ...headers,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  return { request, sent, acts }
}

it('a query is asked as `request` says, and its answer has the location unless it is a refusal', async () => {
  const { request, sent } = await started()
  const answer = await request('GET', '/v1/seats/a1')
  expect([answer.status, await answer.json(), answer.headers.get('location')]).toEqual([
    200,
    { seat: 'a1' },
    '/v1/seats/a1',
  ])
  expect(sent).toEqual([{ path: '/halls/of%20jo/seats/a1', body: undefined }])
  const refused = await request('GET', '/v1/seats/none')
  expect([refused.status, refused.headers.get('location')]).toEqual([404, null])
})

it('a command is submitted with the fields of path, caller and body, for the object and its limit', async () => {
  const { request, sent, acts } = await started()
  const answer = await request('POST', '/v1/seats/a1', { 'idempotency-key': 'k1' }, { note: 'aisle' })
  expect([answer.status, await answer.json()]).toEqual([
    202,
    { commandId: '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f', by: 'jo k1' },
  ])
  expect(sent).toEqual([
    {
      path: '/submissions/TakeSeat',
      body: {
        key: 'k1',
        actor: 'guest:jo',
        subject: 'a1',
        limitedTo: 'jo',
        address: '203.0.113.9',
        data: { seat: 'a1', by: 'jo k1', note: 'aisle' },
      },
    },
  ])
  expect(acts).toMatchObject([{ command: 'TakeSeat', subject: 'a1', caller: { sub: 'jo' } }])
  const withField = { note: 'aisle', by: 'someone else' }
  expect((await request('POST', '/v1/seats/a1', { 'idempotency-key': 'k2' }, withField)).status).toBe(422)
})

it("a command of an operation that names no limit is limited to the caller's own, unless its access takes a privileged role", async () => {
  const { request, sent } = await started()
  const key = { 'idempotency-key': 'k1' }
  const asUsher = { ...key, authorization: token(['usher']) }
  await request('POST', '/v1/seats/a1/leave', key, { note: 'aisle' })
  await request('POST', '/v1/seats/a1/leave', asUsher, { note: 'aisle' })
  await request('POST', '/v1/seats/a1/clear', asUsher, { note: 'aisle' })
  const limits = sent.map(({ body }) => body as { limitedTo?: string; address?: string })
  // The owner logs the refusal of an object of another subject, with the address that only the edge knows.
  expect(limits.map(({ limitedTo, address }) => [limitedTo, address])).toEqual([
    ['jo', '203.0.113.9'],
    ['jo', '203.0.113.9'],
    [undefined, undefined],
  ])
})

it('a check at the edge refuses before the command is submitted', async () => {
  const { request, sent } = await started()
  const answer = await request('POST', '/v1/seats/a1', { 'idempotency-key': 'k1' }, { note: 'reserved' })
  expect([answer.status, sent]).toEqual([403, []])
})

it('a webhook is answered only with its signature, and a command has a status', async () => {
  const { request } = await started()
  expect((await request('POST', '/v1/notices', {}, {})).status).toBe(401)
  expect((await request('POST', '/v1/notices', { 'x-signed': 'yes' }, {})).status).toBe(204)
  const document = (await (await request('GET', '/openapi.json')).json()) as { paths: object }
  expect(Object.keys(document.paths)).toContain('/v1/commands/{commandId}')
})

it('without a handler, a check or a signature it does not compile, and the service does not start', async () => {
  const { handlers, checks, signatures } = code as Required<EdgeCode>
  // @ts-expect-error the check and the signature are missing
  implementEdge(seatsApi, { handlers: () => ({ notify: ({ c }) => c.empty(204) }) })
  const { notify } = handlers({} as Platform)
  // @ts-expect-error a handler has no operation
  implementEdge(seatsApi, { ...code, handlers: () => ({ notify, other: notify }) } as const)
  await expect(started({ edge: { checks, signatures } })).rejects.toThrow('The operation notify has no handler')
  await expect(started({ edge: { handlers, signatures } })).rejects.toThrow('The operation takeSeat has no check')
  await expect(started({ edge: { handlers, checks } })).rejects.toThrow('post /v1/notices is signed')
  const remedy = 'seats answers operations at the edge: export edge, made by implementEdge, from its edge.ts'
  await expect(started({ load: async () => ({}) })).rejects.toThrow(remedy)
  const absent = new Error('Cannot find module')
  await expect(started({ load: () => Promise.reject(absent) })).rejects.toMatchObject({
    message: expect.stringContaining(remedy),
    cause: absent,
  })
})

it('a former body is upcast before the command is submitted, and answered in the former shape; a body that does not fit then is refused', async () => {
  const { takeSeat } = seatsApi.operations
  const earlier = [
    {
      path: '/v1/seats/{seat}',
      body: upcastBody(z.strictObject({ notes: z.array(z.string()) }), ({ notes }) => ({ note: notes[0] })),
      answers: {
        202: shaped(z.object({ id: z.string() }), ({ commandId }: { commandId: string }) => ({ id: commandId })),
      },
    },
  ] as const
  const path = '/v2/seats/{seat}'
  const newest = { ...takeSeat, path, earlier, describe: () => ({ ...takeSeat.describe(), path }) }
  const api = { ...apisOf(services)[0]!, operations: { ...seatsApi.operations, takeSeat: newest } }
  const { request, sent, acts } = await started({ apis: [api] })
  const key = { 'idempotency-key': 'k1' }
  const [former, present] = [
    await request('POST', '/v1/seats/a1', key, { notes: ['aisle'] }),
    await request('POST', '/v2/seats/a1', key, { note: 'aisle' }),
  ]
  expect([former.status, await former.json()]).toEqual([202, { id: '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f' }])
  expect(await present.json()).toMatchObject({ commandId: '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f' })
  // The same key has the same command, whichever version it came by.
  expect(sent[0]).toEqual(sent[1])
  expect(acts).toHaveLength(2)
  const unfit = await request('POST', '/v1/seats/a1', key, { notes: [] })
  expect([unfit.status, await unfit.json()]).toMatchObject([
    422,
    { code: 'invalid-body', detail: expect.stringContaining('note') },
  ])
  expect((await request('POST', '/v1/seats/a1', key, { notes: ['reserved'] })).status).toBe(403)
  expect((await request('POST', '/v1/seats/a1', key, { note: 'aisle' })).status).toBe(422)
  expect(sent).toHaveLength(2)
})

it.each([
  [{ since: 'soon' }, 'names soon, which is no time'],
  [{ since: '2026-01-02', sunset: '2026-01-01' }, 'ends at 2026-01-01, before it is deprecated'],
])('with the deprecation %j the service does not start', async (deprecated, fault) => {
  const { leaveSeat } = seatsApi.operations
  const left = { ...leaveSeat, describe: () => ({ ...leaveSeat.describe(), deprecated }) }
  const api = { ...apisOf(services)[0]!, operations: { ...seatsApi.operations, leaveSeat: left } }
  await expect(started({ apis: [api as unknown as Api] })).rejects.toThrow(fault)
})

it('with an access that the public service does not have, the service does not start', async () => {
  await expect(started({ access: { ushers: ['usher'] } })).rejects.toThrow('declares no access')
})

it('with a member of problem documents that two services declare otherwise, the service does not start', async () => {
  const row = z.int().optional()
  const api = { ...apisOf(services)[0]!, operations: {} }
  const serving = (other: z.ZodOptional) => {
    const hall = { ...api, contracts: { ...api.contracts, service: 'hall' } }
    return started({
      apis: [
        { ...api, problemMembers: { row } },
        { ...hall, problemMembers: { row: other } },
      ],
    })
  }
  await expect(serving(row)).resolves.toBeDefined()
  await expect(serving(z.string().optional())).rejects.toThrow(
    'seats and hall both declare the member of problem documents row, and not the same one',
  )
})
