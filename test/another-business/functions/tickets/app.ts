/** A ticket is opened by a command, recorded in a stream, published, and listed on the board. */

import type { z } from 'zod'
import { Refused } from '../../../../shared/base/errors.ts'
import { type DocumentPath, documentPath } from '../../../../shared/service/document-path.ts'
import type { RecordOf } from '../../../../shared/contracts/contract.ts'
import { implement } from '../../../../shared/service/app.ts'
import { noChange } from '../../../../shared/service/platform.ts'
import type { ServiceApp } from '../../../../shared/service/service-app.ts'
import type { ticket, ticketsContracts } from './contracts.ts'
import { tickets } from './service.ts'

type Recorded = RecordOf<typeof ticketsContracts>

const boardPath = (ticketId: string): DocumentPath => documentPath<typeof tickets>('board', ticketId)

export const app: ServiceApp = implement(tickets, {
  on: {
    'ticket.opened': async ({ data }, platform) => {
      await platform.documents.create(boardPath(data.ticketId), data)
    },
  },
  commands: {
    OpenTicket: (message, platform) =>
      platform.streams.handle<Recorded>(message, message.data.ticketId, ({ events }) =>
        events.length > 0 ? noChange : { events: [{ type: 'ticket.opened', data: message.data }], commands: [] },
      ),
  },
  queries: {
    readTicket: async ({ ticketId }, platform) => {
      const found = await platform.documents.get(boardPath(ticketId))
      if (!found) throw new Refused('not-found', `There is no ticket ${ticketId}.`)
      return { status: 200, body: found as z.output<typeof ticket> }
    },
  },
})
