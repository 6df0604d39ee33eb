/** The queue of webhooks with its places, on a virtual clock: how long a quick receiver waits while others hang. */

import { expect, it } from 'vitest'
import type { OutsideAnswer } from '../../shared/service/outside-target.ts'
import { deliver, message, versionOf } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { app } from './app.ts'
import { customerPath } from './documents.ts'
import { type Customer, registered, verified } from './endpoint.ts'
import { webhooks } from './service.ts'

/** As `stacks/command-queue.ts` has it. */
const PLACES = 200
const HANGS_MS = 10_000
const QUICK_ANSWER_MS = 100

/** Runs the tasks that are sent as Cloud Tasks does, with its places, until none is due before a time. */
function openQueue(platform: TestPlatform, timers: Timers): (untilMs: number) => Promise<void> {
  let seen = 0
  let inFlight = 0
  const waiting: { readonly dueMs: number; readonly envelope: TestPlatform['sent'][number]['envelope'] }[] = []
  return async (untilMs) => {
    for (;;) {
      for (const { envelope, notBeforeMs = 0 } of platform.sent.slice(seen))
        waiting.push({ dueMs: notBeforeMs, envelope })
      seen = platform.sent.length
      waiting.sort((one, other) => one.dueMs - other.dueMs)
      while (inFlight < PLACES && waiting.length > 0 && waiting[0]!.dueMs <= platform.now()) {
        inFlight += 1
        void deliver(app, platform, waiting.shift()!.envelope).finally(() => (inFlight -= 1))
      }
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => void setImmediate(resolve))
      if (platform.sent.length > seen || (inFlight < PLACES && (waiting[0]?.dueMs ?? Infinity) <= platform.now()))
        continue
      const nextMs = Math.min(timers.nextMs(), inFlight < PLACES ? (waiting[0]?.dueMs ?? Infinity) : Infinity)
      if (nextMs > untilMs) return
      platform.advance(Math.max(0, nextMs - platform.now()))
      timers.fire(platform.now())
    }
  }
}

type Timers = ReturnType<typeof openTimers>
function openTimers() {
  let pending: { readonly atMs: number; readonly fire: () => void }[] = []
  return {
    after: (atMs: number) => new Promise<void>((resolve) => void pending.push({ atMs, fire: resolve })),
    nextMs: () => Math.min(...pending.map(({ atMs }) => atMs), Infinity),
    fire(nowMs: number) {
      const due = pending.filter(({ atMs }) => atMs <= nowMs)
      pending = pending.filter(({ atMs }) => atMs > nowMs)
      for (const { fire } of due) fire()
    },
  }
}

/** An endpoint of a customer, as it is stored. */
function endpointOf(name: string): Customer {
  const given = {
    request: { url: `https://${name}.test/` },
    secret: 'whsec_c2VjcmV0',
    key: name,
    at: '2026-01-01T00:00:00.000Z',
  }
  return verified(registered({}, { endpointId: `w-${name}`, ...given })!, `w-${name}`, given.at)!
}

interface Hanging {
  readonly customers: number
  /** Webhooks of each. */
  readonly each: number
  /** Whether the instance has had an answer of the quick receiver before. */
  readonly isKnown: boolean
  /** The others answered quickly until now. */
  readonly wereQuick?: boolean
}

/** The longest wait of twenty webhooks of a quick receiver, while those of others, which came before, hang. */
async function longestWait({
  customers,
  each,
  isKnown,
  wereQuick = false,
}: Hanging): Promise<{ readonly waitMs: number; readonly hanging: number }> {
  const timers = openTimers()
  let isHanging = !wereQuick
  let hanging = 0
  let mostHanging = 0
  const arrivals = new Map<string, number>()
  const platform: TestPlatform = testPlatform(webhooks, {
    settings: { WEBHOOK_TARGETS: 'public' },
    async postOutside(url, { headers, timeoutMs = HANGS_MS }): Promise<OutsideAnswer> {
      if (url.includes('quick') || !isHanging) {
        await timers.after(platform.now() + QUICK_ANSWER_MS)
        if (url.includes('quick')) arrivals.set(headers['webhook-id']!, platform.now())
        return { status: 204 }
      }
      mostHanging = Math.max(mostHanging, (hanging += 1))
      await timers.after(platform.now() + timeoutMs)
      hanging -= 1
      return { failure: `no answer within ${timeoutMs / 1_000} s`, isTimeout: true }
    },
  })
  const place = async (customer: string, at: number): Promise<void> => {
    const orderId = `o-${customer}-${at}`
    const data = { ...ordersContracts.events['order.placed'].example, orderId, customerRef: customer }
    const given = { version: versionOf(webhooks, 'order.placed'), key: orderId, correlationId: orderId }
    await deliver(app, platform, message('order.placed', data, given))
  }
  const slow = Array.from({ length: customers }, (_, at) => `slow-${at}`)
  for (const customer of [...slow, 'quick'])
    await platform.documents.update(customerPath(customer), () => ({ ...endpointOf(customer) }))
  const queue = openQueue(platform, timers)
  if (isKnown) await place('quick', 20)
  if (wereQuick) for (const customer of slow) await place(customer, each)
  await queue(platform.now() + 20_000)
  isHanging = true
  arrivals.clear()
  for (let at = 0; at < each; at++) for (const customer of slow) await place(customer, at)
  const startMs = platform.now()
  for (let at = 0; at < 20; at++) await place('quick', at)
  await queue(startMs + 120_000)
  expect(arrivals.size).toBe(20)
  return { waitMs: Math.max(...arrivals.values()) - startMs, hanging: mostHanging }
}

it.each<[string, Hanging, number, number]>([
  ['of 25 customers, which were quick,', { customers: 25, each: 10, isKnown: true, wereQuick: true }, 200, 4_500],
  [
    'of a hundred customers, which were quick,',
    { customers: 100, each: 10, isKnown: true, wereQuick: true },
    200,
    4_500,
  ],
  ['of one customer', { customers: 1, each: 300, isKnown: true }, 1, 2_500],
  ['of one customer, at a new instance', { customers: 1, each: 300, isKnown: false }, 1, 2_500],
  ['of forty customers', { customers: 40, each: 10, isKnown: true }, 48, 2_500],
  ['of forty customers, at a new instance', { customers: 40, each: 10, isKnown: false }, 48, 4_000],
])('while the programs %s hang, the webhooks of a quick receiver arrive in time', async (_, given, most, withinMs) => {
  const { waitMs, hanging } = await longestWait(given)
  expect(hanging).toBeLessThanOrEqual(most)
  expect(waitMs).toBeLessThan(withinMs)
})
