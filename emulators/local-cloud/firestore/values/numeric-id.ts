/** The ids of documents that were imported from Datastore with a numeric id. */

const NUMERIC_ID = /^__id(-?\d{1,19})__$/

/** 7 of `__id7__`; undefined for every other id, also beyond 64 bits. */
export function numericId(id: string): bigint | undefined {
  const digits = id.startsWith('__id') ? NUMERIC_ID.exec(id)?.[1] : undefined
  if (digits === undefined) return undefined
  const number = BigInt(digits)
  return BigInt.asIntN(64, number) === number ? number : undefined
}
