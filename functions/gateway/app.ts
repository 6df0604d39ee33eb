/** The public API: each route checks the caller, parses, asks or sends, and tells what it heard. */

import type { Context } from 'hono'
import { z } from 'zod'
import { implement, type ServiceApp } from '../../shared/app.ts'
import { type Caller, createTokenCheck, type Role } from '../../shared/auth.ts'
import { Refused, refuseIf } from '../../shared/errors.ts'
import { currency, reference, sku, timestamp, unitMinor } from '../../shared/fields.ts'
import { jsonBody } from '../../shared/http.ts'
import { derivedId } from '../../shared/ids.ts'
import type { OutgoingCommand, Platform } from '../../shared/platform.ts'
import { orderRequest } from '../orders/contracts.ts'
import { orderParts } from './order-parts.ts'
import { paymentWebhook } from './payment-webhook.ts'
import { relayed } from './relay.ts'
import { gateway } from './service.ts'

const productRequest = z.strictObject({ sku, name: z.string().min(1).max(200), unitMinor, currency })
const priceRequest = z.strictObject({ sku, unitMinor, currency, validFrom: timestamp.optional() })
const retryRequest = z.strictObject({ reason: reference })
const stockRequest = z.strictObject({
  lines: z
    .array(z.strictObject({ sku, quantity: z.int().min(1).max(10_000_000) }))
    .min(1)
    .max(100),
})

export const app: ServiceApp = implement(gateway, {
  on: {},
  commands: {},
  routes(http, platform) {
    const check = createTokenCheck(
      {
        issuer: platform.setting('TOKEN_ISSUER'),
        audience: platform.setting('TOKEN_AUDIENCE'),
        jwksUrl: platform.setting('TOKEN_JWKS_URL'),
      },
      platform.now,
    )
    const caller = (c: Context): Promise<Caller> => check(c.req.header('authorization'))
    const staff = async (c: Context): Promise<Caller> => {
      const who = await caller(c)
      requireRole(who, ['staff', 'importer'])
      return who
    }
    const relay = async (c: Context, service: 'catalog' | 'inventory' | 'orders', path: string): Promise<Response> =>
      relayed(c, await platform.call(service, path))

    http.post('/v1/orders', async (c) => {
      const who = await caller(c)
      const idempotencyKey = keyOf(c)
      const order = await jsonBody(c, orderRequest)
      const body = { sub: who.sub, importer: who.roles.includes('importer'), idempotencyKey, order }
      return relayed(
        c,
        await platform.call('orders', '/orders', { method: 'POST', body, headers: traceOf(c), timeoutMs: 30_000 }),
      )
    })
    http.get('/v1/orders/:orderId', async (c) => orderParts(c, platform, await caller(c)))

    // Nobody's token: the note's own signature says who sent it.
    http.post('/v1/webhooks/payment-provider', paymentWebhook(platform))

    http.post('/v1/products', async (c) => {
      const who = await staff(c)
      const data = await jsonBody(c, productRequest)
      return accepted(c, platform, who, { type: 'PublishProduct', data }, data.sku)
    })
    http.post('/v1/prices', async (c) => {
      const who = await staff(c)
      const data = await jsonBody(c, priceRequest)
      return accepted(c, platform, who, { type: 'ChangePrice', data }, data.sku)
    })
    http.post('/v1/stock', async (c) => {
      const who = await staff(c)
      const { lines } = await jsonBody(c, stockRequest)
      const deliveryId = derivedId('delivery', who.sub, keyOf(c))
      return accepted(c, platform, who, { type: 'ReceiveStock', data: { deliveryId, lines } }, deliveryId, {
        deliveryId,
      })
    })
    http.get('/v1/orders/:orderId/saga', async (c) => {
      await staff(c)
      return relay(c, 'orders', `/orders/${encodeURIComponent(c.req.param('orderId'))}/saga`)
    })
    http.post('/v1/orders/:orderId/retry', async (c) => {
      const who = await staff(c)
      const { reason } = await jsonBody(c, retryRequest)
      const orderId = c.req.param('orderId')
      if (!reference.safeParse(orderId).success) throw new Refused('not-found', 'There is no order of this name.')
      return accepted(c, platform, who, { type: 'RetryCheckout', data: { orderId, reason } }, orderId)
    })

    http.get('/v1/products/:sku', async (c) => {
      await caller(c)
      return relay(c, 'catalog', `/products/${encodeURIComponent(c.req.param('sku'))}`)
    })
    http.get('/v1/stock/:sku', async (c) => {
      await staff(c)
      return relay(c, 'inventory', `/stock/${encodeURIComponent(c.req.param('sku'))}`)
    })
    http.get('/v1/deliveries/:deliveryId', async (c) => {
      await staff(c)
      return relay(c, 'inventory', `/deliveries/${encodeURIComponent(c.req.param('deliveryId'))}`)
    })
  },
})

/** A command is named by who asked and with which key: the same request again is the same command. */
async function accepted(
  c: Context,
  platform: Platform,
  { sub }: Caller,
  command: OutgoingCommand,
  subject: string,
  answer: object = {},
): Promise<Response> {
  const id = derivedId('gateway', command.type, sub, keyOf(c))
  await platform.send(command, { id, subject, correlationId: subject, actor: `staff:${sub}`, ...traceparentOf(c) })
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
  if (!/^[\x21-\x7E]{1,200}$/.test(key))
    throw new Refused('invalid-parameter', 'Idempotency-Key takes 1 to 200 printable ASCII characters, no spaces.')
  return key
}

function traceOf(c: Context): Record<string, string> {
  const { traceparent } = traceparentOf(c)
  return traceparent === undefined ? {} : { traceparent }
}

function traceparentOf(c: Context): { traceparent?: string } {
  const traceparent = c.req.header('traceparent')
  return traceparent === undefined ? {} : { traceparent }
}
