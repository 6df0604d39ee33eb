import { expect, it } from 'vitest'
import { RESTORED_LIMIT_MS, tried } from './trial.testing.ts'

/** The scenario takes `usualMs`, and for ever while a needed resource is removed. */
async function verdict({ usualMs, isNeeded = true }: { usualMs: number; isNeeded?: boolean }) {
  let isRemoved = false
  const limits: number[] = []
  const found = await tried(
    {
      remove: async () => void (isRemoved = true),
      restore: async () => void (isRemoved = false),
      async run(withinMs) {
        limits.push(withinMs)
        return (isRemoved && isNeeded) || usualMs > withinMs ? 'no order' : undefined
      },
    },
    2_000,
  )
  return { ...found, limits }
}

it('a resource without which the scenario fails is missed', async () => {
  expect(await verdict({ usualMs: 500 })).toMatchObject({ outcome: 'missed', detail: 'no order' })
})

it('one without which it succeeds is not', async () => {
  expect(await verdict({ usualMs: 500, isNeeded: false })).toMatchObject({ outcome: 'NOT MISSED' })
})

it('a machine that has become slow makes no resource a missed one', async () => {
  const slow = await verdict({ usualMs: 5_000, isNeeded: false })
  expect(slow).toMatchObject({ outcome: 'NOT MISSED' })
  expect(slow.limits).toEqual([
    2_000,
    RESTORED_LIMIT_MS,
    2_000,
    4_000,
    RESTORED_LIMIT_MS,
    4_000,
    8_000,
    RESTORED_LIMIT_MS,
  ])
  expect(await verdict({ usualMs: 5_000 })).toMatchObject({ outcome: 'missed' })
})

it('a scenario that does not succeed with the resource again either says that', async () => {
  expect(await verdict({ usualMs: RESTORED_LIMIT_MS + 1 })).toMatchObject({ outcome: 'NOT RESTORED' })
})
