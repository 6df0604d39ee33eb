/** The streams that an instance keeps, and those that it drops. */

import { expect, it } from 'vitest'
import { Unavailable } from '../base/errors.ts'
import { keepStreams, type KeptBounds } from './kept-streams.ts'
import { memory } from './memory.testing.ts'
import type { Commit, StreamStore } from './stream-store.ts'

const roomy: KeptBounds = { maxStreams: 100, maxCharacters: 1_000_000, maxCharactersEach: 100_000 }
const commit = (cause: string, data: unknown = {}): Commit => ({
  cause,
  time: '2026-01-01T00:00:00.000Z',
  correlationId: 'c',
  actor: 'a',
  traceparent: 't',
  events: [{ id: cause, type: 'thing.counted', version: 1, sequence: 1, data }],
  commands: [],
})

function opened(bounds: Partial<KeptBounds> = {}) {
  const kept = memory()
  const { store } = kept
  const add = async (to: StreamStore, id: string, cause: string, data?: unknown): Promise<void> =>
    void (await to.append(await store.load(id), commit(cause, data)))
  return { store, kept, ours: keepStreams(store, { ...roomy, ...bounds }), theirs: keepStreams(store, roomy), add }
}
const versionOf = (store: StreamStore, id: string): number | undefined => store.recall(id)?.version

it('keeps what it has read or written as it would be read, without fields that are undefined', async () => {
  const { store, ours, add } = opened()
  expect(ours.recall('s')).toBeUndefined()
  await add(ours, 's', 'one', { a: undefined, b: [1, undefined] })
  expect(ours.recall('s')).toEqual(await store.load('s'))
  expect(ours.recall('s')!.commits[0]!.events[0]!.data).toStrictEqual({ b: [1, null] })
  await add(store, 's', 'two')
  expect(versionOf(ours, 's')).toBe(1)
  await ours.load('s')
  expect(ours.recall('s')).toEqual(await store.load('s'))
})

it('keeps no stream that does not exist', async () => {
  const { ours } = opened()
  await ours.load('s')
  expect(ours.recall('s')).toBeUndefined()
})

it('drops a stream of which a write was lost', async () => {
  const { ours, theirs, add } = opened()
  await add(ours, 's', 'one')
  await add(theirs, 's', 'two')
  expect(await ours.append(ours.recall('s')!, commit('three'))).toBeUndefined()
  expect(ours.recall('s')).toBeUndefined()
})

it.each([true, false])('drops a stream of which a write failed, be it that it was written: %s', async (isWritten) => {
  const { store, add } = opened()
  let fails = false
  const ours = keepStreams({
    ...store,
    async append(...appended) {
      const after = fails && !isWritten ? undefined : await store.append(...appended)
      if (fails) throw new Unavailable('The answer was lost.')
      return after
    },
  })
  await add(ours, 's', 'one')
  fails = true
  await expect(ours.append(ours.recall('s')!, commit('two'))).rejects.toThrow('lost')
  expect(ours.recall('s')).toBeUndefined()
})

it('drops a stream that a transaction may change', async () => {
  const { ours, add } = opened()
  await add(ours, 's', 'one')
  await ours.transact('s', async (stream, transaction) => transaction.append(stream, commit('two')))
  expect(ours.recall('s')).toBeUndefined()
})

it('does not replace a version by a former one, which a slow read returns', async () => {
  const { store, add } = opened()
  await add(store, 's', 'one')
  let release = (): void => {}
  const slow = keepStreams({
    ...store,
    async load(id) {
      const read = await store.load(id)
      await new Promise<void>((resolve) => (release = resolve))
      return read
    },
  })
  const reading = slow.load('s')
  await slow.append(await store.load('s'), commit('two'))
  release()
  expect((await reading).version).toBe(1)
  expect(versionOf(slow, 's')).toBe(2)
})

it('keeps no stream with a snapshot', async () => {
  const { ours } = opened()
  await ours.append(await ours.load('s', { path: 'snapshots/s', isSnapshot: true }), commit('one'), {
    companion: { to: 1 },
  })
  expect(ours.recall('s')).toBeUndefined()
  await ours.load('s', { path: 'snapshots/s', isSnapshot: true })
  expect(ours.recall('s')).toBeUndefined()
})

it('keeps a stream that was written or read with a companion, without the companion', async () => {
  const { ours, theirs } = opened()
  const bounds = { path: 'bounds/s', isSnapshot: false }
  await ours.append(await ours.load('s', bounds), commit('one'), { companion: { count: 1 } })
  expect((await theirs.load('s', bounds)).companion?.value).toEqual({ count: 1 })
  for (const one of [ours, theirs]) {
    expect(one.recall('s')).toMatchObject({ version: 1 })
    expect(one.recall('s')!.companion).toBeUndefined()
  }
})

it('keeps so many streams: those that were used last', async () => {
  const { ours, add } = opened({ maxStreams: 2 })
  await add(ours, 'a', 'one')
  await add(ours, 'b', 'one')
  ours.recall('a')
  await add(ours, 'c', 'one')
  expect(['a', 'b', 'c'].map((id) => versionOf(ours, id))).toEqual([1, undefined, 1])
})

it('keeps so many characters, counted again when a stream grows or is dropped', async () => {
  const { store, ours, theirs, add } = opened({ maxCharacters: 1_000 })
  const text = 'x'.repeat(300)
  await add(ours, 'a', 'one', { text })
  await add(ours, 'b', 'one', { text })
  expect(['a', 'b'].map((id) => versionOf(ours, id))).toEqual([undefined, 1])
  await add(theirs, 'b', 'two')
  await ours.append(ours.recall('b')!, commit('lost'))
  await add(ours, 'a', 'two')
  expect(['a', 'b'].map((id) => versionOf(ours, id))).toEqual([2, undefined])
  for (let index = 0; index < 50; index++) await ours.load('a')
  expect(ours.recall('a')).toEqual(await store.load('a'))
})

it('keeps no large stream, nor the smaller version before', async () => {
  const { ours, add } = opened({ maxCharactersEach: 1_000 })
  await add(ours, 'a', 'one')
  expect(versionOf(ours, 'a')).toBe(1)
  await add(ours, 'a', 'two', { text: 'x'.repeat(1_000) })
  expect(ours.recall('a')).toBeUndefined()
})
