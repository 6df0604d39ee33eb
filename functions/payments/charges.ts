/**
 * The provider's charges in the order of the orders' ids. A provider lists them in an order of its own: a run of
 * reconciliation has each page kept as documents, and reads these in order.
 */

import { forEachConcurrently } from '../../shared/base/concurrently.ts'
import { documentId } from '../../shared/base/ids.ts'
import { limitOf } from '../../shared/base/paging.ts'
import { documentPath } from '../../shared/service/document-path.ts'
import { documentQuery, MAX_PAGE } from '../../shared/service/document-query.ts'
import { listedCharges } from './provider.ts'
import type { Charge, CollectedCharges } from './record-contracts.ts'
import type { payments, PaymentsPlatform } from './service.ts'

const MAX_CONCURRENT_WRITES = 10

/** Keeps the provider's next page for this run. The same page again writes the same documents. */
export async function collectCharges(
  platform: PaymentsPlatform,
  { runId, after }: { readonly runId: string; readonly after?: string | undefined },
): Promise<CollectedCharges> {
  const { charges, next } = await listedCharges(platform)(after)
  await forEachConcurrently(charges, MAX_CONCURRENT_WRITES, ({ chargeId, ...charge }) =>
    platform.documents.merge(documentPath<typeof payments>('charges', `${runId}:${chargeId}`), {
      runId,
      position: documentId(charge.orderId),
      ...charge,
    }),
  )
  return { collected: charges.length, ...(next === undefined ? {} : { next }) }
}

interface ChargesRequest {
  readonly runId: string
  readonly after?: string | undefined
  readonly limit?: string | undefined
}

/** The charges of the next orders. All of an order are on one page. */
export async function chargeRows(
  { documents }: PaymentsPlatform,
  request: ChargesRequest,
): Promise<{ readonly rows: readonly Charge[]; readonly next?: string }> {
  const { runId, after } = request
  const limit = limitOf(request.limit)
  const rows: Charge[] = []
  let cursor: string | undefined
  do {
    const page = await documents.query(
      documentQuery<typeof payments>({
        from: 'charges',
        where: { runId },
        orderBy: 'position',
        // Firestore has no bound that excludes its value: no text lies between this one and the id.
        ...(after === undefined ? {} : { atLeast: `${documentId(after)}\u0000` }),
        after: cursor,
        limit: Math.min(limit, MAX_PAGE),
      }),
    )
    rows.push(...page.documents.map(({ fields }) => rowOf(fields)))
    cursor = page.next
    // The last order may go on: it is left to the next page, unless it is the only one.
  } while (cursor !== undefined && rows.at(0)?.orderId === rows.at(-1)?.orderId)
  if (cursor === undefined) return { rows }
  const cut = rows.at(-1)!.orderId
  const whole = rows.filter(({ orderId }) => orderId !== cut)
  return { rows: whole, next: whole.at(-1)!.orderId }
}

function rowOf(fields: Readonly<Record<string, unknown>>): Charge {
  const { authorizationKey, orderId, state, ...amounts } = fields as unknown as Charge
  const { amountMinor, currency, capturedMinor, heldMinor, refundedMinor, disputedMinor } = amounts
  return {
    authorizationKey,
    orderId,
    state,
    amountMinor,
    currency,
    capturedMinor,
    heldMinor,
    refundedMinor,
    disputedMinor,
  }
}
