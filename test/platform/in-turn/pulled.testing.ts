/** Events that workers pull: the read models are those of pushed ones, of fewer writes, whatever becomes of a worker. */

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FaultRule } from 'local-google-cloud'
import { deadLetterName } from '../../../shared/base/names.ts'
import { eventsOfCompletedOrder } from '../../support/events-of-an-order.ts'
import { commits } from '../../support/commits.ts'
import { googleClients } from '../../support/google-clients.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { stateOf } from '../../support/state.ts'
import { representatives } from '../../support/whole-lists.ts'

const SKU = 'PULL-1'
const PULLED = ['history', 'notifications']
const LONG = { timeout: 90_000 }
const notified = ['order.completed', 'order.confirmed', 'order.placed', 'shipment.delivered', 'shipment.dispatched']

let platform: TestPlatform
let google: ReturnType<typeof googleClients>
let state: ReturnType<typeof stateOf>
beforeAll(async () => {
  platform = platformInTurn().platform
  google = googleClients(platform)
  state = stateOf(platform)
  await platform.sell({ sku: SKU, unitMinor: 1190 })
}, 120_000)
afterAll(async () => {
  await state.close()
  await google.close()
})
beforeEach(() => {
  // The local cloud reports each worker that ends.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  return () => vi.restoreAllMocks()
})

const place = (): Promise<string> => platform.place({ sku: SKU, quantity: 1 })
/** As its customer reads it: at last with each event once. */
const expectTimeline = (orderId: string): Promise<void> =>
  expect
    .poll(async () => {
      const order = await platform.followed(platform.customer(), orderId, LONG.timeout)
      return order.timeline.entries?.map(({ type }) => type).toSorted()
    }, LONG)
    .toEqual(eventsOfCompletedOrder)
const writesOf = (service: string): number => platform.cloud.counters()[`firestore.documentWrites.${service}`] ?? 0
const workerOf = (service: string): number | undefined =>
  platform.run.processes().find((one) => one.service === `${service}-pull`)?.pid
/** Until workers have started anew. */
const restarted = (service: string, former: number | undefined): Promise<void> =>
  expect.poll(() => workerOf(service), LONG).toSatisfy((pid) => pid !== undefined && pid !== former)

const interruptions: readonly (readonly [name: string, fault: Pick<FaultRule, 'when' | 'action'>])[] = [
  ['killed before its write', { when: 'before', action: { signal: 'SIGKILL' } }],
  ['killed after its write, before it acknowledged', { when: 'after', action: { signal: 'SIGKILL' } }],
  ['stopped in the middle of its write', { when: 'before', action: { signal: 'SIGTERM' } }],
  ['refused by the database for a while', { when: 'before', action: { error: 'PERMISSION_DENIED' } }],
]
/** After the other kill, too, the messages come again 15 seconds later. */
const oftenRun = interruptions.map(([name]) => name).filter((name) => name !== 'killed before its write')

describe('an order whose events are pulled', () => {
  it('has its timeline, its row and its notifications, by fewer writes than events', LONG, async () => {
    const before = writesOf('history')
    const orderId = await place()
    await expectTimeline(orderId)
    await expect.poll(async () => (await state.sends(orderId)).length, LONG).toBe(notified.length)
    const sends = await state.sends(orderId)
    expect(sends.map(({ eventType }) => eventType).toSorted()).toEqual(notified)
    const shipments = (await state.collection('history', 'shipments')).filter((one) => one['orderId'] === orderId)
    expect(shipments).toMatchObject([{ standing: 80 }])
    // Pushed, it has eleven writes of the timeline and three of the shipment.
    expect(writesOf('history') - before).toBeLessThan(10)
    const pushes = platform.cloud.requestLog().filter(({ kind }) => kind === 'push')
    expect(pushes.filter(({ resource }) => PULLED.some((one) => resource.includes(`/${one}.`)))).toEqual([])
    expect(pushes.length).toBeGreaterThan(0)
  })

  it.each(representatives(interruptions, oftenRun, ([name]) => name))(
    'has all of them once, when a worker is %s',
    LONG,
    async (_, fault) => {
      const former = workerOf('history')
      const rule = {
        principal: 'history',
        method: commits,
        about: '/timelines/',
        ...fault,
      }
      const { id } = platform.cloud.faults.add(rule)
      const orderId = await place()
      await platform.cloud.faults.whenFired(id)
      if ('signal' in fault.action) await restarted('history', former)
      await expectTimeline(orderId)
      const [document] = (await state.collection('history', 'timelines')).filter((one) => one['orderId'] === orderId)
      expect(Object.keys(document!['events'] as object)).toHaveLength(eventsOfCompletedOrder.length)
    },
  )

  it('loses none when all workers are replaced under it, as by a deployment', LONG, async () => {
    const former = PULLED.map(workerOf)
    const placed = [place(), place(), place()]
    await Promise.all(PULLED.map((service) => platform.run.restart(`${service}-pull`)))
    for (const [index, service] of PULLED.entries()) await restarted(service, former[index])
    for (const orderId of await Promise.all(placed)) {
      await expectTimeline(orderId)
      await expect.poll(async () => (await state.sends(orderId)).length, LONG).toBe(notified.length)
    }
  })
})

it(
  'a message that no revision can read is dead-lettered with its reason, and those with it are handled',
  LONG,
  async () => {
    const letters = google.pubsub.subscription(deadLetterName('history'))
    const reasons: string[] = []
    letters.on('message', (message) => {
      reasons.push(message.attributes['reason'] ?? '')
      message.ack()
    })
    const messageId = google.pubsub.topic('order.placed').publishMessage({ data: Buffer.from('not an envelope') })
    const orderId = await place()
    await messageId
    await expect.poll(() => reasons, LONG).toEqual([expect.stringMatching(/^not JSON: /)])
    await expectTimeline(orderId)
    await letters.close()
  },
)
