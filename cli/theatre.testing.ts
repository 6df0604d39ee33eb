/** The business of tests of commands: a theatre of four services, with the files of theirs that `npm run new` edits. */

import { z } from 'zod'
import { reference } from '../shared/base/fields.ts'
import { defineContracts } from '../shared/contracts/contract.ts'
import type { Business } from '../shared/service/business.ts'
import { defineService, type Service } from '../shared/service/service.ts'

const seat = { version: 1, data: z.strictObject({ seat: reference }), example: { seat: 'B7' } }
const seatingContracts = defineContracts({
  service: 'seating',
  events: { 'seat.taken': seat },
  commands: { TakeSeat: seat },
})
const ticketsContracts = defineContracts({
  service: 'tickets',
  events: { 'ticket.sold': seat },
  commands: {},
})
const common = { ingress: 'internal', uses: [seatingContracts], on: ['seat.taken'], sends: [] } as const
const streams = { streams: { unindexed: ['*'] } }

const frontDesk = defineService({
  ...common,
  name: 'front-desk',
  ingress: 'public',
  contracts: defineContracts({ service: 'front-desk', events: {}, commands: {} }),
  on: [],
})
const seating = defineService({
  ...common,
  name: 'seating',
  contracts: seatingContracts,
  uses: [],
  on: [],
  collections: streams,
})
const tickets = defineService({
  ...common,
  name: 'tickets',
  contracts: ticketsContracts,
  sends: ['TakeSeat'],
  collections: streams,
})
/** A CloudEvent function without streams. */
const posters = defineService({
  ...common,
  name: 'posters',
  runtime: 'cloudevent',
  acceptsManualEvents: ['seat.taken'],
  contracts: defineContracts({ service: 'posters', events: {}, commands: {} }),
})

export const theatre: readonly Service[] = [frontDesk, seating, tickets, posters]

export const theatreBusiness: Business = {
  services: { 0: frontDesk, 1: seating, 2: tickets, 4: posters },
  partners: {},
  views: { folder: new URL('.', import.meta.url), names: [] },
  settings: () => ({}),
  goals: () => ({}),
}

const contracts = (variable: string, service: string, events = ''): string =>
  `export const ${variable} = defineContracts({ service: '${service}', events: {${events}}, commands: {} })\n`
const app = (service: string): string =>
  `import { implement } from '../../shared/service/app.ts'
import { ${service} } from './service.ts'

export const app = implement(${service}, { on: {}, commands: {} })
`

/** By their paths from the root of the project. */
export const theatreFiles: Readonly<Record<string, string>> = {
  'functions/index.ts': `import { frontDesk } from './front-desk/service.ts'
import { posters } from './posters/service.ts'
import { seating } from './seating/service.ts'
import { tickets } from './tickets/service.ts'

const numberedServices = { 0: frontDesk, 1: seating, 2: tickets, 4: posters }
export const services = Object.values(numberedServices)
`,
  'functions/front-desk/service.ts':
    "export const frontDesk = defineService({ name: 'front-desk', uses: [], sends: [] })\n",
  'functions/seating/contracts.ts': contracts('seatingContracts', 'seating', "'seat.taken': seatTaken"),
  'functions/seating/service.ts':
    "export const seating = defineService({ name: 'seating', uses: [], on: [], sends: [] })\n",
  'functions/seating/app.ts': app('seating'),
  'functions/tickets/contracts.ts': contracts('ticketsContracts', 'tickets', "'ticket.sold': ticketSold"),
  'functions/tickets/service.ts':
    "export const tickets = defineService({ name: 'tickets', acceptsSubmitted: ['SellTicket'], uses: [], sends: [] })\n",
  'functions/tickets/app.ts': app('tickets'),
  'functions/posters/contracts.ts': contracts('postersContracts', 'posters'),
  'functions/posters/service.ts':
    "export const posters = defineService({ name: 'posters', uses: [], on: [], sends: [] })\n",
}
