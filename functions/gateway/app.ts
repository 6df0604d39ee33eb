/** The public API: a handler for each operation, which queries or submits, and relays the answer. `shared/edge` has checked the request before. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { refuseIf } from '../../shared/base/errors.ts'
import { derivedId, derivedName } from '../../shared/base/ids.ts'
import type { SubmittedBy } from '../../shared/contracts/contract.ts'
import { answerSubmitted } from '../../shared/edge/commands.ts'
import { createRelay, relayed } from '../../shared/edge/relay.ts'
import type { OperationContext } from '../../shared/service/operation-context.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { definePublicApi } from '../../shared/service/public-api.ts'
import { submittedSchema } from '../../shared/messaging/submission.ts'
import { catalogContracts } from '../catalog/contracts.ts'
import { historyContracts } from '../history/contracts.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { accountStates } from './accounts.ts'
import { description, operations } from './operations.ts'
import { orderWithTimeline } from './order-with-timeline.ts'
import { carrierWebhook } from './carrier-webhook.ts'
import { paymentWebhook } from './payment-webhook.ts'
import { stripeWebhook } from './stripe-webhook.ts'
import { createSignatureCheck } from './webhook-signatures.ts'
import { type Caller, callerRoles, isStaff, limitOf, requiredRoles, servesCustomers } from './roles.ts'
import { gateway } from './service.ts'
import { edgeSettings, staffSecondFactor } from './settings.ts'
import { checkStaff } from './staff-tokens.ts'
import { vaultHandlers } from './vault-handlers.ts'

/** Placing an order asks others in turn. */
const PLACE_MS = 20_000

const publicApi = definePublicApi({
  description,
  roles: callerRoles,
  access: requiredRoles,
  operations,
  limits: edgeSettings,
  subjectOf: actorOf,
  privilegedTokens(platform) {
    const secondFactor = platform.setting(staffSecondFactor)
    const accountStateOf = accountStates(platform)
    return (claims, at) => checkStaff(claims, { ...at, secondFactor, accountStateOf })
  },
  signatures: createSignatureCheck,
  handlers(platform) {
    const relay = createRelay(platform)
    return {
      async placeOrder({ c, caller, key, body: order }) {
        const body = { sub: caller.sub, importer: false, idempotencyKey: key, order }
        const answer = await platform.relay(ordersContracts, 'placeOrder', { body }, { timeoutMs: PLACE_MS })
        // As orders derives the id.
        if (!answer.refused) c.header('location', `/v1/orders/${derivedName('o', caller.sub, key)}`)
        return relayed(c, answer, platform)
      },
      readOrder: ({ c, caller, params }) => orderWithTimeline(c, platform, caller, params.orderId),
      listOrders({ c, caller, params }) {
        const customer = limitOf(caller) ?? params.customer
        const isOwn = params.customer === undefined || params.customer === customer
        refuseIf(!isOwn, 'forbidden', "Only support lists another customer's orders.")
        return relay(c, historyContracts, 'listOrders', { ...params, customer })
      },
      importOrder({ c, caller, key, body }) {
        // As of an order that this importer placed under the key: one that was imported so before is found again.
        const orderId = derivedName('o', caller.sub, key)
        const command: GatewayCommand = { type: 'ImportOrder', data: { orderId, ...body } }
        return accepted(c, platform, command, { caller, key, subject: orderId, answer: { orderId } })
      },
      readSaga: ({ c, params }) => relay(c, ordersContracts, 'readSaga', params),
      retrySaga: ({ c, caller, key, body: { reason }, params: { orderId } }) =>
        accepted(c, platform, { type: 'RetryCheckout', data: { orderId, reason } }, { caller, key, subject: orderId }),
      closeOrder: ({ c, caller, key, body: { reason }, params: { orderId } }) =>
        accepted(c, platform, { type: 'CloseOrder', data: { orderId, reason } }, { caller, key, subject: orderId }),
      recaptureOrder: ({ c, caller, key, body, params: { orderId } }) =>
        accepted(
          c,
          platform,
          { type: 'RecaptureOrder', data: { orderId, ...body } },
          { caller, key, subject: orderId },
        ),
      refundOrder({ c, caller, key, body, params: { orderId } }) {
        const refundId = derivedId('refund', caller.sub, key)
        const command: GatewayCommand = { type: 'RefundPayment', data: { orderId, refundId, ...body } }
        return accepted(c, platform, command, { caller, key, subject: orderId, answer: { refundId } })
      },
      cancelOrder({ c, caller, key, body: { reason }, params: { orderId } }) {
        const by = servesCustomers(caller) ? 'staff' : 'customer'
        const command: GatewayCommand = { type: 'CancelOrder', data: { orderId, reason, by } }
        return accepted(c, platform, command, { caller, key, subject: orderId, limitedTo: limitOf(caller) })
      },
      readdressOrder({ c, caller, key, body, params: { orderId } }) {
        const command: GatewayCommand = { type: 'CorrectAddress', data: { orderId, ...body } }
        return accepted(c, platform, command, { caller, key, subject: orderId, limitedTo: limitOf(caller) })
      },
      payOrder({ c, caller, key, body: { paymentMethodRef }, params: { orderId } }) {
        const by = servesCustomers(caller) ? 'staff' : 'customer'
        const command: GatewayCommand = { type: 'PayOrder', data: { orderId, paymentMethodRef, by } }
        return accepted(c, platform, command, { caller, key, subject: orderId, limitedTo: limitOf(caller) })
      },
      paymentWebhook: paymentWebhook(platform),
      stripeWebhook: stripeWebhook(platform),
      carrierWebhook: carrierWebhook(platform),
      publishProduct: ({ c, caller, key, body: data }) =>
        accepted(c, platform, { type: 'PublishProduct', data }, { caller, key, subject: data.sku }),
      listProducts: ({ c, params }) => relay(c, catalogContracts, 'listProducts', params),
      readProduct: ({ c, params }) => relay(c, catalogContracts, 'readProduct', params),
      changePrice: ({ c, caller, key, body: data }) =>
        accepted(c, platform, { type: 'ChangePrice', data }, { caller, key, subject: data.sku }),
      async receiveStock({ c, caller, key, body: { lines } }) {
        const skus = [...new Set(lines.map(({ sku }) => sku))]
        const {
          body: { unknown },
        } = await platform.query(catalogContracts, 'findUnknownSkus', { body: { skus } })
        refuseIf(
          unknown.length > 0,
          shopCodes['unknown-sku'],
          `The shop does not sell ${unknown.join(', ')}: publish it first (POST /v1/products).`,
        )
        const deliveryId = derivedId('delivery', caller.sub, key)
        const command: GatewayCommand = { type: 'ReceiveStock', data: { deliveryId, lines } }
        return accepted(c, platform, command, { caller, key, subject: deliveryId, answer: { deliveryId } })
      },
      adjustStock({ c, caller, key, body, params: { sku } }) {
        const adjustmentId = derivedId('adjustment', caller.sub, key)
        const command: GatewayCommand = { type: 'AdjustStock', data: { adjustmentId, sku, ...body } }
        return accepted(c, platform, command, { caller, key, subject: sku, answer: { adjustmentId } })
      },
      countStock({ c, caller, key, body: { counted }, params: { sku } }) {
        const adjustmentId = derivedId('adjustment', caller.sub, key)
        const command: GatewayCommand = { type: 'CountStock', data: { adjustmentId, sku, counted } }
        return accepted(c, platform, command, { caller, key, subject: sku, answer: { adjustmentId } })
      },
      listShipments: ({ c, params }) => relay(c, historyContracts, 'listShipments', params),
      readStock: ({ c, params }) => relay(c, inventoryContracts, 'readStock', params),
      readDelivery: ({ c, params }) => relay(c, inventoryContracts, 'readDelivery', params),
      ...vaultHandlers(platform),
    }
  },
})

/** The person who acts, as security events and envelopes name them. */
function actorOf(caller: Caller): string {
  return `${isStaff(caller) ? 'staff' : 'customer'}:${caller.sub}`
}

export const app: ServiceApp = implement(gateway, { on: {}, commands: {}, publicApi })

type GatewayCommand = SubmittedBy<typeof gateway>

interface Submission {
  readonly caller: Caller
  readonly key: string
  readonly subject: string
  /** The customer whose orders alone the caller may act on; absent: a customer's own. The owner of the command checks it. */
  readonly limitedTo?: string | undefined
  /** Joins the command's id in the answer. */
  readonly answer?: object
}

/** Submits a command to its owner, which refuses a key of another request. The same request again is the same command. */
async function accepted(
  c: OperationContext,
  platform: Platform,
  command: GatewayCommand,
  { caller, key, subject, limitedTo = isStaff(caller) ? undefined : caller.sub, answer = {} }: Submission,
): Promise<Response> {
  const submitted = await platform.submit<GatewayCommand>(command, { key, actor: actorOf(caller), subject, limitedTo })
  if (submitted.refused) return relayed(c, submitted, platform)
  const { commandId } = submittedSchema.parse(await submitted.response.json())
  // Acts of staff, which concern other people's orders, are security events.
  if (isStaff(caller))
    platform.security({
      event: 'staff.command',
      outcome: 'done',
      reason: `${command.type} was submitted to its owner`,
      ...c.request,
      act: { command: command.type, commandId, object: subject },
    })
  return answerSubmitted(c, platform, { commandId, command: command.type, answer })
}
