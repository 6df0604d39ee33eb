import { expect, it } from 'vitest'
import { z } from 'zod'
import { reference } from '../base/fields.ts'
import { type Contracts, defineContracts } from '../contracts/contract.ts'
import { defineService } from './service.ts'

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
  ['OpenTicket', { commands: { OpenTicket: { data, example } } }],
  ['readTicket', { queries: { readTicket: { method: 'get', path: '/tickets', answers: { 200: data } } } }],
  ['saga.stuck', {}, ['saga.stuck' as never]],
])('a public service is refused with %s, which would never reach it', (name, contracts, on) => {
  expect(describedAs('public', contracts, on)).toThrow(`The service helpdesk is public`)
  expect(describedAs('public', contracts, on)).toThrow(`move ${name} to an internal service`)
  expect(describedAs('internal', contracts, on)).not.toThrow()
})
