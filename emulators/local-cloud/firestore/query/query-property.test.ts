/** Random queries against an independent model of plain JavaScript values and arrays. */

import { expect, test } from 'vitest'
import { seeded } from '../../core/seeded.testing.ts'
import { cloudWithDatabase, commit, queryIds, set } from '../fake-cloud.testing.ts'

type Plain = number | string | boolean | null | Plain[]
interface Row {
  readonly id: string
  readonly a?: Plain
  readonly b?: Plain
}
interface Comparison {
  readonly field: 'a' | 'b'
  readonly op: string
  readonly value: Plain
}

const pool: Plain[] = [null, false, true, -1, 0, 1, 1.5, 2, 'x', 'y', 'é', [1], [2, 'x'], []]

const wire = (value: Plain): object => {
  if (value === null) return { nullValue: 'NULL_VALUE' }
  if (typeof value === 'boolean') return { booleanValue: value }
  if (typeof value === 'string') return { stringValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(wire) } }
  // Half of the whole numbers are doubles, which must not change the result.
  return Number.isInteger(value) && value !== 1 ? { integerValue: String(value) } : { doubleValue: value }
}

const rank = (value: Plain): number =>
  value === null
    ? 0
    : typeof value === 'boolean'
      ? 1
      : typeof value === 'number'
        ? 2
        : typeof value === 'string'
          ? 3
          : 4

function order(left: Plain, right: Plain): number {
  if (rank(left) !== rank(right)) return rank(left) - rank(right)
  if (Array.isArray(left) && Array.isArray(right)) {
    const at = left.findIndex((one, index) => index >= right.length || order(one, right[index] as Plain) !== 0)
    return at < 0 ? left.length - right.length : at >= right.length ? 1 : order(left[at] as Plain, right[at] as Plain)
  }
  return left === right ? 0 : (left as number) < (right as number) ? -1 : 1
}

function holds(row: Row, { field, op, value }: Comparison): boolean {
  const own = row[field]
  if (own === undefined) return false
  const same = value !== null && rank(own) === rank(value)
  switch (op) {
    case 'EQUAL':
      return same && order(own, value) === 0
    case 'NOT_EQUAL':
      return own !== null && value !== null && order(own, value) !== 0
    case 'LESS_THAN':
      return same && order(own, value) < 0
    case 'GREATER_THAN_OR_EQUAL':
      return same && order(own, value) >= 0
    case 'ARRAY_CONTAINS':
      return value !== null && Array.isArray(own) && own.some((one) => order(one, value) === 0)
  }
  throw new Error(op)
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  'random queries agree with the model, seed %i',
  async (seed) => {
    const below = seeded(seed)
    const random = (): number => below(2 ** 32) / 2 ** 32
    const pick = <One>(from: readonly One[]): One => from[Math.floor(random() * from.length)] as One
    const rows: Row[] = Array.from({ length: 40 }, (_, at) => ({
      id: `${pick(['a', 'b', 'é', 'Z', '-'])}${at}`,
      ...(random() < 0.8 && { a: pick(pool) }),
      ...(random() < 0.8 && { b: pick(pool) }),
    }))
    const cloud = await cloudWithDatabase({ indexes: 'off' })
    await commit(
      cloud,
      ...rows.map(({ id, a, b }) =>
        set(`c/${id}`, { ...(a !== undefined && { a: wire(a) }), ...(b !== undefined && { b: wire(b) }) }),
      ),
    )

    for (let round = 0; round < 25; round++) {
      const comparisons: Comparison[] = Array.from({ length: Math.floor(random() * 3) }, () => ({
        field: pick(['a', 'b']),
        op: pick(['EQUAL', 'LESS_THAN', 'GREATER_THAN_OR_EQUAL', 'EQUAL', 'ARRAY_CONTAINS', 'NOT_EQUAL']),
        value: pick(pool),
      }))
      if (comparisons.filter(({ op }) => op === 'ARRAY_CONTAINS').length > 1) continue
      if (comparisons.filter(({ op }) => op === 'NOT_EQUAL').length > 1) continue
      const any = random() < 0.3
      const sorted = pick([[], ['a'], ['b'], ['a', 'b']] as const)
      const descending = random() < 0.5
      const limit = random() < 0.5 ? Math.floor(random() * 10) : undefined

      const ranged = comparisons.filter(({ op }) => op !== 'EQUAL' && op !== 'ARRAY_CONTAINS').map(({ field }) => field)
      const fields = [...new Set([...sorted, ...ranged.toSorted()])]
      const sign = descending && sorted.length > 0 ? -1 : 1
      const expected = rows
        .filter((row) =>
          comparisons.length === 0
            ? true
            : any
              ? comparisons.some((one) => holds(row, one))
              : comparisons.every((one) => holds(row, one)),
        )
        .filter((row) => fields.every((field) => row[field] !== undefined))
        .toSorted((left, right) => {
          for (const field of fields) {
            const difference = order(left[field] as Plain, right[field] as Plain)
            if (difference !== 0) return difference * sign
          }
          return (left.id < right.id ? -1 : 1) * sign
        })
        .slice(0, limit)
        .map(({ id }) => id)

      const filters = comparisons.map(({ field, op, value }) => ({
        fieldFilter: { field: { fieldPath: field }, op, value: wire(value) },
      }))
      const query = {
        from: [{ collectionId: 'c' }],
        ...(filters.length > 0 && { where: { compositeFilter: { op: any ? 'OR' : 'AND', filters } } }),
        orderBy: sorted.map((fieldPath) => ({
          field: { fieldPath },
          direction: descending ? 'DESCENDING' : 'ASCENDING',
        })),
        ...(limit !== undefined && { limit: { value: limit } }),
      }
      expect([query, await queryIds(cloud, query)]).toEqual([query, expected])
    }
  },
)
