/** The payment provider as payments uses it, whichever one an environment has. `provider.ts` chooses the adapter. */

export type Authorization =
  | { readonly status: 'authorized'; readonly expiresAt: string }
  | { readonly status: 'declined'; readonly code: string }
  | { readonly status: 'action-required'; readonly actionUrlRef: string; readonly actionUrl?: string }

export type Capture =
  | { readonly status: 'captured'; readonly captureId: string }
  | { readonly status: 'failed'; readonly code: string }

/** A refund that failed may have been issued before: the customer's bank has returned it. */
export type RefundAnswer =
  | { readonly status: 'succeeded' | 'pending' }
  | { readonly status: 'failed'; readonly code: string }

export type MadeRefund = RefundAnswer & {
  readonly key: string
  readonly providerRefundId: string
  readonly amountMinor: number
}

/** One authorization with its money as the provider has it: reconciliation compares it with the ledger. */
export interface ListedCharge {
  /** The provider's own id: several charges under one key are several. */
  readonly chargeId: string
  /** The key under which it was asked for; of one that was made by hand, whatever stands for it. */
  readonly authorizationKey: string
  /** The reference under which it was asked for: the order's id. */
  readonly orderId: string
  readonly state: 'authorized' | 'released' | 'expired' | 'declined' | 'voided' | 'action-required'
  readonly amountMinor: number
  /** As ISO 4217 spells it. */
  readonly currency: string
  readonly capturedMinor: number
  /** Neither captured nor released. */
  readonly heldMinor: number
  /** Given back, or on its way to the customer. */
  readonly refundedMinor: number
  /** With the bank, or lost to the customer by a dispute. */
  readonly disputedMinor: number
}

export interface ChargePage {
  readonly charges: readonly ListedCharge[]
  /** The cursor of the next page; absent: this is the last. */
  readonly next?: string
}

/** A page of everything that the provider has, in the order that it lists it in. */
export type ListCharges = (after: string | undefined) => Promise<ChargePage>

export interface ReportedDispute {
  /** The reference under which the disputed money was authorized: the order's id. */
  readonly orderId: string
  readonly authorizationKey: string
  readonly amountMinor: number
  readonly reason: string
  /** `inquiry`: the bank asks, and has taken nothing. */
  readonly status: 'inquiry' | 'open' | 'won' | 'lost'
  readonly evidenceDueBy?: string
}

/** The card allows one capture alone, which has to be the final one. */
export const MULTICAPTURE_UNAVAILABLE = 'multicapture-unavailable'

export interface Provider {
  /** The state of the authorization under this key; undefined if the provider has no such authorization. */
  find(key: string): Promise<Authorization | undefined>
  authorize(
    key: string,
    request: {
      amountMinor: number
      currency: string
      paymentMethodRef: string
      /** The pseudonym of the customer to whom the payment method belongs. */
      customer?: string
      reference: string
    },
  ): Promise<Authorization>
  capture(authorizationKey: string, key: string, request: { amountMinor: number; final: boolean }): Promise<Capture>
  /**
   * Ends the authorization: what was not captured is released, and no capture succeeds from then on. Returns the keys of the
   * captures that have succeeded.
   */
  release(authorizationKey: string): Promise<readonly { readonly key: string; readonly captureId: string }[]>
  /** Gives captured money back. A refusal by the provider's rules is an answer: failed. */
  refund(authorizationKey: string, key: string, request: { amountMinor: number }): Promise<RefundAnswer>
  /** Every refund of what was captured under this authorization, also those that were made at the provider by hand. */
  refunds(authorizationKey: string): Promise<readonly MadeRefund[]>
  /** The order of a refund by the provider's id; undefined for one that does not exist, or is of no payment of ours. */
  orderOfRefund(providerRefundId: string): Promise<string | undefined>
  /** A dispute by the provider's id; undefined for one that does not exist, or is about no payment of ours. */
  dispute(disputeId: string): Promise<ReportedDispute | undefined>
  /**
   * Also when there is nothing to void: a later authorization with this key is refused from then on.
   * @throws Unavailable while captured money is not refunded: the provider does not void captured authorizations.
   */
  void(authorizationKey: string): Promise<void>
}
