import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../contracts/contract.ts'
import { defineSetting } from '../base/setting.ts'
import type { Business } from './business.ts'
import { checkBusiness } from './check-business.ts'
import { implement } from './app.ts'
import { defineService } from './service.ts'

const data = z.strictObject({ seat: z.string() })
const tickets = defineService({
  name: 'tickets',
  ingress: 'internal',
  contracts: defineContracts({
    service: 'tickets',
    events: { 'ticket.sold': { version: 1, data, example: { seat: 'B7' } } },
    commands: {},
    queries: { readSeat: { method: 'get', path: '/v1/seats/{seat}', parameters: { seat: z.string() }, answers: {} } },
  }),
  uses: [],
  on: [],
  sends: [],
  settings: [defineSetting('HALL', z.string())],
  requestObjectives: [{ name: 'reading', title: 'Reading a seat', method: 'GET', path: '/v1/seats/{seat}' }],
})
const theatre: Business = {
  services: { 0: tickets },
  partners: {},
  views: { folder: new URL('.', import.meta.url), names: [] },
  settings: () => ({ HALL: 'big' }),
  goals: () => ({ reading: { share: 0.9 } }),
  minInstances: () => ({ tickets: 1 }),
}
const dev = { name: 'dev', projectId: 'p', serviceUrl: (service: string) => `https://${service}` }

describe('a business is refused for', () => {
  it.each<[string, Partial<Business>, string, string]>([
    ['a setting', { settings: () => ({ HALL: 'big', HAL: 'big' }) }, 'HAL', 'setting that a service lists'],
    ['a goal', { goals: () => ({ raeding: { share: 0.9 } }) }, 'raeding', 'objective of a service'],
    ['minimal instances', { minInstances: () => ({ tickts: 1 }) }, 'tickts', 'service'],
  ])('%s of an unknown name, with the known ones', (_kind, changed, unknown, owner) => {
    expect(() => checkBusiness(theatre, dev)).not.toThrow()
    const known = { setting: 'HALL', objective: 'reading', service: 'tickets' }[owner.split(' ')[0]!]!
    expect(() => checkBusiness({ ...theatre, ...changed }, dev)).toThrow(`${unknown} in the `)
    expect(() => checkBusiness({ ...theatre, ...changed }, dev)).toThrow(
      `of the business for the environment dev: there is no such ${owner}. Correct the name or take it out. Known: ${known}.`,
    )
  })

  it('an objective of requests that its service does not take', () => {
    const queries = { readSeat: async () => ({}) as never }
    expect(() => implement(tickets, { on: {}, commands: {}, queries })).not.toThrow()
    const misspelt = {
      ...tickets,
      requestObjectives: [{ ...tickets.requestObjectives[0], path: '/v1/seat/{seat}' as const }],
    }
    expect(() => implement(misspelt, { on: {}, commands: {}, queries })).toThrow(
      'GET /v1/seat/{seat} in the objective reading: there is no such request to the service. Correct',
    )
  })
})
