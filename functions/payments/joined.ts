/**
 * Captures of parcels where the card allows one capture alone. Each of them waits until every parcel has left or is cancelled;
 * then all are captured in one. If the authorization ends before that, those that have left are captured shortly before its end.
 */

import { isDeferred, isEveryLineDone, mustWait } from './amounts.ts'
import type { PaymentDecision } from './decide.ts'
import { currentAuthorization, evolve, type PaymentState } from './payment.ts'

/** Enough for six attempts but the last, and for a renewal that is answered late. No card is authorized for the 30 days of Cloud Tasks. */
const JOINED_BEFORE_MS = 12 * 3_600_000

/** The last time for the captures that wait under the present authorization. */
const lastTimeMs = ({ expiresAt }: PaymentState): number => Date.parse(expiresAt) - JOINED_BEFORE_MS

/** The next step of a capture: on its own, in one with others (`join`: these are to be recorded first), or nothing yet. */
export type Step = 'alone' | 'join' | 'together' | 'wait'

export function stepOf(state: PaymentState, shipmentId: string, nowMs: number): Step {
  const { outcome, final, deferred } = state.captures[shipmentId]!
  if (outcome !== 'due') return 'wait'
  if (deferred?.joined !== undefined && deferred.authorization === currentAuthorization(state))
    return deferred.joined === shipmentId ? 'together' : 'wait'
  if (mustWait(state, shipmentId)) return 'wait'
  if (final) return deferredIn(state).length > 0 ? 'join' : 'alone'
  // Under another authorization it may be captured on its own.
  if (!isDeferred(state, shipmentId)) return 'alone'
  const isFinalDue = Object.values(state.captures).some((one) => one.final && one.outcome === 'due')
  return !isFinalDue && (isEveryLineDone(state) || nowMs >= lastTimeMs(state)) ? 'join' : 'wait'
}

const deferredIn = (state: PaymentState): string[] =>
  Object.keys(state.captures).filter((shipmentId) => isDeferred(state, shipmentId))

/** Recorded before the provider is called: another shipment that is deferred meanwhile is not part of it. */
export function join(orderId: string, state: PaymentState, shipmentId: string): PaymentDecision {
  const shipmentIds = [...new Set([...deferredIn(state), shipmentId])]
  const authorization = currentAuthorization(state)
  return {
    events: [{ type: 'captures.joined', data: { shipmentId, shipmentIds, authorization } }],
    commands: [{ type: 'CapturePayment', data: { orderId, shipmentId } }],
  }
}

/** The shipments that are captured in one with this one. */
export const joinedWith = ({ captures }: PaymentState, shipmentId: string): string[] =>
  Object.keys(captures).filter((other) => captures[other]!.deferred?.joined === shipmentId)

/** The decision, with the command for each capture that becomes possible by it, and for the last time of each that is deferred. */
export function withCaptures(
  { orderId, nowMs }: { readonly orderId: string; readonly nowMs: number },
  before: PaymentState,
  { events, commands }: PaymentDecision,
): PaymentDecision {
  const after = events.reduce(evolve, before)
  const isPossible = (state: PaymentState, id: string): boolean => stepOf(state, id, nowMs) !== 'wait'
  const freed = Object.keys(before.captures).filter((id) => !isPossible(before, id) && isPossible(after, id))
  const deferred = events.flatMap(({ type, data }) => (type === 'payment.capture-deferred' ? [data.shipmentId] : []))
  const capture = (shipmentId: string) => ({ type: 'CapturePayment' as const, data: { orderId, shipmentId } })
  return {
    events,
    commands: [
      ...commands,
      ...freed.map(capture),
      ...deferred.map((shipmentId) => ({ ...capture(shipmentId), notBeforeMs: Math.max(nowMs, lastTimeMs(after)) })),
    ],
  }
}
