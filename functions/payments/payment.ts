/** The state of an order's payment, and the amounts that may be captured. */

import type { RecordOf, SentBy } from '../../shared/contracts/contract.ts'
import type { paymentsContracts } from './contracts.ts'
import type { payments } from './service.ts'

export type PaymentRecord = RecordOf<typeof paymentsContracts>
export type PaymentSent = SentBy<typeof payments>

export interface PaymentLine {
  readonly lineId: string
  readonly quantity: number
  readonly unitMinor: number
}

type Quantities = Readonly<Record<string, number>>

/** The amount of one shipment, fixed before the call of the provider, since other captures may run concurrently. */
export interface CaptureDue {
  readonly amountMinor: number
  /** The last shipment: the rest of the authorisation is released. */
  readonly final: boolean
  readonly quantities: Quantities
}

interface Capture extends CaptureDue {
  readonly outcome: 'due' | 'captured' | 'failed'
}

export interface PaymentState {
  /** `voiding`: a later authorisation is rejected, and the provider is asked to void. */
  readonly status: 'none' | 'authorized' | 'declined' | 'action-required' | 'voiding' | 'voided'
  readonly currency: string
  readonly totalMinor: number
  readonly shippingMinor: number
  /** Empty until an authorisation was requested. */
  readonly lines: readonly PaymentLine[]
  /** By shipment. */
  readonly captures: Readonly<Record<string, Capture>>
}

export const initial: PaymentState = {
  status: 'none',
  currency: '',
  totalMinor: 0,
  shippingMinor: 0,
  lines: [],
  captures: {},
}

export function evolve(state: PaymentState, { type, data }: PaymentRecord): PaymentState {
  switch (type) {
    case 'payment.agreed':
      return { ...state, ...data }
    case 'payment.authorized':
      return { ...state, status: 'authorized' }
    case 'payment.declined':
      return { ...state, status: hasVoidBegun(state) ? state.status : 'declined' }
    case 'payment.action-required':
      return { ...state, status: 'action-required' }
    case 'void.begun':
      return { ...state, status: 'voiding' }
    case 'payment.voided':
      return { ...state, status: 'voided' }
    case 'capture.due': {
      const { shipmentId, ...due } = data
      return { ...state, captures: { ...state.captures, [shipmentId]: { ...due, outcome: 'due' } } }
    }
    case 'payment.captured':
      return settled(state, data, 'captured')
    case 'payment.capture-failed':
      return settled(state, data, 'failed')
  }
}

const settled = (state: PaymentState, { shipmentId }: { shipmentId: string }, outcome: Capture['outcome']) => ({
  ...state,
  captures: { ...state.captures, [shipmentId]: { ...state.captures[shipmentId]!, outcome } },
})

/** The compensation came first: a later authorisation must be rejected. */
export const hasVoidBegun = ({ status }: PaymentState): boolean => status === 'voiding' || status === 'voided'

/** The amount of a shipment's lines: the first shipment includes the fee, and the last one the rest of the total. */
export function captureFor(
  state: PaymentState,
  lines: readonly { readonly lineId: string; readonly quantity: number }[],
): CaptureDue {
  const quantities: Record<string, number> = {}
  for (const { lineId, quantity } of lines) quantities[lineId] = (quantities[lineId] ?? 0) + quantity
  const before = Object.values(state.captures)
  const shippedOf = (lineId: string): number =>
    before.reduce((sum, one) => sum + (one.quantities[lineId] ?? 0), quantities[lineId] ?? 0)
  const paying = before.filter(({ outcome }) => outcome !== 'failed')
  const final = state.lines.every(({ lineId, quantity }) => shippedOf(lineId) >= quantity)
  if (final) {
    const capturedMinor = paying.reduce((sum, { amountMinor }) => sum + amountMinor, 0)
    return { amountMinor: state.totalMinor - capturedMinor, final, quantities }
  }
  const goodsMinor = state.lines.reduce((sum, { lineId, unitMinor }) => sum + unitMinor * (quantities[lineId] ?? 0), 0)
  return { amountMinor: goodsMinor + (paying.length === 0 ? state.shippingMinor : 0), final, quantities }
}

/** True if no other shipment can be added, so that the amount can not change. */
export const isWholeOrder = ({ captures }: PaymentState, { final }: CaptureDue): boolean =>
  final && Object.keys(captures).length === 0

/** The final capture closes the authorisation, so it comes after all others. */
export const mustWait = ({ captures }: PaymentState, shipmentId: string): boolean =>
  captures[shipmentId]!.final &&
  Object.entries(captures).some(([other, { outcome }]) => other !== shipmentId && outcome === 'due')

export const paymentId = (orderId: string): string => `p-${orderId}`
export const authorizationKey = (orderId: string): string => `${orderId}:auth`
export const captureKey = (orderId: string, shipmentId: string): string => `${orderId}:capture:${shipmentId}`
