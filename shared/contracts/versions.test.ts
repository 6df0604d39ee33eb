import type { Message, OutgoingCommand } from './message.ts'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts, type RecordOf } from './contract.ts'
import { addressing } from '../messaging/outgoing.ts'
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
    uses: [],
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

describe('a command that a commit of an earlier release recorded', () => {
  const former = z.strictObject({ minor: z.int() })
  const commandsOf = (version: 1 | 2) =>
    defineContracts({
      service: 'till',
      events: {},
      commands: {
        Charge:
          version === 1
            ? { version, data: former, example: { minor: 1 } }
            : {
                version,
                data: former.extend({ currency: z.string() }),
                example: { minor: 1, currency: 'EUR' },
                previousVersions: { 1: { data: former, upcast: (old) => ({ ...(old as object), currency: 'EUR' }) } },
              },
      },
    })
  const inRelease = (version: 1 | 2) => {
    const sent: Envelope[] = []
    const uses = [commandsOf(version)]
    const contracts = contractsOf(version)
    const streams = createStreams({
      service: 'tests',
      contracts,
      uses,
      address: addressing({ name: 'tests', contracts, uses, sends: ['Charge'], requestsRepublishFrom: [] }),
      store,
      now: () => 0,
      publish: async () => {},
      send: async (commands) => void sent.push(...commands.map(({ envelope }) => envelope)),
      backoff: async () => {},
    })
    const decide = (message: Envelope, data: object) =>
      streams.handle<Message, OutgoingCommand>(message, 't-4', () => ({
        events: [],
        commands: [{ type: 'Charge', data }],
      }))
    return { sent, decide }
  }
  const cause = message('Sell', {}, { key: 4 })

  it('is sent again as it was recorded, in its version, and decisions see the present one', async () => {
    const [before, after] = [inRelease(1), inRelease(2)]
    await before.decide(cause, { minor: 5 })
    const repeated = await after.decide(cause, { minor: 0, currency: 'never decided' })
    expect(after.sent).toMatchObject([{ version: 1, data: { minor: 5 } }])
    expect(after.sent[0]!.id).toBe(before.sent[0]!.id)
    expect(repeated.commands).toMatchObject([{ type: 'Charge', data: { minor: 5, currency: 'EUR' } }])
  })

  it('has the first version if the release had none, and one that a later release recorded stays as it is', async () => {
    const recorded = await store.load('t-4')
    const [commit] = recorded.commits
    const { version: _version, ...withoutVersion } = commit!.commands[0]!
    const other = message('Sell', {}, { key: 5 })
    await store.append(recorded, { ...commit!, cause: other.id, commands: [withoutVersion] })
    const { sent, decide } = inRelease(2)
    await decide(other, {})
    expect(sent).toMatchObject([{ version: 1, data: { minor: 5 } }])

    const later = message('Sell', {}, { key: 6 })
    await inRelease(2).decide(later, { minor: 7, currency: 'GBP' })
    const rolledBack = inRelease(1)
    expect((await rolledBack.decide(later, {})).commands).toMatchObject([{ data: { minor: 7, currency: 'GBP' } }])
    expect(rolledBack.sent).toMatchObject([{ version: 2, data: { minor: 7, currency: 'GBP' } }])
  })
})
