import { expect, it } from 'vitest'
import { forEachConcurrently } from './concurrently.ts'

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

it('works on every item once, in their order, on no more at once than the bound', async () => {
  const begun: number[] = []
  let running = 0
  let most = 0
  await forEachConcurrently([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    begun.push(item)
    running += 1
    most = Math.max(most, running)
    await turn()
    running -= 1
  })
  expect(begun).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(most).toBe(3)
})

it('rejects with the first failure once the work that had begun has ended, and begins no other', async () => {
  const ended: number[] = []
  const work = async (item: number): Promise<void> => {
    if (item === 1) throw new Error('item 1 failed')
    await turn()
    ended.push(item)
  }
  await expect(forEachConcurrently([1, 2, 3, 4, 5], 2, work)).rejects.toThrow('item 1 failed')
  expect(ended).toEqual([2])
})
