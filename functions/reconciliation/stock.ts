/**
 * Compares the stock of each product in its shards with the ledger: the pieces that inventory's streams have received, shipped
 * and reserved. A pass reads the shards first, and then the streams; products of a stream that changed in between are left to the
 * next run. It also compares BigQuery's view with the streams, for products that did not move within the run's age. A run makes
 * several passes, since its state has room for some of the products only.
 */

import { documentId } from '../../shared/base/ids.ts'
import type { MovementRow, ShardRow } from '../inventory/contracts.ts'
import type { StockRow } from './analytics.ts'
import type { Difference } from './contracts.ts'

/** The pieces of one product: those in its shards (`available`, `reserved`), and those that the streams have (`moved`, `held`). */
interface Balance {
  readonly available: number
  readonly reserved: number
  readonly moved: number
  readonly held: number
  /** One of its streams changed within the age: BigQuery may not have its events. */
  readonly isRecent?: true
}

export interface StockState {
  readonly balances: Readonly<Record<string, Balance>>
  /** Products of streams that changed since the shards were read. */
  readonly moving: readonly string[]
  /** When the reading of the shards began. */
  readonly readAt: string
  /** This pass compares the products after `after` and up to `upTo`, in the order of the shards. Absent: it begins with the first, ends with the last. */
  readonly after?: string
  readonly upTo?: string
}

export const noStock = (readAt: string): StockState => ({ balances: {}, moving: [], readAt })
/** Products of one pass: the state of a run is one document of at most 1 MiB, and a product takes some 320 bytes of it. */
export const MAX_PRODUCTS = 2_500

/** The beginning of the ids of the product's shards: sorted by it, products are in the order of their shards. */
const keyOf = (sku: string): string => documentId(`${sku}~`)
const isAfter = (sku: string, other: string): boolean => keyOf(sku) > keyOf(other)
/** Whether a product is compared in this pass. */
function within({ after, upTo }: StockState): (sku: string) => boolean {
  const [from, to] = [after, upTo].map((sku) => (sku === undefined ? undefined : keyOf(sku)))
  return (sku) => {
    const key = keyOf(sku)
    return (from === undefined || key > from) && (to === undefined || key <= to)
  }
}

const added = (before: Balance | undefined, change: Partial<Balance>): Balance => ({
  available: (before?.available ?? 0) + (change.available ?? 0),
  reserved: (before?.reserved ?? 0) + (change.reserved ?? 0),
  moved: (before?.moved ?? 0) + (change.moved ?? 0),
  held: (before?.held ?? 0) + (change.held ?? 0),
  ...((before?.isRecent ?? change.isRecent) ? { isRecent: true } : {}),
})

export function withShards(state: StockState, shards: readonly ShardRow[]): StockState {
  const balances: Record<string, Balance> = { ...state.balances }
  const isOfPass = within(state)
  for (const { sku, available, reserved } of shards)
    if (isOfPass(sku)) balances[sku] = added(balances[sku], { available, reserved })
  return { ...state, balances }
}

/** The end of a pass, when it has read enough: the last product may have shards on the next page, and begins the next pass. */
export function bounded(state: StockState): StockState {
  const skus = Object.keys(state.balances)
  if (skus.length <= MAX_PRODUCTS) return state
  const [last, upTo] = skus.toSorted((one, other) => (isAfter(one, other) ? -1 : 1))
  const { [last!]: _ofTheNext, ...balances } = state.balances
  return { ...state, balances, upTo: upTo! }
}

export const nextPass = ({ upTo }: StockState, readAt: string): StockState => ({ ...noStock(readAt), after: upTo! })

/** @param beforeMs the time before which a stream must have changed last, so that BigQuery has its events */
export function withMovements(state: StockState, rows: readonly MovementRow[], beforeMs: number): StockState {
  const isOfPass = within(state)
  const balances: Record<string, Balance> = { ...state.balances }
  const moving = new Set(state.moving)
  for (const { changedAt, moved, held } of rows) {
    const isMoving = Date.parse(changedAt) >= Date.parse(state.readAt)
    const age = Date.parse(changedAt) >= beforeMs ? { isRecent: true as const } : {}
    const add = (sku: string, change: Partial<Balance>): void => {
      if (!isOfPass(sku)) return
      if (isMoving) moving.add(sku)
      else balances[sku] = added(balances[sku], { ...change, ...age })
    }
    for (const { sku, quantity } of moved) add(sku, { moved: quantity })
    for (const { sku, quantity } of held) add(sku, { held: quantity })
  }
  return { ...state, balances, moving: [...moving] }
}

/** The ledger against these rows of BigQuery. The products of the rows need no further comparison. */
export function withRows(
  state: StockState,
  rows: readonly StockRow[],
): { readonly state: StockState; readonly differences: readonly Difference[] } {
  const isOfPass = within(state)
  const balances: Record<string, Balance> = { ...state.balances }
  const differences: Difference[] = []
  for (const { sku, onHand, reserved } of rows) {
    if (!isOfPass(sku) || state.moving.includes(sku)) continue
    const { moved, held, isRecent } = balances[sku] ?? added(undefined, {})
    delete balances[sku]
    if (!isRecent && (onHand !== moved || reserved !== held))
      differences.push(notInBigQuery(sku, { moved, held }, stockText(onHand, reserved)))
  }
  return { state: { ...state, balances }, differences }
}

/** The differences of products for which BigQuery has no row. */
export const rowsMissing = ({ balances, moving }: StockState): Difference[] =>
  Object.entries(balances)
    .filter(([sku, { moved, held, isRecent }]) => !isRecent && !moving.includes(sku) && (moved !== 0 || held !== 0))
    .map(([sku, balance]) => notInBigQuery(sku, balance, 'no row'))

const stockText = (onHand: number, reserved: number): string => `${onHand} on hand, ${reserved} reserved`
const notInBigQuery = (
  sku: string,
  { moved, held }: Pick<Balance, 'moved' | 'held'>,
  bigquery: string,
): Difference => ({
  kind: 'bigquery-stock',
  id: sku,
  values: { inventory: stockText(moved, held), bigquery },
})

/** The products that are left to the next run, since they moved too recently for BigQuery. */
export const recentIn = ({ balances, moving }: StockState): number =>
  new Set([...moving, ...Object.keys(balances).filter((sku) => balances[sku]!.isRecent)]).size

export function stockDifferences({ balances, moving }: StockState): Difference[] {
  const still = new Set(moving)
  return Object.entries(balances)
    .filter(([sku]) => !still.has(sku))
    .flatMap(([sku, { available, reserved, moved, held }]) => {
      const differences: Difference[] = []
      if (reserved !== held)
        differences.push({
          kind: 'stock-reserved',
          id: sku,
          values: { stock: String(reserved), reservations: String(held) },
        })
      if (available !== moved - held)
        differences.push({
          kind: 'stock-available',
          id: sku,
          values: { stock: String(available), ledger: String(moved - held) },
        })
      return differences
    })
}
