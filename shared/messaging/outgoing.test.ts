import type { RecordOf, SentBy } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'
import type { OutgoingCommand } from '../contracts/message.ts'
import type { Decision, Platform } from '../service/platform.ts'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../contracts/contract.ts'
import { reference } from '../base/fields.ts'
import { republishCommand } from '../base/names.ts'
import { defineService } from '../service/service.ts'
import { testPlatform } from '../runtime/platform.testing.ts'

const warehouseContracts = defineContracts({
  service: 'warehouse',
  events: {},
  commands: {
    PickLine: { version: 1, data: z.strictObject({ orderId: reference }), example: { orderId: 'o-1' } },
    DropLine: { version: 1, data: z.strictObject({ orderId: reference }), example: { orderId: 'o-1' } },
  },
})
const shopContracts = defineContracts({
  service: 'shop',
  events: { 'line.wanted': { version: 1, data: z.strictObject({ orderId: reference }), example: { orderId: 'o-1' } } },
  commands: {},
})
const shop = defineService({
  name: 'shop',
  ingress: 'internal',
  contracts: shopContracts,
  uses: [warehouseContracts],
  on: [],
  sends: ['PickLine'],
})

const options = { id: '7b0c2a63-62b4-8f4e-9b6f-1f9a5f0c3d21', subject: 'o-1', correlationId: 'o-1', actor: 'test' }

describe('a command sent outside any stream', () => {
  it('goes to the service that owns it', async () => {
    const platform = testPlatform(shop)
    await platform.send<OutgoingCommand>({ type: 'PickLine', data: { orderId: 'o-1' } }, options)
    expect(platform.sent).toMatchObject([
      { target: 'warehouse', envelope: { id: options.id, data: { orderId: 'o-1' } } },
    ])
  })

  it.each([
    ['that breaks its contract', { type: 'PickLine', data: { orderId: 'o'.repeat(201) } }, 'break its contract'],
    ['with a field too many', { type: 'PickLine', data: { orderId: 'o-1', shelf: 3 } }, 'break its contract'],
    [
      'that the description does not have',
      { type: 'DropLine', data: { orderId: 'o-1' } },
      "add it to sends: ['DropLine']",
    ],
    [
      'to republish, which the description does not have',
      { type: republishCommand, target: 'warehouse', data: { correlationId: 'o-1' } },
      "add it to requestsRepublishFrom: ['warehouse']",
    ],
    ['that no contract has', { type: 'PackLine', data: {} }, 'shop sends PackLine, which none of its contracts has'],
    ['named like a property of every object', { type: 'toString', data: {} }, 'none of its contracts has'],
    [
      'to republish, addressed to an unknown service',
      { type: republishCommand, data: { correlationId: 'o-1' } },
      'none of its contracts',
    ],
  ])('%s is not sent', async (_name, command, reason) => {
    const platform = testPlatform(shop)
    await expect(platform.send<OutgoingCommand>(command, options)).rejects.toThrow(reason)
    expect(platform.sent).toEqual([])
  })
})

it('a command that the description does not have, or whose data break its contract, does not compile', () => {
  type Sent = SentBy<typeof shop>
  const pick: Decision<never, Sent> = { events: [], commands: [{ type: 'PickLine', data: { orderId: 'o-1' } }] }
  // @ts-expect-error: misspelt.
  const misspelt: Decision<never, Sent> = { events: [], commands: [{ type: 'PikLine', data: { orderId: 'o-1' } }] }
  // @ts-expect-error: in the contracts, and not in `sends`.
  const unnamed: Decision<never, Sent> = { events: [], commands: [{ type: 'DropLine', data: { orderId: 'o-1' } }] }
  // @ts-expect-error: of another shape.
  const misshapen: Decision<never, Sent> = { events: [], commands: [{ type: 'PickLine', data: { orderId: 1 } }] }
  // @ts-expect-error: the union of the service's commands is not named.
  const open: Decision<never> = { events: [], commands: [{ type: 'PickLine', data: { orderId: 'o-1' } }] }
  const handled = (platform: Platform, received: Envelope) =>
    // @ts-expect-error: neither is it here.
    platform.streams.handle(received, 'o-1', () => ({ events: [], commands: pick.commands }))
  // @ts-expect-error: nor here.
  const sent = (platform: Platform) => platform.send({ type: 'PickLine', data: { orderId: 'o-1' } }, options)
  expect([pick, misspelt, unnamed, misshapen, open, handled, sent]).toHaveLength(7)
})

it('an event that the contracts do not have, or whose data break its contract, does not compile', () => {
  type Recorded = RecordOf<typeof shopContracts>
  const wanted: Decision<Recorded> = { events: [{ type: 'line.wanted', data: { orderId: 'o-1' } }], commands: [] }
  const misspelt = (platform: Platform, received: Envelope) =>
    platform.streams.handle<Recorded>(received, 'o-1', () => ({
      // @ts-expect-error: misspelt.
      events: [{ type: 'line.wnated', data: { orderId: 'o-1' } }],
      commands: [],
    }))
  const misshapen = (platform: Platform, received: Envelope) =>
    // @ts-expect-error: of another shape.
    platform.streams.transact<Recorded>(received, 'o-1', async () => ({
      ...wanted,
      events: [{ type: 'line.wanted', data: {} }],
    }))
  const open = (platform: Platform, received: Envelope) =>
    // @ts-expect-error: the union of the service's events is not named.
    platform.streams.handle(received, 'o-1', () => ({ events: [{ type: 'line.wanted', data: {} }], commands: [] }))
  const openInTransaction = (platform: Platform, received: Envelope) =>
    // @ts-expect-error: neither is it here.
    platform.streams.transact(received, 'o-1', async () => wanted)
  const named = (platform: Platform, received: Envelope): Promise<Decision<Recorded>> =>
    platform.streams.handle(received, 'o-1', () => wanted)
  expect([misspelt, misshapen, open, openInTransaction, named]).toHaveLength(5)
})
