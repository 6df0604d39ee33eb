/** Prints a summary line for each kind of data, for people; `audit.ts` compares them. */

import type { Books, Expected } from './audit.ts'

export interface Line {
  readonly book: string
  readonly holds: string
}

export function balance({ placed, products }: Expected, books: Books): Line[] {
  const ending = (ends: string): number => placed.filter((one) => one.ends === ends).length
  const posted = (kind: string): number =>
    books.postings.filter((one) => one.kind === kind).reduce((sum, { amountMinor }) => sum + amountMinor, 0)
  const units = (field: 'onHand' | 'reserved' | 'sold'): number =>
    books.shards.reduce((sum, shard) => sum + shard[field], 0)
  const received = products.reduce((sum, { stock }) => sum + stock, 0)
  const authorized = posted('authorize')
  return [
    {
      book: 'customers',
      holds: `${placed.length} orders: ${ending('completed')} completed, ${ending('rejected')} rejected`,
    },
    {
      book: "provider's ledger",
      holds: `${authorized} authorised: ${posted('capture')} captured, ${posted('release')} released`,
    },
    {
      book: 'stock',
      holds: `${received} received: ${units('onHand')} on hand, ${units('sold')} sold, ${units('reserved')} reserved`,
    },
    { book: 'BigQuery', holds: `${new Set(books.inBigQuery).size} events` },
    { book: 'history', holds: `${books.inTimelines.length} entries` },
    { book: 'notifications', holds: `${books.inSendLog.length} messages sent` },
    { book: 'left over', holds: `${books.deadLetters.length} dead-lettered, ${books.waiting.length} commands waiting` },
  ]
}
