/** An instance that has a request and does not answer its probe is ended; one that recovers, or has none, is not. */

import { expect, it } from 'vitest'
import { virtualClock } from '../../core/clock.ts'
import type { Answered, Instance } from '../process/process.ts'
import type { ServiceResource } from '../values/service.ts'
import { watchLiveness } from './liveness.ts'

const LIVE: Answered = { status: 200, text: 'ok' }
const livenessProbe = { httpGet: { path: '/live' }, periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 3 }

function watched({ probe }: { readonly probe?: object } = { probe: livenessProbe }) {
  const clock = virtualClock()
  const probed: unknown[] = []
  const ended: Instance[] = []
  let answer: Answered = LIVE
  const instance = {
    exited: false,
    async get(path: string, timeoutMs: number) {
      probed.push([path, timeoutMs])
      return answer
    },
  } as unknown as Instance
  const busy = [instance]
  const resource = { template: { containers: [{ image: 'i', ...(probe ? { livenessProbe: probe } : {}) }] } }
  const liveness = watchLiveness({
    clock,
    resource: () => resource as unknown as ServiceResource,
    busy: () => busy,
    end: (one) => void ended.push(one),
  })
  liveness.begin()
  return { clock, liveness, busy, probed, ended, set: (next: Answered) => void (answer = next) }
}

it('an instance that fails three times in a row is ended', async () => {
  const { clock, probed, ended, set } = watched()
  await clock.advance(30_000)
  expect(probed).toEqual([['/live', 5_000]])
  set('silent')
  await clock.advance(60_000)
  expect(ended).toEqual([])
  set({ status: 500, text: '' })
  await clock.advance(30_000)
  expect(ended).toHaveLength(1)
})

it('an instance that answers again begins anew', async () => {
  const { clock, ended, set } = watched()
  for (const answer of ['silent', 'broken', LIVE, 'silent', 'silent'] as const) {
    set(answer)
    await clock.advance(30_000)
  }
  expect(ended).toEqual([])
})

it('nothing is probed without a request, without a probe, and after the end', async () => {
  const resting = watched()
  resting.busy.length = 0
  const without = watched({})
  const stopped = watched()
  stopped.liveness.stop()
  stopped.liveness.begin()
  for (const { clock, probed } of [resting, without, stopped]) {
    await clock.advance(600_000)
    expect([probed, clock.pending]).toEqual([[], 0])
  }
  resting.busy.push({} as Instance)
  resting.liveness.begin()
  expect(resting.clock.pending).toBe(1)
})
