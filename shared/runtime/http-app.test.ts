import type { Message } from '../contracts/message.ts'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { implement } from '../service/app.ts'
import { defineContracts } from '../contracts/contract.ts'
import { remainingMs } from '../base/deadline.ts'
import { Refused, Unavailable } from '../base/errors.ts'
import { operatorHeaders } from '../base/operator.ts'
import type { Platform } from '../service/platform.ts'
import { defineService, fromOperators, type Service } from '../service/service.ts'
import { emailOf, idToken, pushBody, testConfig } from '../base/config.testing.ts'
import { message } from './deliver.testing.ts'
import { testPlatform } from './platform.testing.ts'
import { createHttpApp } from './http-app.ts'

const shopContracts = defineContracts({
  service: 'shop',
  events: {
    'thing.sold': {
      version: 3,
      data: z.strictObject({ thing: z.string(), price: z.strictObject({ minor: z.int(), currency: z.string() }) }),
      example: { thing: 't', price: { minor: 1, currency: 'EUR' } },
      previousVersions: {
        1: {
          data: z.strictObject({ thing: z.string(), minor: z.int() }),
          upcast: (old) => ({ ...(old as object), currency: 'EUR' }),
        },
        2: {
          data: z.strictObject({ thing: z.string(), minor: z.int(), currency: z.string() }),
          upcast: (old) => {
            const { thing, minor, currency } = old as { thing: string; minor: number; currency: string }
            return { thing, price: { minor, currency } }
          },
        },
      },
    },
  },
  commands: {},
})
const kitchenContracts = defineContracts({
  service: 'kitchen',
  events: { 'meal.cooked': { version: 1, data: z.strictObject({ meal: z.string() }), example: { meal: 'm' } } },
  commands: {
    Cook: {
      version: 2,
      data: z.strictObject({ meal: z.string() }),
      example: { meal: 'm' },
      previousVersions: {
        1: { data: z.strictObject({ dish: z.string() }), upcast: (old) => ({ meal: (old as { dish: string }).dish }) },
      },
    },
    Clean: { version: 1, retryForever: true, data: z.strictObject({}), example: {} },
  },
  queries: {
    readMenu: { method: 'get', path: '/menu', answers: { 200: z.array(z.string()) } },
    readRecipe: { method: 'get', path: '/recipe', answers: { 200: z.string() } },
  },
})
const kitchen = defineService({
  name: 'kitchen',
  ingress: 'internal',
  contracts: kitchenContracts,
  uses: [shopContracts],
  on: ['thing.sold'],
  sends: [],
  collections: { streams: {} },
})

type Act = (platform: Platform) => unknown

function started(
  act: Act = () => undefined,
  collections: Service['collections'] = kitchen.collections,
  peers: Readonly<Record<string, string>> = {},
) {
  const handled: { data: unknown; version: number; messageId: string }[] = []
  const platform = testPlatform({ ...kitchen, collections })
  const handle = async (
    given: { data: unknown; version: number },
    on: Platform,
    { messageId }: { messageId: string },
  ): Promise<void> => {
    await act(on)
    handled.push({ data: given.data, version: given.version, messageId })
  }
  const app = implement(kitchen, {
    on: { 'thing.sold': handle },
    commands: {
      Clean: handle,
      async Cook(given, on, delivery) {
        await handle(given, on, delivery)
        await on.streams.handle<Message>(given, given.subject, () => ({
          events: [{ type: 'meal.cooked', data: given.data }],
          commands: [],
        }))
      },
    },
    queries: {
      readMenu: async () => ({ status: 200, body: ['soup'] }),
      readRecipe: async () => ({ status: 200, body: 'secret' }),
    },
  })
  const config = testConfig('kitchen', {
    senders: { Cook: ['shop'], Clean: ['shop'], RepublishEvents: ['boss'] },
    callers: { readMenu: ['waiter'], readRecipe: ['cook'] },
    peers,
  })
  const http = createHttpApp(app, platform, config)
  const post = (path: string, body: string, headers: Record<string, string>) =>
    http.request(path, { method: 'POST', body, headers })
  return {
    platform,
    handled,
    http,
    push: (
      body: string,
      headers: Record<string, string> = { authorization: idToken('kitchen', 'kitchen-push') },
      path = '/events/thing.sold',
    ) => post(path, body, headers),
    task: (command: string, body: unknown, headers: Record<string, string> = {}) =>
      post(`/commands/${command}`, typeof body === 'string' ? body : JSON.stringify(body), {
        authorization: idToken('kitchen', 'shop'),
        'x-cloudtasks-taskname': 'task-1',
        ...headers,
      }),
  }
}

const sold = message('thing.sold', { thing: 'tea', price: { minor: 100, currency: 'EUR' } }, { version: 3 })
const cook = message('Cook', { meal: 'soup' }, { subject: 'm-1', sequence: 0, version: 2 })
const clean = message('Clean', {}, { sequence: 0 })

describe('an event pushed by Pub/Sub', () => {
  it('reaches its handler, with the id of its delivery', async () => {
    const { push, handled } = started()
    expect((await push(pushBody(sold))).status).toBe(204)
    expect(handled).toEqual([{ data: sold.data, version: 3, messageId: 'message-1' }])
  })

  it('of an old version is upcast step by step', async () => {
    const { push, handled } = started()
    await push(pushBody({ ...sold, version: 1, data: { thing: 'tea', minor: 5 } }))
    await push(pushBody({ ...sold, version: 2, data: { thing: 'tea', minor: 5, currency: 'GBP' } }))
    expect(handled.map(({ data }) => data)).toEqual([
      { thing: 'tea', price: { minor: 5, currency: 'EUR' } },
      { thing: 'tea', price: { minor: 5, currency: 'GBP' } },
    ])
  })

  it.each<[string, string, string]>([
    ['that is not a push request', '{"hello":"world"}', 'not a Pub/Sub push message'],
    ['that is not JSON', 'hello', 'not a Pub/Sub push message'],
    ['whose data are not JSON', pushBody('hello'), 'not JSON'],
    ['without an envelope', pushBody({ thing: 'tea' }), 'not an envelope'],
    ['with an unknown field in its envelope', pushBody({ ...sold, more: 1 }), 'not an envelope'],
    [
      'of another type',
      pushBody({ ...sold, type: 'thing.lost' }),
      'the type in the envelope is thing.lost, not thing.sold',
    ],
    ['that a person published by hand', pushBody({ ...sold, source: 'cli', sequence: 0 }), 'published by hand'],
    [
      'of an unknown version that a person published by hand',
      pushBody({ ...sold, source: 'cli', sequence: 0, version: 4 }),
      'version 4, which is newer than 3',
    ],
    [
      'that breaks its contract',
      pushBody({ ...sold, data: { thing: 'tea', price: { minor: 0.5, currency: 'EUR' } } }),
      'price.minor',
    ],
  ])('%s is dead-lettered unchanged, with the reason', async (_name, body, reason) => {
    const { push, platform, handled } = started()
    expect((await push(body)).status).toBe(204)
    expect(handled).toEqual([])
    expect(platform.deadLetters).toHaveLength(1)
    const [letter] = platform.deadLetters
    expect(letter!.service).toBe('kitchen')
    expect(letter!.attributes['reason']).toContain(reason)
    expect(letter!.attributes).toMatchObject({ type: 'thing.sold', consumer: 'kitchen' })
    const data = (JSON.parse(body.startsWith('{') ? body : 'null') as { message?: { data: string } } | null)?.message
      ?.data
    expect(letter!.data).toBe(data === undefined ? body : Buffer.from(data, 'base64').toString('utf8'))
  })

  it('of a version that only a later revision knows is redelivered until that revision gets it', async () => {
    const { push, platform, handled } = started()
    expect((await push(pushBody({ ...sold, version: 4 }))).status).toBe(503)
    expect({ handled, letters: platform.deadLetters }).toEqual({ handled: [], letters: [] })
    expect(platform.logs.at(-1)).toMatchObject({ event: 'message.retry-later', fields: { id: sold.id } })
  })

  it('that is dead-lettered for a long reason has the reason cut to the length of an attribute', async () => {
    const { push, platform } = started()
    await push(pushBody({ ...sold, ['é'.repeat(5_000)]: 1 }))
    const reason = platform.deadLetters[0]!.attributes['reason']!
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(1_024)
    expect(reason).toContain('ééé')
    expect(reason).not.toContain('\uFFFD')
  })

  it('that is not a push request and too large for a dead letter is dead-lettered by its first bytes', async () => {
    const { push, platform } = started()
    expect((await push(`"${'x'.repeat(11_000_000)}`)).status).toBe(204)
    const { data, attributes } = platform.deadLetters[0]!
    expect(data).toHaveLength(9_990_000)
    expect(attributes['reason']).toMatch(/^the first 9990000 of 11000001 bytes: not a Pub\/Sub push message/)
  })

  it('is redelivered when its dead-lettering fails', async () => {
    const { push, platform } = started()
    platform.fail('publish')
    const response = await push('hello')
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
  })

  it.each<[string, Act, number, string]>([
    ['that the rules refuse is acknowledged', () => Promise.reject(new Refused('not-found', 'no')), 204, 'WARNING'],
    [
      'with a transient failure is redelivered',
      () => Promise.reject(new Unavailable('later', { retryAfterSeconds: 7 })),
      503,
      'WARNING',
    ],
    ['that meets a bug is redelivered', () => Promise.reject(new TypeError('oops')), 500, 'ERROR'],
  ])('%s', async (_name, act, status, severity) => {
    const { push, platform } = started(act)
    const response = await push(pushBody(sold))
    expect(response.status).toBe(status)
    expect(response.headers.get('retry-after')).toBe(status === 503 ? '7' : null)
    expect(await response.text()).toBe('')
    expect(platform.logs.at(-1)).toMatchObject({ severity, fields: { correlationId: sold.correlationId } })
    expect(platform.deadLetters).toEqual([])
  })

  it('of a type without a subscription is refused', async () => {
    const { push } = started()
    expect([403, 404]).toContain((await push(pushBody(sold), undefined, '/events/thing.lost')).status)
  })

  it.each<[string, Record<string, string>, number]>([
    ['no caller', {}, 401],
    ['a caller without a token', { authorization: 'hello' }, 401],
    ['a malformed token', { authorization: 'Bearer hello' }, 401],
    ['a token for another service', { authorization: idToken('shop', 'kitchen-push') }, 401],
    ['an expired token', { authorization: idToken('kitchen', 'kitchen-push', { exp: 1 }) }, 401],
    ['a token that never expires', { authorization: idToken('kitchen', 'kitchen-push', { exp: undefined }) }, 401],
    ['another push account', { authorization: idToken('kitchen', 'shop-push') }, 403],
    ['a sender of commands', { authorization: idToken('kitchen', 'shop') }, 403],
    ['a token without an e-mail', { authorization: idToken('kitchen', 'kitchen-push', { email: undefined }) }, 401],
  ])('by %s is refused', async (_name, headers, status) => {
    const { push, handled, platform } = started()
    expect((await push(pushBody(sold), headers)).status).toBe(status)
    expect({ handled, letters: platform.deadLetters }).toEqual({ handled: [], letters: [] })
  })

  it('beyond its limit is refused', async () => {
    const { push } = started()
    expect((await push('x'.repeat(15 * 1024 * 1024))).status).toBe(413)
  })
})

describe('a command sent by a task', () => {
  it("is acknowledged after its handler's events are published", async () => {
    const { task, platform, handled } = started()
    expect((await task('Cook', cook)).status).toBe(204)
    expect(handled).toEqual([{ data: { meal: 'soup' }, version: 2, messageId: 'task-1' }])
    expect(platform.published).toMatchObject([{ type: 'meal.cooked', subject: 'm-1', causationId: cook.id }])
  })

  it.each<[string, string, unknown, string]>([
    ['that breaks its contract', 'Cook', { ...cook, data: {} }, 'Cook breaks its contract'],
    ['without an envelope', 'Cook', { meal: 'soup' }, 'not an envelope'],
    ['that is not JSON', 'Cook', 'soup', 'not JSON'],
    ['under the name of another command', 'Cook', clean, 'the type in the envelope is Clean, not Cook'],
  ])('%s is dead-lettered with the reason', async (_name, command, body, reason) => {
    const { task, platform, handled } = started()
    expect((await task(command, body)).status).toBe(204)
    expect(handled).toEqual([])
    expect(platform.deadLetters).toHaveLength(1)
    expect(platform.deadLetters[0]!.attributes['reason']).toContain(reason)
    expect(platform.deadLetters[0]!.data).toBe(typeof body === 'string' ? body : JSON.stringify(body))
  })

  it.each<[string, string, unknown, string]>([
    ['that breaks its contract', 'Clean', { ...clean, data: { with: 'soap' } }, 'Clean breaks its contract'],
    ['without an envelope', 'Clean', { meal: 'soup' }, 'not an envelope'],
    ['under the name of another command', 'Clean', cook, 'the type in the envelope is Cook, not Clean'],
    ['of a later version', 'Clean', { ...clean, version: 2 }, 'Clean has version 2'],
    [
      'RepublishEvents without a correlation id',
      'RepublishEvents',
      { ...clean, type: 'RepublishEvents' },
      'RepublishEvents breaks its contract',
    ],
  ])('that compensates and can not be read, one %s, is never dead-lettered', async (_name, command, body, reason) => {
    const { task, platform, handled } = started()
    const by = command === 'RepublishEvents' ? { authorization: idToken('kitchen', 'boss') } : {}
    expect((await task(command, body, by)).status).toBe(503)
    expect(platform.logs.at(-1)).toMatchObject({
      event: 'message.retry-later',
      fields: { type: command, reason: expect.stringContaining(reason) },
    })
    expect((await task(command, body, { ...by, 'x-cloudtasks-taskretrycount': '500' })).status).toBe(503)
    expect(platform.logs.at(-1)).toMatchObject({ event: 'saga.stuck', fields: { step: command, attempt: 501 } })
    expect({ handled, letters: platform.deadLetters }).toEqual({ handled: [], letters: [] })
  })

  it.each<[string, string, unknown, string]>([
    ['that is unknown', 'Bake', { ...cook, type: 'Bake' }, 'kitchen has no command Bake'],
    [
      'named like a property of every object',
      'constructor',
      { ...cook, type: 'constructor' },
      'no command constructor',
    ],
    ['named __proto__', '__proto__', { ...cook, type: '__proto__' }, 'no command __proto__'],
    ['of a later version', 'Cook', { ...cook, version: 3 }, 'failed 20 times, last with 503'],
  ])('%s may be one of a later revision: dead-lettered at its twentieth attempt', async (_name, type, body, reason) => {
    const { task, platform, handled } = started()
    expect((await task(type, body, { 'x-cloudtasks-taskretrycount': '18' })).status).toBe(503)
    expect(platform.deadLetters).toEqual([])
    expect((await task(type, body, { 'x-cloudtasks-taskretrycount': '19' })).status).toBe(204)
    expect(platform.deadLetters.map(({ attributes }) => attributes['reason'])).toEqual([
      expect.stringContaining(reason),
    ])
    expect(handled).toEqual([])
  })

  it('of an earlier version is upcast', async () => {
    const { task, platform, handled } = started()
    expect((await task('Cook', { ...cook, version: 1, data: { dish: 'stew' } })).status).toBe(204)
    expect(handled).toMatchObject([{ data: { meal: 'stew' }, version: 2 }])
    expect(platform.deadLetters).toEqual([])
  })

  it.each<[string, Record<string, string>, number]>([
    ['a caller without a token', { authorization: '' }, 401],
    ['a sender of other commands', { authorization: idToken('kitchen', 'boss') }, 403],
    ['a caller that may only query', { authorization: idToken('kitchen', 'waiter') }, 403],
    ['the push account', { authorization: idToken('kitchen', 'kitchen-push') }, 403],
  ])('by %s is refused', async (_name, headers, status) => {
    const { task, handled } = started()
    expect((await task('Cook', cook, headers)).status).toBe(status)
    expect(handled).toEqual([])
  })

  it('of an unknown type by an unknown caller is refused and not dead-lettered', async () => {
    const { task, platform } = started()
    expect((await task('Bake', cook, { authorization: idToken('kitchen', 'waiter') })).status).toBe(403)
    expect(platform.deadLetters).toEqual([])
  })

  const broken: Act = () => Promise.reject(new Unavailable('later'))

  it('is dead-lettered at its twentieth attempt, since Cloud Tasks deletes an exhausted task', async () => {
    const { task, platform } = started(broken)
    expect((await task('Cook', cook, { 'x-cloudtasks-taskretrycount': '18' })).status).toBe(503)
    expect(platform.deadLetters).toEqual([])
    expect((await task('Cook', cook, { 'x-cloudtasks-taskretrycount': '19' })).status).toBe(204)
    expect(platform.deadLetters).toHaveLength(1)
    expect(platform.deadLetters[0]!.attributes['reason']).toContain('20 times')
  })

  it('that compensates is retried for ever, and reported stuck from the fifth attempt on', async () => {
    const { task, platform } = started(broken)
    expect((await task('Clean', clean, { 'x-cloudtasks-taskretrycount': '3' })).status).toBe(503)
    expect(platform.logs.some(({ event }) => event === 'saga.stuck')).toBe(false)
    expect((await task('Clean', clean, { 'x-cloudtasks-taskretrycount': '500' })).status).toBe(503)
    expect(platform.logs.some(({ event, severity }) => event === 'saga.stuck' && severity === 'ERROR')).toBe(true)
    expect(platform.deadLetters).toEqual([])
  })
})

describe('an operator', () => {
  const operator = {
    authorization: idToken('kitchen', 'operations'),
    'x-cloudtasks-taskname': 'replay-1',
    ...operatorHeaders({ actor: 'jo', reason: 'provider is back: größer' }),
  }
  const put = async (
    { platform }: ReturnType<typeof started>,
    content: unknown,
    attributes: Record<string, string>,
  ): Promise<string> => {
    const data = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
    await platform.publisher.deadLetter('kitchen', data, attributes)
    return platform.deadLetters.at(-1)!.messageId
  }
  const naming = (command: string, messageIds: readonly unknown[]): object =>
    message(command, { messageIds }, { sequence: 0, subject: 'kitchen' })
  const replayOf = (messageIds: readonly unknown[]): object => naming('ReplayDeadLetters', messageIds)
  const sent =
    (command: string) =>
    (kitchenRun: ReturnType<typeof started>, ids: readonly unknown[], retries = '0') =>
      kitchenRun.task(command, naming(command, ids), { ...operator, 'x-cloudtasks-taskretrycount': retries })
  const replay = sent('ReplayDeadLetters')
  const discard = sent('DiscardDeadLetters')
  const security = ({ platform }: ReturnType<typeof started>) =>
    platform.logs.filter(({ event }) => event === 'security').map(({ fields }) => fields)
  const ofShop = { ...sold, source: 'shop' }
  const fromShop = { ...cook, source: 'shop' }
  const deadLettered = { type: 'thing.sold', CloudPubSubDeadLetterSourceSubscription: 'kitchen.thing.sold' }

  it('may send no event, command or query', async () => {
    const { push, task, http, handled } = started()
    expect((await push(pushBody(sold), operator)).status).toBe(403)
    for (const command of ['Cook', 'Clean', 'Unknown'])
      expect((await task(command, fromShop, operator)).status).toBe(403)
    expect((await http.request('/menu', { headers: operator })).status).toBe(403)
    expect(handled).toEqual([])
  })

  it('replays dead letters, which deletes each of them and logs operator and reason', async () => {
    const one = started()
    const event = await put(one, ofShop, deadLettered)
    const command = await put(one, fromShop, { type: 'Cook', consumer: 'kitchen' })
    const other = await put(one, ofShop, deadLettered)
    expect((await replay(one, [event, command])).status).toBe(204)
    expect(one.handled.map(({ messageId }) => messageId)).toEqual([event, command])
    expect(one.platform.deadLetters.map(({ messageId }) => messageId)).toEqual([other])
    expect(security(one)).toMatchObject(
      [
        { type: 'thing.sold', letter: event },
        { type: 'Cook', letter: command },
      ].map((act) => ({
        ...act,
        event: 'message.replayed',
        outcome: 'done',
        subject: 'operator:jo',
        reason: 'provider is back: größer',
        task: 'replay-1',
        attempt: 1,
      })),
    )
  })

  it('leaves a dead letter in place that fails again for twenty attempts', async () => {
    const one = started(() => Promise.reject(new Unavailable('later')))
    const id = await put(one, ofShop, deadLettered)
    expect((await replay(one, [id])).status).toBe(503)
    expect((await replay(one, [id], '18')).status).toBe(503)
    expect((await replay(one, [id], '19')).status).toBe(204)
    expect(one.platform.deadLetters).toHaveLength(1)
    expect(one.platform.logs.some(({ event }) => event === 'replay.failed')).toBe(true)
  })

  const stays = async (content: unknown, attributes: Record<string, string>) => {
    const one = started()
    const id = await put(one, content, attributes)
    expect((await replay(one, [id])).status).toBe(204)
    expect(one.handled).toEqual([])
    expect(one.platform.deadLetters).toHaveLength(1)
    return { one, id }
  }

  it.each<[string, unknown, Record<string, string>]>([
    ['names a source that is not a service', { ...sold, source: 'stranger' }, deadLettered],
    ['names a source that does not own the event', { ...sold, source: 'kitchen' }, deadLettered],
    ['is a command of a source that may not send it', { ...cook, source: 'waiter' }, { type: 'Cook' }],
  ])(
    'can not replay a dead letter that %s, which stays and causes a security event',
    async (_, content, attributes) => {
      const { one, id } = await stays(content, attributes)
      expect(security(one).at(-1)).toMatchObject({ event: 'replay-refused', subject: 'operator:jo', letter: id })
    },
  )

  it.each<[string, unknown, Record<string, string>, RegExp]>([
    ['was published by hand', { ...ofShop, sequence: 0 }, deadLettered, /by hand/],
    ['has no envelope', 'hello', deadLettered, /not JSON/],
    ['is an unknown command', { ...fromShop, type: 'Bake' }, { type: 'Bake' }, /no command Bake/],
    [
      'has another type than its dead-letter attribute',
      fromShop,
      deadLettered,
      /the type in the envelope is Cook, not thing\.sold/,
    ],
    ['breaks its contract', { ...ofShop, data: { price: 1 } }, deadLettered, /breaks its contract/],
  ])(
    'can not replay a dead letter that %s, which stays and whose reason is logged',
    async (_, content, attributes, reason) => {
      const { one, id } = await stays(content, attributes)
      expect(one.platform.logs.find(({ event }) => event === 'replay.unreadable')?.fields).toMatchObject({
        letter: id,
        reason: expect.stringMatching(reason),
      })
      expect(security(one).map(({ event, outcome }) => [event, outcome])).toEqual([['message.replayed', 'refused']])
    },
  )

  it('retries a few times for a dead letter that another reader has leased', async () => {
    const one = started()
    expect((await replay(one, ['none'])).status).toBe(503)
    expect((await replay(one, ['none'], '4')).status).toBe(204)
  })

  it('discards dead letters, which deletes each of them, handled or not, and logs operator and reason', async () => {
    const one = started()
    const unreadable = await put(one, 'hello', { type: 'thing.sold', reason: 'not JSON' })
    const event = await put(one, ofShop, deadLettered)
    const other = await put(one, ofShop, deadLettered)
    expect((await discard(one, [unreadable, event])).status).toBe(204)
    expect(one.handled).toEqual([])
    expect(one.platform.deadLetters.map(({ messageId }) => messageId)).toEqual([other])
    expect(security(one)).toMatchObject(
      [unreadable, event].map((id) => ({
        event: 'message.discarded',
        outcome: 'done',
        subject: 'operator:jo',
        reason: 'provider is back: größer',
        type: 'thing.sold',
        letter: id,
        task: 'replay-1',
      })),
    )
    // A repeat of the task, as after an answer that was lost.
    expect((await discard(one, [unreadable, event], '4')).status).toBe(204)
    expect(security(one)).toHaveLength(2)
  })

  it('keeps a dead letter that Pub/Sub does not delete now, and tries again', async () => {
    const one = started()
    const id = await put(one, ofShop, deadLettered)
    vi.spyOn(one.platform.deadLetterBox, 'acknowledge').mockRejectedValueOnce(new Unavailable('gone'))
    expect((await discard(one, [id])).status).toBe(503)
    expect(one.platform.deadLetters).toHaveLength(1)
    expect((await discard(one, [id], '1')).status).toBe(204)
    expect(one.platform.deadLetters).toEqual([])
  })

  it.each<[string, unknown]>([
    ['nothing', { messageIds: [] }],
    ['too many ids', { messageIds: Array.from({ length: 21 }, (_, at) => `m-${at}`) }],
    ['content', { messageIds: ['m-1'], data: {} }],
    ['no ids', { messageIds: [1] }],
  ])('is refused a replay and a discard of %s', async (_, data) => {
    const one = started()
    const body = message('ReplayDeadLetters', data, { sequence: 0, subject: 'kitchen' })
    expect((await one.task('ReplayDeadLetters', body, operator)).status).toBe(204)
    expect(security(one)).toMatchObject([{ event: 'replay-refused', outcome: 'refused', subject: 'operator:jo' }])
    const discarded = message('DiscardDeadLetters', data, { sequence: 0, subject: 'kitchen' })
    expect((await one.task('DiscardDeadLetters', discarded, operator)).status).toBe(204)
    expect(security(one)[1]).toMatchObject({ event: 'discard-refused', outcome: 'refused', subject: 'operator:jo' })
    expect(one.platform.deadLetters).toEqual([])
  })

  it.each(['ReplayDeadLetters', 'DiscardDeadLetters'])('is the only caller that may send %s', async (command) => {
    const one = started()
    const id = await put(one, ofShop, deadLettered)
    for (const account of ['shop', 'boss', 'kitchen-push'])
      expect(
        (await one.task(command, naming(command, [id]), { authorization: idToken('kitchen', account) })).status,
      ).toBe(403)
    expect(one.handled).toEqual([])
    expect(one.platform.deadLetters).toHaveLength(1)
  })

  it('may send RepublishEvents and the commands that the description opens to operators', async () => {
    const one = started()
    const repeat = message('RepublishEvents', { correlationId: 'm-1' }, { sequence: 0 })
    expect((await one.task('RepublishEvents', repeat, operator)).status).toBe(204)
    expect(security(one)).toMatchObject([
      { event: 'operator.command', type: 'RepublishEvents', subject: 'operator:jo' },
    ])
    expect(fromOperators({ acceptsFromOperators: ['Clean'] })).toEqual(['RepublishEvents', 'Clean'])
  })

  it.each<[string, Record<string, string>]>([
    ['no name', { 'x-operator': '' }],
    ['a blank name', { 'x-operator': '%20' }],
    ['a malformed name', { 'x-operator': '%E0%A4%A' }],
    ['no reason', { 'x-operator-reason': '' }],
  ])('with %s is refused with an acknowledgement and a security event', async (_, broken) => {
    const one = started()
    const id = await put(one, ofShop, deadLettered)
    const requests = [
      { type: 'ReplayDeadLetters', body: replayOf([id]) },
      { type: 'DiscardDeadLetters', body: naming('DiscardDeadLetters', [id]) },
      { type: 'RepublishEvents', body: message('RepublishEvents', { correlationId: 'm-1' }, { sequence: 0 }) },
    ]
    for (const { type, body } of requests) {
      const task = await one.task(type, body, { ...operator, ...broken })
      // Cloud Tasks would retry every other status for ever.
      expect([type, task.status]).toEqual([type, 204])
      expect(security(one).at(-1)).toMatchObject({
        event: 'operator-unnamed',
        outcome: 'refused',
        subject: emailOf('operations'),
        reason: expect.stringContaining('x-operator') as string,
        type,
        task: 'replay-1',
      })
    }
    expect(security(one)).toHaveLength(requests.length)
    expect(one.handled).toEqual([])
    expect(one.platform.deadLetters.map(({ messageId }) => messageId)).toEqual([id])
  })

  it('has a long reason truncated in the log', async () => {
    const one = started()
    const id = await put(one, ofShop, deadLettered)
    await one.task('ReplayDeadLetters', replayOf([id]), { ...operator, 'x-operator-reason': 'x'.repeat(5_000) })
    expect(security(one)[0]).toMatchObject({ subject: 'operator:jo', reason: 'x'.repeat(300) })
  })

  it("is not logged for a push with an operator's headers", async () => {
    const { push, platform } = started()
    await push(pushBody(sold), { ...operator, authorization: idToken('kitchen', 'kitchen-push') })
    expect(platform.logs.some(({ event }) => event === 'security')).toBe(false)
  })
})

describe('RepublishEvents', () => {
  it('publishes the recorded events again with the same ids', async () => {
    const { task, platform } = started()
    await task('Cook', cook)
    const before = [...platform.published]
    const repeat = message('RepublishEvents', { correlationId: 'm-1' }, { sequence: 0 })
    expect((await task('RepublishEvents', repeat, { authorization: idToken('kitchen', 'boss') })).status).toBe(204)
    expect(platform.published).toEqual([...before, ...before])
  })

  it('is dead-lettered by a service that keeps no streams', async () => {
    const { task, platform } = started(undefined, {})
    const repeat = message('RepublishEvents', { correlationId: 'm-1' }, { sequence: 0 })
    expect((await task('RepublishEvents', repeat, { authorization: idToken('kitchen', 'boss') })).status).toBe(204)
    expect(platform.deadLetters).toMatchObject([
      { attributes: { reason: expect.stringContaining('keeps no streams') } },
    ])
  })

  it('is understood by its former name, and sent under it by its senders alone', async () => {
    const { task, platform } = started()
    await task('Cook', cook)
    const before = [...platform.published]
    const former = message('RepeatEvents', { correlationId: 'm-1' }, { sequence: 0 })
    expect((await task('RepeatEvents', former)).status).toBe(403)
    expect((await task('RepeatEvents', former, { authorization: idToken('kitchen', 'boss') })).status).toBe(204)
    expect(platform.published).toEqual([...before, ...before])
    expect(platform.deadLetters).toEqual([])
  })

  it('is retried for ever, and reported stuck from the fifth attempt on', async () => {
    const { task, platform } = started()
    await task('Cook', cook)
    platform.fail('publish')
    const repeat = message('RepublishEvents', { correlationId: 'm-1' }, { sequence: 0 })
    const headers = { authorization: idToken('kitchen', 'boss'), 'x-cloudtasks-taskretrycount': '30' }
    expect((await task('RepublishEvents', repeat, headers)).status).toBe(503)
    expect(platform.logs.some(({ event }) => event === 'saga.stuck')).toBe(true)
    expect(platform.deadLetters).toEqual([])
  })
})

describe('the other paths', () => {
  it('answer callers that may query, with the token in either header', async () => {
    const { http } = started()
    for (const name of ['authorization', 'x-serverless-authorization']) {
      const response = await http.request('/menu', { headers: { [name]: idToken('kitchen', 'waiter') } })
      expect(await response.json()).toEqual(['soup'])
    }
    expect((await http.request('/menu', { headers: { authorization: idToken('kitchen', 'shop') } })).status).toBe(403)
    expect((await http.request('/menu')).status).toBe(401)
    expect((await http.request('/recipe', { headers: { authorization: idToken('kitchen', 'waiter') } })).status).toBe(
      403,
    )
    expect((await http.request('/nothing')).status).toBe(401)
  })

  it('answer the probes without a token', async () => {
    const { http } = started()
    for (const path of ['/health/live', '/health/ready']) expect((await http.request(path)).status).toBe(200)
  })

  it('report that the instance has started once it reaches a service that it calls', async () => {
    const { http: alone } = started()
    expect((await alone.request('/health/started')).status).toBe(200)

    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const { http } = started(undefined, undefined, { shop: `http://127.0.0.1:${port}` })
    expect((await http.request('/health/started')).status).toBe(503)
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    expect((await http.request('/health/started')).status).toBe(200)
    // Strangers may ask a public service: they cause one connection, not one each.
    await new Promise((resolve) => server.close(resolve))
    expect((await http.request('/health/started')).status).toBe(200)
  })

  it('report readiness apart from liveness, and log the reasons without answering them', async () => {
    const { http, platform } = started()
    expect(await (await http.request('/health/ready')).json()).toEqual({ status: 'ready' })
    platform.health.stop()
    const response = await http.request('/health/ready')
    expect([response.status, await response.json()]).toEqual([503, { status: 'not-ready' }])
    expect(platform.logs).toMatchObject([
      { event: 'readiness.changed', fields: { reasons: [{ dependency: 'process' }] } },
    ])
    expect((await http.request('/health/live')).status).toBe(200)
  })

  describe('that are slow', () => {
    afterEach(() => void vi.useRealTimers())

    /** A kitchen whose request ends when the test ends it. */
    async function slow() {
      const platform = testPlatform(kitchen)
      const soup = Promise.withResolvers<{ status: 200; body: string[] }>()
      const leftMs: (number | undefined)[] = []
      const serve = () => {
        leftMs.push(remainingMs())
        return soup.promise
      }
      const http = createHttpApp(
        implement(kitchen, {
          on: { 'thing.sold': async () => void (await serve()) },
          commands: { Cook: async () => {}, Clean: async () => {} },
          queries: { readMenu: serve, readRecipe: async () => ({ status: 200, body: '' }) },
        }),
        platform,
        testConfig('kitchen', { callers: { readMenu: ['waiter'] } }),
      )
      const authorization = idToken('kitchen', 'waiter')
      // Fetch the issuer's keys first, since the virtual clock does not speed up the fetch.
      await http.request('/nothing', { headers: { authorization } })
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
      return {
        http,
        platform,
        soup,
        leftMs,
        send: async (headers: Record<string, string> = {}) =>
          http.request('/menu', { headers: { authorization, ...headers } }),
        logged: () => platform.logs.map(({ severity, event }) => `${severity} ${event}`),
      }
    }

    it("end with their caller's deadline, and pass on the remaining time", async () => {
      const { send, leftMs } = await slow()
      const answer = send({ 'x-deadline-ms': '700' })
      await vi.advanceTimersByTimeAsync(699)
      expect(leftMs).toEqual([700])
      await vi.advanceTimersByTimeAsync(1)
      expect(await (await answer).json()).toMatchObject({ status: 499, code: 'deadline-exceeded' })
    })

    it("end after a minute without a caller's deadline, which is a failure of the service", async () => {
      const { send, leftMs, logged } = await slow()
      const answer = send()
      await vi.advanceTimersByTimeAsync(60_000)
      expect(leftMs).toEqual([60_000])
      expect((await answer).status).toBe(503)
      expect(logged()).toEqual(['WARNING request.retry-later'])
    })

    it.each<[string, Error, string[]]>([
      ['in the same way, are logged once', new Unavailable('No soup.'), ['INFO request.abandoned']],
      ['by a bug, are logged twice', new TypeError('oops'), ['INFO request.abandoned', 'ERROR request.failed']],
    ])('and fail after their deadline %s', async (_, failure, lines) => {
      const { send, soup, logged } = await slow()
      const answer = send({ 'x-deadline-ms': '700' })
      await vi.advanceTimersByTimeAsync(700)
      expect((await answer).status).toBe(499)
      soup.reject(failure)
      await vi.advanceTimersByTimeAsync(0)
      expect(logged()).toEqual(lines)
    })

    it('have no deadline when they are deliveries', async () => {
      const { http, soup, leftMs } = await slow()
      const headers = { authorization: idToken('kitchen', 'kitchen-push'), 'x-deadline-ms': '700' }
      const answer = Promise.resolve(
        http.request('/events/thing.sold', { method: 'POST', body: pushBody(sold), headers }),
      )
      await vi.advanceTimersByTimeAsync(120_000)
      soup.resolve({ status: 200, body: [] })
      expect((await answer).status).toBe(204)
      expect(leftMs).toEqual([undefined])
    })
  })

  it('answer 404 for an unknown path, which is not what an owner refuses with', async () => {
    const response = await started().http.request('/nothing', {
      headers: { authorization: idToken('kitchen', 'waiter') },
    })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code: 'route-missing', instance: '/nothing' })
  })
})
