/** The queries by which payments answers what its ledger has of each payment, and what the provider has. */

import { z } from 'zod'
import type { Immutable } from '../../shared/contracts/immutable.ts'
import { reference, timestamp } from '../../shared/base/fields.ts'
import { recordPage, rowsQuery } from '../../shared/base/paging.ts'
import { currency, minor, orderId } from '../shop/fields.ts'

/** An authorization with the money that moved under it. */
const account = z.object({
  /** The idempotency key of the authorization: both sides know it. */
  authorizationKey: reference,
  capturedMinor: minor,
  refundedMinor: minor,
  /** With the customer's bank until it decides, or lost to the customer. Absent: nothing, as of the release before. */
  disputedMinor: minor.optional(),
})

const paymentRecord = z.object({
  orderId,
  /** Of the last commit. */
  changedAt: timestamp,
  status: reference,
  currency: z.string(),
  totalMinor: minor,
  /** A call of the provider is due: the two sides may differ until it is made. */
  inFlight: z.boolean(),
  /** The granted authorizations. */
  authorizations: z.array(account),
  /** The shipments that are paid, those with nothing to pay included. */
  captured: z.array(reference),
})
export type PaymentRecordRow = Immutable<z.output<typeof paymentRecord>>

const charge = account.extend({
  /** The reference under which the provider was asked: the order's id. */
  orderId: reference,
  state: z.enum(['authorized', 'released', 'expired', 'declined', 'voided', 'action-required']),
  amountMinor: minor,
  currency,
  /** Neither captured nor released. Absent: unknown, as of the release before. */
  heldMinor: minor.optional(),
})
export type Charge = Immutable<z.output<typeof charge>>

const collected = z.object({
  collected: z.int(),
  /** The provider's cursor of the page that follows. */
  next: reference.optional(),
})
export type CollectedCharges = Immutable<z.output<typeof collected>>

export const paymentRecordQueries = {
  /** In the order of the orders' ids. */
  listPaymentRecords: rowsQuery('/payment-records', paymentRecord),
  /** Keeps a page of the provider's list for a run of reconciliation, whichever order the provider has. */
  collectCharges: {
    method: 'post',
    path: '/charges/collect',
    body: z.strictObject({ runId: z.uuid(), after: reference.optional() }),
    answers: { 200: collected },
  },
  /** The charges that were collected for a run, in the order of the orders' ids; all charges of an order are on one page. */
  listCollectedCharges: {
    method: 'get',
    path: '/charges/collected',
    parameters: { ...recordPage, runId: z.uuid() },
    answers: { 200: z.object({ rows: z.array(charge), next: reference.optional() }) },
  },
  /** Of the release before charges were collected. A run that began then compares no charges. */
  listCharges: {
    method: 'get',
    path: '/charges',
    parameters: recordPage,
    answers: {
      200: z.object({
        rows: z.array(charge),
        next: reference.optional(),
        /** Why there are no rows, although the provider has charges. */
        unlisted: z.string().optional(),
      }),
    },
  },
} as const
