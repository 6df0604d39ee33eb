/** Payments' handlers: call the provider with the step's key, commit its answer, publish. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { listsStreams } from '../../shared/service/stream-page.ts'
import { authorizePayment, checkAuthorization, findAuthorization, recordNotRequired } from './authorize.ts'
import { captureForShipment, capturePayment } from './capture.ts'
import { chargeRows, collectCharges } from './charges.ts'
import { askAboutDispute, checkDispute, recordDispute } from './dispute.ts'
import { makeRecapture, recapturePayment } from './recapture.ts'
import { paymentRecord } from './record-rows.ts'
import { reduceAuthorization } from './reduce.ts'
import { checkRefundable, issueRefund, refundPayment } from './refund.ts'
import { askAboutRefund, checkRefund, checkRefunds } from './refund-reports.ts'
import { makeRenewal, renewAuthorization } from './renew.ts'
import { payments } from './service.ts'
import { releaseAuthorization, releaseUncaptured, voidAuthorization, voidPayment } from './void.ts'

export const app: ServiceApp = implement(payments, {
  on: { 'order.payment-not-required': recordNotRequired, 'shipment.dispatched': captureForShipment },
  commands: {
    AuthorizePayment: authorizePayment,
    FindAuthorization: findAuthorization,
    CheckAuthorization: checkAuthorization,
    CapturePayment: capturePayment,
    ReduceAuthorization: reduceAuthorization,
    VoidPayment: voidPayment,
    VoidAuthorization: voidAuthorization,
    RenewAuthorization: renewAuthorization,
    MakeRenewal: makeRenewal,
    ReleaseAuthorization: releaseAuthorization,
    ReleaseUncaptured: releaseUncaptured,
    RecapturePayment: recapturePayment,
    MakeRecapture: makeRecapture,
    RefundPayment: refundPayment,
    IssueRefund: issueRefund,
    AskAboutRefund: askAboutRefund,
    CheckRefund: checkRefund,
    CheckRefunds: checkRefunds,
    CheckDispute: checkDispute,
    RecordDispute: recordDispute,
    AskAboutDispute: askAboutDispute,
  },
  queries: {
    listPaymentRecords: listsStreams(paymentRecord),
    collectCharges: async ({ body }, platform) => ({ status: 200, body: await collectCharges(platform, body) }),
    listCollectedCharges: async (page, platform) => ({ status: 200, body: await chargeRows(platform, page) }),
    listCharges: async () => ({ status: 200, body: { rows: [], unlisted: 'not-collected' } }),
  },
  checksSubmitted: { RefundPayment: checkRefundable },
})
