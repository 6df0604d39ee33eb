/** The messages of the workshop. */

import { z } from 'zod'
import { reference } from '../../../../shared/base/fields.ts'
import { defineContracts } from '../../../../shared/contracts/contract.ts'

const forTicket = z.strictObject({ ticketId: reference })
const ofPart = z.strictObject({ ticketId: reference, part: reference })
const example = { ticketId: 't-1' }
const exampleOfPart = { ...example, part: 'toner' }
const event = { version: 1, data: forTicket, example }

export const workshopContracts = defineContracts({
  service: 'workshop',
  events: {
    'technician.booked': event,
    'technician.busy': event,
    'technician.freed': event,
    'part.ordered': { version: 1, data: ofPart, example: exampleOfPart },
    'part.missing': { version: 1, data: ofPart, example: exampleOfPart },
    'part.cancelled': event,
  },
  commands: {
    BookTechnician: { version: 1, data: forTicket, example },
    FreeTechnician: { version: 1, data: forTicket, retryForever: true, compensates: 'BookTechnician', example },
    OrderPart: { version: 1, data: ofPart, example: exampleOfPart },
    CancelPart: { version: 1, data: forTicket, retryForever: true, compensates: 'OrderPart', example },
  },
})
