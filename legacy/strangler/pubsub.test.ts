/** The migration's messages by the local Pub/Sub. */

import { createLocalCloud } from 'local-google-cloud'
import { iam } from 'local-google-cloud/iam'
import { pubsub } from 'local-google-cloud/pubsub'
import { virtualClock } from 'local-google-cloud/host'
import { expect, it, onTestFinished, vi } from 'vitest'
import { copied, type PlatformEvent } from './from-platform.ts'
import { openPubSub } from './pubsub.ts'

const project = { id: 'millrace-local', number: '1', region: 'europe-west1' }

/** Longer than any pause before a message is delivered again. */
const MAX_PAUSE_MS = 60_000

async function opened() {
  const clock = virtualClock()
  const cloud = await createLocalCloud({ plugins: [iam, pubsub], project, clock })
  onTestFinished(() => cloud.close())
  const api = `http://${cloud.ownerHost}`
  const call = async (method: string, path: string, body: object) =>
    fetch(`${api}/v1/projects/${project.id}/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const topic = (method: string, path: string, body: object) => call(method, `topics/${path}`, body)
  return { clock, api, call, topic }
}

it('delivers changes and the events that are copied, and again what was not handled', async () => {
  const { clock, api, topic } = await opened()
  for (const type of copied) await topic('PUT', type, {})
  await openPubSub(api, project.id)
  // A second start finds all there.
  const { changes, events } = await openPubSub(api, project.id)

  const change = { sequence: 1, table: 'products', key: 'TEA-001' } as const
  const published = { change, path: '/v1/products', role: 'admin', body: { sku: 'TEA-001' } } as const
  await changes.publish([{}, published])
  const ids: string[] = []
  await expect(changes.pull(10, () => Promise.reject(new Error('the platform is away')))).rejects.toThrow('away')
  expect(await changes.pull(10, async () => {})).toBe(0)
  await clock.advance(MAX_PAUSE_MS)
  const handled: unknown[] = []
  while (ids.length < 2) await changes.pull(10, async (message, id) => void (handled.push(message), ids.push(id)))
  expect(handled).toContainEqual(published)
  expect(await changes.pull(10, async () => {})).toBe(0)

  // Of several messages those are given back that were not acknowledged.
  await changes.publish([{}, {}, {}])
  const requests = vi.spyOn(globalThis, 'fetch')
  const bodiesTo = (method: string) =>
    requests.mock.calls
      .filter(([url]) => String(url).endsWith(`:${method}`))
      .map(([, init]) => JSON.parse(init!.body as string) as { readonly ackIds: readonly string[] })
  let count = 0
  const second = () => (++count === 2 ? Promise.reject(new Error('the second')) : Promise.resolve())
  await expect(changes.pull(10, second)).rejects.toThrow('the second')
  const [acknowledged, [givenBack]] = [bodiesTo('acknowledge'), bodiesTo('modifyAckDeadline')]
  expect([acknowledged.length, givenBack!.ackIds.length]).toEqual([2, 1])
  expect(acknowledged.flatMap(({ ackIds }) => ackIds)).not.toContain(givenBack!.ackIds[0])
  requests.mockRestore()
  await clock.advance(MAX_PAUSE_MS)
  let left = 0
  while (left < 1) left += await changes.pull(10, async () => {})
  expect(left).toBe(1)

  const event = { type: 'price.changed', sequence: 1, time: '2026-01-01T00:00:00.000Z', data: { sku: 'TEA-001' } }
  await topic('POST', 'price.changed:publish', {
    messages: [{ data: Buffer.from(JSON.stringify(event)).toString('base64') }],
  })
  const copies: unknown[] = []
  expect(await events.pull(10, async (one) => void copies.push(one))).toBe(1)
  expect(copies).toEqual([event])

  // One type whose events fail keeps none of the others waiting.
  for (const type of ['order.placed', 'price.changed'])
    await topic('POST', `${type}:publish`, {
      messages: [{ data: Buffer.from(JSON.stringify({ ...event, type })).toString('base64') }],
    })
  const fail = async (one: PlatformEvent) => {
    if (one.type === 'order.placed') throw new Error('not this one')
    copies.push(one)
  }
  await expect(events.pull(10, fail)).rejects.toThrow('not this one')
  expect(copies).toEqual([event, event])
})

it('messages that can never be handled, more than one pull takes, keep none of the others waiting', async () => {
  const { clock, api, call, topic } = await opened()
  for (const type of copied) await topic('PUT', type, {})
  // From before it had pauses.
  await topic('PUT', 'legacy-changes', {})
  await call('PUT', 'subscriptions/legacy-changes', { topic: `projects/${project.id}/topics/legacy-changes` })
  const { changes } = await openPubSub(api, project.id)
  const refused = { change: { sequence: 1, table: 'products', key: 'TOO-LONG' }, path: '/v1/products', role: 'admin' }
  await changes.publish(Array.from({ length: 15 }, () => ({ ...refused, body: {} }) as const) as never)
  await changes.publish([{}])
  const handled: unknown[] = []
  const handle = async (message: { readonly path?: string | undefined }) => {
    if (message.path !== undefined) throw new Error('never')
    handled.push(message)
  }
  for (let pull = 0; pull < 2; pull++) await changes.pull(10, handle).catch(() => 0)
  expect(handled).toEqual([{}])
  // In the pauses they fill no pull.
  expect(await changes.pull(10, handle)).toBe(0)
  // None is lost: each comes again.
  await clock.advance(MAX_PAUSE_MS)
  const again: unknown[] = []
  while ((await changes.pull(10, async (message) => void again.push(message))) > 0);
  expect(again).toHaveLength(15)
})
