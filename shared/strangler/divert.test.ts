/** Operations beside another system: who is answered by which, comparisons, the kill switch, and a write that has moved. */

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { withDeadline } from '../base/deadline.ts'
import { Refused, Unavailable } from '../base/errors.ts'
import type { OperationContext } from '../service/operation-context.ts'
import type { Operation } from '../service/operation.ts'
import { openStrangler } from './divert.ts'
import { KNOWN_ONLY_HEADER, RULES_PATH } from './headers.ts'
import type { Rules } from './rules.ts'
import { READ_RULES_MAX_AGE_MS, RULES_TTL_MS, WRITE_RULES_MAX_AGE_MS } from './rules-source.ts'
import { MAX_CONCURRENT_SHADOWS } from './shadow.ts'

const read = {
  method: 'get',
  path: '/things/{id}',
  parameters: { id: z.string(), page: z.string().optional() },
  access: 'caller',
  summary: 'Read',
  answers: {},
} as unknown as Operation
const write = { ...read, method: 'post', path: '/things', parameters: {}, requiresIdempotencyKey: true } as Operation

const side = (percent: number, shadow = false, callers: readonly string[] = []): Rules['flags'] => ({
  read: { on: 'platform', off: 'other', percent, callers: [...callers] },
  write: { on: 'platform', off: 'other', percent, callers: [...callers] },
  'read.shadow': { on: true, off: false, percent: shadow ? 100 : 0, callers: [] },
})

type Answer = () => Response | Promise<Response>

async function beside(flags: Rules['flags'], more: Partial<Rules> = {}) {
  let rules: Rules = { version: 1, killed: false, flags, exempt: [], known: [], elsewhere: [], ignored: {}, ...more }
  let nowMs = 0
  const requests: { path: string; headers: Readonly<Record<string, string>> | undefined }[] = []
  const outcomes: string[] = []
  const logged: { event: string; fields: unknown }[] = []
  const system: { other: Answer; own: Answer; rules: Answer } = {
    other: () => Response.json({ from: 'other' }),
    own: () => Response.json({ from: 'platform' }),
    rules: () => Response.json(rules),
  }
  const strangler = await openStrangler({
    url: 'https://other.test',
    platform: {
      now: () => nowMs,
      log: (_severity, event, fields) => void logged.push({ event, fields }),
      async callExternal(url, { headers }) {
        const path = url.replace('https://other.test', '')
        if (path === RULES_PATH) return system.rules()
        requests.push({ path, headers })
        return system.other()
      },
    },
    compared: ({ outcome }) => void outcomes.push(outcome),
  })
  const sent: Record<string, string> = {}
  const c: OperationContext = {
    request: {},
    instance: '/things/a%20b',
    waitSeconds: 0,
    expectedVersion: undefined,
    header: (name, value) => void (sent[name] = value),
    json: (body, status) => Response.json(body, { status }),
    empty: (status) => new Response(null, { status }),
    checked: (text, status) => new Response(text, { status }),
    events: () => Promise.reject(new Error('unused')),
    problem: (document, status) => Response.json(document, { status }),
  }
  const call = async (id: string, sub = 'jo', expectedVersion?: number) => {
    const operation = id === 'write' ? write : read
    const params = id === 'write' ? {} : { id: 'a b', page: '2' }
    const given = { c: { ...c, expectedVersion }, caller: { sub, roles: ['caller'] }, key: 'key-1', params }
    const response = await strangler.answer(
      id,
      operation,
      async ({ c }) => {
        c.header('from', 'platform')
        return system.own()
      },
      given as never,
    )
    return { status: response.status, body: (await response.json()) as object }
  }
  return {
    ...strangler,
    system,
    requests,
    outcomes,
    logged,
    sent,
    call,
    change(change: Partial<Rules>) {
      rules = { ...rules, ...change, version: rules.version + 1 }
    },
    advance: (ms: number) => void (nowMs += ms),
  }
}

const from = (system: string) => ({ status: 200, body: { from: system } })

describe('an operation', () => {
  it('is answered by the other system with its parameters and the verified caller, or by the platform', async () => {
    const { call, requests } = await beside(side(0, false, ['sam']))
    expect(await call('read')).toEqual(from('other'))
    expect(requests).toEqual([
      { path: '/things/a%20b?page=2', headers: { 'x-caller-sub': 'jo', 'x-caller-roles': 'caller' } },
    ])
    expect(await call('read', 'sam')).toEqual(from('platform'))
    expect(requests).toHaveLength(1)
  })

  it('that is guarded by a version is refused where the other system answers, which does not check it', async () => {
    const { call, requests } = await beside(side(0, false, ['sam']))
    await expect(call('write', 'jo', 7)).rejects.toMatchObject({ code: 'unsupported-precondition' })
    expect([await call('write', 'sam', 7), requests]).toEqual([from('platform'), []])
    const moved = await beside(side(100), { elsewhere: ['write'], known: ['write'] })
    moved.system.own = () => Promise.reject(new Refused('not-found', 'There is no thing.'))
    moved.system.other = () => Response.json({ code: 'not-found' }, { status: 404 })
    await expect(moved.call('write', 'jo', 7)).rejects.toMatchObject({ code: 'unsupported-precondition' })
    expect(moved.requests.map(({ headers }) => headers?.[KNOWN_ONLY_HEADER])).toEqual(['1'])
  })

  it('names a caller of any script in a header that the client of partners can send', async () => {
    const { call, requests } = await beside(side(0))
    await call('read', '漢 Ł')
    expect(() => new Headers(requests[0]!.headers)).not.toThrow()
    expect(decodeURIComponent(requests[0]!.headers!['x-caller-sub']!)).toBe('漢 Ł')
  })

  it('of an exempt caller is answered by the platform, also while the kill switch is on', async () => {
    const { call, requests } = await beside(side(0), { exempt: ['jo'], killed: true })
    expect([await call('read'), await call('read', 'sam')]).toEqual([from('platform'), from('other')])
    expect(requests).toHaveLength(1)
  })

  it('without a flag stays on the platform', async () => {
    const { call, requests } = await beside({})
    expect([await call('read'), await call('write'), requests]).toEqual([from('platform'), from('platform'), []])
  })

  it('moves back by the kill switch without a restart', async () => {
    const { call, change, advance } = await beside(side(100))
    expect(await call('read')).toEqual(from('platform'))
    change({ killed: true })
    advance(RULES_TTL_MS)
    // The request that finds the rules too old goes on with them, and reads them anew.
    await call('read')
    await new Promise(setImmediate)
    expect(await call('read')).toEqual(from('other'))
  })

  it('that is the first one for a while waits for the rules of now, and so do those beside it', async () => {
    const { call, change, advance, system } = await beside(side(100))
    await call('read')
    change({ killed: true })
    advance(WRITE_RULES_MAX_AGE_MS)
    expect(await Promise.all([call('read'), call('read')])).toEqual([from('other'), from('other')])
    system.rules = () => Promise.reject(new Unavailable('down'))
    advance(WRITE_RULES_MAX_AGE_MS)
    expect(await call('read')).toEqual(from('other'))
  })

  it('follows the newest rules, also when former ones come later', async () => {
    const { call, change, advance, system } = await beside(side(100))
    const former = await (await system.rules()).text()
    change({ killed: true })
    expect(await call('read')).toEqual(from('other'))
    system.rules = () => new Response(former)
    advance(WRITE_RULES_MAX_AGE_MS)
    expect(await call('read')).toEqual(from('other'))
  })

  it('is refused while the rules were never read, and keeps the last ones while they can not be read', async () => {
    const { call, system, advance, logged } = await beside(side(100))
    const { rules } = system
    system.rules = () => Promise.reject(new Unavailable('down'))
    await expect(call('write')).rejects.toThrow('The rules of the migration at https://other.test could not be read')
    system.rules = rules
    expect(await call('read')).toEqual(from('platform'))
    system.rules = () => Promise.reject(new Unavailable('down'))
    advance(RULES_TTL_MS)
    for (const _ of [1, 2]) expect(await call('read')).toEqual(from('platform'))
    await new Promise(setImmediate)
    expect(logged).toMatchObject([
      { event: 'strangler.rules-unavailable', fields: { error: expect.any(Unavailable) } },
      { event: 'strangler.rules-read-again', fields: { outageSeconds: 0 } },
      { event: 'strangler.rules-unavailable', fields: { ageSeconds: 1 } },
    ])
  })

  it('has one line in the log for an outage of the rules, however many requests come, and one for its end', async () => {
    const { call, system, advance, logged } = await beside(side(100))
    const { rules } = system
    await call('read')
    // One reading has no answer for two seconds, and then fails.
    const unanswered = Promise.withResolvers<Response>()
    system.rules = () => unanswered.promise
    advance(RULES_TTL_MS)
    for (let request = 0; request < 20; request++) await call('read')
    advance(RULES_TTL_MS)
    for (let request = 0; request < 20; request++) await call('read')
    unanswered.reject(new Unavailable('down'))
    await new Promise(setImmediate)
    system.rules = () => Promise.reject(new Unavailable('down'))
    for (let reading = 0; reading < 20; reading++) {
      advance(RULES_TTL_MS)
      await call('read')
    }
    system.rules = rules
    advance(RULES_TTL_MS)
    await call('read')
    await new Promise(setImmediate)
    expect(logged).toMatchObject([
      { event: 'strangler.rules-unavailable', fields: { ageSeconds: 2 } },
      { event: 'strangler.rules-read-again', fields: { outageSeconds: 21 } },
    ])
  })

  it('is refused once its rules are too old: a write after ten seconds, a read after ten minutes, however many come meanwhile', async () => {
    const { call, system, advance, logged } = await beside(side(100))
    const { rules } = system
    await call('read')
    system.rules = () => Promise.reject(new Unavailable('down'))
    // Requests come all the time, and each finds the rules too old.
    for (let passedMs = 0; passedMs < WRITE_RULES_MAX_AGE_MS; passedMs += RULES_TTL_MS) {
      expect([await call('write'), await call('read')]).toEqual([from('platform'), from('platform')])
      advance(RULES_TTL_MS)
    }
    await expect(call('write')).rejects.toThrow('those that are known are 10 s old')
    expect(await call('read')).toEqual(from('platform'))
    advance(READ_RULES_MAX_AGE_MS - WRITE_RULES_MAX_AGE_MS)
    await expect(call('read')).rejects.toThrow('those that are known are 600 s old')
    expect(logged).toMatchObject([{ event: 'strangler.rules-unavailable', fields: { ageSeconds: 1 } }])
    system.rules = rules
    expect([await call('write'), await call('read')]).toEqual([from('platform'), from('platform')])
  })

  it('of an exempt caller, or that the rules do not name, needs no new ones', async () => {
    const { call, system, advance } = await beside({ read: side(100)['read']! }, { exempt: ['sam'] })
    await call('read')
    system.rules = () => Promise.reject(new Unavailable('down'))
    advance(READ_RULES_MAX_AGE_MS)
    expect([await call('read', 'sam'), await call('write')]).toEqual([from('platform'), from('platform')])
  })

  it('of which the platform has no object is asked of the other system, if the rules say so', async () => {
    const { call, system, change, advance } = await beside(side(100), { elsewhere: ['read'] })
    system.own = () => Promise.reject(new Refused('not-found', 'There is no thing.'))
    expect(await call('read')).toEqual(from('other'))
    system.own = () => Response.json({ code: 'not-found' }, { status: 404 })
    expect(await call('read')).toEqual(from('other'))
    system.other = () => Response.json({ code: 'not-found' }, { status: 404 })
    expect((await call('read')).status).toBe(404)
    change({ elsewhere: [] })
    advance(RULES_TTL_MS)
    await call('read')
    await new Promise(setImmediate)
    system.other = () => Response.json({ from: 'other' })
    expect((await call('read')).status).toBe(404)
  })
})

describe('a write', () => {
  it('that has moved meanwhile is answered by the platform, once the rules say so', async () => {
    const { call, system, change } = await beside(side(0))
    await call('read')
    system.other = () => Response.json({ code: 'moved' }, { status: 409 })
    await expect(call('write')).rejects.toThrow('write has moved, and the rules do not say so yet')
    change({ flags: side(100) })
    expect(await call('write')).toEqual(from('platform'))
  })

  it('whose key the other system has answered is answered by it again', async () => {
    const { call, system, requests } = await beside(side(100), { known: ['write'] })
    expect(await call('write')).toEqual(from('other'))
    expect(requests.map(({ headers }) => headers?.[KNOWN_ONLY_HEADER])).toEqual(['1'])
    system.other = () => Response.json({ code: 'not-found' }, { status: 404 })
    expect(await call('write')).toEqual(from('platform'))
  })

  it('that has moved back meanwhile is answered by the other system, once the rules say so', async () => {
    const { call, system, change, requests } = await beside(side(100), { known: ['write'] })
    await call('read')
    system.other = () => {
      const isKnownOnly = requests.at(-1)!.headers?.[KNOWN_ONLY_HEADER] !== undefined
      return isKnownOnly ? Response.json({ code: 'moved' }, { status: 409 }) : Response.json({ from: 'other' })
    }
    await expect(call('write')).rejects.toThrow('write has moved back, and the rules do not say so yet')
    change({ flags: side(0) })
    expect(await call('write')).toEqual(from('other'))
  })

  it('is never compared, and a refusal is handed on as a problem of this API', async () => {
    const { call, system, outcomes } = await beside({
      ...side(0),
      'write.shadow': { on: true, off: true, percent: 100, callers: [] },
    })
    system.other = () => Response.json({ code: 'invalid-body', detail: 'no' }, { status: 422 })
    expect(await call('write')).toEqual({
      status: 422,
      body: { code: 'invalid-body', detail: 'no', instance: '/things/a%20b' },
    })
    expect(outcomes).toEqual([])
  })
})

describe('a comparison', () => {
  it.each<[string, number, Answer, string]>([
    ['the same answer', 0, () => Response.json({ from: 'other' }), 'same'],
    ['another answer', 0, () => Response.json({ from: 'platform' }), 'different'],
    ['an object that is not there yet', 0, () => Response.json({}, { status: 404 }), 'missing'],
    ['a failure', 0, () => Promise.reject(new Error('down')), 'failed'],
    ['another status', 0, () => Response.json({ from: 'other' }, { status: 410 }), 'different'],
  ])('counts %s, of which the caller sees nothing', async (_, percent, own, outcome) => {
    const { call, system, shadows, outcomes, sent, logged } = await beside(side(percent, true))
    system.own = own
    expect(await call('read')).toEqual(from('other'))
    await shadows.settled()
    expect([outcomes, sent]).toEqual([[outcome], {}])
    expect(logged.filter(({ event }) => event === 'shadow.different')).toHaveLength(outcome === 'different' ? 1 : 0)
  })

  it('has the other system second when the platform answers, without ignored members', async () => {
    const { call, shadows, outcomes } = await beside(side(100, true), { ignored: { read: ['from'] } })
    expect(await call('read')).toEqual(from('platform'))
    await shadows.settled()
    expect(outcomes).toEqual(['same'])
  })

  it('neither delays the answer nor takes part in its deadline, and finds no place while too many run', async () => {
    const { call, system, shadows, outcomes } = await beside(side(0, true))
    const never = Promise.withResolvers<Response>()
    system.own = () => never.promise
    for (let count = 0; count < MAX_CONCURRENT_SHADOWS + 1; count++)
      expect(await withDeadline(1_000, () => call('read'))).toEqual(from('other'))
    expect(outcomes).toEqual(['skipped'])
    never.reject(new Error('ended'))
    await shadows.settled()
    expect(outcomes.filter((outcome) => outcome === 'failed')).toHaveLength(MAX_CONCURRENT_SHADOWS)
  })
})
