/** Handlers of visits: each translates one message into a command to the visit. */

import { Refused, Unavailable } from '../../../../shared/base/errors.ts'
import type { Envelope } from '../../../../shared/contracts/envelope.ts'
import { isStuck, waitsOf } from '../../../../shared/saga/state.ts'
import { implement } from '../../../../shared/service/app.ts'
import type { Platform } from '../../../../shared/service/platform.ts'
import type { ServiceApp } from '../../../../shared/service/service-app.ts'
import { decide, stateOf, type VisitCommand, type VisitRecord, type VisitSent, type VisitState } from './decide.ts'
import { visits } from './service.ts'

const apply = (
  message: Envelope<string, { readonly ticketId: string }>,
  platform: Platform,
  command: VisitCommand,
): Promise<unknown> =>
  platform.streams.handle<VisitRecord, VisitSent>(message, message.data.ticketId, ({ events }) =>
    decide(command, events, platform.now()),
  )

async function read(ticketId: string, platform: Platform): Promise<VisitState> {
  const state = stateOf((await platform.streams.read(ticketId)).events)
  if (!state) throw new Refused('not-found', `There is no visit for the ticket ${ticketId}.`)
  return state
}

export const app: ServiceApp = implement(visits, {
  on: {},
  onSagaReply: (reply, platform) => apply(reply, platform, { type: 'reply', reply }),
  checksSubmitted: {
    async RetryVisit({ ticketId }, platform) {
      await read(ticketId, platform)
    },
  },
  commands: {
    PlanVisit: (message, platform) => apply(message, platform, { type: 'plan', visit: message.data }),
    ContinueVisit(message, platform) {
      const early = Date.parse(message.data.deadline) - platform.now()
      if (early > 0) throw new Unavailable('The timer fired early.', { retryAfterSeconds: Math.ceil(early / 1000) })
      return apply(message, platform, { type: 'timer' })
    },
    RetryVisit: (message, platform) =>
      apply(message, platform, { type: 'retry', reason: message.data.reason, by: message.actor }),
  },
  queries: {
    async readVisit({ ticketId }, platform) {
      const { status, saga } = await read(ticketId, platform)
      const waitsFor = waitsOf(saga)
      return { status: 200, body: { ticketId, status, stuck: isStuck(waitsFor), waitsFor } }
    },
  },
})
