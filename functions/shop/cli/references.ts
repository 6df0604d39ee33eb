/** Registers a customer's address and payment method, which an order needs. */

import { randomUUID } from 'node:crypto'
import type { Api } from '../../../cli/api.ts'

export interface References {
  readonly addressRef: string
  readonly paymentMethodRef: string
}

/** Tokens of the local payment provider. Each customer who attaches one gets a separate payment method. */
export const testTokens = [
  'card-ok',
  'card-declined',
  'card-stolen',
  'card-issuer-unavailable',
  'card-action-required',
  'card-ends-soon',
  'card-lapses',
  'card-renewal-refused',
  'card-capture-delayed',
  'card-capture-refused',
  'card-captured-once',
  'card-refund-pending',
  'card-refund-fails',
  'card-refund-fails-later',
  'card-refund-returned',
  'card-disputed',
] as const
export type TestCard = (typeof testTokens)[number]

const address = { name: 'A. Customer', lines: ['1 Mill Lane'], postcode: '10115', city: 'Berlin', country: 'DE' }

type Registered<Name extends keyof References> = Pick<References, Name> & { readonly withdrawnAt?: string }

/** Registers both under fixed idempotency keys, so that the same customer and card always get the same references. Withdrawn ones are registered again. */
export async function references(api: Api, card: TestCard = 'card-ok'): Promise<References> {
  const [{ addressRef }, { paymentMethodRef }] = await Promise.all([
    register<'addressRef'>(api, '/v1/addresses', { key: 'address', body: address }),
    register<'paymentMethodRef'>(api, '/v1/payment-methods', { key: card, body: { token: card } }),
  ])
  return { addressRef, paymentMethodRef }
}

async function register<Name extends keyof References>(
  api: Api,
  path: string,
  options: { readonly key: string; readonly body: object },
): Promise<Registered<Name>> {
  const { body } = await api.send<Registered<Name>>('POST', path, options)
  if (body.withdrawnAt === undefined) return body
  return (await api.send<Registered<Name>>('POST', path, { ...options, key: randomUUID() })).body
}
