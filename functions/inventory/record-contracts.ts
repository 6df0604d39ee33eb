/** The queries by which inventory answers what each order holds, and what each shard has. */

import { z } from 'zod'
import type { Immutable } from '../../shared/contracts/immutable.ts'
import { reference, timestamp } from '../../shared/base/fields.ts'
import { cursor, pageParameters, rowsQuery } from '../../shared/base/paging.ts'
import { minor, orderId, sku } from '../shop/fields.ts'

const reservationRecord = z.object({
  orderId,
  /** Of the last commit. */
  changedAt: timestamp,
  status: reference,
  /** The pieces that the order holds now, by SKU. */
  held: z.array(z.object({ sku, quantity: minor })),
})
export type ReservationRow = Immutable<z.output<typeof reservationRecord>>

const movementRecord = z.object({
  /** Of a stream: an order, a delivery or a correction. */
  id: reference,
  /** Of the last commit. */
  changedAt: timestamp,
  /** The pieces that came by it, or minus those that went, by SKU. */
  moved: z.array(z.object({ sku, quantity: z.int() })),
  /** The pieces that it holds now, by SKU. */
  held: z.array(z.object({ sku, quantity: minor })),
})
export type MovementRow = Immutable<z.output<typeof movementRecord>>

const shardRecord = z.object({ sku, available: z.int(), reserved: z.int(), sold: z.int() })
export type ShardRow = Immutable<z.output<typeof shardRecord>>

export const inventoryRecordQueries = {
  /** In the order of the orders' ids. */
  listReservations: rowsQuery('/reservations', reservationRecord),
  /** The pieces that each stream has moved and holds: their sum is the ledger with which the shards have to agree. */
  listMovements: rowsQuery('/movements', movementRecord),
  /** The shards of each SKU: its stock is their sum. `after` is the `next` of the page before. */
  listShards: {
    method: 'get',
    path: '/shards',
    parameters: pageParameters,
    answers: { 200: z.object({ rows: z.array(shardRecord), next: cursor.optional() }) },
    refuses: ['invalid-cursor'],
  },
} as const
