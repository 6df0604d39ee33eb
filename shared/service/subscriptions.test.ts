import { expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { reference } from '../base/fields.ts'
import { defineContracts } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { deliver, message } from '../runtime/deliver.testing.ts'
import { testPlatform } from '../runtime/platform.testing.ts'
import { implement } from './app.ts'
import { defineService } from './service.ts'
import { subscriptionsFor } from './subscriptions.ts'

const data = z.strictObject({ ticketId: reference })
const opened = { version: 1, data, example: { ticketId: 't-1' } }
const tickets = defineContracts({
  service: 'tickets',
  events: { 'ticket.opened': opened, 'ticket.closed': opened },
  commands: {},
})
const meanings = subscriptionsFor<string>()([tickets], {
  'ticket.opened': ({ type, data: { ticketId } }) => `${type} ${ticketId}`,
})
const describedOn = <const On extends readonly 'ticket.opened'[]>(on: On) =>
  defineService({
    name: 'board',
    ingress: 'internal',
    contracts: defineContracts({ service: 'board', events: {}, commands: {} }),
    uses: [tickets],
    on,
    subscriptions: meanings,
    sends: [],
  })

it('a table of subscriptions gives the description its events and their contracts', () => {
  const board = defineService({
    name: 'board',
    ingress: 'internal',
    contracts: defineContracts({ service: 'board', events: {}, commands: {} }),
    uses: [],
    on: [],
    subscriptions: meanings,
    sends: [],
  })
  expect(board).toMatchObject({ on: ['ticket.opened'], uses: [tickets] })
})

it('an event is refused that has a handler of its own as well', () => {
  expect(() => describedOn(['ticket.opened'])).toThrow(
    'board has ticket.opened in its `on` and in its `subscriptions`: take it out of one of them.',
  )
})

it('one handler takes each event with its meaning, and a description with a table does not compile without it', async () => {
  const board = describedOn([])
  const taken: string[] = []
  const app = implement(board, {
    on: {},
    commands: {},
    onSubscribed(given, meaning) {
      expectTypeOf(given).toEqualTypeOf<Envelope>()
      taken.push(meaning)
      return Promise.resolve()
    },
  })
  await deliver(app, testPlatform(board), message('ticket.opened', { ticketId: 't-1' }))
  expect(taken).toEqual(['ticket.opened t-1'])
  // @ts-expect-error -- onSubscribed is missing
  implement(board, { on: {}, commands: {} })
})
