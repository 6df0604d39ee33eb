/** Payments' handlers: call the provider with the step's key, commit its answer, publish. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { authorizePayment, checkAuthorization, voidAuthorization, voidPayment } from './authorize.ts'
import { captureForShipment, capturePayment } from './capture.ts'
import { makeRecapture, recapturePayment } from './recapture.ts'
import { reduceAuthorization } from './reduce.ts'
import { checkRefunds, checkRefundable, issueRefund, refundPayment } from './refund.ts'
import { payments } from './service.ts'

export const app: ServiceApp = implement(payments, {
  on: { 'shipment.dispatched': captureForShipment },
  commands: {
    AuthorizePayment: authorizePayment,
    CheckAuthorization: checkAuthorization,
    CapturePayment: capturePayment,
    ReduceAuthorization: reduceAuthorization,
    VoidPayment: voidPayment,
    VoidAuthorization: voidAuthorization,
    RecapturePayment: recapturePayment,
    MakeRecapture: makeRecapture,
    RefundPayment: refundPayment,
    IssueRefund: issueRefund,
    CheckRefunds: checkRefunds,
  },
  checksSubmitted: { RefundPayment: checkRefundable },
})
