/** The only public service: it authenticates and limits callers and composes answers, and decides nothing. */

import { tokenSettings } from '../../shared/service/edge-settings.ts'
import type { PlatformOf } from '../../shared/service/platform.ts'
import { where } from '../../shared/base/secret.ts'
import { defineService } from '../../shared/service/service.ts'
import { catalogContracts } from '../catalog/contracts.ts'
import { customersContracts } from '../customers/contracts.ts'
import { historyContracts } from '../history/contracts.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { carrierUrl, paymentProviderApi, paymentProviderUrl } from '../shop/fields.ts'
import { gatewayContracts } from './contracts.ts'
import { accountsUrl, carrierWebhookUrl, edgeSettings, paymentWebhookUrl, staffSecondFactor } from './settings.ts'

export const gateway = defineService({
  name: 'gateway',
  ingress: 'public',
  contracts: gatewayContracts,
  uses: [
    catalogContracts,
    customersContracts,
    historyContracts,
    inventoryContracts,
    ordersContracts,
    paymentsContracts,
    shippingContracts,
  ],
  on: [],
  sends: [],
  submits: [
    'PublishProduct',
    'ChangePrice',
    'ReceiveStock',
    'AdjustStock',
    'CountStock',
    'ImportOrder',
    'RetryCheckout',
    'CloseOrder',
    'RecaptureOrder',
    'RefundPayment',
    'CancelOrder',
    'CorrectAddress',
    'PayOrder',
    'CheckAuthorization',
    'CheckRefund',
    'CheckRefunds',
    'CheckDispute',
    'CheckShipments',
  ],
  queries: [
    'placeOrder',
    'readOrder',
    'readSaga',
    'readTimeline',
    'listOrders',
    'listShipments',
    'readProduct',
    'listProducts',
    'findUnknownSkus',
    'readStock',
    'readDelivery',
    'addAddress',
    'listAddresses',
    'withdrawAddress',
    'addPaymentMethod',
    'listPaymentMethods',
    'withdrawPaymentMethod',
    'grantConsent',
    'listConsents',
    'withdrawConsent',
    'importCustomers',
  ],
  settings: [
    edgeSettings,
    ...tokenSettings,
    accountsUrl,
    staffSecondFactor,
    paymentProviderUrl,
    paymentProviderApi,
    paymentWebhookUrl,
    carrierUrl,
    carrierWebhookUrl,
  ],
  secrets: {
    'payment-webhook-key': {
      purpose: 'Verifies the events of Stripe.',
      where: where(paymentProviderApi, ({ kind }) => kind === 'stripe'),
    },
  },
  readsAccounts: true,
  requestObjectives: [{ name: 'placing', title: 'Placing an order', method: 'POST', path: '/v1/orders' }],
})

export type GatewayPlatform = PlatformOf<typeof gateway>
