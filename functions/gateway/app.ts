/** The public API: each route checks the caller, parses, asks or sends, and tells what it heard. */

import type { Context } from 'hono'
import { z } from 'zod'
import { implement, type ServiceApp } from '../../shared/app.ts'
import { type Caller, createTokenCheck, isStaff, type Role } from '../../shared/auth.ts'
import { Refused, refuseIf } from '../../shared/errors.ts'
import { idempotencyKey as keySchema } from '../../shared/fields.ts'
import { jsonBody } from '../../shared/http.ts'
import { keyOfCommand, keyPath } from '../../shared/idempotency.ts'
import { derivedId } from '../../shared/ids.ts'
import type { OutgoingCommand, Platform } from '../../shared/platform.ts'
import { requestOf } from '../../shared/runtime/refusals.ts'
import { orderRequest } from '../orders/contracts.ts'
import { accountStandings } from './accounts.ts'
import { createDocsPage } from './docs-page.ts'
import { createEdge } from './edge.ts'
import { readEdgeSettings } from './edge-settings.ts'
import { openApiDocument } from './openapi.ts'
import {
  type Operation,
  type OperationId,
  operations,
  type PathParameter,
  pathParameters,
  priceRequest,
  productRequest,
  retryRequest,
  routeOf,
  stockRequest,
} from './operations.ts'
import { orderParts } from './order-parts.ts'
import { paymentWebhook } from './payment-webhook.ts'
import { relayed } from './relay.ts'
import { gateway } from './service.ts'
import { vaultHandlers } from './vault-handlers.ts'

/** Placing an order asks others in turn. */
const PLACE_MS = 20_000
const secondFactor = z.enum(['required', 'optional'])
/** The same for everybody: made when it is first asked for. */
const document = once(openApiDocument)
const documentText = once(() => JSON.stringify(document()))

export const app: ServiceApp = implement(gateway, {
  on: {},
  commands: {},
  routes(http, platform) {
    const check = createTokenCheck(
      {
        issuer: platform.setting('TOKEN_ISSUER'),
        audience: platform.setting('TOKEN_AUDIENCE'),
        jwksUrl: platform.setting('TOKEN_JWKS_URL'),
        secondFactor: secondFactor.parse(platform.setting('STAFF_SECOND_FACTOR')),
        standingOf: accountStandings(platform),
      },
      platform.now,
    )
    const edge = createEdge(http, {
      settings: readEdgeSettings(platform.setting('EDGE')),
      providerPaths: Object.values<Operation>(operations)
        .filter(({ access }) => access === 'provider')
        .map(({ path }) => path),
      now: platform.now,
    })
    const caller = async (c: Context): Promise<Caller> => {
      const who = await check(c.req.header('authorization')).catch((error: unknown) => {
        // Keys that can not be had say nothing about the token.
        if (error instanceof Refused) edge.refuse(c)
        throw error
      })
      c.set('subject', `${isStaff(who) ? 'staff' : 'customer'}:${who.sub}`)
      edge.admit(c, who)
      return who
    }
    const staff = async (c: Context): Promise<Caller> => {
      const who = await caller(c)
      requireRole(who, ['staff', 'importer'])
      return who
    }
    const importer = async (c: Context): Promise<Caller> => {
      const who = await caller(c)
      requireRole(who, ['importer'])
      return who
    }
    const relay = async (c: Context, service: 'catalog' | 'inventory' | 'orders', path: string): Promise<Response> =>
      relayed(c, await platform.call(service, path), platform)
    const part = (c: Context, name: PathParameter): string => encodeURIComponent(named(c, name))

    const handlers: Record<OperationId, (c: Context) => Response | Promise<Response>> = {
      async placeOrder(c) {
        const who = await caller(c)
        const idempotencyKey = keyOf(c)
        const order = await jsonBody(c, orderRequest)
        const body = { sub: who.sub, importer: who.roles.includes('importer'), idempotencyKey, order }
        const options = { method: 'POST', body, timeoutMs: PLACE_MS }
        const answer = await platform.call('orders', '/orders', options)
        // With a price, a customer and a date of the importer's choice.
        if (body.importer && answer.status === 201) {
          const { orderId } = (await answer.clone().json()) as { orderId: string }
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
      readOrder: async (c) => orderParts(c, platform, await caller(c), named(c, 'orderId')),
      async readSaga(c) {
        await staff(c)
        return relay(c, 'orders', `/orders/${part(c, 'orderId')}/saga`)
      },
      async retrySaga(c) {
        const who = await staff(c)
        const { reason } = await jsonBody(c, retryRequest)
        const orderId = named(c, 'orderId')
        return accepted(c, platform, who, { type: 'RetryCheckout', data: { orderId, reason } }, orderId)
      },
      noteOfPaymentProvider: paymentWebhook(platform, edge.prove),
      async publishProduct(c) {
        const who = await staff(c)
        const data = await jsonBody(c, productRequest)
        return accepted(c, platform, who, { type: 'PublishProduct', data }, data.sku)
      },
      async readProduct(c) {
        await caller(c)
        return relay(c, 'catalog', `/products/${part(c, 'sku')}`)
      },
      async changePrice(c) {
        const who = await staff(c)
        const data = await jsonBody(c, priceRequest)
        return accepted(c, platform, who, { type: 'ChangePrice', data }, data.sku)
      },
      async receiveStock(c) {
        const who = await staff(c)
        const { lines } = await jsonBody(c, stockRequest)
        const deliveryId = derivedId('delivery', who.sub, keyOf(c))
        return accepted(c, platform, who, { type: 'ReceiveStock', data: { deliveryId, lines } }, deliveryId, {
          deliveryId,
        })
      },
      async readStock(c) {
        await staff(c)
        return relay(c, 'inventory', `/stock/${part(c, 'sku')}`)
      },
      async readDelivery(c) {
        await staff(c)
        return relay(c, 'inventory', `/deliveries/${part(c, 'deliveryId')}`)
      },
      ...vaultHandlers(platform, { caller, importer, keyOf }),
      readDocument: (c) => c.body(documentText(), 200, { 'content-type': 'application/json' }),
      readPage: createDocsPage(document),
    }
    for (const [id, operation] of Object.entries(operations))
      http.on(operation.method.toUpperCase(), routeOf(operation), handlers[id as OperationId])
  },
})

/** A parameter of the path. @throws Refused for what can be the name of nothing. */
function named(c: Context, name: PathParameter): string {
  const value = c.req.param(name)!
  refuseIf(!pathParameters[name].safeParse(value).success, 'not-found', `There is nothing of this name: ${name}.`)
  return value
}

/** A command is named by who asked and with which key: the same request again is the same command, another is refused. */
async function accepted(
  c: Context,
  platform: Platform,
  { sub }: Caller,
  command: OutgoingCommand,
  subject: string,
  answer: object = {},
): Promise<Response> {
  const id = derivedId('gateway', command.type, sub, keyOf(c))
  const { service: owner } = gateway.uses.find(({ commands }) => command.type in commands)!
  const known = await platform.call(owner, keyPath, { method: 'POST', body: keyOfCommand(id, command.data) })
  if (!known.ok) return relayed(c, known, platform)
  await platform.send(command, { id, subject, correlationId: subject, actor: `staff:${sub}` })
  platform.security({
    event: 'staff.command',
    outcome: 'done',
    reason: `${command.type} was sent to ${owner}`,
    ...requestOf(c),
    act: { command: command.type, commandId: id, object: subject },
  })
  return c.json({ commandId: id, ...answer }, 202)
}

function requireRole({ roles }: Caller, needed: readonly Role[]): void {
  refuseIf(!needed.some((role) => roles.includes(role)), 'forbidden', `This takes the role ${needed.join(' or ')}.`)
}

function keyOf(c: Context): string {
  const key = c.req.header('idempotency-key')
  if (key === undefined)
    throw new Refused(
      'idempotency-key-missing',
      'Send a header Idempotency-Key: the same key again has the same answer.',
    )
  const fault = keySchema.safeParse(key).error?.issues[0]?.message
  if (fault !== undefined) throw new Refused('invalid-parameter', `Idempotency-Key ${fault}.`)
  return key
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
