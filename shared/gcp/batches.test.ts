import { describe, expect, it } from 'vitest'
import { createBatches } from './batches.ts'

/** The test ends each call, with or without an error. */
function started({ maxItems = 3, maxBytes = 100, isOfOneItem = (): boolean => false } = {}) {
  const calls: { items: readonly string[]; end: (error?: unknown) => void }[] = []
  const add = createBatches<string>(
    (items) =>
      new Promise((resolve, reject) => calls.push({ items, end: (error) => (error ? reject(error) : resolve()) })),
    { maxItems, maxBytes, isOfOneItem },
  )
  /** The outcomes, in the order of the answers. */
  const outcomes = new Map<string, unknown>()
  const give = (item: string, bytes = 1): void =>
    void add(item, bytes).then(
      () => outcomes.set(item, 'stored'),
      (error: unknown) => outcomes.set(item, error),
    )
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return { calls, give, outcomes, turn, sent: () => calls.map(({ items }) => items.join('')) }
}

describe('an item', () => {
  it('that is alone leaves immediately, and those that come meanwhile go together, in their order', async () => {
    const { calls, give, outcomes, turn, sent } = started()
    for (const item of 'abcde') give(item)
    expect(sent()).toEqual(['a'])
    calls[0]!.end()
    await turn()
    // Each answer is of its own call.
    expect([sent(), [...outcomes.keys()]]).toEqual([['a', 'bcd'], ['a']])
    calls[1]!.end()
    await turn()
    calls[2]!.end()
    await turn()
    expect(sent()).toEqual(['a', 'bcd', 'e'])
    give('f')
    expect(sent()).toEqual(['a', 'bcd', 'e', 'f'])
    expect([...outcomes]).toEqual(['a', 'b', 'c', 'd', 'e'].map((item) => [item, 'stored']))
  })

  it('goes with others only up to the bytes of a call, and alone if it is larger', async () => {
    const { calls, give, turn, sent } = started({ maxItems: 10 })
    for (const [item, bytes] of [
      ['a', 1],
      ['b', 60],
      ['c', 40],
      ['d', 1],
      ['e', 500],
      ['f', 1],
    ] as const)
      give(item, bytes)
    for (let call = 0; call < 5; call++) {
      calls[call]?.end()
      await turn()
    }
    expect(sent()).toEqual(['a', 'bc', 'd', 'e', 'f'])
  })

  it('fails with its batch, and the next batch is sent', async () => {
    const { calls, give, outcomes, turn, sent } = started()
    for (const item of 'abc') give(item)
    calls[0]!.end('gone')
    await turn()
    expect([...outcomes]).toEqual([['a', 'gone']])
    calls[1]!.end()
    await turn()
    expect([sent(), [...outcomes.values()]]).toEqual([
      ['a', 'bc'],
      ['gone', 'stored', 'stored'],
    ])
  })

  it('is sent alone when another may be the reason of a failure', async () => {
    const { calls, give, outcomes, turn, sent } = started({ isOfOneItem: () => true })
    for (const item of 'abc') give(item)
    calls[0]!.end()
    await turn()
    calls[1]!.end('invalid')
    await turn()
    expect(sent()).toEqual(['a', 'bc', 'b', 'c'])
    calls[2]!.end('invalid')
    calls[3]!.end()
    await turn()
    expect(Object.fromEntries(outcomes)).toEqual({ a: 'stored', b: 'invalid', c: 'stored' })
  })
})
