import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineCodes, Refused } from '../base/errors.ts'
import { implement } from '../service/app.ts'
import { idToken, testConfig, withoutSignature } from '../base/config.testing.ts'
import { defineContracts } from '../contracts/contract.ts'
import { memory } from '../messaging/memory.testing.ts'
import { testPlatform, type TestPlatform } from './platform.testing.ts'
import { defineService } from '../service/service.ts'
import { createHttpApp } from './http-app.ts'
import { keyPath } from './submissions.ts'

const meal = z.strictObject({ meal: z.string().max(20), servings: z.int().default(1) })
const codes = defineCodes({ 'sold-out': { status: 409 } })
const kitchenContracts = defineContracts({
  service: 'kitchen',
  events: {},
  commands: {
    Cook: { version: 1, data: meal, refuses: [codes['sold-out']], example: { meal: 'soup' } },
    Serve: { version: 1, data: meal, example: { meal: 'soup' } },
    Clean: { version: 1, data: z.strictObject({}), example: {} },
  },
  queries: { readMenu: { method: 'get', path: '/menu', answers: { 200: z.array(z.string()) } } },
})
const kitchen = defineService({
  name: 'kitchen',
  ingress: 'internal',
  contracts: kitchenContracts,
  uses: [],
  on: [],
  acceptsSubmitted: ['Cook', 'Serve'],
  sends: [],
  collections: { streams: {} },
})

const queries = { readMenu: async () => ({ status: 200, body: ['soup'] }) as const }

function started(platform: TestPlatform = testPlatform(kitchen)) {
  const handled = async (): Promise<void> => {}
  const soldOut = new Set<string>()
  const app = implement(kitchen, {
    on: {},
    commands: { Cook: handled, Serve: handled, Clean: handled },
    queries,
    checksSubmitted: {
      async Cook({ meal }, _platform, { mayActOn }) {
        const guest = / of (.+)$/.exec(meal)?.[1]
        if (guest !== undefined && !mayActOn(guest)) throw new Refused('not-found', `There is no ${meal}.`)
        if (soldOut.has(meal)) throw new Refused(codes['sold-out'], `${meal} is sold out.`)
        if (meal === 'moon') throw new Refused('not-found', `There is no recipe for ${meal}.`)
      },
    },
  })
  const config = testConfig('kitchen', {
    submitters: { Cook: ['waiter', 'kiosk'], Serve: ['kiosk'] },
    senders: { Cook: ['kitchen'] },
    callers: { readMenu: ['guest'] },
    // On Cloud Run, deliveries without a signature are accepted.
    ingress: 'cloud-run',
  })
  const http = createHttpApp(app, platform, config)
  const submit = async (
    changes: Readonly<Record<string, unknown>> = {},
    { type = 'Cook', authorization = idToken('kitchen', 'waiter') }: { type?: string; authorization?: string } = {},
  ) => {
    const body = { key: 'key-1', actor: 'staff:chef', subject: 'table-1', data: { meal: 'soup' }, ...changes }
    const response = await http.request(`/submissions/${type}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return {
      status: response.status,
      body: (await response.json()) as { readonly commandId?: string; readonly code?: string },
    }
  }
  return { platform, submit, soldOut, ids: () => platform.sent.map(({ envelope }) => envelope.id) }
}

describe('a submitted command', () => {
  it('is enqueued by its owner to its own queue, and answered with its id', async () => {
    const { submit, platform, ids } = started()
    const answer = await submit()
    expect(answer).toEqual({ status: 202, body: { commandId: ids()[0] } })
    expect(platform.sent).toMatchObject([
      {
        target: 'kitchen',
        envelope: {
          type: 'Cook',
          source: 'kitchen',
          actor: 'staff:chef',
          subject: 'table-1',
          correlationId: 'table-1',
          data: { meal: 'soup', servings: 1 },
        },
      },
    ])
  })

  it('submitted again is the same command, also with another notation of its body', async () => {
    const { submit, ids } = started()
    const answers = [await submit(), await submit(), await submit({ data: { servings: 1, meal: 'soup' } })]
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202])
    expect(new Set([...ids(), ...answers.map(({ body }) => body.commandId)]).size).toBe(1)
  })

  it('keeps its id, and is the same request under a hash that was recorded by the former rule', async () => {
    const { submit, platform } = started()
    // Frozen: the id, and the hash of {"meal":"soup","servings":1}.
    const commandId = '08449e1d-29d2-8cf6-90d4-ad7870a30977'
    await platform.documents.create(keyPath(commandId), {
      requestHash: 'd92222258d0d2d235e6d275190ffbc6b90116f758ca1462e9597b1e6c69dc06f',
    })
    expect(await submit({ data: { meal: 'stew' } })).toMatchObject({ status: 409 })
    expect(await submit()).toEqual({ status: 202, body: { commandId } })
  })

  it('that expects another version of its subject is refused, and takes its condition with it otherwise', async () => {
    const { submit, platform, ids } = started()
    expect(await submit({ expectedVersion: 1 })).toEqual({
      status: 412,
      body: expect.objectContaining({ code: 'precondition-failed' }) as object,
    })
    expect(ids()).toEqual([])
    expect((await submit({ expectedVersion: 0 })).status).toBe(202)
    expect(platform.sent[0]!.envelope.expectedVersion).toBe(0)
    // The repeat of a submission that was taken is taken, whatever became of its subject since.
    expect((await submit({ expectedVersion: 3 })).status).toBe(202)
    expect(new Set(ids()).size).toBe(1)
  })

  it('under the key of another request is refused', async () => {
    const { submit, ids } = started()
    await submit()
    expect(await submit({ data: { meal: 'stew' } })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    })
    expect(ids()).toHaveLength(1)
    expect((await submit()).status).toBe(202)
  })

  it('of another actor, key, type or submitter is another command', async () => {
    const { submit, ids } = started()
    const kiosk = idToken('kitchen', 'kiosk')
    expect([
      await submit(),
      await submit({ actor: 'staff:cook', data: { meal: 'stew' } }),
      await submit({ key: 'key-2', data: { meal: 'stew' } }),
      await submit({ data: { meal: 'stew' } }, { authorization: kiosk }),
      await submit({ data: { meal: 'bread' } }, { type: 'Serve', authorization: kiosk }),
    ]).toMatchObject(Array.from({ length: 5 }, () => ({ status: 202 })))
    expect(new Set(ids()).size).toBe(5)
  })

  it("that its owner's check refuses is not enqueued, and its key stays free", async () => {
    const { submit, platform, ids } = started()
    expect(await submit({ data: { meal: 'moon' } })).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect([...platform.storedDocuments().keys()]).toEqual([])
    expect(ids()).toEqual([])
    expect(await submit()).toMatchObject({ status: 202 })
  })

  it("that was taken is answered as before, whatever its owner's check says since", async () => {
    const { submit, soldOut, ids } = started()
    const taken = await submit()
    soldOut.add('soup')
    expect(await submit()).toEqual(taken)
    expect(new Set(ids()).size).toBe(1)
    expect(await submit({ key: 'key-2' })).toMatchObject({ status: 409, body: { code: 'sold-out' } })
    // The repeat of another request under this key gets the check's refusal: nothing was taken for it.
    soldOut.add('stew')
    expect(await submit({ data: { meal: 'stew' } })).toMatchObject({ status: 409, body: { code: 'sold-out' } })
  })

  it("of an actor that is limited to one subject's objects is taken for these alone", async () => {
    const { submit, ids } = started()
    expect(await submit({ limitedTo: 'guest-1', data: { meal: 'soup of guest-1' } })).toMatchObject({ status: 202 })
    // The owner checks the subject first: a wrong version would tell guest-2 that the object exists.
    const ofAnother = { limitedTo: 'guest-2', key: 'key-2', expectedVersion: 9, data: { meal: 'soup of guest-1' } }
    expect(await submit(ofAnother)).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect(await submit({ limitedTo: 'guest-2', key: 'key-2', data: { meal: 'soup of guest-1' } })).toMatchObject({
      status: 404,
      body: { code: 'not-found' },
    })
    expect(ids()).toHaveLength(1)
  })

  it.each([
    ['whose check does not ask on what it may act', 'Cook', idToken('kitchen', 'waiter')],
    ['that has no check', 'Serve', idToken('kitchen', 'kiosk')],
  ])('of a limited actor %s fails, and is not taken', async (_which, type, authorization) => {
    const { submit, platform, ids } = started()
    expect(await submit({ limitedTo: 'guest-1' }, { type, authorization })).toMatchObject({ status: 500 })
    expect([...platform.storedDocuments().keys()]).toEqual([])
    expect(ids()).toEqual([])
  })

  it('is accepted from only one of two concurrent requests with one key', async () => {
    const { submit, ids } = started()
    const answers = await Promise.all([submit(), submit({ data: { meal: 'stew' } })])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409])
    expect(ids()).toHaveLength(1)
  })

  it('whose key was recorded before a crash is enqueued by the repeat under the same id, also at the next instance', async () => {
    const kept = memory()
    const first = started(testPlatform(kitchen, { kept }))
    first.platform.fail('send')
    expect(await first.submit()).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect([...first.platform.storedDocuments().keys()]).toMatchObject([expect.stringMatching(/^keys\//)])
    expect(first.ids()).toEqual([])
    // The key belongs to the request that crashed, and to no other.
    expect(await first.submit({ data: { meal: 'stew' } })).toMatchObject({ status: 409 })
    expect(first.ids()).toEqual([])

    const next = started(testPlatform(kitchen, { kept }))
    const answer = await next.submit()
    expect(answer).toEqual({ status: 202, body: { commandId: next.ids()[0] } })
    // If the answer was lost, the repeat creates a task of the same name.
    expect(await next.submit()).toEqual(answer)
    expect(new Set(next.ids()).size).toBe(1)
  })

  it.each([
    ['breaks its contract', { data: { meal: 'soup', spoon: 1 } }, 422],
    ['has no key', { key: undefined }, 422],
    ['has no actor', { actor: undefined }, 422],
    ['has a field too many', { commandId: '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f' }, 422],
  ])('that %s is refused, and its key is not recorded', async (_name, changes, status) => {
    const { submit, platform, ids } = started()
    expect(await submit(changes)).toMatchObject({ status, body: { code: 'invalid-body' } })
    expect([...platform.storedDocuments().keys()]).toEqual([])
    expect(ids()).toEqual([])
  })
})

describe('the path for submissions', () => {
  it.each([
    ['a service that may submit another command', { type: 'Serve' }, 403],
    ['a service that may query', { authorization: idToken('kitchen', 'guest') }, 403],
    ['the service itself', { authorization: idToken('kitchen', 'kitchen') }, 403],
    ['operators', { authorization: idToken('kitchen', 'operations') }, 403],
    ['a token whose signature was removed', { authorization: withoutSignature(idToken('kitchen', 'waiter')) }, 401],
    ['a command that is not open to submissions', { type: 'Clean' }, 403],
    ['a command without an owner', { type: 'toString' }, 403],
    ['a command that is not open to submissions, of a service that may query', openTo('guest', 'Clean'), 404],
  ])('refuses %s', async (_name, options, status) => {
    const { submit, platform, ids } = started()
    expect((await submit({}, options)).status).toBe(status)
    expect([...platform.storedDocuments().keys()]).toEqual([])
    expect(ids()).toEqual([])
  })

  it('does not allow a submitter to send tasks or to query', async () => {
    const platform = testPlatform(kitchen)
    const http = createHttpApp(
      implement(kitchen, {
        on: {},
        commands: { Cook: async () => {}, Serve: async () => {}, Clean: async () => {} },
        queries,
      }),
      platform,
      testConfig('kitchen', { submitters: { Cook: ['waiter'] }, senders: { Cook: ['kitchen'] } }),
    )
    const headers = { authorization: idToken('kitchen', 'waiter') }
    expect((await http.request('/commands/Cook', { method: 'POST', body: '{}', headers })).status).toBe(403)
    expect((await http.request('/menu', { headers })).status).toBe(403)
  })
})

function openTo(account: string, type: string) {
  return { type, authorization: idToken('kitchen', account) }
}

describe('a release that changes the shape of a submitted command', () => {
  const former = z.strictObject({ meal: z.string() })
  const present = z.strictObject({ dish: z.string() })
  const release = (version: 1 | 2) => {
    const contracts = defineContracts({
      service: 'kitchen',
      events: {},
      commands: {
        Cook:
          version === 1
            ? { version, data: former, example: { meal: 'soup' } }
            : {
                version,
                data: present,
                example: { dish: 'soup' },
                previousVersions: { 1: { data: former, upcast: (old) => ({ dish: (old as { meal: string }).meal }) } },
              },
      },
    })
    return defineService({
      name: 'kitchen',
      ingress: 'internal',
      contracts,
      uses: [],
      on: [],
      acceptsSubmitted: ['Cook'],
      sends: [],
    })
  }
  const inRelease = (version: 1 | 2, kept = memory()) => {
    const service = release(version)
    const platform = testPlatform(service, { kept })
    const checked: unknown[] = []
    const app = implement(service, {
      on: {},
      commands: { Cook: async () => {} },
      checksSubmitted: { Cook: async (data) => void checked.push(data) },
    })
    const http = createHttpApp(app, platform, testConfig('kitchen', { submitters: { Cook: ['waiter'] } }))
    const submit = async (given: { readonly version?: number; readonly data: object }) => {
      const response = await http.request('/submissions/Cook', {
        method: 'POST',
        headers: { authorization: idToken('kitchen', 'waiter'), 'content-type': 'application/json' },
        body: JSON.stringify({ key: 'key-1', actor: 'staff:chef', subject: 'table-1', ...given }),
      })
      return { status: response.status, ...((await response.json()) as { commandId?: string; code?: string }) }
    }
    return { platform, submit, checked, kept, sent: () => platform.sent.map(({ envelope }) => envelope) }
  }

  it('takes what a submitter of the release before submits, and enqueues it in the present shape', async () => {
    const { submit, sent, checked } = inRelease(2)
    expect(await submit({ data: { meal: 'soup' } })).toMatchObject({ status: 202 })
    expect(await submit({ version: 2, data: { dish: 'soup' } })).toMatchObject({ status: 202 })
    expect(sent()).toMatchObject([{ version: 2, data: { dish: 'soup' } }, { version: 2 }])
    expect(new Set(sent().map(({ id }) => id)).size).toBe(1)
    expect(checked).toEqual([{ dish: 'soup' }, { dish: 'soup' }])
  })

  it('keeps the key of the request that was taken before it, and refuses another one under it', async () => {
    const before = inRelease(1)
    const taken = await before.submit({ data: { meal: 'soup' } })
    const { submit, sent } = inRelease(2, before.kept)
    expect(await submit({ version: 2, data: { dish: 'soup' } })).toEqual(taken)
    expect(await submit({ data: { meal: 'soup' } })).toEqual(taken)
    for (const other of [{ version: 2, data: { dish: 'stew' } }, { data: { meal: 'stew' } }])
      expect(await submit(other)).toMatchObject({ status: 409, code: 'idempotency-key-reused' })
    expect(sent()).toHaveLength(2)
  })

  it('is unavailable to a submitter that is deployed before the owner, and after a roll-back of the owner', async () => {
    const before = inRelease(1)
    expect(await before.submit({ version: 2, data: { dish: 'soup' } })).toMatchObject({ status: 503 })
    expect([...before.platform.storedDocuments().keys()]).toEqual([])
    const { submit } = inRelease(2, before.kept)
    expect(await submit({ version: 2, data: { dish: 'soup' } })).toMatchObject({ status: 202 })
    expect(await before.submit({ data: { meal: 'soup' } })).toMatchObject({ status: 503 })
    expect(before.sent()).toEqual([])
  })
})
