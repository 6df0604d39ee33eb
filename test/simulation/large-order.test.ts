/** The largest order, with every field at its maximum length, fits into documents, messages and tasks. */

import { expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { limits } from '../../functions/shop/fields.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { createWorld } from '../support/simulation/world.ts'

/** The size limits of a Firestore document, less a reserve for its other fields, and of a task. */
const DOCUMENT_BYTES = 1024 * 1024 - 64 * 1024
const TASK_BYTES = 1024 * 1024
/** A delivery has at most so many lines. */
const DELIVERY_LINES = 100

it('the largest order fits into documents, messages and tasks, and completes', { timeout: 60_000 }, async () => {
  const world = await createWorld()
  // A character with three bytes in UTF-8.
  const skus = Array.from({ length: limits.linesPerOrder }, (_, index) =>
    `${index}`.padStart(limits.skuCharacters, '茶'),
  )
  for (const sku of skus) {
    const price = { sku, unitMinor: 1_000_000, currency: 'EUR', taxClass: 'standard' }
    world.bus.deliver(
      'orders',
      'price.changed',
      JSON.stringify(message('price.changed', price, { subject: sku, version: 2 })),
    )
  }
  for (let from = 0; from < skus.length; from += DELIVERY_LINES) {
    const lines = skus.slice(from, from + DELIVERY_LINES).map((sku) => ({ sku, quantity: 1_000 }))
    const delivery = { deliveryId: `d-${from}`, lines }
    world.bus.send([{ target: 'inventory', envelope: message('ReceiveStock', delivery, { key: from }) }])
  }
  await world.run({ forMs: 1_000 })
  const answer = await world.place({ discountCode: 'WELCOME-10', lines: skus.map((sku) => ({ sku, quantity: 250 })) })
  expect(answer.status).toBe(201)
  await world.run({ forMs: 60_000 })
  expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])

  const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
  const largest = { entry: 0, task: 0 }
  for (const { name } of services) {
    const platform = world.platform(name)
    for (const entry of [...platform.commitsByStream().values()].flat())
      largest.entry = Math.max(largest.entry, bytes(entry))
    for (const { envelope } of platform.sent) largest.task = Math.max(largest.task, bytes(envelope))
  }
  expect(largest.entry).toBeLessThan(DOCUMENT_BYTES)
  expect(largest.task).toBeLessThan(TASK_BYTES)
  // Without this, a check that measured nothing would pass.
  expect(largest.task).toBeGreaterThan(200_000)
})
