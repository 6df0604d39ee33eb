/** Sagas as data: steps with their undo, replies and deadline, and the one small engine that reads them. */

import type { Message, OutgoingCommand } from './platform.ts'

export interface SagaStep<Context> {
  readonly name: string
  send(context: Context): Message
  /** Absent when there is nothing to undo. */
  readonly undo?: (context: Context) => Message
  /** The reply with which the step has succeeded. */
  readonly done: string
  /** The reply with which it has failed. */
  readonly failed: string
  /** The reply that the undo is answered with, also when there was nothing to undo. */
  readonly undone?: string
  /** A reply that asks for patience: a customer has to act first. */
  readonly waiting?: { readonly on: string; readonly withinSeconds: number; readonly onTimeout: string }
  readonly withinSeconds: number
}

export interface Saga<Context> {
  readonly name: string
  readonly steps: readonly SagaStep<Context>[]
}

export const defineSaga = <Context>(saga: Saga<Context>): Saga<Context> => saga

interface Undo {
  readonly step: string
  readonly attempt: number
  /** When it is sent again, if nobody has answered; undefined once somebody did. */
  readonly againAtMs?: number
}

/** Where a saga stands: small plain data, recorded with every move. */
export interface SagaState {
  readonly phase: 'running' | 'pivoted' | 'undoing'
  /** Index of the step that is waited for. */
  readonly step: number
  readonly deadlineMs: number
  readonly waiting?: true
  /** Recorded before their step is sent: a lost reply must still undo what may have been done. */
  readonly undos: readonly Undo[]
}

export interface Move {
  readonly state: SagaState
  readonly commands: readonly OutgoingCommand[]
  readonly events: readonly Message[]
  /** What the saga's owner has to decide now: to confirm, or to reject with the reason. */
  readonly turn?:
    | { readonly to: 'pivot' }
    | { readonly to: 'reject'; readonly reason: string; readonly expired: boolean }
}

/** An unanswered undo is sent again after so long, without end. */
const UNDO_AGAIN_AFTER_MS = 60_000
/** From this attempt on a saga that gets no answer is stuck. */
export const STUCK_FROM_ATTEMPT = 5
/** A stuck one waits twice as long each time, up to this: each of its tasks is still tried again by the queue itself. */
const UNDO_AGAIN_AT_LEAST_EVERY_MS = 3_600_000

const undoAgainAfterMs = (attempt: number): number =>
  Math.min(UNDO_AGAIN_AFTER_MS * 2 ** Math.max(0, attempt - STUCK_FROM_ATTEMPT + 1), UNDO_AGAIN_AT_LEAST_EVERY_MS)

export function begin<C>(saga: Saga<C>, context: C, nowMs: number): Move {
  return enter(saga, context, 0, [], nowMs)
}

/** The step's undo is in the state before its command is on its way. */
function enter<C>(saga: Saga<C>, context: C, index: number, undos: readonly Undo[], nowMs: number): Move {
  const step = saga.steps[index]
  if (!step)
    return {
      state: { phase: 'pivoted', step: index, deadlineMs: 0, undos },
      commands: [],
      events: [],
      turn: { to: 'pivot' },
    }
  const started = step.undo ? [...undos, { step: step.name, attempt: 0 }] : undos
  return {
    state: { phase: 'running', step: index, deadlineMs: nowMs + step.withinSeconds * 1000, undos: started },
    commands: [step.send(context)],
    events: [],
  }
}

/** Ends the reason of a saga of which a step got no answer in its time: the platform's doing, not the customer's. */
const TIMED_OUT = '-timed-out'
const timedOutReason = (step: string): string => `${step}${TIMED_OUT}`
export const isTimedOut = (reason: unknown): boolean => typeof reason === 'string' && reason.endsWith(TIMED_OUT)

/** What a reply makes of the saga; undefined when it changes nothing. */
export function reply<C>(
  saga: Saga<C>,
  state: SagaState,
  message: { readonly type: string; readonly reason?: string },
  context: C,
  nowMs: number,
): Move | undefined {
  const current = state.phase === 'running' ? saga.steps[state.step] : undefined
  if (current?.done === message.type) return enter(saga, context, state.step + 1, state.undos, nowMs)
  if (current?.failed === message.type)
    return fail(saga, state, context, { nowMs, reason: message.reason ?? message.type, failed: current.name })
  if (current?.waiting?.on === message.type && !state.waiting) {
    return {
      state: { ...state, waiting: true, deadlineMs: nowMs + current.waiting.withinSeconds * 1000 },
      commands: [],
      events: [],
    }
  }
  if (state.phase !== 'undoing') return undefined
  const step = saga.steps.find(({ done, undone }) => done === message.type || undone === message.type)
  if (!step?.undo) return undefined
  if (step.undone === message.type) return answered(state, step.name)
  // A late success after its undo: what it did is undone again, under this new cause.
  return { ...sendUndos(saga, state, [step.name], context, nowMs), events: [] }
}

function answered(state: SagaState, name: string): Move | undefined {
  const undo = state.undos.find(({ step }) => step === name)
  if (undo?.againAtMs === undefined) return undefined
  const undos = state.undos.map(({ step, attempt, againAtMs }) =>
    step === name || againAtMs === undefined ? { step, attempt } : { step, attempt, againAtMs },
  )
  return { state: { ...state, undos }, commands: [], events: [] }
}

/** What the time makes of the saga; undefined while nothing is due. */
export function look<C>(
  saga: Saga<C>,
  state: SagaState,
  context: C & { readonly sagaId: string },
  nowMs: number,
): Move | undefined {
  if (state.phase === 'running' && nowMs >= state.deadlineMs) {
    const step = saga.steps[state.step]!
    const reason = state.waiting ? step.waiting!.onTimeout : timedOutReason(step.name)
    return fail(saga, state, context, { nowMs, reason, expired: state.waiting === true })
  }
  if (state.phase !== 'undoing') return undefined
  const due = state.undos.filter(({ againAtMs }) => againAtMs !== undefined && nowMs >= againAtMs)
  if (due.length === 0) return undefined
  const move = sendUndos(
    saga,
    state,
    due.map(({ step }) => step),
    context,
    nowMs,
  )
  const stuck = due.filter(({ attempt }) => attempt + 1 >= STUCK_FROM_ATTEMPT)
  return {
    ...move,
    events: stuck.map(({ step, attempt }) => ({
      type: 'saga.stuck',
      data: { sagaId: context.sagaId, step: `undo ${step}`, attempt: attempt + 1, reason: 'the undo is not answered' },
    })),
  }
}

/** Somebody asks the saga to go on now: what is not answered is asked again. Undefined when nothing is waited for. */
export function again<C>(saga: Saga<C>, state: SagaState, context: C, nowMs: number): Move | undefined {
  if (state.phase === 'running') return { state, commands: [saga.steps[state.step]!.send(context)], events: [] }
  const open = state.undos.filter(({ againAtMs }) => againAtMs !== undefined).map(({ step }) => step)
  if (state.phase !== 'undoing' || open.length === 0) return undefined
  return { ...sendUndos(saga, state, open, context, nowMs), events: [] }
}

interface Failure {
  readonly nowMs: number
  readonly reason: string
  /** The step that said no itself: it did nothing, so there is nothing to undo. A step that timed out may have done it. */
  readonly failed?: string
  readonly expired?: boolean
}

function fail<C>(
  saga: Saga<C>,
  state: SagaState,
  context: C,
  { nowMs, reason, failed, expired = false }: Failure,
): Move {
  const undos = state.undos.filter(({ step }) => step !== failed)
  const undoing: SagaState = { phase: 'undoing', step: state.step, deadlineMs: 0, undos }
  const move = sendUndos(
    saga,
    undoing,
    undos.map(({ step }) => step),
    context,
    nowMs,
  )
  return { ...move, events: [], turn: { to: 'reject', reason, expired } }
}

/** Bottom to top: the last step is undone first. */
function sendUndos<C>(
  saga: Saga<C>,
  state: SagaState,
  names: readonly string[],
  context: C,
  nowMs: number,
): { state: SagaState; commands: OutgoingCommand[] } {
  const known = new Set(state.undos.map(({ step }) => step))
  const late: Undo[] = names.filter((name) => !known.has(name)).map((step) => ({ step, attempt: 0 }))
  const undos = [...state.undos, ...late].map((undo) =>
    names.includes(undo.step)
      ? { step: undo.step, attempt: undo.attempt + 1, againAtMs: nowMs + undoAgainAfterMs(undo.attempt + 1) }
      : undo,
  )
  const commands = saga.steps
    .filter(({ name, undo }) => undo && names.includes(name))
    .toReversed()
    .map(({ undo }) => undo!(context))
  return { state: { ...state, undos }, commands }
}

/** When the saga has to be looked at next; undefined when nothing is waited for. */
export function nextLookMs(state: SagaState): number | undefined {
  if (state.phase === 'running') return state.deadlineMs
  const times = state.undos.flatMap(({ againAtMs }) => againAtMs ?? [])
  return state.phase === 'undoing' && times.length > 0 ? Math.min(...times) : undefined
}
