/** The contracts of reconciliation: runs, and the differences that they find. */

import { z } from 'zod'
import { reference, timestamp } from '../../shared/base/fields.ts'
import { code, freeText } from '../../shared/base/text.ts'
import { defineContracts } from '../../shared/contracts/contract.ts'

/** The kinds of differences, with the two sides that differ. */
export const kinds = [
  'charge-missing-here',
  'charge-missing-there',
  'captured-amount',
  'refunded-amount',
  'disputed-amount',
  'charge-state',
  'authorization-held',
  'charges-not-compared',
  'order-total',
  'captured-without-order',
  'captured-not-shipped',
  'confirmed-not-authorized',
  'completed-not-captured',
  'captured-beyond-owed',
  'refunded-beyond-captured',
  'order-captured',
  'order-refunded',
  'reservation-of-ended-order',
  'reservation-missing',
  'stock-reserved',
  'stock-available',
  'stock-not-compared',
  'shipment-unknown',
  'shipment-missing',
  'bigquery-missing',
  'bigquery-unknown',
  'bigquery-duplicate',
  'bigquery-total',
  'bigquery-status',
  'bigquery-captured',
  'bigquery-refunded',
  'bigquery-stock',
] as const
export type Kind = (typeof kinds)[number]

const side = code(/^[a-zA-Z-]{1,40}$/, '1 to 40 letters or hyphens')

/**
 * Of the time when no authorization of a confirmed order was looked for, of that when the money of orders and of BigQuery was not
 * compared, nor the held one, of that when BigQuery's stock was not, of that when disputes were not, and of that when the ledger of the
 * stock was not.
 */
const ofMoney: readonly Kind[] = [
  'authorization-held',
  'order-captured',
  'order-refunded',
  'bigquery-captured',
  'bigquery-refunded',
]
const kindsV5 = kinds.filter((kind) => kind !== 'confirmed-not-authorized')
const kindsV4 = kindsV5.filter((kind) => !ofMoney.includes(kind))
const kindsV3 = kindsV4.filter((kind) => kind !== 'bigquery-stock' && kind !== 'captured-beyond-owed')
const kindsV2 = kindsV3.filter((kind) => kind !== 'disputed-amount')
const kindsV1 = kindsV2.filter((kind) => kind !== 'stock-available')
const difference = z.strictObject({
  kind: z.enum(kinds),
  /** Of the order, the authorization, the shipment or the product. */
  id: freeText({ characters: 600, bytes: 2_400 }),
  /** By side, the value that it has. */
  values: z.record(side, freeText({ characters: 1_000, bytes: 4_000 })),
})
export type Difference = z.output<typeof difference>

const counts = z.strictObject({
  orders: z.int(),
  payments: z.int(),
  charges: z.int(),
  reservations: z.int(),
  shipments: z.int(),
  products: z.int(),
  rows: z.int(),
})
export type Counts = z.output<typeof counts>

const runId = z.uuid()
const example = '0195a1b2-0000-8000-8000-000000000001'
const minAgeMinutes = z.int().min(0).max(10_080)
const counted = { orders: 2, payments: 2, charges: 1, reservations: 2, shipments: 1, products: 3, rows: 2 }

export const reconciliationContracts = defineContracts({
  service: 'reconciliation',
  events: {
    'difference.found': {
      version: 6,
      data: difference.extend({ runId }),
      example: {
        runId: example,
        kind: 'bigquery-captured',
        id: 'o-1',
        values: { ledger: 'EUR 23.80', bigquery: '0' },
      },
      previousVersions: {
        1: { data: difference.extend({ kind: z.enum(kindsV1), runId }), upcast: (old) => old },
        2: { data: difference.extend({ kind: z.enum(kindsV2), runId }), upcast: (old) => old },
        3: { data: difference.extend({ kind: z.enum(kindsV3), runId }), upcast: (old) => old },
        4: { data: difference.extend({ kind: z.enum(kindsV4), runId }), upcast: (old) => old },
        5: { data: difference.extend({ kind: z.enum(kindsV5), runId }), upcast: (old) => old },
      },
    },
    'reconciliation.ended': {
      version: 1,
      data: z.strictObject({
        runId,
        startedAt: timestamp,
        compared: counts,
        /** Orders and products that had changed too recently. */
        inFlight: z.int(),
        /** All of them: beyond a number, differences are counted and have no event. */
        differences: z.int(),
      }),
      example: {
        runId: example,
        startedAt: '2026-01-01T03:30:00.000Z',
        compared: counted,
        inFlight: 1,
        differences: 1,
      },
    },
  },
  recorded: {
    'reconciliation.begun': {
      version: 1,
      data: z.strictObject({ startedAt: timestamp, minAgeMinutes }),
      example: { startedAt: '2026-01-01T03:30:00.000Z', minAgeMinutes: 60 },
    },
    /** A page was compared: the next one begins after this order. */
    'page.compared': {
      version: 1,
      data: z.strictObject({ page: z.int(), after: reference.exactOptional() }),
      example: { page: 2, after: 'o-1' },
    },
  },
  commands: {
    /** Compares all records, page by page. The command's id is that of the run. */
    ReconcileRecords: {
      version: 1,
      data: z.strictObject({
        /** Records that changed later are in flight, and are left to the next run. */
        minAgeMinutes,
      }),
      example: { minAgeMinutes: 60 },
    },
    /** To itself: the next page of a run. */
    ContinueReconciliation: {
      version: 1,
      data: z.strictObject({ runId, page: z.int().min(1) }),
      example: { runId: example, page: 1 },
    },
  },
})
