/** A public service that submits commands answers with their outcome: at once for a caller that waits, later by an operation of the platform. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { idToken, testConfig } from '../base/config.testing.ts'
import { Unavailable } from '../base/errors.ts'
import { defineContracts } from '../contracts/contract.ts'
import { createHttpApp } from '../runtime/http-app.ts'
import { testPlatform } from '../runtime/platform.testing.ts'
import { implement } from '../service/app.ts'
import { defineEdgeSettings, tokenSettings } from '../service/edge-settings.ts'
import { submittedAnswers } from '../service/operation.ts'
import { checkedPublicApi } from '../service/public-api.ts'
import { defineService } from '../service/service.ts'
import { answerSubmitted } from './commands.ts'
import { testEdgeFor } from './edge.testing.ts'
import { waitSecondsIn } from './prefer.ts'

const data = z.strictObject({})
const ownerOf = <const Name extends string, const Command extends string>(service: Name, command: Command) =>
  defineContracts({
    service,
    events: {},
    commands: { [command]: { version: 1, data, example: {} } } as Record<
      Command,
      { version: number; data: typeof data; example: object }
    >,
  })
const stage = ownerOf('stage', 'Play')
const bar = ownerOf('bar', 'Pour')
const limits = defineEdgeSettings(['guest', 'usher'])
const boxoffice = defineService({
  name: 'boxoffice',
  ingress: 'public',
  contracts: defineContracts({ service: 'boxoffice', events: {}, commands: {} }),
  uses: [stage, bar],
  on: [],
  sends: [],
  submits: ['Play', 'Pour'],
  settings: [limits, ...tokenSettings],
})
const commandId = '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f'
const api = checkedPublicApi({
  description: { title: 'The theatre', text: 'Plays.' },
  roles: { ordinary: 'guest', privileged: ['usher'] },
  access: { guests: [], ushers: ['usher'] },
  limits,
  subjectOf: ({ sub }) => `guest:${sub}`,
  operations: {
    play: {
      method: 'post',
      path: '/v1/plays',
      summary: 'Have a play',
      access: 'guests',
      requiresIdempotencyKey: true,
      submits: true,
      answers: submittedAnswers({ playId: z.string() }),
    },
  },
  handlers: (platform) => ({
    play: ({ c }) => answerSubmitted(c, platform, { commandId, command: 'Play', answer: { playId: 'p-1' } }),
  }),
})
const app = implement(boxoffice, { on: {}, commands: {}, publicApi: api })

let keys: Server
const issuer = 'https://issuer.example.com'
beforeAll(async () => {
  const jwks = await (await fetch(testConfig('boxoffice').ID_TOKEN_JWKS_URL)).text()
  keys = createServer((_, response) => response.setHeader('content-type', 'application/json').end(jwks))
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve))
})
afterAll(() => void keys.close())

const recorded = {
  commandId,
  command: 'Play',
  actor: 'guest:jo',
  submittedAt: '2026-01-01T00:00:00.000Z',
}
const finishedAt = '2026-01-01T00:00:01.000Z'
const waiting = (): Response => Response.json({ ...recorded, status: 'waiting' })
const done = (): Response => Response.json({ ...recorded, status: 'done', finishedAt })
const refusal = { status: 'refused', finishedAt, code: 'sold-out', detail: 'No seat is left.' }
const refused = (): Response => Response.json({ ...recorded, ...refusal, httpStatus: 409 })
const missing = (): Response => Response.json({ code: 'not-found', detail: 'no' }, { status: 404 })
const down = (): Response => {
  throw new Unavailable('It does not answer.')
}

/** @param answers The answers of each owner in turn; its last one is given again. */
function started(answers: Readonly<Record<string, readonly (() => Response)[]>>) {
  const left = new Map(Object.entries(answers).map(([service, all]) => [service, [...all]]))
  const platform = testPlatform(boxoffice, {
    settings: {
      EDGE: testEdgeFor(['guest', 'usher']),
      TOKEN_ISSUER: issuer,
      TOKEN_AUDIENCE: 'theatre',
      TOKEN_JWKS_URL: `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`,
    },
    async call(service) {
      const own = left.get(service)!
      return (own.length > 1 ? own.shift()! : own[0]!)()
    },
  })
  const http = createHttpApp(app, platform, testConfig('boxoffice'))
  const request = async (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    sub = 'jo',
    role?: string,
  ) => {
    const claims = { iss: issuer, aud: 'theatre', sub, ...(role ? { roles: [role] } : {}) }
    const authorization = idToken('boxoffice', 'jo', claims)
    const answer = await http.request(path, {
      method,
      headers: { authorization, 'idempotency-key': 'key-1', ...headers },
    })
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as object }
  }
  return {
    platform,
    play: (prefer?: string) => request('POST', '/v1/plays', prefer === undefined ? {} : { prefer }),
    read: (sub?: string, role?: string) => request('GET', `/v1/commands/${commandId}`, {}, sub, role),
  }
}

describe('an operation that submits', () => {
  it('answers 202 at once, with the place of the status', async () => {
    const { play, platform } = started({ stage: [done] })
    const { status, body, headers } = await play()
    expect({ status, body }).toEqual({ status: 202, body: { commandId, playId: 'p-1' } })
    expect(headers.get('location')).toBe(`/v1/commands/${commandId}`)
    expect(headers.get('preference-applied')).toBeNull()
    expect(platform.calls).toEqual([])
  })

  it('answers 200 to a caller who waits, once the owner of the command has carried it out', async () => {
    const { play, platform } = started({ stage: [waiting, down, done] })
    const { status, body, headers } = await play('wait=10')
    expect({ status, body }).toEqual({ status: 200, body: { commandId, status: 'done', playId: 'p-1' } })
    expect(headers.get('preference-applied')).toBe('wait=10')
    expect(platform.calls.map(({ service }) => service)).toEqual(['stage', 'stage', 'stage'])
  })

  it('answers with the refusal, if the owner refused the command within that time', async () => {
    const { play } = started({ stage: [refused] })
    const { status, body, headers } = await play('wait=10')
    expect(status).toBe(409)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(body).toMatchObject({
      code: 'sold-out',
      status: 409,
      detail: 'No seat is left.',
      commandId,
      instance: '/v1/plays',
    })
  })

  it.each([
    ['is not known in that time', waiting],
    ['can not be read', down],
  ])('answers 202 when the outcome %s', async (_, answer) => {
    const { play } = started({ stage: [answer] })
    const begun = performance.now()
    expect((await play('wait=1')).status).toBe(202)
    expect(performance.now() - begun).toBeGreaterThan(900)
  })
})

it.each([
  [undefined, 0],
  ['wait=5', 5],
  ['respond-async, wait=5', 5],
  ['Wait = "5"; foo', 5],
  ['wait=600', 20],
  ['wait=-1', 0],
  ['wait=x', 0],
  ['await=5', 0],
  ['wait=5.5', 0],
])('Prefer: %s waits for %i seconds', (prefer, seconds) => {
  expect(waitSecondsIn(prefer)).toBe(seconds)
})

describe('the status of a command', () => {
  const status = { ...recorded, actor: undefined }

  it.each([
    ['that is done', done, { status: 'done', finishedAt }],
    ['that waits', waiting, { status: 'waiting' }],
    ['that was refused', refused, refusal],
  ])('%s is read by the caller who submitted it, from whichever service owns it', async (_, answer, expected) => {
    const { read } = started({ stage: [missing], bar: [answer] })
    const { actor, ...rest } = status
    expect(actor).toBeUndefined()
    expect(await read()).toMatchObject({ status: 200 })
    expect((await read()).body).toEqual({ ...rest, ...expected })
  })

  it('is read by callers with a privileged role, and by no other caller', async () => {
    const { read } = started({ stage: [done], bar: [missing] })
    expect((await read('ann', 'usher')).status).toBe(200)
    expect(await read('ann')).toMatchObject({ status: 404, body: { code: 'not-found' } })
  })

  it('is not found if no owner has it; 503 while one that could have it does not answer', async () => {
    expect((await started({ stage: [missing], bar: [missing] }).read()).status).toBe(404)
    expect((await started({ stage: [missing], bar: [down] }).read()).status).toBe(503)
    expect((await started({ stage: [down], bar: [done] }).read()).status).toBe(200)
  })
})

describe('the table of operations', () => {
  it('has it in each API that submits, under the access of every verified caller', () => {
    expect(app.publicApi!.operations['readCommand']).toMatchObject({
      path: '/v1/commands/{commandId}',
      access: 'guests',
    })
  })

  it('may have no other operation of its name or path', () => {
    const twice = (id: string, path: string) => () =>
      implement(boxoffice, {
        on: {},
        commands: {},
        publicApi: { ...api, operations: { [id]: { ...api.operations['play']!, path } } },
      })
    expect(twice('readCommand', '/v1/other')).toThrow('by the operation readCommand')
    expect(twice('other', '/v1/commands/{commandId}')).toThrow('by the operation readCommand')
  })
})
