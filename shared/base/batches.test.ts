import { describe, expect, it } from 'vitest'
import { type Answer, createBatches, sameForAll } from './batches.ts'

type Options = Parameters<typeof createBatches<string, string>>[1]

/** The test ends each call, with or without an error. */
function started({
  maxItems = 3,
  maxSize = 100,
  isOfOneItem = (): boolean => false,
  ...others
}: Partial<Options> = {}) {
  const calls: {
    items: readonly string[]
    end: (error?: unknown) => void
    answer: (answers: readonly Answer<string>[]) => void
  }[] = []
  const add = createBatches<string, string>(
    (items) =>
      new Promise((resolve, reject) =>
        calls.push({
          items,
          end: (error) => (error ? reject(error) : resolve(sameForAll(items, 'stored'))),
          answer: resolve,
        }),
      ),
    { maxItems, maxSize, isOfOneItem, ...others },
  )
  /** The outcomes, in the order of the answers. */
  const outcomes = new Map<string, unknown>()
  const give = (item: string, size = 1): void =>
    void add(item, size).then(
      (result) => outcomes.set(item, result),
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

  it('has the answer to itself, whichever the others have', async () => {
    const { calls, give, outcomes, turn } = started({ isOfOneItem: () => true })
    for (const item of 'abcd') give(item)
    calls[0]!.end()
    await turn()
    calls[1]!.answer([{ value: 'first' }, { error: 'taken' }, { value: 'third' }])
    await turn()
    // An item's own answer says that the others were not the reason: it is not sent again.
    expect(Object.fromEntries(outcomes)).toEqual({ a: 'stored', b: 'first', c: 'taken', d: 'third' })
    expect(calls).toHaveLength(2)
  })

  it('is sent again alone, once, when its own answer is one that may pass', async () => {
    const { calls, give, outcomes, turn, sent } = started({ mayPassAlone: (error) => error === 'busy' })
    for (const item of 'abc') give(item)
    calls[0]!.end()
    await turn()
    calls[1]!.answer([{ error: 'busy' }, { error: 'taken' }])
    await turn()
    expect(sent()).toEqual(['a', 'bc', 'b'])
    calls[2]!.answer([{ error: 'busy' }])
    await turn()
    expect([sent().length, Object.fromEntries(outcomes)]).toEqual([3, { a: 'stored', b: 'busy', c: 'taken' }])
  })

  it('fails with all others when a call has fewer answers than items', async () => {
    const { calls, give, outcomes, turn } = started()
    for (const item of 'abc') give(item)
    calls[0]!.end()
    await turn()
    calls[1]!.answer([{ value: 'which?' }])
    await turn()
    expect([...outcomes.values()].map(String)).toEqual([
      'stored',
      'Error: 2 items have 1 answers.',
      'Error: 2 items have 1 answers.',
    ])
  })

  it('takes those of the same turn with it, if calls are gathered', async () => {
    const { calls, give, turn, sent } = started({ isGathered: true })
    for (const item of 'ab') give(item)
    expect(sent()).toEqual([])
    await turn()
    expect(sent()).toEqual(['ab'])
    give('c')
    calls[0]!.end()
    await turn()
    expect(sent()).toEqual(['ab', 'c'])
  })
})

describe('items of one key', () => {
  /** `a1`, `a2`: of the key a. Two capital letters can be combined. */
  const keyed = (others: Partial<Options> = {}) =>
    started({
      maxItems: 10,
      isGathered: true,
      keyOf: (item) => item[0]!.toLowerCase(),
      combine: (first, second) => (/^[A-Z]/.test(first) && /^[A-Z]/.test(second) ? first + second : undefined),
      ...others,
    })

  it('go one after the other, in their order, beside those of other keys', async () => {
    const { calls, give, turn } = keyed()
    for (const item of ['a1', 'b1', 'a2', 'A3', 'A4', 'c1']) give(item)
    for (let call = 0; call < 3; call++) {
      await turn()
      calls[call]!.end()
    }
    await turn()
    expect(calls.map(({ items }) => items)).toEqual([['a1', 'b1', 'c1'], ['a2'], ['A3A4']])
  })

  it('go as one where they can be combined, and have its answer; one that comes after another kind does not overtake it', async () => {
    const { calls, give, outcomes, turn } = keyed()
    for (const item of ['A1', 'A2', 'a3', 'A4']) give(item)
    await turn()
    calls[0]!.answer([{ value: 'both' }])
    await turn()
    expect(calls.map(({ items }) => items)).toEqual([['A1A2'], ['a3']])
    expect(Object.fromEntries(outcomes)).toEqual({ A1: 'both', A2: 'both' })
    calls[1]!.end()
    await turn()
    expect(calls[2]!.items).toEqual(['A4'])
  })

  it('that were combined are sent alone when one of them may be the reason of the failure', async () => {
    const { calls, give, outcomes, turn } = keyed({ isOfOneItem: (error) => error === 'invalid' })
    for (const item of ['A1', 'A2', 'b1']) give(item)
    await turn()
    calls[0]!.answer([{ error: 'invalid' }, { error: 'gone' }])
    await turn()
    expect(calls.map(({ items }) => items)).toEqual([['A1A2', 'b1'], ['A1'], ['A2']])
    calls[1]!.end()
    calls[2]!.end('invalid')
    await turn()
    expect(Object.fromEntries(outcomes)).toEqual({ A1: 'stored', A2: 'invalid', b1: 'gone' })
  })
})
