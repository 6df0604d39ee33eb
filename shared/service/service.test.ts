import { expect, it } from 'vitest'
import { z } from 'zod'
import { reference } from '../base/fields.ts'
import { type Contracts, defineContracts } from '../contracts/contract.ts'
import { defineService, enqueuedBy, usesQueues } from './service.ts'

const data = z.strictObject({ ticketId: reference })
const example = { ticketId: 't-1' }
const describedAs =
  (ingress: 'public' | 'internal', contracts: Partial<Contracts>, on: readonly never[] = []) =>
  () =>
    defineService({
      name: 'helpdesk',
      ingress,
      contracts: defineContracts({ service: 'helpdesk', events: {}, commands: {}, ...contracts }),
      uses: [],
      on,
      sends: [],
    })

it.each<[string, Partial<Contracts>, (readonly never[])?]>([
  ['ticket.opened', { events: { 'ticket.opened': { version: 1, data, example } } }],
  ['OpenTicket', { commands: { OpenTicket: { version: 1, data, example } } }],
  ['readTicket', { queries: { readTicket: { method: 'get', path: '/tickets', answers: { 200: data } } } }],
  ['saga.stuck', {}, ['saga.stuck' as never]],
])('a public service is refused with %s, which would never reach it', (name, contracts, on) => {
  expect(describedAs('public', contracts, on)).toThrow(`The service helpdesk is public`)
  expect(describedAs('public', contracts, on)).toThrow(`move ${name} to an internal service`)
  expect(describedAs('internal', contracts, on)).not.toThrow()
})

it('an event to which a service does not subscribe can not be accepted by hand', () => {
  const described = (on: readonly 'ticket.opened'[]) => () =>
    defineService({
      name: 'helpdesk',
      ingress: 'internal',
      contracts: defineContracts({
        service: 'helpdesk',
        events: { 'ticket.opened': { version: 1, data, example } },
        commands: {},
      }),
      uses: [],
      on,
      acceptsManualEvents: ['ticket.opened'],
      sends: [],
    })
  expect(described([])).toThrow('helpdesk accepts ticket.opened by hand, but does not subscribe to it')
  expect(described(['ticket.opened'])).not.toThrow()
})

const desk = defineContracts({ service: 'desk', events: {}, commands: { OpenTicket: { version: 1, data, example } } })
const senderAs = (ingress: 'public' | 'internal', queues: object) => () =>
  defineService({
    name: 'helpdesk',
    ingress,
    contracts: defineContracts({ service: 'helpdesk', events: {}, commands: {} }),
    uses: [desk],
    on: [],
    sends: [],
    ...queues,
  })

it.each([
  ['OpenTicket', { sends: ['OpenTicket'] }],
  ['RepublishEvents', { requestsRepublishFrom: ['desk'] }],
])('a public service gets no rights on queues: %s is refused among its commands', (name, queues) => {
  expect(senderAs('public', queues)).toThrow(`take ${name} out of its sends and requestsRepublishFrom`)
  expect(senderAs('public', queues)).toThrow('the submits of helpdesk and in the acceptsSubmitted of its owner')
  expect(senderAs('internal', queues)).not.toThrow()
})

it('a public service submits a command to its owner', () => {
  expect(senderAs('public', { submits: ['OpenTicket'] })).not.toThrow()
})

it.each([0, 1.5, -1])(
  'a service with %d workers is refused: nothing would take the events that they pull',
  (workers) => {
    expect(senderAs('internal', { scale: { workers } })).toThrow(`helpdesk has ${workers} workers`)
  },
)

const counting = defineContracts({
  service: 'library',
  events: {},
  commands: { CountShelves: { version: 1, data: z.strictObject({ hall: reference }), example: { hall: 'a' } } },
})
const daily = {
  cron: '30 4 * * MON-FRI',
  timeZone: 'Europe/Berlin',
  command: 'CountShelves',
  data: { hall: 'a' },
} as const
const scheduled = (name: string, change: object) => () =>
  defineService({
    name: 'library',
    ingress: 'internal',
    contracts: counting,
    uses: [],
    on: [],
    sends: [],
    schedules: { [name]: { ...daily, ...change } },
  })

it("a scheduled command is enqueued by its service, to the service's own queue", () => {
  const service = scheduled('daily', {})()
  expect(enqueuedBy(service)).toEqual(['CountShelves'])
  expect(usesQueues(service)).toBe(true)
})

it.each<[string, object, string]>([
  ['Daily', {}, 'takes another name'],
  ['daily', { cron: 'every day' }, '"every day"'],
  ['daily', { cron: '0 0 0 4 * *' }, '"0 0 0 4 * *"'],
  ['daily', { cron: '@daily' }, '"@daily"'],
  ['daily', { data: { hall: '' } }, 'break the contract of CountShelves'],
  ['daily', { command: 'BurnShelves' }, 'no command of library'],
])('the schedule %s with %o is refused', (name, change, message) => {
  expect(scheduled(name, change)).toThrow(`The schedule "${name}" of library`)
  expect(scheduled(name, change)).toThrow(message)
})
