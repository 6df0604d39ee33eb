/** The messages and the query of visits. A visit has the id of its ticket. */

import { z } from 'zod'
import { reference, timestamp, words } from '../../../../shared/base/fields.ts'
import { defineContracts } from '../../../../shared/contracts/contract.ts'
import { sagaState, sagaWait } from '../../../../shared/saga/state.ts'

const ticketId = reference
export const visit = z.strictObject({ ticketId, part: reference })
export const retryRequest = z.strictObject({ reason: words })
const example = { ticketId: 't-1', part: 'toner' }
const timer = z.strictObject({ ticketId, deadline: timestamp })

export const visitsContracts = defineContracts({
  service: 'visits',
  events: {
    'visit.planned': { version: 1, data: visit, example, forAnalysis: true },
    'visit.confirmed': { version: 1, data: visit, example, forAnalysis: true },
    'visit.rejected': {
      version: 1,
      data: visit.extend({ reason: reference }),
      example: { ...example, reason: 'part.missing' },
      forAnalysis: true,
    },
  },
  recorded: {
    'visit.progressed': {
      version: 1,
      data: sagaState,
      example: { version: 1, phase: 'committed', compensations: [{ step: 'book-technician', attempt: 0 }] },
    },
    'visit.retried': {
      version: 1,
      data: retryRequest.extend({ by: reference }),
      example: { reason: 'the workshop is back', by: 'agent:jo' },
    },
  },
  commands: {
    PlanVisit: { version: 1, data: visit, example },
    ContinueVisit: {
      version: 1,
      data: timer,
      retryForever: true,
      example: { ticketId: 't-1', deadline: '2026-01-01T00:00:00Z' },
    },
    RetryVisit: {
      version: 1,
      data: retryRequest.extend({ ticketId }),
      example: { ticketId: 't-1', reason: 'the workshop is back' },
    },
  },
  queries: {
    readVisit: {
      method: 'get',
      path: '/visits/{ticketId}',
      parameters: { ticketId },
      answers: {
        200: z.object({ ticketId, status: reference, stuck: z.boolean(), waitsFor: z.array(sagaWait) }),
      },
      refuses: ['not-found'],
    },
  },
})
