/** Gives a customer what an order needs: an address to ship to and a payment method to pay with. */

import { randomUUID } from 'node:crypto'
import type { Api } from './api.ts'

export interface References {
  readonly addressRef: string
  readonly paymentMethodRef: string
}

/** Tokens of the local payment provider: each customer who attaches one has a payment method of their own. */
export type TestCard = 'card-ok' | 'card-declined' | 'card-action-required'

const address = { name: 'A. Customer', lines: ['1 Mill Lane'], postcode: '10115', city: 'Berlin', country: 'DE' }

type Kept<Name extends keyof References> = Pick<References, Name> & { readonly withdrawnAt?: string }

/** Registers both under fixed keys, so that the same customer and card again have the same references; anew what was withdrawn. */
export async function references(api: Api, card: TestCard = 'card-ok'): Promise<References> {
  const [{ addressRef }, { paymentMethodRef }] = await Promise.all([
    keep<'addressRef'>(api, '/v1/addresses', { key: 'address', body: address }),
    keep<'paymentMethodRef'>(api, '/v1/payment-methods', { key: card, body: { token: card } }),
  ])
  return { addressRef, paymentMethodRef }
}

async function keep<Name extends keyof References>(
  api: Api,
  path: string,
  options: { readonly key: string; readonly body: object },
): Promise<Kept<Name>> {
  const { body } = await api.send<Kept<Name>>('POST', path, options)
  if (body.withdrawnAt === undefined) return body
  return (await api.send<Kept<Name>>('POST', path, { ...options, key: randomUUID() })).body
}
