import { expect, it } from 'vitest'
import { makeTurns } from './turns.ts'

it('runs work on a table one after the other, and refuses more than may wait', async () => {
  const inTurn = makeTurns(2)
  const first = Promise.withResolvers<string>()
  const order: string[] = []
  const work = (name: string, isLimited = true) => inTurn('d.t', async () => void order.push(name), isLimited)
  const running = inTurn('d.t', () => first.promise)
  const waiting = [work('a'), work('b')]
  await expect(work('c')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: [expect.objectContaining({ reason: 'resourcesExceeded' })],
    message:
      'Resources exceeded during query execution: Too many DML statements outstanding against table d.t, limit is 2.',
  })
  waiting.push(work('insert', false))
  // Another table has turns of its own, and work that changes no table waits for none.
  await inTurn('d.other', async () => void order.push('other'))
  await inTurn(undefined, async () => void order.push('none'))
  first.resolve('done')
  expect(await running).toBe('done')
  await Promise.all(waiting)
  expect(order).toEqual(['other', 'none', 'a', 'b', 'insert'])
  await work('d')
  expect(order.at(-1)).toBe('d')
})
