import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../core/clock.ts'
import { openJournal } from '../../core/journal.ts'
import { seededRandom } from '../../core/random.ts'
import { createStore, type Store } from './store.ts'

const EVERYTHING = { parent: '', collectionId: '', allDescendants: true }
const emptyStore = (clock = virtualClock()): Store => createStore(openJournal(), 'p/d', clock)

/** Commits one document of that value, or its deletion. */
function write(store: Store, path: string, value?: number): number {
  const micros = store.nextCommitTime()
  store.apply(new Map([[path, value === undefined ? undefined : { f: { n: value }, c: micros, u: micros }]]), micros)
  return micros
}

describe('a read at a past time', () => {
  it.each([1, 2, 3])('finds the same versions as a query at that time: seed %i', async (seed) => {
    const random = seededRandom(seed)
    const clock = virtualClock()
    const store = emptyStore(clock)
    const times: number[] = []
    for (let step = 0; step < 400; step++) {
      const path = `a/${Math.floor(random.next() * 12)}`
      write(store, path, random.next() < 0.3 ? undefined : step)
      times.push(store.readTime())
      if (step % 5 === 0) await clock.advance(60_000)
    }
    const readable = times.filter((micros) => micros >= (clock.now() - 3_600_000) * 1000)
    expect(readable.length).toBeGreaterThan(200)
    expect(readable.length).toBeLessThan(times.length)
    for (const micros of readable) {
      const found = [...store.scan(EVERYTHING, micros)].toSorted((one, other) => one.path.localeCompare(other.path))
      const paths = Array.from({ length: 12 }, (_, index) => `a/${index}`)
      const read = paths.flatMap((path) => store.get(path, micros) ?? [])
      expect(read.toSorted((one, other) => one.path.localeCompare(other.path))).toEqual(found)
    }
  })

  it('reads only the versions of the requested document', { timeout: 5_000 }, () => {
    const store = emptyStore()
    const past = write(store, 'a/0', 0)
    const paths = Array.from({ length: 10_000 }, (_, index) => `a/${index}`)
    for (let round = 0; round < 8; round++) for (const path of paths) write(store, path, round)
    // A scan of all versions for each document would take 800 million steps.
    const read = paths.map((path) => store.get(path, past)?.f['n'])
    expect(read).toEqual([0, ...paths.slice(1).map(() => undefined)])
  })
})
