/** An order as the public API shows it. */

export interface TimelineEntry {
  readonly eventId: string
  readonly type: string
  readonly source: string
  readonly time: string
}

export interface OrderView {
  readonly orderId: string
  readonly status: string
  readonly reason?: string
  readonly currency: string
  readonly totalMinor: number
  readonly timeline: { readonly entries?: readonly TimelineEntry[]; readonly unavailable?: true }
}

export const hasEnded = (order: OrderView): boolean =>
  ['completed', 'closed', 'rejected', 'expired'].includes(order.status)
