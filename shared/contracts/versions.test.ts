import type { Message } from './message.ts'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts, type RecordOf } from './contract.ts'
import { createStreams } from '../messaging/streams.ts'
import { message } from '../runtime/deliver.testing.ts'
import { memory } from '../messaging/memory.testing.ts'
import type { Envelope } from './envelope.ts'
import type { Decision } from '../service/platform.ts'

const { store } = memory()
const before = z.strictObject({ minor: z.int() })
const saleRecorded = z.strictObject({ by: z.string() })
const contractsOf = (version: 1 | 2) =>
  defineContracts({
    service: 'tests',
    events: {
      'thing.sold':
        version === 1
          ? { version, data: before, example: { minor: 1 } }
          : {
              version,
              data: z.strictObject({ minor: z.int(), currency: z.string() }),
              example: { minor: 1, currency: 'EUR' },
              previousVersions: { 1: { data: before, upcast: (old) => ({ ...(old as object), currency: 'EUR' }) } },
            },
    },
    recorded: {
      'sale.recorded':
        version === 1
          ? { version, data: saleRecorded, example: { by: 'us' } }
          : {
              version,
              data: saleRecorded.extend({ at: z.string() }),
              example: { by: 'us', at: 'the till' },
              previousVersions: {
                1: { data: saleRecorded, upcast: (old) => ({ ...(old as object), at: 'the till' }) },
              },
            },
    },
    commands: {},
  })

function speaking(version: 1 | 2) {
  const published: Envelope[] = []
  const streams = createStreams({
    service: 'tests',
    contracts: contractsOf(version),
    address: () => {
      throw new Error('No command is sent.')
    },
    store,
    now: () => 0,
    publish: async (events) => void published.push(...events),
    send: async () => {},
    backoff: async () => {},
  })
  return { streams, published }
}

it('an event of an old version is upcast for a decision, and republished unchanged', async () => {
  const first = message('Sell', {}, { key: 1 })
  const sold = { events: [{ type: 'thing.sold', data: { minor: 5 } }], commands: [] }
  await speaking(1).streams.handle<Message>(first, 't-1', () => sold)
  const { streams, published } = speaking(2)
  expect((await streams.read('t-1')).events.map(({ data }) => data)).toEqual([{ minor: 5, currency: 'EUR' }])
  // The redelivery of a message from before the release.
  expect((await streams.handle<Message>(first, 't-1', () => sold)).events.map(({ data }) => data)).toEqual([
    { minor: 5, currency: 'EUR' },
  ])
  await streams.republish('t-1')
  expect(published).toMatchObject([
    { version: 1, data: { minor: 5 } },
    { version: 1, data: { minor: 5 } },
  ])
})

it('an event that is recorded and not published has a version too, and is upcast when it is read', async () => {
  const { streams, published } = speaking(1)
  const decided = { events: [{ type: 'sale.recorded', data: { by: 'us' } }], commands: [] }
  await streams.handle<Message>(message('Sell', {}, { key: 2 }), 't-2', () => decided)
  expect((await streams.read('t-2')).events).toMatchObject([{ type: 'sale.recorded', version: 1, sequence: 0 }])
  const later = speaking(2)
  expect((await later.streams.read('t-2')).events.map(({ data }) => data)).toEqual([{ by: 'us', at: 'the till' }])
  await later.streams.republish('t-2')
  expect([...published, ...later.published]).toEqual([])
})

it.each([
  ['that no contract has', 'thing.sodl', { minor: 5 }, 'tests records thing.sodl: declare it'],
  ['named like a property of every object', 'toString', {}, 'tests records toString: declare it'],
  [
    'that breaks its contract',
    'sale.recorded',
    { by: 5 },
    'sale.recorded was decided with data that break its contract',
  ],
])('an event %s is not recorded', async (_name, type, data, reason) => {
  const { streams } = speaking(1)
  const decided = { events: [{ type, data }], commands: [] }
  await expect(streams.handle<Message>(message('Sell', {}, { key: type }), 't-3', () => decided)).rejects.toThrow(
    reason,
  )
  expect((await streams.read('t-3')).version).toBe(0)
})

it('an event that no contract has does not compile', () => {
  type Recorded = RecordOf<ReturnType<typeof contractsOf>>
  const decision: Decision<Recorded> = { events: [{ type: 'sale.recorded', data: { by: 'us' } }], commands: [] }
  // @ts-expect-error: misspelt.
  const misspelt: Decision<Recorded> = { events: [{ type: 'sale.notde', data: { by: 'us' } }], commands: [] }
  expect([decision, misspelt]).toHaveLength(2)
})
