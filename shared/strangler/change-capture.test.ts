import { expect, it } from 'vitest'
import { type Change, relayChanges } from './change-capture.ts'

function outboxOf(count: number) {
  let rows: Change[] = Array.from({ length: count }, (_, index) => ({ sequence: index + 1 }))
  return {
    read: (limit: number) => rows.slice(0, limit),
    remove: (sequence: number) => void (rows = rows.filter((row) => row.sequence > sequence)),
    left: () => rows.length,
  }
}

it('publishes every change in its order, and empties the outbox', async () => {
  const outbox = outboxOf(250)
  const published: number[] = []
  const count = await relayChanges(
    outbox,
    async (changes) => void published.push(...changes.map((one) => one.sequence)),
  )
  expect([count, outbox.left()]).toEqual([250, 0])
  expect(published).toEqual(Array.from({ length: 250 }, (_, index) => index + 1))
})

it('keeps what was not published, and publishes it again', async () => {
  const outbox = outboxOf(3)
  await expect(relayChanges(outbox, () => Promise.reject(new Error('no answer')))).rejects.toThrow('no answer')
  expect(outbox.left()).toBe(3)
  expect(await relayChanges(outbox, async () => {})).toBe(3)
})
