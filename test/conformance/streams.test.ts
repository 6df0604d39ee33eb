/** The protocol of every delivery, on Firestore by Google's client and in memory: both must behave alike. */

import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { documentId } from '../../shared/base/ids.ts'
import type { Decision, Stream, Streams } from '../../shared/service/platform.ts'
import { MAX_RECENT_COMMITS } from '../../shared/messaging/stream-store.ts'
import { addressing } from '../../shared/messaging/outgoing.ts'
import type { Message, OutgoingCommand } from '../../shared/contracts/message.ts'
import { keepStreams } from '../../shared/messaging/kept-streams.ts'
import { createStreams } from '../../shared/messaging/streams.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { testTrace } from '../../shared/runtime/platform.testing.ts'
import { parseTrace } from '../../shared/base/trace.ts'
import { stores } from './stores.testing.ts'

const contracts = defineContracts({
  service: 'tests',
  events: {
    'thing.counted': { version: 1, data: z.object({ to: z.int(), pad: z.string().optional() }), example: { to: 1 } },
  },
  recorded: { recorded: { version: 1, data: z.object({ by: z.string().optional() }), example: {} } },
  commands: { Continue: { version: 1, data: z.object({ at: z.int() }), example: { at: 1 } } },
})

const drivers = stores()

let names = 0
const freshName = (): string => `thing/${names++} .`
const count = ({ events }: Stream): number => events.filter(({ type }) => type === 'thing.counted').length
const sequences = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)
const oneMore = (stream: Stream): Decision<Message> => ({
  events: [{ type: 'thing.counted', data: { to: count(stream) + 1 } }],
  commands: [],
})
/** Counts on from the snapshot alone. */
const countingOn = (streams: Streams<string>, id: string) => async (key: number | string) =>
  streams.handle<Message>(command(key), await streams.readRecent(id, snapshotOf(id)), ({ companion }) => {
    const to = Number(companion?.['to'] ?? 0) + 1
    return { events: [{ type: 'thing.counted', data: { to } }], commands: [], companion: { to } }
  })
const snapshotOf = (id: string): string => `snapshots/${documentId(id)}`
const command = (key: string | number): Envelope => message('Count', {}, { key, correlationId: 'c-1' })

describe.each(drivers)('streams on $name', ({ open }) => {
  async function started() {
    const { store, documents } = await open()
    const published: Envelope[] = []
    const sent: { target: string; envelope: Envelope }[] = []
    const broken = { publish: false, send: false }
    const streams = createStreams({
      service: 'tests',
      contracts,
      uses: [],
      address: addressing({
        name: 'tests',
        contracts,
        uses: [],
        sends: Object.keys(contracts.commands),
        requestsRepublishFrom: ['tests'],
      }),
      store: keepStreams(store),
      now: () => Date.parse('2026-01-01T00:00:00.000Z'),
      async publish(events) {
        if (broken.publish) throw new Unavailable('publishing is broken')
        published.push(...events)
      },
      async send(commands) {
        if (broken.send && commands.length > 0) throw new Unavailable('sending is broken')
        sent.push(...commands)
      },
      backoff: async () => {},
    })
    return { streams, store, documents, published, sent, broken, id: freshName() }
  }

  it.each(['__x__', '.', '..', 'a/b', '€'.repeat(3_000)])('can have any name: %s', async (id) => {
    const { streams } = await started()
    expect((await streams.read(id)).version).toBe(0)
    await streams.handle<Message>(command(id), id, oneMore)
    expect((await streams.read(id)).version).toBe(1)
  })

  it('are written to in the version that a command expects alone, and its repetition is the same commit', async () => {
    const { streams, id, published } = await started()
    const expecting = (key: number, expectedVersion: number): Envelope =>
      message('Count', {}, { key, subject: id, expectedVersion })
    const another = (one: Envelope): Promise<unknown> => streams.handle<Message>(one, id, oneMore)
    await another(command(1))
    await expect(another(expecting(2, 0))).rejects.toMatchObject({ code: 'precondition-failed', status: 412 })
    await another(expecting(3, 1))
    await another(expecting(3, 1))
    const called = vi.fn(oneMore)
    const calling = streams.handleWithCalls<Message>(expecting(4, 1), { keptId: id }, async (stream) => called(stream))
    await expect(calling).rejects.toMatchObject({ code: 'precondition-failed' })
    const transacting = streams.transact<Message>(expecting(5, 1), id, async (stream) => called(stream))
    await expect(transacting).rejects.toMatchObject({ code: 'precondition-failed' })
    const newId = freshName()
    const beginning = message('Count', {}, { subject: newId, expectedVersion: 1 })
    expect(
      await streams.begin<Message>(beginning, { newId, companion: undefined }, async (stream) => called(stream)),
    ).toBeUndefined()
    expect(called).not.toHaveBeenCalled()
    // About another subject, the condition says nothing of this stream.
    await another(message('Count', {}, { key: 6, subject: 'another', expectedVersion: 9 }))
    expect((await streams.read(id)).version).toBe(3)
    expect(published).toHaveLength(4)
  })

  it('are created, appended to, and read as they were written', async () => {
    const { streams, id, published } = await started()
    expect(await streams.read(id)).toMatchObject({ id, version: 0, events: [] })
    await streams.handle<Message>(command(1), id, oneMore)
    await streams.handle<Message>(command(2), id, (stream) => ({
      events: [...oneMore(stream).events, { type: 'recorded', data: { by: 'us' } }],
      commands: [],
    }))
    const { version, events } = await streams.read(id)
    expect(version).toBe(2)
    expect(events.map(({ type, sequence, cause }) => ({ type, sequence, cause }))).toEqual([
      { type: 'thing.counted', sequence: 1, cause: command(1).id },
      { type: 'thing.counted', sequence: 2, cause: command(2).id },
      { type: 'recorded', sequence: 0, cause: command(2).id },
    ])
    expect(published.map(({ id: eventId }) => eventId)).toEqual(events.slice(0, 2).map(({ id: eventId }) => eventId))
    expect(published[0]).toMatchObject({
      source: 'tests',
      subject: id,
      causationId: command(1).id,
      correlationId: 'c-1',
      version: 1,
    })
  })

  it('decide on a stream that was read, or on a copy of it, without another read unless it has changed', async () => {
    const { streams, store, id } = await started()
    const load = vi.spyOn(store, 'load')
    const read = await streams.read(id)
    await streams.handle<Message>(command(1), { ...read }, oneMore)
    expect(load).toHaveBeenCalledTimes(1)
    // It has changed since.
    await streams.handle<Message>(command(2), read, oneMore)
    expect(load).toHaveBeenCalledTimes(2)
    expect(count(await streams.read(id))).toBe(2)
  })

  it('write nothing for an empty decision', async () => {
    const { streams, id, published } = await started()
    await streams.handle<Message>(command(1), id, () => ({ events: [], commands: [] }))
    expect((await streams.read(id)).version).toBe(0)
    expect(published).toEqual([])
  })

  it('republish the recorded decision with the same ids after a crash between commit and publish', async () => {
    const { streams, id, published, sent, broken } = await started()
    const decide = vi.fn((stream: Stream): Decision<Message, OutgoingCommand> => ({
      ...oneMore(stream),
      commands: [{ type: 'Continue', data: { at: 7 } }],
    }))
    broken.publish = true
    await expect(streams.handle<Message, OutgoingCommand>(command(1), id, decide)).rejects.toBeInstanceOf(Unavailable)
    const [recorded] = (await streams.read(id)).events
    broken.publish = false
    broken.send = true
    await expect(streams.handle<Message, OutgoingCommand>(command(1), id, decide)).rejects.toBeInstanceOf(Unavailable)
    broken.send = false
    await streams.handle<Message, OutgoingCommand>(command(1), id, decide)
    await streams.handle<Message, OutgoingCommand>(command(1), id, decide)
    expect(decide).toHaveBeenCalledTimes(1)
    expect(new Set(published.map((event) => event.id))).toEqual(new Set([recorded!.id]))
    expect(sent).toHaveLength(2)
    expect(sent[0]).toEqual(sent[1])
    expect((await streams.read(id)).version).toBe(1)
  })

  it.each(['handle', 'transact'] as const)(
    'do not send a command to their own service again that the stream has handled: %s',
    async (way) => {
      const { streams, id, sent } = await started()
      const at = (from: number): Decision<Message, OutgoingCommand> => ({
        events: [],
        commands: [{ type: 'Continue', data: { at: from } }],
      })
      const handled = async (envelope: Envelope, from: number): Promise<void> => {
        if (way === 'handle') await streams.handle<Message, OutgoingCommand>(envelope, id, () => at(from))
        else await streams.transact<Message, OutgoingCommand>(envelope, id, async () => at(from))
      }
      const sentAgain = async (envelope: Envelope): Promise<unknown[]> => {
        const before = sent.length
        await handled(envelope, 0)
        return sent.slice(before).map((one) => one.envelope.data)
      }
      await handled(command(1), 1)
      expect(await sentAgain(command(1))).toEqual([{ at: 1 }])
      const [timer] = sent
      await handled(timer!.envelope, 2)
      expect(await sentAgain(command(1))).toEqual([])
      expect(await sentAgain(timer!.envelope)).toEqual([{ at: 2 }])
    },
  )

  it('decide again after a concurrent write, so that no update is lost and no sequence number skipped', async () => {
    const { streams, id } = await started()
    await Promise.all(Array.from({ length: 5 }, (_, index) => streams.handle<Message>(command(index), id, oneMore)))
    const { events } = await streams.read(id)
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5])
    expect(events.map(({ data }) => (data as { to: number }).to)).toEqual([1, 2, 3, 4, 5])
  })

  it('are not read again by a caller that passes its read, and still detect a concurrent write', async () => {
    const { streams, id } = await started()
    const before = await streams.read(id)
    await streams.handle<Message>(command('other'), id, oneMore)
    const seen: number[] = []
    await streams.handle<Message>(command('mine'), before, (stream) => {
      seen.push(stream.version)
      return oneMore(stream)
    })
    expect(seen).toEqual([0, 1])
    expect((await streams.read(id)).events.map(({ sequence }) => sequence)).toEqual([1, 2])
  })

  it('are read and written with their companion in one commit', async () => {
    const { streams, documents, id } = await started()
    const path = `companions/${documentId(id)}`
    const before = await streams.read(id, path)
    expect(before.companion).toBeUndefined()
    await streams.handle<Message>(command(1), before, (stream) => ({
      ...oneMore(stream),
      companion: { 'a.b': 1, gone: true },
    }))
    await streams.handle<Message>(command(2), await streams.read(id, path), (stream) => {
      expect(stream.companion).toEqual({ 'a.b': 1, gone: true })
      return { ...oneMore(stream), companion: { 'a.b': 2, more: { c: [1] } } }
    })
    expect(await documents.get(path)).toEqual({ 'a.b': 2, more: { c: [1] } })
    await streams.handle<Message>(command(3), await streams.read(id, path), oneMore)
    expect(await documents.get(path)).toEqual({ 'a.b': 2, more: { c: [1] } })
    expect((await streams.read(id)).version).toBe(3)
  })

  it('share a companion without losing an update of concurrent writers', async () => {
    const { streams, documents, id } = await started()
    const path = `companions/${documentId(id)}`
    const others = Array.from({ length: 5 }, (_, index) => `${id}-${index}`)
    const counted = async (name: string): Promise<unknown> =>
      streams.handle<Message>(command(name), await streams.read(name, path), (stream) => ({
        ...oneMore(stream),
        companion: { count: Number(stream.companion?.['count'] ?? 0) + 1 },
      }))
    await Promise.all(others.map(counted))
    expect(await documents.get(path)).toEqual({ count: 5 })
    for (const name of others) expect((await streams.read(name)).version).toBe(1)
  })

  it('refuse to write a companion that was not read', async () => {
    const { streams, id } = await started()
    await expect(
      streams.handle<Message>(command(1), id, (stream) => ({ ...oneMore(stream), companion: { count: 1 } })),
    ).rejects.toThrow('read with it')
    expect((await streams.read(id)).version).toBe(0)
  })

  it('continue the trace in a new span, which is the same for a repeat', async () => {
    const { streams, id, published } = await started()
    await streams.handle<Message>(command(1), id, oneMore)
    await streams.handle<Message>(command(1), id, oneMore)
    const [first, again] = published.map(({ traceparent }) => traceparent)
    expect(parseTrace(first)!.traceId).toBe(parseTrace(testTrace)!.traceId)
    expect(parseTrace(first)!.spanId).not.toBe(parseTrace(testTrace)!.spanId)
    expect(again).toBe(first)
  })

  it('decide once for each cause, also for concurrent deliveries', async () => {
    const { streams, id, published } = await started()
    await Promise.all(Array.from({ length: 4 }, () => streams.handle<Message>(command('same'), id, oneMore)))
    expect((await streams.read(id)).version).toBe(1)
    expect(new Set(published.map((event) => event.id)).size).toBe(1)
  })

  it('fail with a transient failure after losing every race', async () => {
    const { streams, id } = await started()
    let other = 0
    const losing = streams.handleWithCalls<Message>(command('slow'), id, async (stream) => {
      await streams.handle<Message>(command(`fast ${other++}`), id, oneMore)
      return oneMore(stream)
    })
    await expect(losing).rejects.toBeInstanceOf(Unavailable)
  })

  it('are complete beyond the size of one document, with every cause', async () => {
    const { streams, id, published } = await started()
    const pad = 'é'.repeat(150_000)
    for (let index = 1; index <= 8; index++) {
      await streams.handle<Message>(command(index), id, () => ({
        events: [{ type: 'thing.counted', data: { to: index, pad } }],
        commands: [],
      }))
    }
    const { version, events } = await streams.read(id)
    expect(version).toBe(8)
    expect(events.map(({ data }) => (data as { to: number }).to)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    published.length = 0
    await streams.handle<Message>(command(1), id, oneMore)
    expect(published).toMatchObject([{ sequence: 1, id: events[0]!.id }])
    expect((await streams.read(id)).version).toBe(8)
  })

  it('with a snapshot are read in part after any number of commits, and know every cause', async () => {
    const { streams, id, published } = await started()
    const commits = 2 * MAX_RECENT_COMMITS + 10
    const change = countingOn(streams, id)
    for (let key = 1; key <= commits; key++) await change(key)

    const recent = await streams.readRecent(id, snapshotOf(id))
    expect(recent).toMatchObject({ version: commits, companion: { to: commits } })
    expect(recent.events.map(({ sequence }) => sequence)).toEqual(sequences(2 * MAX_RECENT_COMMITS + 1, commits))
    const { events } = await streams.read(id)
    expect(events.map(({ sequence }) => sequence)).toEqual(sequences(1, commits))

    const first = published.slice(0, commits)
    published.length = 0
    for (const key of [1, MAX_RECENT_COMMITS, MAX_RECENT_COMMITS + 1, commits]) {
      expect(await change(key)).toMatchObject({ events: [{ data: { to: key } }] })
      expect(published.pop()).toEqual(first[key - 1])
    }
    expect((await streams.read(id)).version).toBe(commits)
    await streams.republish(id)
    expect(published).toEqual(first)
  })

  it('with a snapshot number a published event after earlier ones when no recent one is published', async () => {
    const { streams, id } = await started()
    const record = async (key: number, type = 'recorded', data = {}) =>
      streams.handle<Message>(command(key), await streams.readRecent(id, snapshotOf(id)), () => ({
        events: [{ type, data }],
        commands: [],
        companion: { key },
      }))
    await record(0, 'thing.counted', { to: 1 })
    for (let key = 1; key < MAX_RECENT_COMMITS + 5; key++) await record(key)
    await record(-1, 'thing.counted', { to: 2 })
    const { events } = await streams.readRecent(id, snapshotOf(id))
    expect(events.length).toBeLessThan(MAX_RECENT_COMMITS)
    expect(events.at(-1)).toMatchObject({ type: 'thing.counted', sequence: 2 })
  })

  it('decide again on the snapshot and recent commits after a concurrent write', async () => {
    const { streams, id } = await started()
    const change = countingOn(streams, id)
    for (let key = 1; key < MAX_RECENT_COMMITS; key++) await change(key)
    // One of these moves the recent commits.
    await Promise.all([0, 1, 2, 3].map((more) => change(MAX_RECENT_COMMITS + more)))
    const { events } = await streams.read(id)
    expect(events.map(({ data }) => (data as { to: number }).to)).toEqual(sequences(1, MAX_RECENT_COMMITS + 3))
    expect(events.map(({ sequence }) => sequence)).toEqual(sequences(1, MAX_RECENT_COMMITS + 3))
  })

  it('with a snapshot but without its document are read completely', async () => {
    const { streams, id } = await started()
    await streams.handle<Message>(command(1), id, oneMore)
    await streams.handle<Message>(command(2), id, oneMore)
    const stream = await streams.readRecent(id, snapshotOf(id))
    expect(stream.companion).toBeUndefined()
    expect(count(stream)).toBe(2)
  })

  it('with a snapshot are read completely after a commit that a release without snapshots made', async () => {
    const { streams, documents, id, published } = await started()
    const change = countingOn(streams, id)
    for (let key = 1; key <= MAX_RECENT_COMMITS + 5; key++) await change(key)
    await streams.handle<Message>(command('former release'), id, oneMore)
    const version = MAX_RECENT_COMMITS + 6

    const stream = await streams.readRecent(id, snapshotOf(id))
    expect(stream.companion).toBeUndefined()
    expect(count(stream)).toBe(version)
    await streams.handle<Message>(command('next'), stream, (read) => ({
      ...oneMore(read),
      companion: { to: version + 1 },
    }))
    expect(published.at(-1)).toMatchObject({ sequence: version + 1, data: { to: version + 1 } })
    expect(await documents.get(snapshotOf(id))).toMatchObject({ to: version + 1 })
    expect(await streams.readRecent(id, snapshotOf(id))).toMatchObject({ companion: { to: version + 1 } })
    expect((await change('former release')).events).toMatchObject([{ data: { to: version } }])
    expect((await streams.read(id)).version).toBe(version + 1)
  })

  it('with a snapshot that does not say its version are read completely', async () => {
    const { streams, documents, id } = await started()
    await streams.handle<Message>(command(1), id, oneMore)
    await documents.create(snapshotOf(id), { to: 0 })
    const stream = await streams.readRecent(id, snapshotOf(id))
    expect(stream.companion).toBeUndefined()
    await streams.handle<Message>(command(2), stream, (read) => ({ ...oneMore(read), companion: { to: 2 } }))
    expect(await streams.readRecent(id, snapshotOf(id))).toMatchObject({ version: 2, companion: { to: 2 } })
  })

  it('refuse a commit that leaves the snapshot as it was', async () => {
    const { streams, id } = await started()
    const stream = await streams.readRecent(id, snapshotOf(id))
    await expect(streams.handle<Message>(command(1), stream, oneMore)).rejects.toThrow('without its snapshot')
    expect((await streams.read(id)).version).toBe(0)
  })

  it('are republished completely, with the same ids', async () => {
    const { streams, id, published } = await started()
    await streams.handle<Message>(command(1), id, oneMore)
    await streams.handle<Message>(command(2), id, (stream) => ({
      events: [{ type: 'recorded', data: {} }, ...oneMore(stream).events],
      commands: [],
    }))
    const before = [...published]
    published.length = 0
    expect(await streams.republish(id)).toBe(2)
    expect(published).toEqual(before)
  })

  it('refuse a decision that breaks its contract, before anything is written', async () => {
    const { streams, id } = await started()
    await expect(
      streams.handle<Message>(command(1), id, () => ({
        events: [{ type: 'thing.counted', data: { to: 0.5 } }],
        commands: [],
      })),
    ).rejects.toThrow('thing.counted')
    expect((await streams.read(id)).version).toBe(0)
  })

  it('change documents in their transaction, without a lost update or a partial write', async () => {
    const { streams, documents } = await started()
    const path = `counters/${documentId(freshName())}`
    const add = (index: number, fails = false) =>
      streams.transact<Message>(command(index), freshName(), async (stream, documents) => {
        const counter = await documents.get(path)
        documents.set(path, { count: ((counter?.['count'] as number | undefined) ?? 0) + 1 })
        if (fails) throw new Error('after the write')
        return oneMore(stream)
      })
    await Promise.all(Array.from({ length: 4 }, (_, index) => add(index)))
    await expect(add(5, true)).rejects.toThrow('after the write')
    expect(await documents.get(path)).toEqual({ count: 4 })
  })

  it('run a transaction once for each cause', async () => {
    const { streams, documents, published, id } = await started()
    const path = `counters/once-${names++}`
    const add = () =>
      streams.transact<Message>(command(1), id, async (stream, documents) => {
        const [counter] = await documents.getAll([path])
        documents.set(path, { count: ((counter?.['count'] as number | undefined) ?? 0) + 1 })
        return oneMore(stream)
      })
    await add()
    await add()
    expect(await documents.get(path)).toEqual({ count: 1 })
    expect(published).toHaveLength(2)
    expect(published[0]).toEqual(published[1])
  })
})

describe.each(drivers)('documents on $name', ({ open }) => {
  const freshPath = (): string => `documents/document-${names++}`

  it('are read in the requested order, missing ones as undefined', async () => {
    const { documents } = await open()
    const [a, b] = [freshPath(), freshPath()]
    await documents.update(a, () => ({ name: 'a' }))
    expect(await documents.getAll([b, a])).toEqual([undefined, { name: 'a' }])
    expect(await documents.getAll([])).toEqual([])
  })

  it('are replaced as a whole: omitted fields are deleted, and names may contain dots', async () => {
    const { documents } = await open()
    const path = freshPath()
    await documents.update(path, () => ({ 'a.b': 1, old: true, 'with space': 1 }))
    await documents.update(path, () => ({ 'a.b': 2, 'with space': { x: [1, 'é'] } }))
    expect(await documents.get(path)).toEqual({ 'a.b': 2, 'with space': { x: [1, 'é'] } })
  })

  it('lose no concurrent change', async () => {
    const { documents } = await open()
    const path = freshPath()
    await Promise.all(
      Array.from({ length: 5 }, () =>
        documents.update(path, (current) => ({ count: ((current?.['count'] as number | undefined) ?? 0) + 1 })),
      ),
    )
    expect(await documents.get(path)).toEqual({ count: 5 })
  })

  it('are merged without a read: maps field by field, lists as a whole, other fields stay', async () => {
    const { documents } = await open()
    const path = freshPath()
    const parts = [
      { id: 'x', facts: { 'a.b': { n: 1, gone: [1, 2] } } },
      { facts: { 'é `c`': { n: 2 } } },
      { facts: { 'a.b': { gone: [3] } }, more: {} },
    ]
    await Promise.all([0, 1].map(async (index) => documents.merge(path, parts[index]!)))
    for (const part of [parts[2]!, parts[1]!]) await documents.merge(path, part)
    expect(await documents.get(path)).toEqual({
      id: 'x',
      facts: { 'a.b': { n: 1, gone: [3] }, 'é `c`': { n: 2 } },
      more: {},
    })
  })

  it('are created only if they do not exist', async () => {
    const { documents } = await open()
    const path = freshPath()
    const created = await Promise.all([1, 2, 3].map((n) => documents.create(path, { n, same: true })))
    expect(created.filter(Boolean)).toHaveLength(1)
    const first = await documents.get(path)
    expect(first).toMatchObject({ same: true })
    expect(await documents.create(path, { n: 9 })).toBe(false)
    expect(await documents.get(path)).toEqual(first)
  })

  it('are not written when the change returns undefined', async () => {
    const { documents } = await open()
    const path = freshPath()
    await documents.update(path, () => undefined)
    expect(await documents.get(path)).toBeUndefined()
  })
})

describe.each(drivers)('pages of streams on $name', ({ open }) => {
  it('are in the order of the ids, each stream with all its events, also of those with earlier commits', async () => {
    const { store } = await open()
    const streams = createStreams({
      service: 'tests',
      contracts,
      uses: [],
      address: addressing({ name: 'tests', contracts, uses: [], sends: [], requestsRepublishFrom: [] }),
      store,
      now: Date.now,
      publish: async () => {},
      send: async () => {},
      backoff: async () => {},
    })
    const all = ['page/b', 'page/a', 'page/c d', 'page/e']
    for (const id of all)
      await streams.handle<Message>(message('Count', {}, { key: id, correlationId: id }), id, oneMore)
    const known: Stream[] = []
    for (let after: string | undefined = 'page/'; ; after = known.at(-1)!.id) {
      const page = await streams.list({ after, limit: 2 })
      known.push(...page.filter(({ id }) => id.startsWith('page/')))
      if (page.length < 2 || page.some(({ id }) => !id.startsWith('page/'))) break
    }
    expect(known.map(({ id }) => id)).toEqual(['page/a', 'page/b', 'page/c d', 'page/e'])
    expect(known.map(count)).toEqual([1, 1, 1, 1])
  })
})
