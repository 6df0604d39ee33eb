import { expect, it } from 'vitest'
import { DeadlineExceeded, Unavailable } from '../base/errors.ts'
import { compose } from './compose.ts'
import type { Platform } from './platform.ts'

const logged: unknown[] = []
const platform: Pick<Platform, 'partMissing'> = {
  partMissing: ({ part, code }) => void logged.push([part, code]),
}
const failing = (error: Error) => async () => {
  throw error
}

it('a composite answer has the parts that were read, and names the others with their reason', async () => {
  const parts = {
    seats: async () => 7,
    meal: failing(new Unavailable('The kitchen does not answer.')),
    weather: failing(new TypeError('It has no temperature.')),
  }
  expect(await compose(platform, parts)).toEqual({
    found: { seats: 7 },
    missing: [
      { part: 'meal', code: 'unavailable' },
      { part: 'weather', code: 'bug' },
    ],
  })
  expect(logged).toEqual([
    ['meal', 'unavailable'],
    ['weather', 'bug'],
  ])
})

it('a composite answer is not made for a request that is over', async () => {
  const parts = { seats: async () => 7, meal: failing(new DeadlineExceeded(true)) }
  await expect(compose(platform, parts)).rejects.toBeInstanceOf(DeadlineExceeded)
})
