/** The public API: a handler for each operation, which queries or submits, and relays the answer. `shared/edge` has checked the request before. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { derivedId } from '../../shared/base/ids.ts'
import type { SubmittedBy } from '../../shared/contracts/contract.ts'
import { answerSubmitted } from '../../shared/edge/commands.ts'
import { createRelay, relayed } from '../../shared/edge/relay.ts'
import type { OperationContext } from '../../shared/service/operation-context.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { definePublicApi } from '../../shared/service/public-api.ts'
import { submittedSchema } from '../../shared/messaging/submission.ts'
import { catalogContracts } from '../catalog/contracts.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { accountStates } from './accounts.ts'
import { description, operations } from './operations.ts'
import { orderWithTimeline, visibleOrder } from './order-with-timeline.ts'
import { createSignatureCheck, paymentWebhook } from './payment-webhook.ts'
import { type Caller, callerRoles, isStaff, requiredRoles } from './roles.ts'
import { gateway } from './service.ts'
import { edgeSettings, staffSecondFactor } from './settings.ts'
import { checkStaff } from './staff-tokens.ts'
import { vaultHandlers } from './vault-handlers.ts'

/** Placing an order asks others in turn. */
const PLACE_MS = 20_000
/** Of the answer that is relayed. */
const placed = ordersContracts.queries.placeOrder.answers[201].pick({ orderId: true })

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
        const body = { sub: caller.sub, importer: caller.roles.includes('importer'), idempotencyKey: key, order }
        const answer = await platform.relay(ordersContracts, 'placeOrder', { body }, { timeoutMs: PLACE_MS })
        // With a price, a customer and a date of the importer's choice.
        if (body.importer && answer.response.status === 201) {
          const { orderId } = placed.parse(await answer.response.clone().json())
          platform.security({
            event: 'staff.import',
            outcome: 'done',
            reason: 'an order was imported',
            ...c.request,
            act: { object: orderId },
          })
        }
        return relayed(c, answer, platform)
      },
      readOrder: ({ c, caller, params }) => orderWithTimeline(c, platform, caller, params.orderId),
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
      async cancelOrder({ c, caller, key, body: { reason }, params: { orderId } }) {
        await visibleOrder(platform, caller, orderId)
        const by = isStaff(caller) ? 'staff' : 'customer'
        const command: GatewayCommand = { type: 'CancelOrder', data: { orderId, reason, by } }
        return accepted(c, platform, command, { caller, key, subject: orderId })
      },
      paymentWebhook: paymentWebhook(platform),
      publishProduct: ({ c, caller, key, body: data }) =>
        accepted(c, platform, { type: 'PublishProduct', data }, { caller, key, subject: data.sku }),
      readProduct: ({ c, params }) => relay(c, catalogContracts, 'readProduct', params),
      changePrice: ({ c, caller, key, body: data }) =>
        accepted(c, platform, { type: 'ChangePrice', data }, { caller, key, subject: data.sku }),
      receiveStock({ c, caller, key, body: { lines } }) {
        const deliveryId = derivedId('delivery', caller.sub, key)
        const command: GatewayCommand = { type: 'ReceiveStock', data: { deliveryId, lines } }
        return accepted(c, platform, command, { caller, key, subject: deliveryId, answer: { deliveryId } })
      },
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
  /** Joins the command's id in the answer. */
  readonly answer?: object
}

/** Submits a command to its owner, which refuses a key of another request. The same request again is the same command. */
async function accepted(
  c: OperationContext,
  platform: Platform,
  command: GatewayCommand,
  { caller, key, subject, answer = {} }: Submission,
): Promise<Response> {
  const submitted = await platform.submit<GatewayCommand>(command, { key, actor: actorOf(caller), subject })
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
