/** An authorized payment of three lines, with the messages that its tests send. */

import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { testProvider } from './provider.testing.ts'
import { payments } from './service.ts'

export const orderId = 'o-1'
export const goods = (...lineIds: string[]) => lineIds.map((lineId) => ({ lineId, sku: `SKU-${lineId}`, quantity: 1 }))

/** Three lines of 1.00 and a fee of 0.50. */
export async function authorizedPayment() {
  const provider = testProvider()
  const platform = testPlatform(payments, {
    settings: { PAYMENT_PROVIDER_URL: 'https://provider.example.com', PAYMENT_PROVIDER_API: '{"kind":"simulator"}' },
    callExternal: provider.callExternal,
  })
  const send = (type: string, data: object, key: string | number = 1): Promise<void> =>
    deliver(app, platform, message(type, { orderId, ...data }, { key }))
  await send('AuthorizePayment', {
    paymentMethodRef: 'card-ok',
    currency: 'EUR',
    totalMinor: 350,
    shippingMinor: 50,
    lines: goods('1', '2', '3').map((line) => ({ ...line, unitMinor: 100 })),
  })
  return {
    provider,
    platform,
    send,
    dispatched: (shipmentId: string, ...lineIds: string[]) =>
      send('shipment.dispatched', { shipmentId, lines: goods(...lineIds), trackingRef: 't-1' }, shipmentId),
    recapture: () => send('RecapturePayment', { customerRef: 'customer-1', paymentMethodRef: 'card-new' }),
    reduce: (lineIds: readonly string[], key = 1) =>
      send('ReduceAuthorization', { cancellationId: 'c-1', lines: goods(...lineIds) }, key),
  }
}
