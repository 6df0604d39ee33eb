/** Book a technician, order the part, confirm the visit. */

import type { z } from 'zod'
import { defineSaga } from '../../../../shared/saga/definition.ts'
import { workshopContracts } from '../workshop/contracts.ts'
import type { visit } from './contracts.ts'

export type Visit = Readonly<z.output<typeof visit>>

export const visitSaga = defineSaga({
  name: 'visit',
  version: 1,
  contracts: [workshopContracts],
  idOf: ({ ticketId }: Visit) => ticketId,
  successEvents: ['visit.confirmed'],
  steps: [
    {
      name: 'book-technician',
      command: 'BookTechnician',
      data: ({ ticketId }) => ({ ticketId }),
      done: 'technician.booked',
      failed: 'technician.busy',
      timeoutSeconds: 60,
      compensate: {
        command: 'FreeTechnician',
        data: ({ ticketId }) => ({ ticketId }),
        compensated: 'technician.freed',
      },
    },
    {
      name: 'order-part',
      command: 'OrderPart',
      data: ({ ticketId, part }) => ({ ticketId, part }),
      done: 'part.ordered',
      failed: 'part.missing',
      timeoutSeconds: 60,
      compensate: { command: 'CancelPart', data: ({ ticketId }) => ({ ticketId }), compensated: 'part.cancelled' },
    },
  ],
})
