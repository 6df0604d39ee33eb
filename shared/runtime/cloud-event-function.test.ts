import type { Hono } from 'hono'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import { implement } from '../service/app.ts'
import type { Delivery } from '../service/service-app.ts'
import { defineContracts } from '../contracts/contract.ts'
import { Refused, Unavailable } from '../base/errors.ts'
import { defineService } from '../service/service.ts'
import { emailOf, idToken, pushBody, testConfig } from '../base/config.testing.ts'
import { message } from './deliver.testing.ts'
import { testPlatform } from './platform.testing.ts'
import { createCloudEventFunction } from './cloud-event-function.ts'
import { createHttpApp } from './http-app.ts'

const shopContracts = defineContracts({
  service: 'shop',
  events: { 'thing.sold': { version: 1, data: z.strictObject({ thing: z.string() }), example: { thing: 't' } } },
  commands: {},
})
const mailer = defineService({
  name: 'mailer',
  ingress: 'internal',
  runtime: 'cloudevent',
  contracts: defineContracts({ service: 'mailer', events: {}, commands: {} }),
  uses: [shopContracts],
  on: ['thing.sold'],
  sends: [],
})

const path = '/events/thing.sold'
const sold = message('thing.sold', { thing: 'tea' })
const platform = testPlatform(mailer)
const handled: { data: unknown; delivery: Delivery }[] = []
let failure: Error | undefined
let http: Hono

beforeAll(async () => {
  const app = implement(mailer, {
    on: {
      async 'thing.sold'({ data }, _platform, delivery) {
        if (failure) throw failure
        handled.push({ data, delivery })
      },
    },
    commands: {},
  })
  const call = await createCloudEventFunction('mailer', 'test-project')
  http = createHttpApp(app, platform, testConfig('mailer'), call)
})
beforeEach(() => {
  failure = undefined
  handled.length = 0
  platform.deadLetters.length = 0
})

const push = async (body: string, headers: Record<string, string> = {}, to = path): Promise<Response> =>
  http.request(to, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', authorization: idToken('mailer', 'mailer-push'), ...headers },
  })

describe('a CloudEvent function', () => {
  it('is called with the message, and with the id of its CloudEvent, which is the id of the delivery', async () => {
    const response = await push(pushBody(sold))
    expect(response.status).toBe(204)
    expect(handled).toEqual([
      { data: { thing: 'tea' }, delivery: { messageId: 'message-1', cloudEventId: 'message-1' } },
    ])
  })

  it.each<[string, string, string]>([
    ['unrelated JSON', '{"hello":"world"}', 'not a Pub/Sub push message'],
    ['malformed JSON', 'hello', 'not a Pub/Sub push message'],
    [
      'another event',
      JSON.stringify({ specversion: '1.0', id: '1', type: 'x', source: 'y', data: {} }),
      'not a Pub/Sub push message',
    ],
    ['JSON without an envelope', pushBody({ thing: 'tea' }), 'not an envelope'],
    ['data that break the contract', pushBody({ ...sold, data: { thing: 1 } }), 'thing'],
  ])('is not called with %s, which is dead-lettered', async (_name, body, reason) => {
    expect((await push(body)).status).toBe(204)
    expect(handled).toEqual([])
    expect(platform.deadLetters).toHaveLength(1)
    expect(platform.deadLetters[0]!.attributes['reason']).toContain(reason)
  })

  it('is not called with a version that only a later revision knows, which is redelivered', async () => {
    expect((await push(pushBody({ ...sold, version: 2 }))).status).toBe(503)
    expect({ handled, letters: platform.deadLetters }).toEqual({ handled: [], letters: [] })
  })

  it.each<[string, Record<string, string>, string, number]>([
    ['without a token', { authorization: '' }, path, 401],
    ['by another account', { authorization: idToken('mailer', 'shop-push') }, path, 403],
    ['for another topic', {}, '/events/thing.lost', 403],
    ['at its root', {}, '/', 403],
  ])('is not called %s', async (_name, headers, to, status) => {
    expect((await push(pushBody(sold), headers, to)).status).toBe(status)
    expect(handled).toEqual([])
  })

  it.each<[string, string, () => Error, boolean]>([
    ['acknowledges', 'what the rules refuse', () => new Refused('not-found', 'no'), true],
    ['does not acknowledge', 'what is not for now', () => new Unavailable('later'), false],
    ['does not acknowledge', 'a bug', () => new TypeError('oops'), false],
  ])('%s %s', async (_does, _name, make, acknowledged) => {
    failure = make()
    const { status } = await push(pushBody(sold))
    expect(status < 300).toBe(acknowledged)
    failure = undefined
    expect((await push(pushBody(sold))).status).toBe(204)
    expect(handled).toHaveLength(1)
  })

  it('answers a transient failure with 503 and Retry-After, and a bug with 500', async () => {
    failure = new Unavailable('later', { retryAfterSeconds: 7 })
    const later = await push(pushBody(sold))
    expect([later.status, later.headers.get('retry-after')]).toEqual([503, '7'])
    failure = new TypeError('oops')
    const bug = await push(pushBody(sold))
    expect([bug.status, bug.headers.get('retry-after')]).toEqual([500, null])
    const measured = platform.measures.slice(-2).map(({ attributes }) => attributes['http.response.status_code'])
    expect(measured).toEqual([503, 500])
  })

  it('answers with Retry-After when an unreadable message cannot be dead-lettered now', async () => {
    platform.fail('publish')
    const later = await push('hello')
    expect([later.status, later.headers.get('retry-after')]).toEqual([503, '1'])
    expect((await push('hello')).status).toBe(204)
  })

  it('replays dead letters that an operator names, and accepts no message from an operator', async () => {
    const operator = {
      authorization: idToken('mailer', 'operations'),
      'x-operator': 'jo',
      'x-operator-reason': 'again',
    }
    expect((await push(pushBody(sold), operator)).status).toBe(403)
    await platform.publisher.deadLetter('mailer', Buffer.from(JSON.stringify({ ...sold, source: 'shop' })), {
      CloudPubSubDeadLetterSourceSubscription: 'mailer.thing.sold',
    })
    const { messageId } = platform.deadLetters[0]!
    const command = message('ReplayDeadLetters', { messageIds: [messageId] }, { sequence: 0, subject: 'mailer' })
    const to = '/commands/ReplayDeadLetters'
    expect((await push(JSON.stringify(command), {}, to)).status).toBe(403)
    const { authorization } = operator
    expect((await push(JSON.stringify(command), { authorization }, to)).status).toBe(204)
    expect(handled).toEqual([])
    expect(platform.logs.at(-1)?.fields).toMatchObject({ event: 'operator-unnamed', subject: emailOf('operations') })
    expect((await push(JSON.stringify(command), operator, to)).status).toBe(204)
    expect(handled).toMatchObject([{ data: { thing: 'tea' }, delivery: { messageId } }])
    expect(platform.deadLetters).toEqual([])
    expect(platform.logs).toContainEqual(
      expect.objectContaining({
        event: 'security',
        fields: expect.objectContaining({ event: 'message.replayed', subject: 'operator:jo' }),
      }),
    )
  })
})

it('fails, and does not hang, when the functions framework answers by itself', async () => {
  const crash = vi.spyOn(console, 'error').mockReturnValue(undefined)
  onTestFinished(() => crash.mockRestore())
  const call = await createCloudEventFunction('failing', 'test-project')
  const push = JSON.parse(pushBody(sold)) as object
  const failed = call('thing.sold', push, () => Promise.reject(new Error('oops')))
  await expect(failed).rejects.toThrow('The functions framework answered thing.sold with 500 by itself.')
})
