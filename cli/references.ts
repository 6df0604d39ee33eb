/** Gives a customer what an order needs: an address to ship to and a payment method to pay with. */

import type { Api } from './api.ts'

export interface References {
  readonly addressRef: string
  readonly paymentMethodRef: string
}

/** Tokens of the local payment provider: each customer who attaches one has a payment method of their own. */
export type TestCard = 'card-ok' | 'card-declined' | 'card-action-required'

const address = { name: 'A. Customer', lines: ['1 Mill Lane'], postcode: '10115', city: 'Berlin', country: 'DE' }

/** Registers both under fixed keys, so that the same customer and card again have the same references. */
export async function references(api: Api, card: TestCard = 'card-ok'): Promise<References> {
  const [kept, method] = await Promise.all([
    api.send<{ addressRef: string }>('POST', '/v1/addresses', { key: 'address', body: address }),
    api.send<{ paymentMethodRef: string }>('POST', '/v1/payment-methods', { key: card, body: { token: card } }),
  ])
  return { addressRef: kept.body.addressRef, paymentMethodRef: method.body.paymentMethodRef }
}
