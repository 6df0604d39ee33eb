/**
 * The pure engine of sagas. `definition.ts` has a saga as data: steps with a command, its replies, a timeout and a
 * compensation. The owner records the returned state in its stream and sends the returned commands in the same commit.
 *
 *            begin                       done of the last step
 *              │                       ┌────────────────────────▶ committed     no way back, nothing is pending
 *              ▼      done: next step  │
 *           running ───────────────────┤
 *              │ pendingOn: once,      │  failed, or no reply in time
 *              │  a longer timeout     └────────────────────────▶ compensating  last step first; every compensation is
 *              └ tryAgain: other data                                 ▲         retried until it is answered
 *                                                                     │
 *           running, committed ─────────────────────────────── abort ─┘
 *
 * The reply that commits the saga is its pivot: events of its success are published at the pivot or later, and the streams
 * refuse a commit that has one before (`pivot.ts`).
 * A step that timed out may have been performed, so it is compensated as well; a step that failed has done nothing. A
 * `done` that arrives while compensating is compensated again.
 * A step with `tryAgain` waits after a failure for a person, who gives other data, a bounded number of times within one time.
 * A step with `inquire` has its outcome looked up when its time is up: a step that was done meanwhile goes on.
 * `abort` ends a saga for a reason of its owner: a person cancels. A committed saga has no way back of its own; the
 * owner aborts it only while it knows that nothing which followed the pivot has to stay.
 *
 *     export const booking = defineSaga({
 *       name: 'booking',
 *       version: 1,
 *       contracts: [airlineContracts],
 *       idOf: ({ tripId }: Trip) => tripId,
 *       successEvents: ['trip.booked'],
 *       steps: [
 *         {
 *           name: 'book-flight',
 *           command: 'BookFlight',
 *           data: ({ tripId }) => ({ tripId }),
 *           done: 'flight.booked',
 *           failed: 'flight.full',
 *           timeoutSeconds: 60,
 *           compensate: { command: 'CancelFlight', data: ({ tripId }) => ({ tripId }), compensated: 'flight.cancelled' },
 *         },
 *       ],
 *     })
 *     const { state, commands } = begin(booking, trip, nowMs)
 *     const transition = onReply(booking, state, { type: 'flight.booked', data }, trip, nowMs) // outcome: committed
 *
 * Between two deployments, while sagas run:
 *
 * - A saga keeps the list of steps that it began with. Inserting, removing or reordering steps raises `version`; the list
 *   of names that was goes to `previousVersions`, and a removed step to `retired`: it is still performed and compensated
 *   for the sagas that began with it.
 * - `command`, `done`, `failed`, `pendingOn.event`, `tryAgain`, `inquire` and `compensate` of a step never change: a step that differs in one of
 *   them has a new name, and the old one is retired. A service's `frozen-sagas.json` holds each version for the test that
 *   checks it.
 * - `data`, `skipIf`, `reasonOf`, `isFinal`, the timeouts, `maxAttempts` and `onTimeout` may change at any time: they apply from the next command or timeout on.
 * - A version is dropped, with the steps that it alone has, 31 days after its last saga has ended: no message of it can
 *   arrive any more.
 *
 * Errors: `defineSaga` throws for a definition with a step that could not be compensated (see `problemsOf` in `definition.ts`). The other functions
 * throw `Unavailable` for a saga that a newer revision began (its messages are redelivered until that revision receives
 * them), and an Error for one whose version was dropped.
 */

import { republishCommand, stuckEvent } from '../base/names.ts'
import type { Contracts } from '../contracts/contract.ts'
import type { Message, OutgoingCommand, SagaCommand } from '../contracts/message.ts'
import { ownerOf, type Saga, type SagaStep, stepsOf } from './definition.ts'

export interface Compensation {
  /** Name of the step. */
  readonly step: string
  /** How often it was sent. */
  readonly attempt: number
  /** When it is sent again unless it is answered; absent before it is first sent, and once it is answered. */
  readonly nextRetryAtMs?: number
}

interface Progress {
  /** The version of the definition with which the saga began. It does not change. */
  readonly version: number
  /** Recorded before their step is sent: a step whose reply is lost must still be compensated. */
  readonly compensations: readonly Compensation[]
}

/** The state of a saga: small plain data, recorded with every transition. */
export type SagaState = Progress &
  (
    | {
        readonly phase: 'running'
        /** Name of the step that is pending. */
        readonly step: string
        /** The time of the step's timeout, in milliseconds since the epoch. The name is stored. */
        readonly deadlineMs: number
        /** `pendingOn` has extended the timeout, or `tryAgain` after a failure. */
        readonly isExtended?: true
        /** Of a step that may be tried again; absent: the first. */
        readonly attempt?: number
        /** A person may act, and give other data, until then. */
        readonly personUntilMs?: number
        /** A person has to act, or to give other data. */
        readonly isPersonsTurn?: true
        /** Why the last attempt failed, while the step waits for another one. */
        readonly failure?: string
        /** The time is up: `deadlineMs` is that of the inquiry. */
        readonly isInquiring?: true
      }
    | { readonly phase: 'committed' }
    | { readonly phase: 'compensating' }
  )

/** The result of a saga's function: the owner records, sends and publishes it in one commit. */
export interface Transition {
  readonly state: SagaState
  readonly commands: readonly SagaCommand[]
  /** Reports of a saga that is stuck. */
  readonly events: readonly SagaStuck[]
  /** The names of the steps that this saga has just skipped, by `skipIf`; absent: none. */
  readonly skipped?: readonly string[]
  /** Present when the saga has ended one way or the other: the owner confirms, or rejects with the reason. */
  readonly outcome?:
    | { readonly type: 'committed' }
    /** `expired`: a person did not act in time. */
    | { readonly type: 'rejected'; readonly reason: string; readonly expired: boolean }
}

/** An unanswered compensation is sent again after this time. */
const COMPENSATION_RETRY_MS = 60_000
/** From this attempt on a saga is reported as stuck, and its retries back off. */
export const STUCK_FROM_ATTEMPT = 5
/** Each of the tasks is retried by its queue as well, and an operator may retry; each retry stays in the stream. */
const MAX_COMPENSATION_RETRY_MS = 24 * 3_600_000

/**
 * After so many attempts, in a week, an operator has to ask for the next one. The task of each attempt is in the queue until it
 * is carried out: only its answer is missing.
 */
export const MAX_COMPENSATION_ATTEMPTS = 20

const compensationRetryMs = (attempt: number): number =>
  Math.min(COMPENSATION_RETRY_MS * 2 ** Math.max(0, attempt - STUCK_FROM_ATTEMPT + 1), MAX_COMPENSATION_RETRY_MS)

/** The transition into the first step. */
export function begin<C>(saga: Saga<C>, context: C, nowMs: number): Transition {
  return enter({ version: saga.version, compensations: [] }, saga.steps, context, nowMs)
}

/**
 * The first of these steps that the saga needs. Its compensation is in the state before its command is sent. Without a step,
 * all are done: the pivot.
 */
function enter<C>(
  { version, compensations }: Progress,
  steps: readonly SagaStep<C>[],
  context: C,
  nowMs: number,
): Transition {
  const step = steps.find((one) => isNeeded(one, context))
  const skipped = (step ? steps.slice(0, steps.indexOf(step)) : steps).map(({ name }) => name)
  const passed = skipped.length === 0 ? {} : { skipped }
  if (!step) {
    const state: SagaState = { version, phase: 'committed', compensations }
    return { state, commands: [], events: [], ...passed, outcome: { type: 'committed' } }
  }
  const { name, compensate, timeoutSeconds } = step
  return {
    state: {
      version,
      phase: 'running',
      step: name,
      deadlineMs: nowMs + timeoutSeconds * 1000,
      compensations: compensate ? [...compensations, { step: name, attempt: 0 }] : compensations,
    },
    commands: [commandOf(step, context)],
    events: [],
    ...passed,
  }
}

const isNeeded = <C>({ skipIf }: SagaStep<C>, context: C): boolean => !skipIf?.(context)

const commandOf = <C>({ command, data }: Pick<SagaStep<C>, 'command' | 'data'>, context: C): SagaCommand =>
  ofSaga({ type: command, data: data(context) })

/** Its name and the type of its data were checked by `defineSaga`. */
const ofSaga = (command: OutgoingCommand): SagaCommand => command as SagaCommand

type Running = Extract<SagaState, { phase: 'running' }>

const timedOutReason = (step: string): string => `${step}-timed-out`
/** True for the reason of a saga one of whose steps got no reply in time: a fault of the platform, whatever code a partner gives. */
export const isTimedOut = ({ steps, retired }: Saga<never>, reason: unknown): boolean =>
  [...steps, ...retired].some(({ name }) => reason === timedOutReason(name))

function pendingStep<C>(saga: Saga<C>, { version, step }: Running): SagaStep<C> {
  const found = stepsOf(saga, version).find(({ name }) => name === step)
  if (!found) throw new Error(`Version ${version} of the saga ${saga.name} has no step "${step}".`)
  return found
}

/** True until the first reply. The first command may never have been sent. */
export const isAtFirstStep = <C>(saga: Saga<C>, state: SagaState, context: C): boolean =>
  state.phase === 'running' && stepsOf(saga, state.version).find((step) => isNeeded(step, context))?.name === state.step

/** The transition that follows from a reply; undefined when the saga does not wait for it. */
export function onReply<C, Type extends string>(
  saga: Saga<C, readonly Contracts[], Type>,
  state: SagaState,
  reply: { readonly type: NoInfer<Type>; readonly data: unknown },
  context: C,
  nowMs: number,
): Transition | undefined {
  switch (state.phase) {
    case 'running':
      return onStepReply(saga, state, reply, context, nowMs)
    case 'compensating':
      return onReplyWhileCompensating(saga, state, reply.type, context, nowMs)
    case 'committed':
      return undefined
  }
}

function onStepReply<C>(
  saga: Saga<C>,
  state: Running,
  { type, data }: Message,
  context: C,
  nowMs: number,
): Transition | undefined {
  const step = pendingStep(saga, state)
  // Of whichever attempt: the step is done.
  if (type === step.done) {
    const steps = stepsOf(saga, state.version)
    return enter(state, steps.slice(steps.indexOf(step) + 1), context, nowMs)
  }
  // The owner of the step has ended that attempt, or reports its failure once more.
  if (step.tryAgain && (step.tryAgain.attemptOf(data as never) < attemptOf(state) || state.failure !== undefined))
    return undefined
  if (type === step.failed) {
    const reason = step.reasonOf?.(data as never) ?? type
    const isFinal = step.tryAgain?.isFinal?.(data as never) ?? false
    return !isFinal && mayBeTriedAgain(step, state, nowMs)
      ? onPersonsTurn(step, { ...state, failure: reason }, nowMs)
      : // Of several attempts an earlier one may have had effects.
        reject(saga, state, context, { nowMs, reason, ...(isFirst(state) ? { failed: step.name } : {}) })
  }
  if (type === step.inquire?.undecided) return state.isInquiring ? timedOut(saga, state, context, nowMs) : undefined
  if (type !== step.pendingOn?.event || (state.isExtended && !step.tryAgain)) return undefined
  // The time of the person is up as well.
  if (state.isExtended && state.isInquiring)
    return { state: { ...state, isPersonsTurn: true }, commands: [], events: [] }
  return onPersonsTurn(step, state, nowMs)
}

/** Until its deadline a person may act, or give other data. The time begins once; when it is over, the deadline is now. */
function onPersonsTurn<C>({ tryAgain, pendingOn }: SagaStep<C>, state: Running, nowMs: number): Transition {
  const { isInquiring: _overtaken, ...rest } = state
  const personUntilMs = state.personUntilMs ?? nowMs + pendingOn!.timeoutSeconds * 1000
  const deadlineMs = Math.max(personUntilMs, nowMs)
  const turn = tryAgain ? { personUntilMs, isPersonsTurn: true as const } : {}
  return { state: { ...rest, isExtended: true, deadlineMs, ...turn }, commands: [], events: [] }
}

/** The number of the pending attempt of the step, from 1. */
export const attemptOf = (state: SagaState): number => (state.phase === 'running' ? (state.attempt ?? 1) : 1)
const isFirst = (state: SagaState): boolean => attemptOf(state) === 1
const mayBeTriedAgain = <C>({ tryAgain }: SagaStep<C>, state: Running, nowMs: number): boolean =>
  tryAgain !== undefined && attemptOf(state) < tryAgain.maxAttempts && nowMs < (state.personUntilMs ?? Infinity)

/** How many more attempts a person may make of the pending step now: 0 when the saga does not wait for a person. */
export function attemptsLeft<C>(saga: Saga<C>, state: SagaState): number {
  if (state.phase !== 'running' || !state.isPersonsTurn || state.isInquiring) return 0
  return (pendingStep(saga, state).tryAgain?.maxAttempts ?? 0) - attemptOf(state)
}

/**
 * The transition when a person gave other data, which `context` has: the step is sent again, as the next attempt. Undefined
 * when the step does not wait for a person, has no attempt left, or its time is up.
 */
export function tryAgain<C>(saga: Saga<C>, state: SagaState, context: C, nowMs: number): Transition | undefined {
  if (state.phase !== 'running' || attemptsLeft(saga, state) === 0 || nowMs >= state.deadlineMs) return undefined
  const { failure: _failure, isPersonsTurn: _turn, ...rest } = state
  const step = pendingStep(saga, state)
  const deadlineMs = Math.max(state.deadlineMs, nowMs + step.tryAgain!.timeoutSeconds * 1000)
  const attempt = attemptOf(state) + 1
  return { state: { ...rest, attempt, deadlineMs }, commands: [commandOf(step, context)], events: [] }
}

function onReplyWhileCompensating<C>(
  saga: Saga<C>,
  state: SagaState,
  type: string,
  context: C,
  nowMs: number,
): Transition | undefined {
  const step = stepsOf(saga, state.version).find((one) => one.done === type || one.compensate?.compensated === type)
  if (!step?.compensate) return undefined
  if (type === step.compensate.compensated) return answered(state, step.name)
  // A success that arrives after its compensation: it is compensated again, under this new cause.
  return { ...sendCompensations(saga, state, [step.name], context, nowMs), events: [] }
}

function answered(state: SagaState, name: string): Transition | undefined {
  const isPending = ({ step, nextRetryAtMs }: Compensation): boolean => step === name && nextRetryAtMs !== undefined
  if (!state.compensations.some(isPending)) return undefined
  const compensations = state.compensations.map((one) =>
    isPending(one) ? { step: one.step, attempt: one.attempt } : one,
  )
  return { state: { ...state, compensations }, commands: [], events: [] }
}

/** The transition that follows from the time; undefined while nothing is due. */
export function onTimer<C>(saga: Saga<C>, state: SagaState, context: C, nowMs: number): Transition | undefined {
  if (state.phase === 'running') {
    if (nowMs < state.deadlineMs) return undefined
    const { inquire } = pendingStep(saga, state)
    // The outcome of a failed attempt is known.
    if (!inquire || state.isInquiring || state.failure !== undefined) return timedOut(saga, state, context, nowMs)
    return {
      state: { ...state, isInquiring: true, deadlineMs: nowMs + inquire.timeoutSeconds * 1000 },
      commands: requestAgain(saga, inquire, context),
      events: [],
    }
  }
  const due = retriedCompensations(state).filter(({ nextRetryAtMs }) => nowMs >= nextRetryAtMs!)
  if (due.length === 0) return undefined
  return {
    ...sendCompensations(saga, state, namesOf(due), context, nowMs),
    events: due
      .map(({ step, attempt }) => ({ step, attempt: attempt + 1 }))
      .filter(({ attempt }) => attempt >= STUCK_FROM_ATTEMPT)
      .map(({ step, attempt }) =>
        sagaStuck({
          sagaId: saga.idOf(context),
          step: `compensate ${step}`,
          attempt,
          reason:
            attempt < MAX_COMPENSATION_ATTEMPTS
              ? 'the compensation is not answered'
              : 'the compensation is not answered, and this was the last attempt: retry it',
        }),
      ),
  }
}

/**
 * The transition when an operator retries the unanswered steps; undefined if none is pending. The command is
 * sent again, and its owner republishes its recorded events: a command that was performed before is not answered
 * anew, and a lost reply arrives this way.
 */
export function retry<C>(saga: Saga<C>, state: SagaState, context: C, nowMs: number): Transition | undefined {
  if (state.phase === 'running') {
    if (state.failure !== undefined) return undefined
    const step = pendingStep(saga, state)
    const commands = requestAgain(saga, state.isInquiring && step.inquire ? step.inquire : step, context)
    return { state, commands, events: [] }
  }
  const pending = pendingCompensations(state)
  if (pending.length === 0) return undefined
  return { ...sendCompensations(saga, state, namesOf(pending), context, nowMs), events: [] }
}

/** The command, and its owner republishes its events: a reply that was recorded and lost is not recorded again. */
function requestAgain<C>(saga: Saga<C>, step: Pick<SagaStep<C>, 'command' | 'data'>, context: C): SagaCommand[] {
  const target = ownerOf(saga, step.command)!.service
  const republish = ofSaga({ type: republishCommand, target, data: { correlationId: saga.idOf(context) } })
  return [commandOf(step, context), republish]
}

/** The pending step got no answer in time. It may have been performed, unless its failure is known. */
function timedOut<C>(saga: Saga<C>, state: Running, context: C, nowMs: number): Transition {
  const { name, pendingOn, tryAgain: again } = pendingStep(saga, state)
  const expired = again ? state.isPersonsTurn === true : state.isExtended === true
  const reason = state.failure ?? (expired && pendingOn ? pendingOn.onTimeout : timedOutReason(name))
  const failed = state.failure !== undefined && isFirst(state) ? { failed: name } : {}
  return reject(saga, state, context, { nowMs, reason, expired, ...failed })
}

/** Compensations that are sent and not answered. */
const pendingCompensations = ({ phase, compensations }: SagaState): readonly Compensation[] =>
  phase === 'compensating' ? compensations.filter(({ nextRetryAtMs }) => nextRetryAtMs !== undefined) : []
/** Compensations that are sent again without an operator. */
const retriedCompensations = (state: SagaState): readonly Compensation[] =>
  pendingCompensations(state).filter(({ attempt }) => attempt < MAX_COMPENSATION_ATTEMPTS)
const namesOf = (compensations: readonly Compensation[]): string[] => compensations.map(({ step }) => step)

/**
 * The transition when the owner takes everything back: every step is compensated. The pending step may have been
 * performed, as one that timed out. There is no outcome: the owner decided it. Undefined: it is compensated already.
 */
export function abort<C>(saga: Saga<C>, state: SagaState, context: C, nowMs: number): Transition | undefined {
  return state.phase === 'compensating' ? undefined : { ...compensateAll(saga, state, context, nowMs), events: [] }
}

function compensateAll<C>(
  saga: Saga<C>,
  { version, compensations }: Progress,
  context: C,
  nowMs: number,
): Pick<Transition, 'state' | 'commands'> {
  const compensating: SagaState = { version, phase: 'compensating', compensations }
  return sendCompensations(saga, compensating, namesOf(compensations), context, nowMs)
}

interface Rejection {
  readonly nowMs: number
  readonly reason: string
  /** The step that answered with `failed`: it did nothing, so there is nothing to compensate. */
  readonly failed?: string
  readonly expired?: boolean
}

function reject<C>(
  saga: Saga<C>,
  { version, compensations }: SagaState,
  context: C,
  { nowMs, reason, failed, expired = false }: Rejection,
): Transition {
  const open = compensations.filter(({ step }) => step !== failed)
  return {
    ...compensateAll(saga, { version, compensations: open }, context, nowMs),
    events: [],
    outcome: { type: 'rejected', reason, expired },
  }
}

/** The last step is compensated first. */
function sendCompensations<C>(
  saga: Saga<C>,
  state: SagaState,
  names: readonly string[],
  context: C,
  nowMs: number,
): { state: SagaState; commands: SagaCommand[] } {
  const known = new Set(namesOf(state.compensations))
  const late = names.filter((name) => !known.has(name)).map((step): Compensation => ({ step, attempt: 0 }))
  const compensations = [...state.compensations, ...late].map(({ step, attempt, ...rest }) =>
    names.includes(step)
      ? { step, attempt: attempt + 1, nextRetryAtMs: nowMs + compensationRetryMs(attempt + 1) }
      : { step, attempt, ...rest },
  )
  const commands = stepsOf(saga, state.version)
    .filter(({ name }) => names.includes(name))
    .toReversed()
    .flatMap(({ compensate }) => (compensate ? [commandOf(compensate, context)] : []))
  return { state: { ...state, compensations }, commands }
}

/** When the saga is due next, in milliseconds since the epoch; undefined when nothing is pending. */
export function nextTimeoutMs(state: SagaState): number | undefined {
  if (state.phase === 'running') return state.deadlineMs
  const times = retriedCompensations(state).map(({ nextRetryAtMs }) => nextRetryAtMs!)
  return times.length > 0 ? Math.min(...times) : undefined
}

export interface StuckReport {
  readonly sagaId: string
  /** For operators. */
  readonly step: string
  readonly attempt: number
  readonly reason: string
}

/** The report that operators find in `npm run ops -- stuck`. */
export const sagaStuck = (data: StuckReport): SagaStuck => ({ type: stuckEvent, data })
export interface SagaStuck {
  readonly type: typeof stuckEvent
  readonly data: StuckReport
}
