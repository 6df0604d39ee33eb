/** One stream for each ticket. A command whose compensation came first is refused by the event of its failure. */

import type { RecordOf } from '../../../../shared/contracts/contract.ts'
import { implement } from '../../../../shared/service/app.ts'
import { type Decision, noChange, type Stream } from '../../../../shared/service/platform.ts'
import type { ServiceApp } from '../../../../shared/service/service-app.ts'
import type { workshopContracts } from './contracts.ts'
import { workshop } from './service.ts'

type Recorded = RecordOf<typeof workshopContracts>

/** The parts that the workshop can get. */
const PARTS = ['drum', 'toner']

const emit = (event: Recorded): Decision<Recorded> => ({ events: [event], commands: [] })
const has = ({ events }: Stream, ...types: readonly Recorded['type'][]): boolean =>
  events.some(({ type }) => types.some((one) => one === type))

export const app: ServiceApp = implement(workshop, {
  on: {},
  commands: {
    BookTechnician: (message, platform) =>
      platform.streams.handle<Recorded>(message, message.data.ticketId, (stream) => {
        if (has(stream, 'technician.booked', 'technician.busy')) return noChange
        const isFreed = has(stream, 'technician.freed')
        return emit({ type: isFreed ? 'technician.busy' : 'technician.booked', data: message.data })
      }),
    FreeTechnician: (message, platform) =>
      platform.streams.handle<Recorded>(message, message.data.ticketId, () =>
        emit({ type: 'technician.freed', data: message.data }),
      ),
    OrderPart: (message, platform) =>
      platform.streams.handle<Recorded>(message, message.data.ticketId, (stream) => {
        if (has(stream, 'part.ordered', 'part.missing')) return noChange
        const isToBeHad = PARTS.includes(message.data.part) && !has(stream, 'part.cancelled')
        return emit({ type: isToBeHad ? 'part.ordered' : 'part.missing', data: message.data })
      }),
    CancelPart: (message, platform) =>
      platform.streams.handle<Recorded>(message, message.data.ticketId, () =>
        emit({ type: 'part.cancelled', data: message.data }),
      ),
  },
})
