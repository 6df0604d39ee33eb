/**
 * Upcasts what earlier revisions recorded in an order's stream under types that no other service receives. Streams are
 * never rewritten: nothing here is deleted. `past-events.json` holds an example of each old shape for the test.
 */

import type { Message } from '../../shared/contracts/message.ts'
import type { SagaState } from '../../shared/saga/saga.ts'
import type { FulfilmentFact, OrderRecord, SagaProgress } from './records.ts'

/** `checkout.moved`, until steps were persisted by their names. */
interface Moved {
  readonly saga?: IndexedSaga
  readonly armedMs?: number
  readonly askAtMs?: number
  readonly asked?: number
}

interface IndexedSaga {
  readonly phase: 'running' | 'pivoted' | 'undoing'
  /** Index of the step that was pending. */
  readonly step: number
  readonly deadlineMs: number
  readonly waiting?: true
  readonly undos: readonly { readonly step: string; readonly attempt: number; readonly againAtMs?: number }[]
}

/** The steps of version 1, to which the recorded indexes refer, independent of the present definition. */
const INDEXED_STEPS = ['reserve-stock', 'authorize-payment'] as const

/** The event in its present shape; an event whose shape never changed is returned as it is. */
export function upcast(event: Message): OrderRecord {
  switch (event.type) {
    case 'checkout.moved':
      return { type: 'checkout.progressed', data: progressOf(event.data as Moved) }
    case 'fulfilment.heard': {
      const { what, ...fact } = event.data as Omit<FulfilmentFact, 'kind'> & { readonly what: FulfilmentFact['kind'] }
      return { type: 'fulfilment.recorded', data: { kind: what, ...fact } }
    }
    case 'customer.asked':
      return { type: 'customerAction.required', data: event.data as { readonly actionUrlRef: string } }
    default:
      return event as OrderRecord
  }
}

const progressOf = ({ saga, armedMs, askAtMs, asked }: Moved): SagaProgress => ({
  ...(saga ? { saga: sagaOf(saga) } : {}),
  ...(armedMs === undefined ? {} : { timerAtMs: armedMs }),
  ...(askAtMs === undefined ? {} : { nextReminderAtMs: askAtMs }),
  ...(asked === undefined ? {} : { reminderCount: asked }),
})

function sagaOf({ phase, step, deadlineMs, waiting, undos }: IndexedSaga): SagaState {
  const compensations = undos.map(({ againAtMs, ...undo }) =>
    againAtMs === undefined ? undo : { ...undo, nextRetryAtMs: againAtMs },
  )
  const kept = { version: 1, compensations }
  switch (phase) {
    case 'running':
      return {
        ...kept,
        phase,
        step: INDEXED_STEPS[step]!,
        deadlineMs,
        ...(waiting === undefined ? {} : { isExtended: waiting }),
      }
    case 'pivoted':
      return { ...kept, phase: 'committed' }
    case 'undoing':
      return { ...kept, phase: 'compensating' }
  }
}
