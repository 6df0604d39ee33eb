/** The outcome of a submitted command is recorded by its owner when it was handled, and read by the service that submitted it. */

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { MAX_DELIVERY_ATTEMPTS } from '../base/attempts.ts'
import { idToken, testConfig } from '../base/config.testing.ts'
import { defineCodes, refuseIf, Refused, Unavailable } from '../base/errors.ts'
import { discardCommand } from '../base/names.ts'
import { operatorHeaders } from '../base/operator.ts'
import { defineContracts } from '../contracts/contract.ts'
import { implement } from '../service/app.ts'
import { defineService } from '../service/service.ts'
import { createDiscard } from './dead-letter-acts.ts'
import { message } from './deliver.testing.ts'
import { createHttpApp } from './http-app.ts'
import { startOfTests, testPlatform } from './platform.testing.ts'
import { keyPath } from './submissions.ts'

const meal = z.strictObject({ meal: z.string().max(20) })
const contracts = defineContracts({
  service: 'kitchen',
  events: {},
  commands: {
    Cook: { version: 1, data: meal, example: { meal: 'soup' } },
    Wash: { version: 1, data: meal, example: { meal: 'soup' } },
    Taste: { version: 1, repeatable: true, data: meal, example: { meal: 'soup' } },
  },
})
const kitchen = defineService({
  name: 'kitchen',
  ingress: 'internal',
  contracts,
  uses: [],
  on: [],
  acceptsSubmitted: ['Cook', 'Taste'],
  sends: ['Cook', 'Wash'],
})
const codes = defineCodes({ 'sold-out': { status: 409 } })

function started() {
  const platform = testPlatform(kitchen)
  /** The next deliveries throw these; undefined: handled. */
  const failures: (Error | undefined)[] = []
  const handled = async (): Promise<void> => {
    const failure = failures.shift()
    if (failure) throw failure
  }
  const app = implement(kitchen, {
    on: {},
    commands: { Cook: handled, Wash: handled, Taste: handled },
    checksSubmitted: {
      async Taste({ meal }) {
        refuseIf(meal === 'moon', 'not-found', `There is no recipe for ${meal}.`)
      },
    },
  })
  const config = testConfig('kitchen', {
    submitters: { Cook: ['waiter', 'kiosk'], Taste: ['waiter'] },
    senders: { Cook: ['kitchen'], Wash: ['kitchen'], Taste: ['kitchen'] },
    ingress: 'cloud-run',
  })
  const http = createHttpApp(app, platform, config)
  const request = (type = 'Cook', meal = 'soup') =>
    http.request(`/submissions/${type}`, {
      method: 'POST',
      headers: { authorization: idToken('kitchen', 'waiter'), 'content-type': 'application/json' },
      body: JSON.stringify({ key: 'key-1', actor: 'staff:chef', subject: 'table-1', data: { meal } }),
    })
  const submit = async (type?: string): Promise<string> => {
    const answer = await request(type)
    expect(answer.status).toBe(202)
    return ((await answer.json()) as { commandId: string }).commandId
  }
  /** Delivers the last task that was enqueued. */
  const deliver = async (retries = 0): Promise<number> => {
    const { envelope } = platform.sent.at(-1)!
    const answer = await http.request(`/commands/${envelope.type}`, {
      method: 'POST',
      headers: {
        authorization: idToken('kitchen', 'kitchen'),
        'x-cloudtasks-taskname': envelope.id,
        'x-cloudtasks-taskretrycount': String(retries),
      },
      body: JSON.stringify(envelope),
    })
    return answer.status
  }
  const read = async (commandId: string, account = 'waiter') => {
    const answer = await http.request(`/submissions/${commandId}`, {
      headers: { authorization: idToken('kitchen', account) },
    })
    return { status: answer.status, body: await answer.json() }
  }
  /** An operator discards all dead letters. */
  const discard = () => {
    const messageIds = platform.deadLetters.map(({ messageId }) => messageId)
    const body = Buffer.from(JSON.stringify(message(discardCommand, { messageIds }, { sequence: 0 })))
    return createDiscard(platform, config)(body, new Map(Object.entries(operatorHeaders({ actor: 'jo', reason: 'x' }))))
  }
  return { platform, failures, request, submit, deliver, discard, read }
}

const about = { command: 'Cook', actor: 'staff:chef', submittedAt: startOfTests }

describe('the outcome of a submitted command', () => {
  it('is that it waits, until it was handled', async () => {
    const { platform, submit, deliver, read } = started()
    const commandId = await submit()
    expect(await read(commandId)).toEqual({ status: 200, body: { ...about, commandId, status: 'waiting' } })
    platform.advance(1_000)
    expect(await deliver()).toBe(204)
    const finishedAt = '2026-01-01T00:00:01.000Z'
    expect(await read(commandId)).toEqual({ status: 200, body: { ...about, commandId, status: 'done', finishedAt } })
  })

  it('is the code and the sentence with which the rules refused it', async () => {
    const { failures, submit, deliver, read } = started()
    const commandId = await submit()
    failures.push(new Refused(codes['sold-out'], 'There is no soup left.'))
    expect(await deliver()).toBe(204)
    expect((await read(commandId)).body).toMatchObject({
      status: 'refused',
      code: 'sold-out',
      detail: 'There is no soup left.',
      httpStatus: 409,
    })
  })

  it('is that it waits, while it fails and is tried again', async () => {
    const { failures, submit, deliver, read } = started()
    const commandId = await submit()
    failures.push(new Unavailable('The stove is cold.'), new Error('a bug'))
    expect(await deliver()).toBe(503)
    expect(await deliver(1)).toBe(500)
    expect((await read(commandId)).body).toMatchObject({ status: 'waiting' })
    expect(await deliver(2)).toBe(204)
    expect((await read(commandId)).body).toMatchObject({ status: 'done' })
  })

  it('stays, whatever a redelivery comes to', async () => {
    const { failures, submit, deliver, read } = started()
    const commandId = await submit()
    await deliver()
    failures.push(new Refused(codes['sold-out'], 'There is no soup left.'))
    expect(await deliver(1)).toBe(204)
    expect((await read(commandId)).body).toMatchObject({ status: 'done' })
  })

  it('is that it was discarded, once an operator has deleted its dead letter', async () => {
    const { platform, failures, submit, deliver, discard, read } = started()
    const commandId = await submit()
    failures.push(new Error('a bug'))
    expect(await deliver(MAX_DELIVERY_ATTEMPTS - 1)).toBe(204)
    expect((await read(commandId)).body).toMatchObject({ status: 'waiting' })
    expect(platform.deadLetters).toHaveLength(1)
    expect(await discard()).toEqual({ status: 204 })
    expect(platform.deadLetters).toEqual([])
    const body = { status: 'refused', code: 'discarded', detail: expect.stringMatching(/discarded/), httpStatus: 409 }
    expect((await read(commandId)).body).toMatchObject(body)
  })

  it('is that it waits again, when the same submission of a discarded command comes, which gets a task that Cloud Tasks takes', async () => {
    const { platform, failures, submit, deliver, discard, read } = started()
    const commandId = await submit()
    expect(platform.sent.at(-1)).not.toHaveProperty('unnamed')
    failures.push(new Error('a bug'))
    await deliver(MAX_DELIVERY_ATTEMPTS - 1)
    await discard()
    expect(await submit()).toBe(commandId)
    // The command may have been decided already: the same id decides nothing again.
    expect(platform.sent).toMatchObject([{}, { unnamed: true, envelope: { id: commandId } }])
    expect((await read(commandId)).body).toMatchObject({ status: 'waiting' })
    expect(await deliver()).toBe(204)
    expect((await read(commandId)).body).toMatchObject({ status: 'done' })
  })

  it('is that it was done, or why it was refused, when another task of a discarded command is delivered', async () => {
    for (const failure of [undefined, new Refused(codes['sold-out'], 'There is no soup left.')]) {
      const { failures, submit, deliver, discard, read } = started()
      const commandId = await submit()
      failures.push(new Error('a bug'), failure)
      await deliver(MAX_DELIVERY_ATTEMPTS - 1)
      await discard()
      expect(await deliver(MAX_DELIVERY_ATTEMPTS)).toBe(204)
      const { body } = await read(commandId)
      expect(body).toMatchObject(failure ? { status: 'refused', code: 'sold-out' } : { status: 'done' })
    }
  })

  it('stays when a dead letter of the same command is discarded after it was done, and one that is no command has none', async () => {
    const { platform, failures, submit, deliver, discard, read } = started()
    const commandId = await submit()
    failures.push(new Error('a bug'))
    await deliver(MAX_DELIVERY_ATTEMPTS - 1)
    await deliver()
    await platform.publisher.deadLetter('kitchen', Buffer.from('no envelope'), { type: 'Cook' })
    expect(await discard()).toEqual({ status: 204 })
    expect(platform.deadLetters).toEqual([])
    expect((await read(commandId)).body).toMatchObject({ status: 'done' })
  })

  it('costs one read and one write; of a redelivery, one read', async () => {
    const { platform, submit, deliver } = started()
    await submit()
    const before = { ...platform.billed }
    const since = () => ({
      reads: platform.billed.reads - before.reads,
      writes: platform.billed.writes - before.writes,
    })
    await deliver()
    expect(since()).toEqual({ reads: 1, writes: 1 })
    await deliver(1)
    expect(since()).toEqual({ reads: 2, writes: 1 })
  })

  it('is not recorded for a command that the service sent to itself', async () => {
    const { platform, deliver } = started()
    for (const type of ['Cook', 'Wash'] as const) {
      const command = { type, data: { meal: 'soup' } } as const
      await platform.send<typeof command>(command, {
        id: crypto.randomUUID(),
        subject: 'table-1',
        correlationId: 'table-1',
        actor: 'staff:chef',
      })
      expect(await deliver()).toBe(204)
    }
    expect([...platform.storedDocuments().keys()]).toEqual([])
  })
})

describe('the status of a command', () => {
  it.each([
    ['of another submitter', 'kiosk', 404],
    ['asked by a service that submits nothing', 'guest', 403],
    ['asked by the service itself', 'kitchen', 403],
  ])('%s is refused', async (_, account, status) => {
    const { submit, read } = started()
    expect((await read(await submit(), account)).status).toBe(status)
  })

  it('of an unknown id, or from before commands had one, is not found', async () => {
    const { platform, read } = started()
    const former = crypto.randomUUID()
    await platform.documents.create(keyPath(former), { requestHash: 'a' })
    for (const id of [former, crypto.randomUUID(), 'x'.repeat(2_000), 'Cook'])
      expect(await read(id)).toMatchObject({ status: 404, body: { code: 'not-found' } })
  })
})

describe('a submitted command that is repeatable', () => {
  it('is enqueued under the same id each time, and carried out, without a read or a write', async () => {
    const { platform, submit, deliver, read } = started()
    const commandId = await submit('Taste')
    expect(await deliver()).toBe(204)
    expect(await submit('Taste')).toBe(commandId)
    expect(platform.sent.map(({ envelope }) => envelope.id)).toEqual([commandId, commandId])
    expect(platform.billed).toEqual({ reads: 0, writes: 0 })
    expect((await read(commandId)).status).toBe(404)
  })

  it('that is refused is done, and one that fails is retried', async () => {
    const { failures, platform, submit, deliver } = started()
    failures.push(new Unavailable('The stove is cold.'), new Refused('not-found', 'There is no soup.'))
    await submit('Taste')
    expect([await deliver(), await deliver(1)]).toEqual([503, 204])
    expect(platform.billed).toEqual({ reads: 0, writes: 0 })
  })

  it("is refused by its owner's check, each time", async () => {
    const { platform, request } = started()
    for (const _attempt of [1, 2]) expect((await request('Taste', 'moon')).status).toBe(404)
    expect(platform.sent).toEqual([])
    expect(platform.billed).toEqual({ reads: 0, writes: 0 })
  })
})
