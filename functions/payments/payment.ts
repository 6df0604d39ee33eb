/** What is known of an order's payment, and what may be taken from it. */

import type { Message } from '../../shared/platform.ts'

export interface PaymentLine {
  readonly lineId: string
  readonly quantity: number
  readonly unitMinor: number
}

export interface PaymentState {
  /** `tombstone`: voided before it was ever asked for; an authorisation that comes later is refused. */
  readonly status: 'none' | 'authorized' | 'declined' | 'action-required' | 'voided' | 'tombstone'
  readonly currency: string
  readonly totalMinor: number
  readonly shippingMinor: number
  readonly lines: readonly PaymentLine[]
  readonly capturedMinor: number
  /** Shipment → quantity by line. */
  readonly shipped: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export const initial: PaymentState = {
  status: 'none',
  currency: '',
  totalMinor: 0,
  shippingMinor: 0,
  lines: [],
  capturedMinor: 0,
  shipped: {},
}

export function evolve(state: PaymentState, { type, data }: Message): PaymentState {
  switch (type) {
    case 'payment.agreed':
      return { ...state, ...(data as Pick<PaymentState, 'currency' | 'totalMinor' | 'shippingMinor' | 'lines'>) }
    case 'payment.authorized':
      return { ...state, status: 'authorized' }
    case 'payment.declined':
      return { ...state, status: state.status === 'tombstone' ? 'tombstone' : 'declined' }
    case 'payment.action-required':
      return { ...state, status: 'action-required' }
    case 'payment.voided':
      return { ...state, status: state.status === 'none' ? 'tombstone' : 'voided' }
    case 'payment.captured':
      return { ...state, capturedMinor: state.capturedMinor + (data as { amountMinor: number }).amountMinor }
    case 'shipment.noted': {
      const { shipmentId, quantities } = data as { shipmentId: string; quantities: Record<string, number> }
      return { ...state, shipped: { ...state.shipped, [shipmentId]: quantities } }
    }
    default:
      return state
  }
}

export interface CaptureDue {
  readonly amountMinor: number
  /** The last lines: what is left of the authorisation is let go. */
  readonly final: boolean
  readonly quantities: Readonly<Record<string, number>>
}

/** What a shipment's lines come to: the shipping fee goes with the first, and the last takes what is left to the total. */
export function captureFor(
  state: PaymentState,
  lines: readonly { readonly lineId: string; readonly quantity: number }[],
): CaptureDue {
  const quantities: Record<string, number> = {}
  for (const { lineId, quantity } of lines) quantities[lineId] = (quantities[lineId] ?? 0) + quantity
  const before = Object.values(state.shipped)
  const shippedOf = (lineId: string): number =>
    before.reduce((sum, one) => sum + (one[lineId] ?? 0), quantities[lineId] ?? 0)
  const final = state.lines.every(({ lineId, quantity }) => shippedOf(lineId) >= quantity)
  if (final) return { amountMinor: state.totalMinor - state.capturedMinor, final, quantities }
  const goodsMinor = state.lines.reduce((sum, { lineId, unitMinor }) => sum + unitMinor * (quantities[lineId] ?? 0), 0)
  return { amountMinor: goodsMinor + (before.length === 0 ? state.shippingMinor : 0), final, quantities }
}

export const paymentId = (orderId: string): string => `p-${orderId}`
export const authorizationKey = (orderId: string): string => `${orderId}:auth`
export const captureKey = (orderId: string, shipmentId: string): string => `${orderId}:capture:${shipmentId}`
