/** The recapture of an order: what was refused is captured with another payment method, which staff names. */

import { Refused } from '../../shared/base/errors.ts'
import type { Decision, Platform } from '../../shared/service/platform.ts'
import { shopCodes } from '../shop/errors.ts'
import { refusedCaptures } from './fulfilment.ts'
import { evolve, type OrderState, type PlacedOrder } from './order.ts'
import type { OrderRecord } from './records.ts'
import { refuseUnknown, unknownReferencesOf } from './references.ts'
import { unpaidMinor } from './refunds.ts'
import type { OrderSent } from './sent.ts'
import { withTimer } from './timer.ts'

export interface Recapture {
  readonly paymentMethodRef: string
  readonly reason: string
  readonly by: string
  readonly nowMs: number
}

/** The cards that may refuse the money: each is held for a moment. */
const MAX_REFUSED_RECAPTURES = 10
/** All requests, also those that failed because the bank did not answer: the order's stream would grow without a limit. */
const MAX_RECAPTURES = 100

/** Why this order can not be recaptured; undefined: it can. */
export function recaptureObstacle(state: OrderState): Refused | undefined {
  const { status, ledger, recapturing, recaptures, refusedRecaptures } = state
  if (status !== 'confirmed' || refusedCaptures(ledger).length === 0)
    return new Refused(
      shopCodes['nothing-to-recapture'],
      'Only an order of which a capture was refused can be recaptured.',
    )
  if (recapturing.length > 0)
    return new Refused(
      shopCodes['recapture-pending'],
      'A recapture was requested, and payments has not answered it yet.',
    )
  if (refusedRecaptures.length >= MAX_REFUSED_RECAPTURES || recaptures >= MAX_RECAPTURES)
    return new Refused(
      shopCodes['too-many-recaptures'],
      `The order was recaptured ${recaptures} times, and no payment method paid it: close it, and settle its money in another way.`,
    )
  return undefined
}

/** Before it is submitted: the order needs it, and the payment method belongs to the order's customer. */
export async function checkRecapture(state: PlacedOrder, paymentMethodRef: string, platform: Platform): Promise<void> {
  const obstacle = recaptureObstacle(state)
  if (obstacle) throw obstacle
  const { customerRef, addressRef } = state.order
  const unknown = await unknownReferencesOf(platform, customerRef, { addressRef, paymentMethodRef })
  // The goods have left: an address that was withdrawn meanwhile is not needed.
  refuseUnknown(unknown.filter((field) => field === 'paymentMethodRef'))
}

export function recapture(
  state: OrderState,
  { paymentMethodRef, reason, by, nowMs }: Recapture,
): Decision<OrderRecord, OrderSent> {
  const obstacle = recaptureObstacle(state)
  if (obstacle) throw obstacle
  const { orderId, customerRef, currency } = state.order!
  const amountMinor = unpaidMinor(state.order!, state.ledger)
  const amount = amountMinor === undefined ? {} : { amountMinor, currency }
  const shipmentIds = refusedCaptures(state.ledger).map(({ shipmentId }) => shipmentId)
  const requested: OrderRecord = {
    type: 'recapture.requested',
    data: { orderId, shipmentIds, ...amount, reason, by },
  }
  const command: OrderSent = { type: 'RecapturePayment', data: { orderId, customerRef, paymentMethodRef } }
  return withTimer(evolve(state, requested), nowMs, { events: [requested], commands: [command] }, {})
}
