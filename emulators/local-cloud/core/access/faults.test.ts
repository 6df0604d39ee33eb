/** Fault rules over the real transports: which call they affect, how, and how often. */

import { v1 } from '@google-cloud/pubsub'
import { credentials } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { virtualClock } from '../clock.ts'
import { fakePublisher } from '../fake-publisher.testing.ts'
import { createFaults, type FaultRule } from './faults.ts'
import { createLocalCloud, type LocalCloud } from '../local-cloud.ts'
import type { Plugin } from '../plugin.ts'

const project = { id: 'demo-local', number: '100000000000', region: 'europe-west1' }
const email = (account: string): string => `${account}@demo-local.iam.gserviceaccount.com`
const topic = 'projects/demo-local/topics/order.placed'
const PUBLISH = 'google.pubsub.v1.Publisher.Publish'

let published = 0
const signalled: string[] = []

const publisher = fakePublisher({
  publish: () => ({ messageIds: [String((published += 1))] }),
  getTopic: () => ({ name: topic }),
})
/** Stands in for Cloud Run, which finds the process of an account. */
const processes: Plugin = {
  name: 'cloud-run',
  create: () => ({
    core: {
      signalAccount: (account: string, signal: string) => {
        signalled.push(`${signal} to ${account}, ${published} published`)
        return Promise.resolve(4711)
      },
    },
  }),
  terraform: {},
}

let cloud: LocalCloud

beforeAll(async () => {
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  const accounts = ['orders', 'payments'].map((name) => ({ email: email(name), port: 0 }))
  cloud = await createLocalCloud({ plugins: [publisher, processes], project, accounts })
})
afterEach(() => {
  cloud.faults.remove()
  published = 0
  signalled.length = 0
})
afterAll(async () => {
  await cloud.close()
  vi.unstubAllEnvs()
})

const publish = async (text: string, account = 'orders'): Promise<number> => {
  const messages = [{ data: Buffer.from(text).toString('base64') }]
  const response = await fetch(`http://${cloud.hostOf(email(account))}/v1/${topic}:publish`, {
    method: 'POST',
    body: JSON.stringify({ messages }),
    headers: { 'content-type': 'application/json' },
  })
  await response.body?.cancel()
  return response.status
}
const json = { 'content-type': 'application/json' }
const ownHeaders = () => ({ ...json, 'x-local-cloud-secret': cloud.secret })
const rule = (change: Partial<FaultRule> = {}): FaultRule => ({
  principal: 'orders',
  method: PUBLISH,
  when: 'before',
  action: { signal: 'SIGKILL' },
  ...change,
})

describe('a fault', () => {
  it('kills once, before the call is applied, and the caller gets no success', async () => {
    const { id } = cloud.faults.add(rule())
    expect([await publish('a'), published]).toEqual([503, 0])
    expect(signalled).toEqual([`SIGKILL to ${email('orders')}, 0 published`])
    expect([await publish('a'), published]).toEqual([200, 1])
    expect(await cloud.faults.whenFired(id)).toMatchObject({
      faultId: id,
      principal: email('orders'),
      method: PUBLISH,
      when: 'before',
      pid: 4711,
    })
    expect(cloud.faults.list()).toEqual([{ ...rule(), id, left: 0 }])
  })

  it('kills after the call is applied and before it is answered', async () => {
    cloud.faults.add(rule({ when: 'after' }))
    expect([await publish('a'), published]).toEqual([503, 1])
    expect(signalled).toEqual([`SIGKILL to ${email('orders')}, 1 published`])
  })

  it('applies to gRPC and to REST', async () => {
    const [apiEndpoint, port] = cloud.hostOf(email('orders')).split(':') as [string, string]
    const sslCreds = credentials.createInsecure()
    const client = new v1.PublisherClient({ projectId: project.id, apiEndpoint, port: Number(port), sslCreds })
    cloud.faults.add(rule({ method: 'google.pubsub.v1.Publisher.GetTopic', action: { error: 'ABORTED' } }))
    await expect(client.getTopic({ topic }, { retry: null })).rejects.toMatchObject({
      code: 10,
      details: 'A fault was injected before google.pubsub.v1.Publisher.GetTopic.',
    })
    expect((await client.getTopic({ topic }))[0]).toMatchObject({ name: topic })
    await client.close()
  })

  it('applies only to its caller, its method and requests that contain its text', async () => {
    cloud.faults.add(rule({ about: '"orderId":"o-7"', action: { error: 'UNAVAILABLE' } }))
    expect(await publish('{"orderId":"o-6"}')).toBe(200)
    expect(await publish('{"orderId":"o-7"}', 'payments')).toBe(200)
    expect(await publish('{"orderId":"o-7"}')).toBe(503)
  })

  it('fires as many times as its rule says', async () => {
    const { id } = cloud.faults.add(rule({ times: 2, action: { error: 'RESOURCE_EXHAUSTED', message: 'Slow down.' } }))
    expect([await publish('a'), await publish('a'), await publish('a')]).toEqual([429, 429, 200])
    expect(await cloud.faults.whenFired(id, 2)).toMatchObject({ faultId: id })
  })

  it('lets the call succeed when it sends a signal other than SIGKILL, or a signal to another process', async () => {
    cloud.faults.add(rule({ action: { signal: 'SIGTERM' } }))
    cloud.faults.add(rule({ when: 'after', action: { signal: 'SIGKILL', to: 'gateway' } }))
    expect([await publish('a'), published]).toEqual([200, 1])
    expect(signalled).toEqual([`SIGTERM to ${email('orders')}, 0 published`, 'SIGKILL to gateway, 1 published'])
  })

  it('is created, listed and deleted on the owner’s port', async () => {
    const faults = `http://${cloud.ownerHost}/_local/faults`
    const body = JSON.stringify(rule({ action: { error: 'ABORTED' } }))
    const added = await fetch(faults, { method: 'POST', body, headers: ownHeaders() })
    expect(added.status).toBe(201)
    const { id } = (await added.json()) as { id: string }
    expect(await (await fetch(faults, { headers: ownHeaders() })).json()).toMatchObject({ faults: [{ id, left: 1 }] })
    const waited = expect(cloud.faults.whenFired(id)).rejects.toThrow('was removed before')
    expect((await fetch(`${faults}/${id}`, { method: 'DELETE', headers: ownHeaders() })).status).toBe(204)
    await waited
    expect((await fetch(`${faults}/${id}`, { method: 'DELETE', headers: ownHeaders() })).status).toBe(404)
    expect(await publish('a')).toBe(200)
    expect((await fetch(`http://${cloud.hostOf(email('orders'))}/_local/faults`)).status).toBe(404)
  })

  it('of several methods happens at the one that is called', async () => {
    const rule = { principal: 'orders', when: 'before', action: { error: 'ABORTED' } } as const
    const { id } = cloud.faults.add({ ...rule, method: ['run.answer', PUBLISH] })
    expect(await publish('a')).toBe(409)
    expect(await cloud.faults.whenFired(id)).toMatchObject({ method: PUBLISH })
    expect(await publish('b')).toBe(200)
  })

  it.each([
    [{ method: 'Publish' }, `method: "Publish" is no method at which a fault can be injected. There are: ${PUBLISH}.`],
    [{ method: [PUBLISH, 'Publish'] }, 'method: "Publish" is no method'],
    [{ method: [] }, 'method: [] is no method'],
    [{ method: 'run.stop' }, 'run.acknowledge, run.answer, run.start'],
    [{ when: 'during' }, 'when: "during" must be "before" or "after".'],
    [{ principal: undefined }, 'principal: an absent value must be the account of the caller'],
    [{ times: 0 }, 'times: 0 must be a whole number from 1.'],
    [{ probability: 1.5 }, 'probability: 1.5 must be above 0 and at most 1.'],
    [{ about: 7 }, 'about: 7 must be a text that the call holds.'],
    [{ point: 1 }, '"point" is no field of a fault'],
    [{ action: {} }, 'action: {} must have one of "signal", "delayMs" and "error".'],
    [{ action: { signal: 'SIGINT' } }, 'action.signal: "SIGINT" must be one of SIGKILL'],
    [{ action: { error: 'OK' } }, 'action.error: "OK" must be one of CANCELLED'],
    [{ action: { delayMs: -1 } }, 'action.delayMs: -1 must be from 0 to 3600000.'],
    [{ action: { delayMs: 1, to: 'orders' } }, 'action: "to" does not go with "delayMs".'],
    [
      { action: { signal: 'SIGTERM', resumeAfterMs: 5 } },
      'action.resumeAfterMs goes with SIGSTOP, not with "SIGTERM".',
    ],
    ['[]', 'The body must be a JSON object'],
    ['{', 'Invalid JSON payload received'],
  ])('is refused when its rule is invalid: %j', async (change, reason) => {
    const body = typeof change === 'string' ? change : JSON.stringify({ ...rule(), ...change })
    const answer = await fetch(`http://${cloud.ownerHost}/_local/faults`, {
      method: 'POST',
      body,
      headers: ownHeaders(),
    })
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { error: { message: string } }).error.message).toContain(reason)
    expect(cloud.faults.list()).toEqual([])
  })
})

describe('clock and random numbers are injected', () => {
  const made = (chances: number[]) => {
    const clock = virtualClock()
    const sent: string[] = []
    const startMs = clock.now()
    const faults = createFaults({
      clock,
      newId: () => 'f1',
      random: () => chances.shift()!,
      signal: (account, signal) => {
        sent.push(`${signal} to ${account} at ${clock.now() - startMs}`)
        return Promise.resolve(1)
      },
    })
    return { clock, sent, faults }
  }
  const point = { principal: 'orders', method: 'run.start', when: 'before' } as const

  it('a paused process continues when its pause is over', async () => {
    const { faults, clock, sent } = made([0])
    faults.add({ ...point, action: { signal: 'SIGSTOP', resumeAfterMs: 2_000 } })
    await faults.intercept(point)
    await clock.advance(1_999)
    expect(sent).toEqual(['SIGSTOP to orders at 0'])
    await clock.advance(1)
    expect(sent).toEqual(['SIGSTOP to orders at 0', 'SIGCONT to orders at 2000'])
  })

  it('a delay postpones the call', async () => {
    const { faults, clock } = made([0])
    faults.add({ ...point, action: { delayMs: 300 } })
    let passed = false
    void faults.intercept(point).then(() => (passed = true))
    await clock.advance(299)
    expect(passed).toBe(false)
    await clock.advance(1)
    expect(passed).toBe(true)
    // The fault has the time of its start, which is before its consequences.
    expect(faults.fired()).toMatchObject([{ timeMs: clock.now() - 300 }])
  })

  it('a probability is drawn for each matching call', async () => {
    const { faults } = made([0.6, 0.4, 0.4])
    faults.add({ ...point, probability: 0.5, times: 2, action: { error: 'UNAVAILABLE' } })
    await faults.intercept(point)
    await faults.intercept({ ...point, principal: 'payments' })
    await expect(faults.intercept(point)).rejects.toThrow('before run.start')
    await expect(faults.intercept(point)).rejects.toThrow('before run.start')
    await faults.intercept(point)
    expect(faults.fired()).toHaveLength(2)
  })
})
