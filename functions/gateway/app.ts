/** The public API: a handler for each operation, which queries or submits, and relays the answer. `handle.ts` has checked the request before. */

import type { Context } from 'hono'
import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { type Caller, createTokenCheck, isStaff } from './caller-tokens.ts'
import { Refused } from '../../shared/base/errors.ts'
import { derivedId } from '../../shared/base/ids.ts'
import type { SubmittedBy } from '../../shared/contracts/contract.ts'
import { once } from '../../shared/base/once.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { requestOf } from '../../shared/runtime/refusals.ts'
import { submittedSchema } from '../../shared/messaging/submission.ts'
import { catalogContracts } from '../catalog/contracts.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { accountStates } from './accounts.ts'
import { createDocsPage } from './docs-page.ts'
import { createEdge } from './edge.ts'
import { createHandle, type Handler, type Handlers } from './handle.ts'
import { openApiDocument } from './openapi.ts'
import { type Operation, type OperationId, operations } from './operations.ts'
import { orderWithTimeline } from './order-with-timeline.ts'
import { createSignatureCheck, paymentWebhook } from './payment-webhook.ts'
import { createRelay, relayed } from './relay.ts'
import { gateway } from './service.ts'
import { edgeSettings, staffSecondFactor, tokenAudience, tokenIssuer, tokenKeysUrl } from './settings.ts'
import { vaultHandlers } from './vault-handlers.ts'

/** Placing an order asks others in turn. */
const PLACE_MS = 20_000
/** Of the answer that is relayed. */
const placed = ordersContracts.queries.placeOrder.answers[201].pick({ orderId: true })
/** The same for every caller: generated at the first request. */
const document = once(openApiDocument)
const documentText = once(() => JSON.stringify(document()))
const docsPage = createDocsPage(document)

export const app: ServiceApp = implement(gateway, {
  on: {},
  commands: {},
  routes(http, platform) {
    const check = createTokenCheck(
      {
        issuer: platform.setting(tokenIssuer),
        audience: platform.setting(tokenAudience),
        jwksUrl: platform.setting(tokenKeysUrl),
        secondFactor: platform.setting(staffSecondFactor),
        accountStateOf: accountStates(platform),
      },
      platform.now,
    )
    const edge = createEdge(http, {
      settings: platform.setting(edgeSettings),
      providerPaths: Object.values<Operation>(operations)
        .filter(({ access }) => access === 'provider')
        .map(({ path }) => path),
      now: platform.now,
    })
    const signature = createSignatureCheck(platform)
    const handle = createHandle(http, {
      async caller(c) {
        const caller = await check(c.req.header('authorization')).catch((error: unknown) => {
          // Keys that can not be had say nothing about the token.
          if (error instanceof Refused) edge.refuse(c)
          throw error
        })
        c.set('subject', `${isStaff(caller) ? 'staff' : 'customer'}:${caller.sub}`)
        edge.admit(c, caller)
        return caller
      },
      async providerSignature(c) {
        const covers = await signature(c.req.header('webhook-signature'))
        // Before the body is read: others hold no place while they send.
        edge.prove(c)
        return covers
      },
    })
    const relay = createRelay(platform)

    const handlers: Handlers<typeof operations> = {
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
            ...requestOf(c),
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
      readDocument: ({ c }) => c.body(documentText(), 200, { 'content-type': 'application/json' }),
      readPage: ({ c }) => docsPage(c),
    }
    for (const [id, operation] of Object.entries(operations))
      handle<Operation>(operation, handlers[id as OperationId] as Handler<Operation>)
  },
})

type GatewayCommand = SubmittedBy<typeof gateway>

interface StaffCommand {
  readonly caller: Caller
  readonly key: string
  readonly subject: string
  /** Joins the command's id in the answer. */
  readonly answer?: object
}

/** Submits a command to its owner, which refuses a key of another request. The same request again is the same command. */
async function accepted(
  c: Context,
  platform: Platform,
  command: GatewayCommand,
  { caller: { sub }, key, subject, answer = {} }: StaffCommand,
): Promise<Response> {
  const submitted = await platform.submit<GatewayCommand>(command, { key, actor: `staff:${sub}`, subject })
  if (submitted.refused) return relayed(c, submitted, platform)
  const { commandId } = submittedSchema.parse(await submitted.response.json())
  platform.security({
    event: 'staff.command',
    outcome: 'done',
    reason: `${command.type} was submitted to its owner`,
    ...requestOf(c),
    act: { command: command.type, commandId, object: subject },
  })
  return c.json({ commandId, ...answer }, 202)
}
