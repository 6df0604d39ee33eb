import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../shared/contracts/contract.ts'
import { defineService } from '../shared/service/service.ts'
import { checkTools, type Tools } from './tools.ts'

const sold = { version: 1, data: z.strictObject({ seat: z.string() }), example: { seat: 'B7' } }
const tickets = defineService({
  name: 'tickets',
  ingress: 'internal',
  contracts: defineContracts({ service: 'tickets', events: { 'ticket.sold': sold }, commands: {} }),
  uses: [],
  on: [],
  sends: [],
})
const theatre = { services: { 0: tickets } }

describe('tools are refused for', () => {
  const unit = {
    one: 'ticket',
    many: 'tickets',
    event: 'ticket.sold',
    request: 'POST /v1/tickets',
    command: 'npm run buy',
  }

  it.each<[string, Tools, string]>([
    [
      'the event of their unit',
      { unit: { ...unit, event: 'ticket.slod' } },
      'ticket.slod in the unit.event of the tools (functions/tools.ts): there is no such event of a service. Correct the name or take it out. Known: ticket.sold.',
    ],
    [
      'a saga',
      { sagas: { tickets: async () => undefined } },
      'tickets in the sagas of the tools (functions/tools.ts): there is no such service with a saga.',
    ],
  ])('%s of an unknown name, with the known ones', (_kind, tools, message) => {
    expect(() => checkTools({ unit }, theatre)).not.toThrow()
    expect(() => checkTools(tools, theatre)).toThrow(message)
  })
})
