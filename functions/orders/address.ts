/** The correction of an address: the carrier refused a parcel, and the customer or staff names another address of the customer. */

import { Refused } from '../../shared/base/errors.ts'
import { type Decision, noChange, type Platform } from '../../shared/service/platform.ts'
import { shopCodes } from '../shop/errors.ts'
import { advance } from './advance.ts'
import { refusedParcels } from './fulfilment.ts'
import type { OrderState, PlacedOrder } from './order.ts'
import type { OrderRecord, ReportedRefusal } from './records.ts'
import { refuseUnknown, unknownReferencesOf } from './references.ts'
import type { OrderSent } from './sent.ts'

export interface Correction {
  readonly addressRef: string
  readonly by: string
  readonly nowMs: number
}

/** More are no mistake in writing, and the order's stream would grow without a limit. */
const MAX_CORRECTIONS = 10

function obstacleOf({ status, ledger, corrections }: OrderState): Refused | undefined {
  if (status !== 'confirmed' || refusedParcels(ledger).length === 0)
    return new Refused(
      shopCodes['nothing-to-correct'],
      'Only the address of an order of which the carrier has refused a parcel can be corrected.',
    )
  if (corrections >= MAX_CORRECTIONS)
    return new Refused(
      shopCodes['too-many-corrections'],
      `The address was corrected ${MAX_CORRECTIONS} times, and the carrier took none of them: cancel the order.`,
    )
  return undefined
}

/** Checks a correction before it is submitted: the order needs one, and the address belongs to the order's customer. */
export async function checkCorrection(state: PlacedOrder, addressRef: string, platform: Platform): Promise<void> {
  const obstacle = obstacleOf(state)
  if (obstacle) throw obstacle
  const { customerRef, paymentMethodRef } = state.order
  const unknown = await unknownReferencesOf(platform, customerRef, { addressRef, paymentMethodRef })
  // The payment is authorized: a payment method that was withdrawn meanwhile is not needed.
  refuseUnknown(unknown.filter((field) => field === 'addressRef'))
}

/** Sends the other address to shipping, which books the refused parcels again. */
export function correct(state: OrderState, { addressRef, by, nowMs }: Correction): Decision<OrderRecord, OrderSent> {
  const obstacle = obstacleOf(state)
  if (obstacle) throw obstacle
  const { orderId } = state.order!
  const correction = state.corrections + 1
  const command: OrderSent = { type: 'ChangeAddress', data: { orderId, addressRef, correction } }
  return advance(
    state,
    { events: [{ type: 'address.corrected', data: { orderId, addressRef, by } }], commands: [command] },
    nowMs,
  )
}

/**
 * A refusal that is older than the known one, of a parcel that has left since, or of a booking to a former address changes nothing:
 * shipping books every parcel again that was refused there, also those of whose refusal orders does not know.
 */
export function recordRefusal(
  state: OrderState,
  { correction = state.corrections, ...refusal }: ReportedRefusal,
): Decision<OrderRecord, OrderSent> {
  const { shipmentId, attempt } = refusal
  const known = state.ledger.refusedParcels[shipmentId]?.attempt ?? 0
  const isOld = attempt <= known || correction < state.corrections
  if (!state.order || isOld || shipmentId in state.ledger.dispatched) return noChange
  return { events: [{ type: 'refusal.recorded', data: refusal }], commands: [] }
}
