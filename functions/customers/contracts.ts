/** The personal data of customers, each entry under a reference. Other services have the references, never the data. */

import { z } from 'zod'
import { shopCodes } from '../shop/errors.ts'
import { defineContracts } from '../../shared/contracts/contract.ts'
import type { Immutable } from '../../shared/contracts/immutable.ts'
import { idempotencyKey, reference, timestamp } from '../../shared/base/fields.ts'
import { derivedName } from '../../shared/base/ids.ts'
import { code, freeText, identifier } from '../../shared/base/text.ts'
import { isCountry } from './countries.ts'
import { holdsCardNumber } from './card-number.ts'

/** A customer's pseudonym: it names the document in the database, is part of URLs, and is the only name that partners receive. */
export const vaultOf = (customerRef: string): string => derivedName('c', customerRef)

export const vaultLimits = {
  addresses: 20,
  paymentMethods: 10,
  /** Consents that hold now, one of each kind. */
  consents: 20,
  /** The limit of entries of each of the three kinds, withdrawn ones included. */
  kept: 100,
  importedPerRequest: 100,
} as const

const noCardNumber = [
  (value: string): boolean => !holdsCardNumber(value),
  'holds a card number, which is not kept here: send the token of the payment provider',
] as const
const line = freeText({ characters: 120, bytes: 480 }).refine(...noCardNumber)

export const addressRequest = z.strictObject({
  /** The recipient. */
  name: line,
  /** Street and house, as they stand on the parcel. */
  lines: z.array(line).min(1).max(3),
  /** Absent in countries without postcodes. */
  postcode: freeText({ characters: 20, bytes: 80 })
    .refine(...noCardNumber)
    .optional(),
  city: line,
  /** ISO 3166-1 alpha-2. */
  country: code(/^[A-Z]{2}$/, 'two capital letters (ISO 3166-1 alpha-2)').refine(
    isCountry,
    'is no country of ISO 3166-1',
  ),
})
export type Address = Immutable<z.output<typeof addressRequest>>

export const paymentMethodRequest = z.strictObject({
  /** The token that the payment provider's form gave the customer's browser in exchange for the card. */
  token: identifier({ characters: 200, bytes: 500 }).refine(...noCardNumber),
})

/** The details by which a customer recognises a card. */
export const cardDetails = z.object({
  brand: identifier({ characters: 40, bytes: 120 }),
  last4: code(/^\d{4}$/, 'four digits'),
  expiryMonth: z.int().min(1).max(12),
  expiryYear: z.int().min(2000).max(2200),
})

/** `marketing-email`, say. */
export const consentKind = code(/^[a-z][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens, at most 40')
export const consentRequest = z.strictObject({
  kind: consentKind,
  /** The version of the text that the customer agreed to. */
  version: identifier({ characters: 40, bytes: 120 }),
})

/** One customer's address and payment method, from another system. */
const importedCustomer = z.strictObject({
  customerRef: reference,
  address: addressRequest,
  token: paymentMethodRequest.shape.token,
})
export const importRequest = z.strictObject({
  customers: z.array(importedCustomer).min(1).max(vaultLimits.importedPerRequest),
})

const vault = code(/^c-[0-9a-hjkmnp-tv-z]{26}$/, 'the name of a vault')
const withIdempotencyKey = <S extends z.ZodType>(body: S) => z.strictObject({ idempotencyKey, body })
const kept = {
  addedAt: timestamp,
  /**
   * When the entry was withdrawn. A request that is repeated later is answered with it. A newer version of a consent withdraws
   * the older one.
   */
  withdrawnAt: timestamp.optional(),
}
const address = addressRequest.strip().extend({ addressRef: reference, ...kept })
const paymentMethod = cardDetails.extend({ paymentMethodRef: reference, ...kept })
const consent = consentRequest.strip().extend({ consentRef: reference, ...kept })

/** No events: personal data stays in the database of this service. */
export const customersContracts = defineContracts({
  service: 'customers',
  events: {},
  commands: {
    /** To itself, a month after a withdrawal: the data of the reference is erased. */
    EraseWithdrawn: {
      version: 1,
      retryForever: true,
      data: z.strictObject({
        /** The customer's pseudonym. */
        vault: reference,
        kind: z.enum(['addresses', 'paymentMethods']),
        ref: reference,
        /** Entries that were withdrawn by this time are erased. */
        withdrawnBy: timestamp,
      }),
      example: {
        vault: 'c-00000000000000000000000000',
        kind: 'addresses',
        ref: 'a-1',
        withdrawnBy: '2026-01-01T00:00:00.000Z',
      },
    },
  },
  queries: {
    addAddress: {
      method: 'post',
      path: '/vaults/{vault}/addresses',
      parameters: { vault },
      body: withIdempotencyKey(addressRequest),
      answers: { 201: address },
      refuses: [shopCodes['too-many-references'], 'idempotency-key-reused'],
    },
    /** The addresses that orders may name, the newest first. */
    listAddresses: {
      method: 'get',
      path: '/vaults/{vault}/addresses',
      parameters: { vault },
      answers: { 200: z.object({ addresses: z.array(address) }) },
    },
    withdrawAddress: {
      method: 'delete',
      path: '/vaults/{vault}/addresses/{addressRef}',
      parameters: { vault, addressRef: reference },
      answers: { 204: null },
      refuses: ['not-found'],
    },
    addPaymentMethod: {
      method: 'post',
      path: '/vaults/{vault}/payment-methods',
      parameters: { vault },
      body: withIdempotencyKey(paymentMethodRequest),
      answers: { 201: paymentMethod },
      refuses: [shopCodes['too-many-references'], 'idempotency-key-reused', shopCodes['payment-method-refused']],
    },
    listPaymentMethods: {
      method: 'get',
      path: '/vaults/{vault}/payment-methods',
      parameters: { vault },
      answers: { 200: z.object({ paymentMethods: z.array(paymentMethod) }) },
    },
    withdrawPaymentMethod: {
      method: 'delete',
      path: '/vaults/{vault}/payment-methods/{paymentMethodRef}',
      parameters: { vault, paymentMethodRef: reference },
      answers: { 204: null },
      refuses: ['not-found'],
    },
    grantConsent: {
      method: 'post',
      path: '/vaults/{vault}/consents',
      parameters: { vault },
      body: withIdempotencyKey(consentRequest),
      answers: { 201: consent },
      refuses: [shopCodes['too-many-references'], 'idempotency-key-reused'],
    },
    /** Includes withdrawn consents. */
    listConsents: {
      method: 'get',
      path: '/vaults/{vault}/consents',
      parameters: { vault },
      answers: { 200: z.object({ consents: z.array(consent) }) },
    },
    withdrawConsent: {
      method: 'delete',
      path: '/vaults/{vault}/consents/{kind}',
      parameters: { vault, kind: consentKind },
      answers: { 204: null },
      refuses: ['not-found'],
    },
    /** In the order in which they were sent. */
    importCustomers: {
      method: 'post',
      path: '/imports',
      body: importRequest,
      answers: {
        200: z.object({
          references: z.array(z.object({ customerRef: reference, addressRef: reference, paymentMethodRef: reference })),
        }),
      },
      refuses: [shopCodes['too-many-references'], shopCodes['payment-method-refused']],
    },
    /** The fields of an order that no active entry of the customer's vault answers to. */
    findUnknownReferences: {
      method: 'get',
      path: '/references/{vault}',
      parameters: { vault, addressRef: reference, paymentMethodRef: reference },
      answers: { 200: z.object({ unknown: z.array(z.enum(['addressRef', 'paymentMethodRef'])) }) },
    },
    /** Withdrawn ones too: earlier orders are still shipped. */
    readAddress: {
      method: 'get',
      path: '/addresses/{addressRef}',
      parameters: { addressRef: reference },
      answers: { 200: addressRequest.strip() },
      refuses: ['not-found'],
    },
  },
})
