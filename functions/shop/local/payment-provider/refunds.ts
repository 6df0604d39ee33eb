/** The provider's refunds: paid at once or after a time, refused, or returned by the customer's bank, as the card decides. */

import { type Clock, type Journal } from 'local-google-cloud/host'
import { PartnerRefusal } from '../../../../emulators/partner-server.ts'

export interface Refund {
  readonly providerRefundId: string
  /** The idempotency key; of a refund that was made by hand, its own id. */
  readonly key: string
  readonly authorizationKey: string
  readonly amountMinor: number
  readonly status: 'pending' | 'succeeded' | 'failed'
  /** Why it failed. */
  readonly code?: string
  /** When it changes, and how: in milliseconds since the epoch. */
  readonly settles?: { readonly atMs: number; readonly as: 'succeeded' | 'failed'; readonly code?: string }
}

/** How refunds to a card go. `succeeded` and `failed` are answered at once, the others change later. */
export type RefundBehaviour = 'succeeded' | 'failed' | 'pending' | 'pending-fails' | 'returned'

/** A real one takes days; five seconds let a person see both states. */
export const REFUND_SETTLES_MS = 5_000

/** The amount that can be refunded, and what to do as a refund changes. */
interface RefundParts {
  readonly journal: Journal
  readonly clock: Clock
  refundableOf(authorizationKey: string): number
  behaviourOf(authorizationKey: string): RefundBehaviour
  /** The money has left, or has come back. */
  moved(refund: Refund, direction: 'out' | 'back'): void
  /** It will change at this time. */
  willSettle(refund: Refund, atMs: number): void
}

export interface Refunds {
  make(authorizationKey: string, key: string, amountMinor: number): Refund
  under(authorizationKey: string): Refund[]
  /** The refunded amount of an authorization, less returned refunds. */
  refundedOf(authorizationKey: string): number
}

export function openRefunds(parts: RefundParts): Refunds {
  const { journal, clock } = parts
  const made = journal.table<Refund>('refunds-made')

  /** The refunds that changed meanwhile. */
  const settle = (): void => {
    for (const { settles, ...refund } of made.values()) {
      if (!settles || settles.atMs > clock.now()) continue
      const { as: status, code } = settles
      const settled: Refund = { ...refund, status, ...(code === undefined ? {} : { code }) }
      made.set(refund.key, settled)
      if (status === 'failed') parts.moved(settled, 'back')
    }
  }
  const under = (authorizationKey: string): Refund[] => {
    settle()
    return [...made.values()].filter((one) => one.authorizationKey === authorizationKey)
  }
  const refundedOf = (authorizationKey: string): number =>
    under(authorizationKey).reduce((sum, { status, amountMinor }) => sum + (status === 'failed' ? 0 : amountMinor), 0)

  return {
    under,
    refundedOf,
    make(authorizationKey, key, amountMinor) {
      settle()
      const known = made.get(key)
      if (known) {
        if (known.amountMinor !== amountMinor || known.authorizationKey !== authorizationKey)
          throw new PartnerRefusal(422, 'key-reused', `The key ${key} was used for another refund.`)
        return known
      }
      const leftMinor = parts.refundableOf(authorizationKey) - refundedOf(authorizationKey)
      if (amountMinor > leftMinor)
        throw new PartnerRefusal(
          409,
          'amount-too-large',
          `Only ${leftMinor} can still be refunded, not ${amountMinor}.`,
        )
      const providerRefundId = `re-${authorizationKey}-${under(authorizationKey).length + 1}`
      const course = courseOf(parts.behaviourOf(authorizationKey), clock.now() + REFUND_SETTLES_MS)
      const refund: Refund = { providerRefundId, key, authorizationKey, amountMinor, ...course }
      made.set(key, refund)
      if (refund.status !== 'failed') parts.moved(refund, 'out')
      if (refund.settles) parts.willSettle(refund, refund.settles.atMs)
      return refund
    },
  }
}

function courseOf(behaviour: RefundBehaviour, atMs: number): Pick<Refund, 'status' | 'code' | 'settles'> {
  switch (behaviour) {
    case 'succeeded':
      return { status: 'succeeded' }
    case 'failed':
      return { status: 'failed', code: 'card-takes-no-refunds' }
    case 'pending':
      return { status: 'pending', settles: { atMs, as: 'succeeded' } }
    case 'pending-fails':
      return { status: 'pending', settles: { atMs, as: 'failed', code: 'account-closed' } }
    case 'returned':
      return { status: 'succeeded', settles: { atMs, as: 'failed', code: 'returned-by-bank' } }
  }
}
