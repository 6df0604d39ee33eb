/** Deliveries to one stream that come while another is under way: one write, in which each has its own commit. */

import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { Refused, Unavailable } from '../../shared/base/errors.ts'
import type { Message } from '../../shared/contracts/message.ts'
import type { Decision, Stream } from '../../shared/service/platform.ts'
import { createTracer } from '../../shared/signals/span.ts'
import { command, count, instanceOf, oneMore } from './instances.testing.ts'
import { stores } from './stores.testing.ts'

let names = 0
const drivers = stores()
type Instance = ReturnType<typeof instanceOf>
const numbers = (to: number): object[] => Array.from({ length: to }, (_, index) => ({ to: index + 1 }))
const handled = (instance: Instance, id: string, keys: readonly number[], decide = oneMore) =>
  Promise.all(keys.map((key) => instance.handle<Message>(command(key), id, decide)))

describe.each(drivers)('deliveries to one stream at the same time, on $name', ({ open }) => {
  async function begun() {
    const { store } = await open()
    const [a, b] = [instanceOf(store), instanceOf(store)]
    const id = `together-${names++}`
    await a.handle<Message>(command(1), id, oneMore)
    a.done.length = 0
    return { store, a, b, id }
  }
  const recorded = async ({ read }: Instance, id: string) => {
    const { events, version } = await read(id)
    return { version, data: events.map(({ data }) => data), causes: new Set(events.map(({ cause }) => cause)).size }
  }

  it('are appended by two writes: the first alone, those behind it together, each with its own commit', async () => {
    const { a, b, id } = await begun()
    await handled(a, id, [2, 3, 4, 5])
    expect(a.done).toEqual(['commit', 'commit'])
    expect(await recorded(b, id)).toEqual({ version: 5, data: numbers(5), causes: 5 })
    expect(a.published.map(({ data, sequence }) => [data, sequence])).toEqual(
      numbers(5).map((data, index) => [data, index + 1]),
    )
    // The copy after them is the stream: the next append needs no read.
    await handled(a, id, [6])
    expect(a.done).toEqual(['commit', 'commit', 'commit'])
    const { concurrencyToken: _token, ...stored } = await b.kept.load(id)
    expect(a.kept.recall(id)).toMatchObject(stored)
  })

  it('are each decided in their own context, of which the span is recorded', async () => {
    const { a, id } = await begun()
    const context = new AsyncLocalStorage<number>()
    const seen: unknown[] = []
    const deliverIn = (key: number) =>
      context.run(key, () =>
        handled(a, id, [key], (stream) => {
          seen.push([key, context.getStore()])
          return oneMore(stream)
        }),
      )
    await Promise.all([2, 3, 4].map(deliverIn))
    expect(seen).toEqual([2, 3, 4].map((key) => [key, key]))
  })

  it('are each decided on the stream as a read would return it, also on one that probably begins', async () => {
    const { a, b } = await begun()
    const id = `together-${names++}`
    const seen: Stream[] = []
    const decide = (stream: Stream): Decision<Message> => (seen.push(stream), oneMore(stream))
    a.done.length = 0
    a.committed.length = 0
    await Promise.all([2, 3, 4].map((key) => a.handle<Message>(command(key), { newId: id }, decide)))
    expect(a.done).toEqual(['commit', 'commit'])
    const { events } = await b.read(id)
    expect(seen.map(({ version }) => version)).toEqual([0, 1, 2])
    expect(seen.map((stream) => stream.events)).toStrictEqual([[], events.slice(0, 1), events.slice(0, 2)])
    expect(a.committed).toEqual([0, 1, 2])
  })

  it('are at most twenty in one write', async () => {
    const { a, b, id } = await begun()
    await handled(
      a,
      id,
      Array.from({ length: 22 }, (_, index) => index + 2),
    )
    expect(a.done).toEqual(['commit', 'commit', 'commit'])
    expect(await recorded(b, id)).toEqual({ version: 23, data: numbers(23), causes: 23 })
  })

  it('are each recorded once when another instance was first', async () => {
    const { a, b, id } = await begun()
    await b.handle<Message>(command(9), id, oneMore)
    await handled(a, id, [2, 3, 4])
    expect(await recorded(b, id)).toEqual({ version: 5, data: numbers(5), causes: 5 })
    expect(a.published).toHaveLength(4)
  })

  it('are each guarded by the version that they expect, beside others, on an old copy and after a lost race', async () => {
    const { a, b, id } = await begun()
    const guarded = async (key: number, expectedVersion: number): Promise<string> => {
      const expecting = { ...command(key), subject: id, expectedVersion }
      return a.handle<Message>(expecting, id, oneMore).then(
        () => 'done',
        (error: Refused) => error.code,
      )
    }
    // The copy of this instance is older than the version that its caller has seen at the other one.
    await b.handle<Message>(command('b'), id, oneMore)
    expect(await guarded(2, 2)).toBe('done')
    await b.handle<Message>(command('c'), id, oneMore)
    const group = [guarded(3, 3), handled(a, id, [4, 5]), guarded(6, 4), guarded(7, 6)]
    expect((await Promise.all(group)).filter((one) => typeof one === 'string')).toEqual([
      'precondition-failed',
      'precondition-failed',
      'done',
    ])
    expect(await recorded(b, id)).toEqual({ version: 7, data: numbers(7), causes: 7 })
  })

  it('go together again after a lost race, however many they are', async () => {
    const { a, b, id } = await begun()
    await b.handle<Message>(command('b'), id, oneMore)
    const keys = Array.from({ length: 20 }, (_, index) => index + 2)
    await handled(a, id, keys)
    expect(a.done.filter((what) => what === 'read').length).toBeLessThanOrEqual(3)
    expect(a.done.filter((what) => what === 'commit').length).toBeLessThanOrEqual(4)
    expect(await recorded(b, id)).toEqual({ version: 22, data: numbers(22), causes: 22 })
  })

  it('are left to the store, and end, when every race is lost', async () => {
    const { store, id } = await begun()
    const c = instanceOf({ ...store, append: async () => undefined })
    await c.read(id)
    const outcomes = await Promise.allSettled([2, 3, 4].map((key) => c.handle<Message>(command(key), id, oneMore)))
    expect(outcomes.map((one) => one.status === 'rejected' && one.reason instanceof Unavailable)).toEqual([
      true,
      true,
      true,
    ])
    // The first alone, the others together after each of two reads, then eight times each.
    expect(c.done.filter((what) => what === 'commit')).toHaveLength(1 + 2 + 3 * 8)
  })

  it('conclude nothing to do, and a refusal, from the store, and hold up no other', async () => {
    const { a, id } = await begun()
    const none = (): Decision<Message> => ({ events: [], commands: [] })
    const refused = new Refused('not-found', 'There is no such thing.')
    const outcomes = await Promise.allSettled([
      ...[2, 3].map((key) => a.handle<Message>(command(key), id, oneMore)),
      a.handle<Message>(command(4), id, none),
      a.handle<Message>(command(5), id, () => {
        throw refused
      }),
      a.handle<Message>(command(6), id, oneMore),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(outcomes[3]).toMatchObject({ reason: refused })
    expect(a.done.filter((what) => what === 'commit')).toHaveLength(2)
    expect(await recorded(a, id)).toEqual({ version: 4, data: numbers(4), causes: 4 })
  })

  it('of the same message are recorded once, and both publish it', async () => {
    const { a, id } = await begun()
    await handled(a, id, [2, 3, 3, 3])
    expect(await recorded(a, id)).toEqual({ version: 3, data: numbers(3), causes: 3 })
    expect(a.published.filter(({ data }) => (data as { to: number }).to === 3)).toHaveLength(3)
  })

  it('all fail when the outcome of their write is unknown, and are found by their redelivery', async () => {
    const { store, b, id } = await begun()
    let isLost = false
    const c = instanceOf({
      ...store,
      async append(...appended) {
        const after = await store.append(...appended)
        if (isLost && after) throw new Unavailable('The answer was lost.')
        isLost = true
        return after
      },
    })
    await c.read(id)
    const outcomes = await Promise.allSettled([2, 3, 4].map((key) => c.handle<Message>(command(key), id, oneMore)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(c.published).toHaveLength(1)
    await handled(b, id, [3, 4])
    expect(b.published).toHaveLength(2)
    expect(await recorded(b, id)).toEqual({ version: 4, data: numbers(4), causes: 4 })
  })

  it('are each published in the trace of their own delivery', async () => {
    const { a, id } = await begun()
    const inSpan = createTracer({ sampledShare: 1, ended: () => {} })
    const traces = await Promise.all(
      [2, 3, 4].map((key) =>
        inSpan({ name: 'Count', kind: 'consumer' }, async ({ traceparent }) => {
          await a.handle<Message>(command(key), id, oneMore)
          return traceparent
        }),
      ),
    )
    expect(a.published.slice(1).map(({ traceparent }) => traceparent)).toEqual(traces)
  })

  it('fail for an unknown outcome only if they are part of it', async () => {
    const { store, id } = await begun()
    let writes = 0
    const c = instanceOf({
      ...store,
      append: async (...appended) => {
        if ((writes += 1) === 2) throw new Unavailable('There is no answer.')
        return store.append(...appended)
      },
    })
    await c.read(id)
    const refused = new Refused('not-found', 'There is no such thing.')
    const outcomes = await Promise.allSettled([
      ...[2, 3, 1].map((key) => c.handle<Message>(command(key), id, oneMore)),
      c.handle<Message>(command(4), id, () => {
        throw refused
      }),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected'])
    expect(outcomes[3]).toMatchObject({ reason: refused })
  })

  it('that fit in a document only alone are written alone', async () => {
    const { a, id } = await begun()
    const padded =
      (bytes: number) =>
      (stream: Stream): Decision<Message> => ({
        events: [{ type: 'thing.counted', data: { to: count(stream) + 1, pad: 'x'.repeat(bytes) } }],
        commands: [],
      })
    await Promise.all(
      [0, 45_000, 45_000, 45_000, 990_000].map((bytes, index) =>
        a.handle<Message>(command(index + 2), id, padded(bytes)),
      ),
    )
    // Two go together, and the store decides on two.
    expect(a.done.slice(0, 4)).toEqual(['commit', 'commit', 'read', 'read'])
    expect(await recorded(a, id)).toMatchObject({ version: 6, causes: 6 })
  })

  it('are published only once they are written', async () => {
    const { store, id } = await begun()
    const waiting: (() => void)[] = []
    const c = instanceOf({
      ...store,
      async append(...appended) {
        await new Promise<void>((resolve) => waiting.push(resolve))
        return store.append(...appended)
      },
    })
    await c.read(id)
    const all = handled(c, id, [2, 3])
    await expect.poll(() => waiting.length).toBe(1)
    expect(c.published).toEqual([])
    waiting.shift()!()
    await expect.poll(() => waiting.length).toBe(1)
    await expect.poll(() => c.published.length).toBe(1)
    waiting.shift()!()
    await all
    expect(c.published).toHaveLength(2)
  })

  it('of many large commits are written in several documents, none of which is too large', async () => {
    const { a, b, id } = await begun()
    const large = (stream: Stream): Decision<Message> => ({
      events: [{ type: 'thing.counted', data: { to: count(stream) + 1, pad: 'é'.repeat(130_000) } }],
      commands: [],
    })
    await handled(a, id, [2, 3, 4, 5, 6, 7, 8, 9], large)
    expect(await recorded(b, id)).toMatchObject({ version: 9, causes: 9 })
    await handled(a, id, [10, 11, 12], large)
    expect(await recorded(b, id)).toMatchObject({ version: 12, causes: 12 })
  })
})

describe.each(drivers)('a stream that probably begins, on $name', ({ open }) => {
  const countedIn = async (stream: Stream): Promise<Decision<Message>> => ({
    ...oneMore(stream),
    companion: { n: Number(stream.companion?.['n'] ?? 0) + 1 },
  })
  async function opened() {
    const { store, documents } = await open()
    const id = `begun-${names++}`
    const path = `things/begun-${names++}`
    return { documents, a: instanceOf(store), b: instanceOf(store), id, path }
  }

  it('is begun by one commit with its companion, which alone is read', async () => {
    const { documents, a, b, id, path } = await opened()
    expect((await a.begin<Message>(command(1), { newId: id, companion: path }, countedIn))?.events).toHaveLength(1)
    expect(a.done).toEqual(['read companion', 'commit'])
    expect(await documents.get(path)).toEqual({ n: 1 })
    await b.begin<Message>(command(2), { newId: `${id}-b`, companion: path }, countedIn)
    expect(await documents.get(path)).toEqual({ n: 2 })
    const alone = await a.begin<Message>(command(3), { newId: `${id}-c`, companion: undefined }, async (stream) =>
      oneMore(stream),
    )
    expect(alone?.events).toHaveLength(1)
    await a.handle<Message>(command(4), id, oneMore)
    expect((await b.read(id)).events.map(({ data }) => data)).toEqual(numbers(2))
  })

  it('is not begun again, and nothing is published', async () => {
    const { documents, a, b, id, path } = await opened()
    const begin = (instance: Instance, key: number) =>
      instance.begin<Message>(command(key), { newId: id, companion: path }, countedIn)
    await begin(a, 1)
    for (const [instance, key] of [
      [a, 1],
      [b, 1],
      [b, 2],
    ] as const)
      expect(await begin(instance, key)).toBeUndefined()
    expect([a.published.length, b.published.length]).toEqual([1, 0])
    expect(await documents.get(path)).toEqual({ n: 1 })
    // The instance that keeps it reads nothing.
    expect(a.done).toEqual(['read companion', 'commit'])
  })

  it('is not begun when its companion was written meanwhile, when there is nothing to do, or by a throw', async () => {
    const { documents, a, id, path } = await opened()
    const stream = { newId: id, companion: path }
    await documents.update(path, () => ({ n: 1 }))
    const late = await a.begin<Message>(command(1), stream, async (before) => {
      await documents.update(path, () => ({ n: 5 }))
      return countedIn(before)
    })
    const nothing = await a.begin<Message>(command(1), stream, async () => ({ events: [], commands: [] }))
    const thrown = await a.begin<Message>(command(1), stream, async () => {
      throw new Refused('not-found', 'There is no such thing.')
    })
    expect([late, nothing, thrown]).toEqual([undefined, undefined, undefined])
    expect(await documents.get(path)).toEqual({ n: 5 })
    expect((await a.read(id)).version).toBe(0)
    expect(a.published).toEqual([])
  })
})
