import { queryObjects } from 'node:v8'
import { expect, it } from 'vitest'
import { appendTogether } from './append-together.ts'
import { memory } from './memory.testing.ts'

const STREAMS = 500

it('holds no memory for a stream once its appends have ended', async () => {
  const append = appendTogether(memory().store)
  const functions = (): number => queryObjects(Function, { format: 'count' })
  const before = functions()
  for (let index = 0; index < STREAMS; index++) await append({ id: `s-${index}`, isNew: false }, () => undefined)
  expect(functions() - before).toBeLessThan(STREAMS)
})
