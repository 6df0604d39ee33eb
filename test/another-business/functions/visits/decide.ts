/** The rules of a visit: its saga, what it publishes at the saga's end, and its timers. */

import { Refused, Unavailable } from '../../../../shared/base/errors.ts'
import type { RecordOf, SentBy } from '../../../../shared/contracts/contract.ts'
import type { Message } from '../../../../shared/contracts/message.ts'
import type { runtimeContracts } from '../../../../shared/contracts/runtime-events.ts'
import type { ReplyOf } from '../../../../shared/saga/definition.ts'
import {
  begin,
  nextTimeoutMs,
  onReply,
  onTimer,
  retry,
  type SagaState,
  type Transition,
} from '../../../../shared/saga/saga.ts'
import { fold } from '../../../../shared/service/fold.ts'
import { type Decision, noChange } from '../../../../shared/service/platform.ts'
import type { visitsContracts } from './contracts.ts'
import { type Visit, visitSaga } from './saga.ts'
import type { visits } from './service.ts'

export type VisitRecord = RecordOf<typeof visitsContracts> | RecordOf<typeof runtimeContracts>
export type VisitSent = SentBy<typeof visits>
type Decided = Decision<VisitRecord, VisitSent>

export interface VisitState {
  readonly visit: Visit
  readonly status: 'planned' | 'confirmed' | 'rejected'
  readonly saga: SagaState
}

type Started = Partial<VisitState>

function evolve(state: Started, { type, data }: VisitRecord): Started {
  switch (type) {
    case 'visit.planned':
      return { visit: data, status: 'planned' }
    case 'visit.confirmed':
      return { ...state, status: 'confirmed' }
    case 'visit.rejected':
      return { ...state, status: 'rejected' }
    case 'visit.progressed':
      return { ...state, saga: data }
    case 'visit.retried':
    case 'saga.stuck':
      return state
  }
}

/** Undefined before it is planned. */
export function stateOf(events: readonly Message[]): VisitState | undefined {
  const { visit, status, saga } = fold({ initial: {}, evolve }, events)
  return visit && status && saga && { visit, status, saga }
}

export type VisitCommand =
  | { readonly type: 'plan'; readonly visit: Visit }
  | { readonly type: 'reply'; readonly reply: ReplyOf<typeof visitSaga> }
  | { readonly type: 'timer' }
  | { readonly type: 'retry'; readonly reason: string; readonly by: string }

/** A repeated command decides nothing. */
export function decide(command: VisitCommand, events: readonly Message[], nowMs: number): Decided {
  const state = stateOf(events)
  if (command.type === 'plan') {
    const { visit } = command
    if (state) return noChange
    return recorded(visit, begin(visitSaga, visit, nowMs), { type: 'visit.planned', data: visit })
  }
  // A reply or a timer can't precede the commit of the plan: this read is older than that commit.
  if (!state) throw new Unavailable('There is no such visit yet.')
  const { visit, saga } = state
  switch (command.type) {
    case 'reply':
      return recorded(visit, onReply(visitSaga, saga, command.reply, visit, nowMs))
    case 'timer':
      return recorded(visit, onTimer(visitSaga, saga, visit, nowMs))
    case 'retry': {
      const transition = retry(visitSaga, saga, visit, nowMs)
      if (!transition) throw new Refused('not-found', `The visit for ${visit.ticketId} waits for nothing.`)
      const { reason, by } = command
      return recorded(visit, transition, { type: 'visit.retried', data: { reason, by } })
    }
  }
}

/** One commit: the events, the saga's state, its commands, and a timer for the next timeout. */
function recorded(visit: Visit, transition: Transition | undefined, ...before: readonly VisitRecord[]): Decided {
  if (!transition) return noChange
  const { state, events, commands, outcome } = transition
  const dueMs = nextTimeoutMs(state)
  return {
    events: [...before, ...events, ...outcomeEvents(visit, outcome), { type: 'visit.progressed', data: state }],
    commands: [...commands, ...(dueMs === undefined ? [] : [timer(visit, dueMs)])],
  }
}

function outcomeEvents(visit: Visit, outcome: Transition['outcome']): VisitRecord[] {
  if (!outcome) return []
  if (outcome.type === 'committed') return [{ type: 'visit.confirmed', data: visit }]
  return [{ type: 'visit.rejected', data: { ...visit, reason: outcome.reason } }]
}

const timer = ({ ticketId }: Visit, atMs: number): VisitSent => ({
  type: 'ContinueVisit',
  data: { ticketId, deadline: new Date(atMs).toISOString() },
  notBeforeMs: atMs,
  key: String(atMs),
})
