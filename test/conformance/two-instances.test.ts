/** Two instances of a service, each of which keeps streams: no outcome follows from what the other one has changed. */

import { describe, expect, it } from 'vitest'
import { Refused, Unavailable } from '../../shared/base/errors.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import type { Message } from '../../shared/contracts/message.ts'
import { keepStreams } from '../../shared/messaging/kept-streams.ts'
import type {
  Decision,
  KeptStream,
  NewStream,
  Stream,
  Streams,
  TransactionDocuments,
} from '../../shared/service/platform.ts'
import { everyWay } from '../support/simulation/scheduler.ts'
import { command, count, instanceOf, oneMore } from './instances.testing.ts'
import { stores } from './stores.testing.ts'

let names = 0

const drivers = stores()

describe.each(drivers)('two instances on $name', ({ open }) => {
  /** The second one has a copy of the stream's first version, and the first one has written another. */
  async function stale() {
    const { store } = await open()
    const [a, b] = [instanceOf(store), instanceOf(store)]
    const id = `two-${names++}`
    await a.handle<Message>(command(1), id, oneMore)
    await b.handle<Message>(command(2), id, oneMore)
    await a.handle<Message>(command(3), id, oneMore)
    expect(b.kept.recall(id)?.version).toBe(2)
    for (const { done } of [a, b]) done.length = 0
    return { store, a, b, id }
  }

  it('append to what they keep without a read, as often as no other one writes', async () => {
    const { a, id } = await stale()
    for (const key of [4, 5, 6]) await a.handle<Message>(command(key), id, oneMore)
    expect(a.done).toEqual(['commit', 'commit', 'commit'])
    expect((await a.read(id)).events.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5, 6].map((to) => ({ to })))
  })

  it('decide again on the store after a write of the other one', async () => {
    const { b, id } = await stale()
    const seen: number[] = []
    await b.handle<Message>(command(4), id, (stream) => {
      seen.push(stream.version)
      return oneMore(stream)
    })
    expect(seen).toEqual([2, 3])
    expect(b.published.at(-1)).toMatchObject({ data: { to: 4 }, sequence: 4 })
    expect(b.done).toEqual(['commit', 'read', 'commit'])
  })

  it('find nothing to do only in the store', async () => {
    const { b, id } = await stale()
    const nothingBefore = (stream: Stream): Decision<Message> =>
      count(stream) < 3 ? { events: [], commands: [] } : oneMore(stream)
    const { events } = await b.handle<Message>(command(4), id, nothingBefore)
    expect(events).toHaveLength(1)
    expect((await b.read(id)).version).toBe(4)
  })

  it.each([
    ['refuse', new Refused('not-found', 'It does not exist.')],
    ['wait', new Unavailable('It does not exist yet.')],
    ['fail', new Error('There never is.')],
  ])('%s only after a look at the store', async (_name, error) => {
    const { b, id } = await stale()
    const onlyFrom = (least: number) => (stream: Stream) => {
      if (count(stream) < least) throw error
      return oneMore(stream)
    }
    expect((await b.handle<Message>(command(4), id, onlyFrom(3))).events).toHaveLength(1)
    await expect(b.handle<Message>(command(5), id, onlyFrom(9))).rejects.toBe(error)
    expect((await b.read(id)).version).toBe(4)
  })

  it('recognise a message that the other one has handled, and publish what was recorded', async () => {
    const { a, b, id } = await stale()
    await b.handle<Message>(command(3), id, oneMore)
    expect((await b.read(id)).version).toBe(3)
    expect(b.published.at(-1)).toEqual(a.published.at(-1))
  })

  it('repeat what they keep only if it is in the store: another database may have taken its place', async () => {
    const { store, b, id } = await stale()
    const restored = { ...b.kept.recall(id)!, id: `${id}-restored` }
    const c = instanceOf({ ...store, append: async () => restored })
    await c.kept.append(restored, restored.commits[0]!)
    expect(c.kept.recall(restored.id)?.version).toBe(2)
    const { events } = await c.handle<Message>(command(2), restored.id, () => ({ events: [], commands: [] }))
    expect(events).toEqual([])
    expect(c.published).toEqual([])
  })

  it('read the stream for a decision that calls others', async () => {
    const { b, id } = await stale()
    const seen: number[] = []
    await b.handleWithCalls<Message>(command(4), id, async (stream) => {
      seen.push(stream.version)
      return oneMore(stream)
    })
    expect(seen).toEqual([3])
    expect(b.done).toEqual(['read', 'commit'])
  })

  /** Decisions with calls: of which versions each was. */
  const calling = (streams: Streams<string>, key: number, given: KeptStream | NewStream) => {
    const seen: number[] = []
    const handled = (decide: (stream: Stream) => Decision<Message> = oneMore) =>
      streams.handleWithCalls<Message>(command(key), given, async (stream) => {
        seen.push(stream.version)
        return decide(stream)
      })
    return { seen, handled }
  }

  it('call others on a copy where the decision allows it, and again once its commit was refused', async () => {
    const { a, b, id } = await stale()
    const current = calling(a, 4, { keptId: id })
    await current.handled()
    expect([current.seen, a.done]).toEqual([[3], ['commit']])
    const late = calling(b, 5, { keptId: id })
    await late.handled()
    expect([late.seen, b.done]).toEqual([
      [2, 4],
      ['commit', 'read', 'commit'],
    ])
    expect((await a.read(id)).events.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5].map((to) => ({ to })))
  })

  it('call nothing on a copy that lacks the commit by which their message was sent', async () => {
    const { b, id } = await stale()
    const sentBy = (causationId: string, key: number): Envelope => {
      return { ...command(key), source: 'tests', subject: id, causationId }
    }
    const seen: number[] = []
    for (const [cause, key] of [
      [command(3).id, 4],
      [command(2).id, 5],
      // Outside any stream.
      [id, 6],
    ] as const)
      await b.handleWithCalls<Message>(sentBy(cause, key), { keptId: id }, async (stream) => {
        seen.push(stream.version)
        return oneMore(stream)
      })
    expect([seen, b.done]).toEqual([
      [3, 4, 5],
      ['read', 'commit', 'commit', 'commit'],
    ])
  })

  it('call others for a stream that is probably new, and again if it was there', async () => {
    const { store, a, b, id } = await stale()
    const fresh = calling(a, 1, { newId: `${id}-new` })
    await fresh.handled()
    expect([fresh.seen, a.done]).toEqual([[0], ['commit']])
    const c = instanceOf(store)
    const late = calling(c, 2, { newId: id })
    await late.handled(() => ({ events: [], commands: [] }))
    expect(late.seen).toEqual([0])
    expect(c.published, 'message 2 was handled before').toEqual(b.published.slice(-1))
  })

  it.each([
    ['nothing to do', () => ({ events: [], commands: [] })],
    [
      'a failure',
      () => {
        throw new Unavailable('The partner does not answer.')
      },
    ],
  ])('conclude %s from calls on a copy only if the store has the same stream', async (_name, first) => {
    const { a, b, id } = await stale()
    const late = calling(b, 4, { keptId: id })
    const decision = await late.handled((stream) => (count(stream) < 3 ? first() : oneMore(stream)))
    expect(decision.events).toHaveLength(1)
    expect(late.seen).toEqual([2, 3])
    // The same stream: the partner is called once.
    const current = calling(b, 5, { keptId: id })
    await current.handled(first).catch(() => {})
    expect(current.seen).toEqual([4])
    expect((await a.read(id)).version).toBe(4)
  })

  it('call nothing on a copy from before partners may have forgotten a key', async () => {
    const { store, id } = await stale()
    const c = instanceOf(store, Date.parse('2026-01-02T00:00:00.000Z'))
    await c.read(id)
    c.done.length = 0
    for (const [key, given] of [
      [4, { keptId: id }],
      [5, { newId: `${id}-new` }],
    ] as const) {
      await calling(c, key, given).handled()
      expect(c.done.splice(0)).toEqual(['read', 'commit'])
    }
  })

  it('read what was written: a query gets no copy', async () => {
    const { b, id } = await stale()
    expect((await b.read(id)).version).toBe(3)
  })

  it('keep nothing of a commit whose answer was lost: the redelivery finds it', async () => {
    const { store, b, id } = await stale()
    let isLost = true
    const c = instanceOf({
      ...store,
      async append(...appended) {
        const after = await store.append(...appended)
        if (isLost && after) throw new Unavailable('The answer was lost.')
        return after
      },
    })
    await c.read(id)
    await expect(c.handle<Message>(command(4), id, oneMore)).rejects.toThrow('lost')
    expect(c.kept.recall(id)).toBeUndefined()
    isLost = false
    await b.handle<Message>(command(5), id, oneMore)
    const { events } = await c.handle<Message>(command(4), id, oneMore)
    expect(events).toMatchObject([{ data: { to: 4 } }])
    expect((await c.read(id)).events.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5].map((to) => ({ to })))
  })

  it('append to what they keep beyond the size of one document', async () => {
    const { store, a, id } = await stale()
    const roomy = { maxStreams: 10, maxCharacters: 10_000_000, maxCharactersEach: 10_000_000 }
    const kept = keepStreams(store, roomy)
    const pad = 'é'.repeat(150_000)
    let stream = await kept.load(id)
    const template = stream.commits[0]!
    for (let key = 1; key <= 8; key++) {
      await kept.append(stream, {
        ...template,
        cause: `large-${key}`,
        events: [{ ...template.events[0]!, id: `${key}`, sequence: 3 + key, data: { to: 3 + key, pad } }],
      })
      stream = kept.recall(id)!
    }
    const { concurrencyToken: _token, ...read } = await store.load(id)
    expect(stream).toMatchObject(read)
    const events = (await a.read(id)).events.map(({ data }) => (data as { to: number }).to)
    expect(events).toEqual(Array.from({ length: 11 }, (_, index) => index + 1))
  })

  it('handle two messages and a repetition in every order, each once', async () => {
    const { store } = await open()
    const ways = await everyWay(async (choose) => {
      const instances = [instanceOf(store), instanceOf(store)]
      const id = `two-${names++}`
      await instances[0]!.handle<Message>(command('first'), id, oneMore)
      const left = ['x', 'y', 'x', 'z']
      while (left.length > 0) {
        // Both deliveries of x are alike.
        const different = [...new Set(left)]
        const key = different[choose(different.length)]!
        left.splice(left.indexOf(key), 1)
        await instances[choose(2)]!.handle<Message>(command(key), id, oneMore)
      }
      const { events } = await instances[0]!.read(id)
      expect(events.map(({ data, sequence }) => [data, sequence])).toEqual([1, 2, 3, 4].map((to) => [{ to }, to]))
      expect(new Set(events.map(({ cause }) => cause)).size).toBe(4)
    })
    expect(ways).toBe(192)
  })
})

describe.each(drivers)('transactions on $name', ({ open }) => {
  const fresh = (): string => `things/two-${names++}`
  async function started() {
    const { store, documents } = await open()
    return { store, documents, a: instanceOf(store), b: instanceOf(store), id: `two-${names++}` }
  }
  const numberIn = (document: unknown): number => Number((document as { n?: number } | undefined)?.n ?? 0)
  /** Adds what another document has, which it may leave as it is. */
  const adding =
    (to: string, from = to) =>
    async (stream: Stream, documents: TransactionDocuments<string>): Promise<Decision<Message>> => {
      const [target, source] = await documents.getAll([to, from])
      documents.set(to, { n: numberIn(target) + 1 + (from === to ? 0 : numberIn(source)) })
      return oneMore(stream)
    }
  const add = (streams: Streams<string>, key: string, id: string | { newId: string }, to: string, from = to) =>
    streams.transact<Message>(command(key), id, adding(to, from))

  it('of a new stream make one read and one commit, and of what is kept the commit alone', async () => {
    const { documents, a, id } = await started()
    const path = fresh()
    await add(a, 'one', { newId: id }, path)
    await add(a, 'two', id, path)
    expect(a.done).toEqual(['read 1', 'commit', 'commit'])
    expect(await documents.get(path)).toEqual({ n: 2 })
    expect((await a.read(id)).version).toBe(2)
  })

  it('commit nothing on a document that another one has written since, and read it for some time after that', async () => {
    const { documents, a, b, id } = await started()
    const path = fresh()
    await add(a, 'one', { newId: id }, path)
    await add(b, 'two', { newId: `${id}-b` }, path)
    a.done.length = 0
    await add(a, 'three', { newId: `${id}-c` }, path)
    expect(a.done.splice(0)).toEqual(['commit', 'transaction'])
    for (let n = 4; n <= 9; n++) await add(a, `${n}`, { newId: `${id}-${n}` }, path)
    // Four reads in a row find what this instance wrote, from the second on.
    expect(a.done).toEqual([...Array.from({ length: 5 }, () => ['read 1', 'commit']).flat(), 'commit'])
    expect(await documents.get(path)).toEqual({ n: 9 })
  })

  it('keep no document that they wrote with locks', async () => {
    const { documents, a, id } = await started()
    const path = fresh()
    await add(a, 'one', { newId: id }, path)
    a.done.length = 0
    await add(a, 'two', `${id}-not-kept`, path)
    await add(a, 'three', { newId: `${id}-c` }, path)
    expect(a.done).toEqual(['transaction', 'read 1', 'commit'])
    expect(await documents.get(path)).toEqual({ n: 3 })
  })

  it('conclude from a document that they keep only what a commit proves', async () => {
    const { documents, a, id } = await started()
    const path = fresh()
    await add(a, 'one', { newId: id }, path)
    await documents.update(path, () => ({ n: 7 }))
    const seen: number[] = []
    const { events } = await a.transact<Message>(command('two'), { newId: `${id}-b` }, async (stream, inside) => {
      const n = numberIn(await inside.get(path))
      seen.push(n)
      if (n < 7) throw new Refused('not-found', 'There is too little.')
      inside.set(path, { n: n - 7 })
      return oneMore(stream)
    })
    expect(events).toHaveLength(1)
    expect(seen).toEqual([1, 7])
  })

  it('of a stream that was no new one, or that is not kept, read it', async () => {
    const { store, documents, a, b, id } = await started()
    const path = fresh()
    await add(a, 'one', { newId: id }, path)
    await add(b, 'two', { newId: id }, path)
    const c = instanceOf(store)
    await add(c, 'three', id, path)
    expect([b.done, c.done]).toEqual([['read 1', 'commit', 'transaction'], ['transaction']])
    expect(await documents.get(path)).toEqual({ n: 3 })
    expect(b.published.map(({ data }) => data)).toEqual([{ to: 2 }])
  })

  it.each([
    ['written', undefined],
    ['created', { n: 5 }],
  ])('lose no change of a document that was %s after they read it', async (_name, before) => {
    const { documents, a, b, id } = await started()
    const path = fresh()
    if (!before) await documents.update(path, () => ({ n: 5 }))
    let isFirst = true
    await a.transact<Message>(command('one'), { newId: id }, async (stream, inside) => {
      const read = await inside.get(path)
      if (isFirst) {
        isFirst = false
        await (before ? documents.create(path, before) : add(b, 'other', { newId: `${id}-other` }, path))
      }
      inside.set(path, { n: numberIn(read) + 1 })
      return oneMore(stream)
    })
    expect(await documents.get(path)).toEqual({ n: before ? 6 : 7 })
  })

  it('decide on no document that was written after they read it, and that they leave as it is', async () => {
    const { documents, a, b, id } = await started()
    const [to, from] = [fresh(), fresh()]
    let isFirst = true
    await a.transact<Message>(command('one'), { newId: id }, async (...inside) => {
      const decided = await adding(to, from)(...inside)
      if (isFirst) await add(b, 'other', { newId: `${id}-other` }, from)
      isFirst = false
      return decided
    })
    expect(await documents.get(to)).toEqual({ n: 2 })
    expect((await a.read(id)).version).toBe(1)
  })

  it('delete only what is as they read it', async () => {
    const { documents, a, b, id } = await started()
    const path = fresh()
    await documents.update(path, () => ({ n: 1 }))
    let isFirst = true
    const deleteIfOne = (key: string, stream: string) =>
      a.transact<Message>(command(key), { newId: stream }, async (before, inside) => {
        const n = numberIn(await inside.get(path))
        if (isFirst) await add(b, 'other', { newId: `${id}-other` }, path)
        isFirst = false
        if (n === 1) inside.delete(path)
        return oneMore(before)
      })
    await deleteIfOne('one', id)
    expect(await documents.get(path)).toEqual({ n: 2 })
    await documents.update(path, () => ({ n: 1 }))
    await deleteIfOne('two', `${id}-two`)
    expect(await documents.get(path)).toBeUndefined()
  })

  it('find nothing to do, refuse and recognise a repetition only by what is stored', async () => {
    const { documents, a, b, id } = await started()
    const path = fresh()
    const once = (key: string, streams: Streams<string>) =>
      streams.transact<Message>(command(key), { newId: id }, async (stream, inside) => {
        if (stream.version > 1) throw new Refused('not-found', 'There were two.')
        const known = await inside.get(path)
        if (stream.version === 0) return { events: [], commands: [] }
        inside.set(path, { n: numberIn(known) + 1 })
        return oneMore(stream)
      })
    await a.handle<Message>(command('first'), id, oneMore)
    expect((await once('one', b)).events).toHaveLength(1)
    for (const again of [a, b]) expect((await once('one', again)).events).toHaveLength(1)
    await expect(once('two', b)).rejects.toThrow('There were two.')
    expect(await documents.get(path)).toEqual({ n: 1 })
    expect(b.published).toEqual([a.published.at(-1), a.published.at(-1)])
  })
})
