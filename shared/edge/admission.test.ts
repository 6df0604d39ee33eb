/** Places for requests of an instance: which caller gets one when all are taken, and which upload is evicted. */

import { describe, expect, it } from 'vitest'
import { createAdmission, type Visit, type Visitor } from './admission.ts'
import type { EdgeSettings } from '../service/edge-settings.ts'
import { testLimits, type TestRole, testRoles } from './edge.testing.ts'

function started(changes: Partial<EdgeSettings<TestRole>> = {}) {
  const admission = createAdmission(
    testLimits({ concurrentRequests: 2, signedRequests: 1, ...changes }),
    testRoles,
    () => 0,
  )
  const enter = (address: string, authorization?: string, pool: Visitor['pool'] = 'callers'): Visit =>
    admission.enter({ address, authorization, pool, setRateLimitHeaders() {} })
  const admit = (name: string, role: TestRole = 'member'): Visit => {
    const visit = enter(name, tokenOf(name))
    visit.admit({ sub: name, roles: [role] })
    return visit
  }
  const converse = (address: string): (() => void) =>
    admission.converse({ address, authorization: undefined, pool: 'callers', setRateLimitHeaders() {} })
  return { enter, admit, converse }
}

const tokenOf = (name: string): string => `Bearer ${name}.b.c`
const overloaded = expect.objectContaining({ code: 'overloaded' })
const rateLimited = expect.objectContaining({ code: 'rate-limited' })
const caught = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe('with all places taken by uploads', () => {
  it('a verified caller gets the place of the oldest one', () => {
    const { admit } = started()
    const oldest = admit('a').beginUpload()
    const newer = admit('b').beginUpload()
    admit('c')
    expect(oldest.evicted.reason).toEqual(overloaded)
    expect(newer.evicted.aborted).toBe(false)
    admit('d')
    expect(newer.evicted.aborted).toBe(true)
  })

  it('an upload that has ended is not evicted', () => {
    const { admit } = started()
    const ended = admit('a').beginUpload()
    ended.end()
    const other = admit('b').beginUpload()
    admit('c')
    expect([ended.evicted.aborted, other.evicted.aborted]).toEqual([false, true])
  })

  it('callers without a token and with an unverified token evict no upload', () => {
    const { admit, enter } = started()
    const uploads = [admit('a').beginUpload(), admit('b').beginUpload()]
    expect(caught(() => enter('stranger'))).toEqual(overloaded)
    enter('stranger', tokenOf('made-up')).leave()
    expect(uploads.map(({ evicted }) => evicted.aborted)).toEqual([false, false])
  })

  it('the verification of tokens has a limited number of places, which are released', () => {
    const { admit, enter } = started()
    admit('a').beginUpload()
    admit('b').beginUpload()
    const checked = Array.from({ length: 5 }, (_, at) => enter('x', tokenOf(`t${at}`)))
    expect(caught(() => enter('x', tokenOf('t5')))).toEqual(overloaded)
    checked[0]!.leave()
    enter('x', tokenOf('t5'))
  })

  it("a request beyond its caller's limit evicts no upload", () => {
    const { admit, enter } = started({ concurrentRequests: 3, requestsPerCaller: 2 })
    const victim = admit('victim').beginUpload()
    admit('m')
    admit('m')
    expect(caught(() => enter('m', tokenOf('m')))).toEqual(rateLimited)
    expect(victim.evicted.aborted).toBe(false)
  })

  it('the payment provider and the members do not evict uploads of each other', () => {
    const { admit, enter } = started()
    const provider = enter('p', undefined, 'signed')
    const members = [admit('a').beginUpload(), admit('b').beginUpload()]
    expect(caught(() => enter('p', undefined, 'signed'))).toEqual(overloaded)
    const upload = provider.beginUpload()
    admit('c')
    expect([members[0]!.evicted.aborted, upload.evicted.aborted]).toEqual([true, false])
    const next = enter('p', undefined, 'signed')
    expect(upload.evicted.aborted).toBe(false)
    next.prove()
    expect(upload.evicted.aborted).toBe(true)
  })
})

it('streams of strangers have a few slots of their own, by address and of all, which are released', () => {
  const { admit, converse } = started({ concurrentRequests: 1 })
  const leave = [converse('x'), converse('x')][0]!
  expect(caught(() => converse('x'))).toEqual(rateLimited)
  converse('y')
  converse('y')
  expect(caught(() => converse('z'))).toEqual(overloaded)
  leave()
  converse('z')
  admit('a')
})

it('requests of a caller beyond its limit count for its address, which bounds the verifications of tokens', () => {
  const limit = (burst: number) => ({ perSecond: 0.001, burst })
  const { enter } = started({ limits: { member: limit(1), clerk: limit(1), auditor: limit(1), address: limit(2) } })
  let checks = 0
  for (let request = 0; request < 100; request++) {
    caught(() => {
      const visit = enter('x', tokenOf('m'))
      checks += 1
      caught(() => visit.admit({ sub: 'm', roles: ['member'] }))
      visit.leave()
    })
  }
  // The first, and two of each of the address's buckets: without and with the form of a token.
  expect(checks).toBe(5)
})

describe('further operations of a request', () => {
  const limit = (burst: number) => ({ perSecond: 1, burst })
  const limits = { member: limit(10), clerk: limit(10), auditor: limit(10), address: limit(14) }
  function admittedTo() {
    const admission = createAdmission(testLimits({ limits }), testRoles, () => 0)
    const headers: string[] = []
    const of = (sub: string, operations: number, role: TestRole = 'member'): unknown => {
      const visit = admission.enter({
        address: 'x',
        authorization: tokenOf(sub),
        pool: 'callers',
        setRateLimitHeaders: (name, { burst }, { remaining }) => void headers.push(`${name} ${remaining}/${burst}`),
      })
      try {
        visit.admit({ sub, roles: [role] })
        return caught(() => visit.chargeFurther({ sub, roles: [role] }, operations))
      } finally {
        visit.leave()
      }
    }
    return { of, last: () => headers.at(-1) }
  }

  it('take nothing of the caller where the address has no room, nor of the address where the caller has none', () => {
    const { of, last } = admittedTo()
    expect([of('a', 7), last()]).toEqual([undefined, 'member 2/10'])
    // The address had 14: 8 went to the first, one to this request.
    expect([of('b', 6), last()]).toEqual([expect.objectContaining({ retryAfterSeconds: 2 }), 'address 5/14'])
    expect([of('b', 2), last()]).toEqual([undefined, 'member 6/10'])
    expect([of('a', 2), last()]).toEqual([expect.objectContaining({ retryAfterSeconds: 2 }), 'member 1/10'])
  })

  it('of a privileged caller do not count for the address', () => {
    const { of, last } = admittedTo()
    expect([of('c', 9, 'clerk'), of('d', 9, 'clerk'), last()]).toEqual([undefined, undefined, 'clerk 0/10'])
  })
})
