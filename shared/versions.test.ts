import { expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from './contract.ts'
import { createStreams } from './streams.ts'
import { message } from './deliver.testing.ts'
import { memory } from './memory.testing.ts'
import type { Envelope } from './envelope.ts'

const { store } = memory()
const before = z.strictObject({ minor: z.int() })
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
              past: { 1: { data: before, upcast: (old) => ({ ...(old as object), currency: 'EUR' }) } },
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
    store,
    now: () => 0,
    publish: async (events) => void published.push(...events),
    send: async () => {},
    pause: async () => {},
  })
  return { streams, published }
}

it('an event recorded under an old version is decided on as what it means now, and told again as it was', async () => {
  const first = message('Sell', {}, { key: 1 })
  const sold = { events: [{ type: 'thing.sold', data: { minor: 5 } }], commands: [] }
  await speaking(1).streams.handle(first, 't-1', () => sold)
  const { streams, published } = speaking(2)
  expect((await streams.read('t-1')).events.map(({ data }) => data)).toEqual([{ minor: 5, currency: 'EUR' }])
  // The repeat of a delivery from before the release.
  expect((await streams.handle(first, 't-1', () => sold)).events.map(({ data }) => data)).toEqual([
    { minor: 5, currency: 'EUR' },
  ])
  await streams.repeat('t-1')
  expect(published).toMatchObject([
    { version: 1, data: { minor: 5 } },
    { version: 1, data: { minor: 5 } },
  ])
})
