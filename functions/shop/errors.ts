/** The refusals of the shop's services, besides those of the platform. */

import { defineCodes } from '../../shared/base/errors.ts'

/** Refusals that are security events although their status makes them none: whose references the caller names, and how much it asks for. */
export const shopCodes = defineCodes({
  'already-closed': { status: 409 },
  'already-completed': { status: 409 },
  'already-dispatched': { status: 409 },
  'already-expired': { status: 409 },
  'already-rejected': { status: 409 },
  'cancellation-pending': { status: 409 },
  'currency-mismatch': { status: 422 },
  'more-than-captured': { status: 409 },
  'not-available': { status: 409 },
  'not-closable': { status: 409 },
  'not-ordered': { status: 422 },
  'nothing-to-correct': { status: 409 },
  'nothing-to-recapture': { status: 409 },
  'nothing-to-retry': { status: 409 },
  'payment-method-refused': { status: 422, isSecurityEvent: true },
  'payment-not-needed': { status: 409 },
  'price-changed': { status: 409 },
  'price-replaced': { status: 409 },
  'recapture-pending': { status: 409 },
  'too-many-corrections': { status: 409 },
  'too-many-orders': { status: 429 },
  'too-many-payment-attempts': { status: 409 },
  'too-many-pieces': { status: 422, isSecurityEvent: true },
  'too-many-prices': { status: 409 },
  'too-many-recaptures': { status: 409 },
  'too-many-refunds': { status: 409 },
  'too-many-references': { status: 409, isSecurityEvent: true },
  'too-many-retries': { status: 409 },
  'too-many-unpaid-orders': { status: 409, isSecurityEvent: true, isForLater: true },
  'unknown-discount': { status: 422 },
  'unknown-reference': { status: 422, isSecurityEvent: true },
  'unknown-sku': { status: 422 },
})
