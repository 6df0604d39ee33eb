import type { Message } from '../contracts/message.ts'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../contracts/contract.ts'
import { message } from '../runtime/deliver.testing.ts'
import { testPlatform } from '../runtime/platform.testing.ts'
import { type DocumentPath, documentPath } from '../service/document-path.ts'
import type { Decision, Platform } from '../service/platform.ts'
import { defineService } from '../service/service.ts'

const described = {
  name: 'warehouse',
  ingress: 'internal',
  contracts: defineContracts({
    service: 'warehouse',
    events: {},
    recorded: { 'shelf.filled': { version: 1, data: z.strictObject({}), example: {} } },
    commands: {},
  }),
  uses: [],
  on: [],
  sends: [],
} as const
const warehouse = defineService({
  ...described,
  collections: { streams: { unindexed: ['*'] }, shelves: {}, racks: {} },
})
const withoutStreams = defineService({ ...described, collections: { shelves: {} } })

const path = (text: string): DocumentPath => text as DocumentPath
const filled: Decision<Message> = { events: [{ type: 'shelf.filled', data: {} }], commands: [] }
const fill = message('Fill', {})

const uses: Record<string, (platform: Platform, at: DocumentPath) => Promise<unknown>> = {
  get: ({ documents }, at) => documents.get(at),
  getAll: ({ documents }, at) => documents.getAll([path('shelves/1'), at]),
  update: ({ documents }, at) => documents.update(at, () => ({ a: 1 })),
  merge: ({ documents }, at) => documents.merge(at, { a: 1 }),
  create: ({ documents }, at) => documents.create(at, { a: 1 }),
  'the companion of a stream': ({ streams }, at) => streams.read('s-1', at),
  'the companion of a stream that begins': ({ streams }, at) =>
    streams.begin<Message>(fill, { newId: 's-1', companion: at }, async () => ({ ...filled, companion: { a: 1 } })),
  'the snapshot of a stream': ({ streams }, at) => streams.readRecent('s-1', at),
  'get in a transaction': ({ streams }, at) =>
    streams.transact<Message>(fill, 's-1', async (_, documents) => (await documents.get(at), filled)),
  'set in a transaction': ({ streams }, at) =>
    streams.transact<Message>(fill, 's-1', async (_, documents) => (documents.set(at, { a: 1 }), filled)),
  'delete in a transaction': ({ streams }, at) =>
    streams.transact<Message>(fill, 's-1', async (_, documents) => (documents.delete(at), filled)),
  'get and set in the transaction of a new stream': ({ streams }, at) =>
    streams.transact<Message>(fill, { newId: 's-1' }, async (_, documents) => {
      documents.set(at, { a: (await documents.get(at)) ?? null })
      return filled
    }),
  'delete in the transaction of a new stream': ({ streams }, at) =>
    streams.transact<Message>(fill, { newId: 's-1' }, async (_, documents) => (documents.delete(at), filled)),
}

describe.each(Object.entries(uses))('%s', (_, use) => {
  it('takes a document of a declared collection', async () => {
    await use(testPlatform(warehouse), documentPath<typeof warehouse>('racks', 'r/1'))
  })

  it.each([
    ['outside the declared collections', 'shelfs/1', 'declares the collections shelves, racks: add shelfs to its'],
    ['of a name that every object has', 'toString/1', 'declares the collections shelves, racks'],
    ['of a stream', 'streams/s-1', 'read it by platform.streams'],
    ['of the earlier commits of a stream', 'chunks/s-1', 'read it by platform.streams'],
    ['within a document', 'shelves/1/boxes/2', 'not of the form collection/id'],
    ['without an id', 'shelves/', 'not of the form collection/id'],
  ])('refuses a document %s, and writes nothing', async (_name, at, reason) => {
    const platform = testPlatform(warehouse)
    await expect(use(platform, path(at))).rejects.toThrow(reason)
    expect([platform.storedDocuments().size, platform.streamIds()]).toEqual([0, []])
  })
})

it('a service that declares no streams has none', async () => {
  const { streams } = testPlatform(withoutStreams)
  const reason = 'warehouse uses the stream "s-1", and its description declares the collections shelves: add streams'
  await expect(streams.read('s-1')).rejects.toThrow(reason)
  await expect(streams.handle<Message>(fill, 's-1', () => filled)).rejects.toThrow(reason)
  await expect(streams.transact<Message>(fill, 's-1', async () => filled)).rejects.toThrow(reason)
})

it('a path outside the declared collections does not compile', () => {
  expect(documentPath<typeof warehouse>('shelves', '../a')).toBe('shelves/%2E%2E%2Fa')
  // @ts-expect-error: misspelt.
  documentPath<typeof warehouse>('shelfs', '1')
  // @ts-expect-error: a stream is read by platform.streams.
  documentPath<typeof warehouse>('streams', '1')
  // @ts-expect-error: no description is named.
  documentPath('shelves', '1')
  // @ts-expect-error: not made with documentPath.
  const read = ({ documents }: Platform) => documents.get('shelves/1')
  expect(read).toBeTypeOf('function')
})
