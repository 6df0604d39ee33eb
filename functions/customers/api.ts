/** The public operations on a customer's own addresses, payment methods and consents: the vault that is asked is always that of the token's subject. */

import type { Caller } from '../../shared/service/operation.ts'
import { defineApi } from '../shop/roles.ts'
import {
  addressRequest,
  consentRequest,
  customersContracts,
  importRequest,
  paymentMethodRequest,
  vaultOf,
} from './contracts.ts'

/** Adding and withdrawing may call the payment provider; an import calls it for each customer. */
const WRITE_MS = 20_000

interface OwnRequest<Params> {
  readonly caller: Caller
  readonly params: Params
}
/** The customer's own vault, and no other. */
const own = <Params>({ caller, params }: OwnRequest<Params>): { readonly vault: string } & Params => ({
  ...params,
  vault: vaultOf(caller.sub),
})
interface Added<Body> extends OwnRequest<object> {
  readonly key: string
  readonly body: Body
}
const addedToOwn = <Body>(given: Added<Body>) => ({
  ...own(given),
  body: { idempotencyKey: given.key, body: given.body },
})

export const customersApi = defineApi(
  customersContracts,
  ({ asks }) => ({
    addAddress: asks('addAddress', {
      path: '/v1/addresses',
      summary: 'Keep an address to ship to',
      access: 'customer',
      requiresIdempotencyKey: true,
      body: addressRequest.meta({
        examples: [{ name: 'Ada Lovelace', lines: ['Am Wall 1'], postcode: '28195', city: 'Bremen', country: 'DE' }],
      }),
      answers: { 201: 'Stored: orders may name its reference.' },
      request: addedToOwn,
      timeoutMs: WRITE_MS,
    }),
    listAddresses: asks('listAddresses', {
      path: '/v1/addresses',
      summary: "See one's own addresses",
      access: 'customer',
      answers: { 200: 'The addresses that orders may name, the newest first.' },
      request: own,
    }),
    withdrawAddress: asks('withdrawAddress', {
      path: '/v1/addresses/{addressRef}',
      isIdempotent: true,
      summary: "Withdraw an address of one's own from new orders",
      access: 'customer',
      answers: { 204: 'New orders may not name it.' },
      request: own,
      timeoutMs: WRITE_MS,
    }),
    addPaymentMethod: asks('addPaymentMethod', {
      path: '/v1/payment-methods',
      summary: 'Keep a payment method, by the token that the payment provider gave for it',
      access: 'customer',
      requiresIdempotencyKey: true,
      body: paymentMethodRequest.meta({ examples: [{ token: 'card-ok' }] }),
      answers: { 201: 'Stored: orders may name its reference.' },
      request: addedToOwn,
      timeoutMs: WRITE_MS,
    }),
    listPaymentMethods: asks('listPaymentMethods', {
      path: '/v1/payment-methods',
      summary: "See one's own payment methods",
      access: 'customer',
      answers: { 200: 'The payment methods that orders may name, the newest first.' },
      request: own,
    }),
    withdrawPaymentMethod: asks('withdrawPaymentMethod', {
      path: '/v1/payment-methods/{paymentMethodRef}',
      isIdempotent: true,
      summary: "Withdraw a payment method of one's own; the payment provider forgets it",
      access: 'customer',
      answers: { 204: 'The payment method is withdrawn.' },
      request: own,
      timeoutMs: WRITE_MS,
    }),
    grantConsent: asks('grantConsent', {
      path: '/v1/consents',
      summary: 'Consent to a version of a text; it replaces an earlier version of the same kind',
      access: 'customer',
      requiresIdempotencyKey: true,
      body: consentRequest.meta({ examples: [{ kind: 'marketing-email', version: '2026-01' }] }),
      answers: { 201: 'Recorded.' },
      request: addedToOwn,
      timeoutMs: WRITE_MS,
    }),
    listConsents: asks('listConsents', {
      path: '/v1/consents',
      summary: "See one's own consents, those that were withdrawn included",
      access: 'customer',
      answers: { 200: 'The newest first.' },
      request: own,
    }),
    withdrawConsent: asks('withdrawConsent', {
      path: '/v1/consents/{kind}',
      isIdempotent: true,
      summary: 'Withdraw a consent',
      access: 'customer',
      answers: { 204: 'The consent is withdrawn.' },
      request: own,
      timeoutMs: WRITE_MS,
    }),
    importCustomers: asks('importCustomers', {
      path: '/v1/customers',
      summary:
        'Bring addresses and payment methods of customers over from another system; the same again has the same references',
      access: 'importer',
      body: importRequest.meta({
        examples: [
          {
            customers: [
              {
                customerRef: 'customer-1',
                address: { name: 'Ada Lovelace', lines: ['Am Wall 1'], city: 'Bremen', country: 'DE' },
                token: 'card-ok',
              },
            ],
          },
        ],
      }),
      answers: { 200: 'In the order in which they were sent.' },
      request: ({ body }) => ({ body }),
      timeoutMs: WRITE_MS,
      securityEvent: ({ body: { customers } }) => ({
        event: 'staff.import',
        reason: 'references of customers were imported',
        act: { customers: customers.length },
      }),
    }),
  }),
  {
    queries: ['listAddresses'],
    edges: {
      'Order.customer': {
        by: 'customerRef',
        like: 'listAddresses',
        summary: "The order's customer, for that customer alone",
        timeoutMs: 2_000,
      },
    },
  },
)
