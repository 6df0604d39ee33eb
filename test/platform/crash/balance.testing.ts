/** Prints a summary line for each kind of data, for people; `audit.ts` compares them. */

import type { AuditedData, Expected } from './audit.testing.ts'

export interface Line {
  readonly source: string
  readonly holds: string
}

export function balance({ placed, products }: Expected, data: AuditedData): Line[] {
  const ending = (ends: string): number => placed.filter((one) => one.ends === ends).length
  const posted = (kind: string): number =>
    data.postings.filter((one) => one.kind === kind).reduce((sum, { amountMinor }) => sum + amountMinor, 0)
  const units = (field: 'onHand' | 'reserved' | 'sold'): number =>
    data.shards.reduce((sum, shard) => sum + shard[field], 0)
  const received = products.reduce((sum, { stock }) => sum + stock, 0)
  const authorized = posted('authorize')
  return [
    {
      source: 'customers',
      holds: `${placed.length} orders: ${ending('completed')} completed, ${ending('rejected')} rejected`,
    },
    {
      source: "provider's ledger",
      holds: `${authorized} authorized: ${posted('capture')} captured, ${posted('release')} released`,
    },
    {
      source: 'stock',
      holds: `${received} received: ${units('onHand')} on hand, ${units('sold')} sold, ${units('reserved')} reserved`,
    },
    { source: 'BigQuery', holds: `${new Set(data.inBigQuery).size} events` },
    { source: 'history', holds: `${data.inTimelines.length} entries` },
    { source: 'notifications', holds: `${data.inSendLog.length} messages sent` },
    { source: 'left over', holds: `${data.deadLetters.length} dead-lettered, ${data.waiting.length} commands waiting` },
  ]
}
