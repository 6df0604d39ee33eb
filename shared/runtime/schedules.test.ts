import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { idToken, testConfig, withoutSignature } from '../base/config.testing.ts'
import { defineContracts } from '../contracts/contract.ts'
import { implement } from '../service/app.ts'
import { defineService } from '../service/service.ts'
import { createHttpApp } from './http-app.ts'
import { testPlatform } from './platform.testing.ts'

const stockTakeV1 = z.strictObject({ hall: z.string() })
const contracts = defineContracts({
  service: 'library',
  events: {},
  commands: {
    CountShelves: {
      version: 2,
      data: z.strictObject({ halls: z.array(z.string()) }),
      example: { halls: ['a'] },
      previousVersions: { 1: { data: stockTakeV1, upcast: (old) => ({ halls: [(old as { hall: string }).hall] }) } },
    },
    Dust: { version: 1, data: z.strictObject({}), example: {} },
  },
})
const library = defineService({
  name: 'library',
  ingress: 'internal',
  contracts,
  uses: [],
  on: [],
  sends: [],
  schedules: {
    nightly: { cron: '0 3 * * *', timeZone: 'Europe/Berlin', command: 'CountShelves', data: { halls: ['a', 'b'] } },
  },
})

interface Call {
  readonly path: string
  readonly authorization: string
  /** Null: the call has no time. */
  readonly dueAt: string | null
  readonly body: unknown
}

function started() {
  const platform = testPlatform(library)
  const app = implement(library, { on: {}, commands: { CountShelves: async () => {}, Dust: async () => {} } })
  const http = createHttpApp(app, platform, testConfig('library', { ingress: 'cloud-run' }))
  const call = async ({
    path = '/schedules/nightly',
    authorization = withoutSignature(idToken('library', 'library-cron')),
    dueAt = '2026-01-01T02:00:00Z',
    body = { version: 2, data: { halls: ['a'] } },
  }: Partial<Call> = {}) => {
    const response = await http.request(path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(authorization === '' ? {} : { authorization }),
        ...(dueAt === null ? {} : { 'x-cloudscheduler-scheduletime': dueAt }),
      },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as Readonly<Record<string, string>> }
  }
  return { call, sent: platform.sent }
}

describe('a call of Cloud Scheduler', () => {
  it("enqueues the schedule's command to the service itself", async () => {
    const { call, sent } = started()
    const answer = await call()
    expect(sent).toMatchObject([
      {
        target: 'library',
        envelope: {
          id: answer.body['commandId'],
          type: 'CountShelves',
          version: 2,
          source: 'library',
          actor: 'service:library',
          subject: answer.body['commandId'],
          correlationId: answer.body['commandId'],
          data: { halls: ['a'] },
        },
      },
    ])
    expect(answer.status).toBe(202)
  })

  it('that is repeated for the same time has the same id, for another time another one', async () => {
    const { call } = started()
    const idAt = async (dueAt: string) => (await call({ dueAt })).body['commandId']
    const first = await idAt('2026-01-01T02:00:00Z')
    // Cloud Scheduler may write the same time in another form.
    expect(await idAt('2026-01-01T02:00:00.000000Z')).toBe(first)
    expect(await idAt('2026-01-02T02:00:00Z')).not.toBe(first)
  })

  it('of a job that an earlier release made has its data upcast', async () => {
    const { call, sent } = started()
    await call({ body: { version: 1, data: { hall: 'a' } } })
    expect(sent[0]!.envelope).toMatchObject({ version: 2, data: { halls: ['a'] } })
  })

  it.each([
    ['without a token', { authorization: '' }, 401],
    ['with the token of the service itself', { authorization: idToken('library', 'library') }, 403],
    ['with the token of operators', { authorization: idToken('library', 'operations') }, 403],
    ['without the time that it is for', { dueAt: null }, 400],
    ['with a time that does not exist', { dueAt: 'noon' }, 400],
    ['with data that break the contract', { body: { version: 2, data: { halls: 'a' } } }, 422],
    ['of a job that a later release made', { body: { version: 3, data: {} } }, 503],
    ['for a schedule that the service does not have', { path: '/schedules/hourly' }, 401],
  ] satisfies [string, Partial<Call>, number][])('%s is refused, and enqueues nothing', async (_, request, status) => {
    const { call, sent } = started()
    expect((await call(request)).status).toBe(status)
    expect(sent).toEqual([])
  })
})
