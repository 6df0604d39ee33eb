/** The amounts that may be captured and refunded. */

import { amountOfLine, amountOfPieces } from './contracts.ts'
import { type CaptureDue, currentAuthorization, type PaymentState, type Refund, withLines } from './payment.ts'

/** The amount of a shipment's lines: the first shipment includes the fee, and the last one the rest of the total. */
export function captureFor(
  state: PaymentState,
  lines: readonly { readonly lineId: string; readonly quantity: number }[],
): CaptureDue {
  const quantities = withLines({}, lines)
  const before = Object.values(state.captures)
  const shippedOf = (lineId: string): number =>
    before.reduce((sum, one) => sum + (one.quantities[lineId] ?? 0), quantities[lineId] ?? 0) +
    (state.cancelled[lineId] ?? 0)
  const final = state.lines.every(({ lineId, quantity }) => shippedOf(lineId) >= quantity)
  if (final) {
    // A capture that failed is recaptured on its own: its amount is not part of another shipment's.
    const othersMinor = before.reduce((sum, { amountMinor }) => sum + amountMinor, 0)
    return { amountMinor: Math.max(0, payableMinor(state) - othersMinor), final, quantities }
  }
  const goodsMinor = state.lines.reduce((sum, line) => {
    const shipped = before.reduce((pieces, one) => pieces + (one.quantities[line.lineId] ?? 0), 0)
    const now = shipped + (quantities[line.lineId] ?? 0)
    return sum + amountOfPieces(line, now) - amountOfPieces(line, shipped)
  }, 0)
  return { amountMinor: goodsMinor + (before.length === 0 ? state.shippingMinor : 0), final, quantities }
}

/** The amount that the customer pays: the total without the cancelled lines. Never below zero, whatever is cancelled. */
export const payableMinor = ({ totalMinor, lines, cancelled }: PaymentState): number =>
  Math.max(
    0,
    lines.reduce((rest, line) => {
      const left = line.quantity - (cancelled[line.lineId] ?? 0)
      return rest - amountOfLine(line) + amountOfPieces(line, left)
    }, totalMinor),
  )

/** The part of it that is not captured. */
export const uncapturedMinor = (state: PaymentState): number =>
  Object.values(state.captures).reduce(
    (rest, { outcome, amountMinor }) => rest - (outcome === 'captured' ? amountMinor : 0),
    payableMinor(state),
  )

/** True while a capture is to come, and the authorization that this renewal replaces is still the present one. */
export const isRenewalNeeded = (state: PaymentState, authorization: number): boolean =>
  state.renewals[authorization]?.former === currentAuthorization(state) &&
  uncapturedMinor(state) > 0 &&
  !isAllSettled(state)

/** True if every line is in a shipment or cancelled, and each shipment's capture has an outcome. */
export const isAllSettled = (state: PaymentState): boolean =>
  Object.values(state.captures).every(({ outcome }) => outcome !== 'due') && isEveryLineDone(state)

/** True if every line is in a shipment or cancelled, so that no capture follows those that are known. */
export const isEveryLineDone = ({ lines, captures, cancelled }: PaymentState): boolean =>
  lines.every(({ lineId, quantity }) => {
    const done = Object.values(captures).reduce((sum, one) => sum + (one.quantities[lineId] ?? 0), 0)
    return done + (cancelled[lineId] ?? 0) >= quantity
  })

/** True if no other shipment can be added, so that the amount can not change. */
export const isWholeOrder = ({ captures }: PaymentState, { final }: CaptureDue): boolean =>
  final && Object.keys(captures).length === 0

/** The final capture closes the authorization, so it comes after all others, or includes them. */
export const mustWait = (state: PaymentState, shipmentId: string): boolean =>
  state.captures[shipmentId]!.final &&
  (isRecapturedUnderIt(state) ||
    Object.entries(state.captures).some(
      ([other, { outcome }]) => other !== shipmentId && outcome === 'due' && !isDeferred(state, other),
    ))

/** Captures that were refused before are attempted again under the present authorization. */
const isRecapturedUnderIt = (state: PaymentState): boolean =>
  state.recaptures[currentAuthorization(state)]?.isDone === false

/** It waits under the present authorization, and is part of no capture that is being made. */
export function isDeferred(state: PaymentState, shipmentId: string): boolean {
  const { outcome, deferred } = state.captures[shipmentId]!
  const isPresent = deferred?.authorization === currentAuthorization(state)
  return outcome === 'due' && isPresent && deferred.joined === undefined
}

/** The amount captured under an authorization and neither refunded nor promised to the customer, nor with the bank for a dispute. */
function refundableUnder({ captures, refunds, disputes }: PaymentState, authorization: number): number {
  const captured = Object.values(captures).filter((one) => one.outcome === 'captured')
  const given = Object.values(refunds).filter(({ status }) => status !== 'failed')
  const sumOf = (some: readonly { readonly amountMinor: number; readonly authorization: number }[]): number =>
    some.reduce((sum, one) => sum + (one.authorization === authorization ? one.amountMinor : 0), 0)
  const disputed = Object.values(disputes).filter(({ outcome }) => outcome !== 'won')
  return sumOf(captured) - sumOf(given) - sumOf(disputed)
}

/** The amount that can still be refunded of an order. */
export const refundable = (state: PaymentState): number =>
  state.authorizations.reduce((sum, number) => sum + Math.max(0, refundableUnder(state, number)), 0)

/**
 * The provider refunds what was captured under one authorization. An amount that was captured under several becomes as many
 * refunds, the second with the id `ID-2`. Empty if the amount exceeds what can be refunded.
 */
export function refundsOf(
  state: PaymentState,
  { refundId, amountMinor }: { readonly refundId: string; readonly amountMinor: number },
): (Pick<Refund, 'amountMinor' | 'authorization'> & { readonly refundId: string })[] {
  if (amountMinor > refundable(state)) return []
  let restMinor = amountMinor
  return state.authorizations
    .flatMap((authorization) => {
      const part = Math.min(restMinor, Math.max(0, refundableUnder(state, authorization)))
      restMinor -= part
      return part > 0 ? [{ authorization, amountMinor: part }] : []
    })
    .map((part, index) => ({ ...part, refundId: index === 0 ? refundId : `${refundId}-${index + 1}` }))
}
