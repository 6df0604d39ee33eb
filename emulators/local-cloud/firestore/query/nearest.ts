/** findNearest: the documents of a query whose vectors are nearest to a given one, by comparison with each. */
// https://cloud.google.com/firestore/docs/vector-search

import type { Document } from '../documents/document-table.ts'
import { invalidArgument } from '../../core/status.ts'
import { getField, setField } from '../values/field-access.ts'
import { comparePaths, double, isNumber, numeric, vectorOf } from '../values/firestore-value.ts'
import { limits } from '../values/limits.ts'
import { type FieldPath, parseFieldPath } from '../values/paths.ts'
import { type WireValue, checkFieldName, decodeValue } from '../values/proto-codec.ts'

type Measure = keyof typeof distances

export interface Nearest {
  readonly field: FieldPath
  readonly vector: readonly number[]
  readonly measure: Measure
  readonly limit: number
  /** Farther documents are left out; of a dot product, which grows with similarity, smaller ones. */
  readonly threshold: number | undefined
  /** Each result carries its distance in this field. */
  readonly resultField: FieldPath | undefined
}

export interface WireNearest {
  readonly vectorField?: { readonly fieldPath?: string } | null
  readonly queryVector?: WireValue | null
  readonly distanceMeasure?: string
  readonly limit?: { readonly value?: number } | number | null
  readonly distanceResultField?: string
  readonly distanceThreshold?: { readonly value?: number } | number | null
}

const unwrapped = (wrapped: { readonly value?: number } | number | null | undefined): number | undefined =>
  typeof wrapped === 'object' ? wrapped?.value : wrapped

/** @throws INVALID_ARGUMENT */
export function parseNearest(wire: WireNearest): Nearest {
  const limit = unwrapped(wire.limit) ?? 0
  if (limit < 1 || limit > limits.nearestDocuments) {
    throw invalidArgument(
      `FindNearest.limit must be a positive integer of at most ${limits.nearestDocuments}, is ${limit}.`,
    )
  }
  const measure = wire.distanceMeasure ?? ''
  if (!Object.hasOwn(distances, measure)) {
    throw invalidArgument(
      `FindNearest.distance_measure "${measure}" is invalid: use ${Object.keys(distances).join(', ')}.`,
    )
  }
  const vector = wire.queryVector && numbersOf(decodeValue(wire.queryVector))
  if (!vector?.length) throw invalidArgument('FindNearest.query_vector must be a vector of at least one number.')
  if (vector.length > limits.vectorDimensions) {
    throw invalidArgument(
      `FindNearest.query_vector has ${vector.length} dimensions; at most ${limits.vectorDimensions} are supported.`,
    )
  }
  const { distanceResultField: resultField } = wire
  if (resultField) checkFieldName(resultField)
  return {
    field: parseFieldPath(wire.vectorField?.fieldPath ?? ''),
    vector,
    measure: measure as Measure,
    limit,
    threshold: unwrapped(wire.distanceThreshold),
    resultField: resultField ? parseFieldPath(resultField) : undefined,
  }
}

function numbersOf(value: Parameters<typeof vectorOf>[0] | undefined): number[] | undefined {
  const elements = value === undefined ? undefined : vectorOf(value)
  return elements?.every(isNumber) ? elements.map((element) => Number(numeric(element))) : undefined
}

/** Documents without a vector of as many dimensions are left out, as they are in the index. */
export function nearest(
  { field, vector, measure, limit, threshold, resultField }: Nearest,
  documents: readonly Document[],
): Document[] {
  const sign = measure === 'DOT_PRODUCT' ? -1 : 1
  const found: { document: Document; distance: number }[] = []
  for (const document of documents) {
    const value = numbersOf(getField(document.f, field))
    if (value?.length !== vector.length) continue
    const distance = distances[measure](value, vector)
    // The angle to a vector of zeros is not a number.
    if (Number.isNaN(distance) || (threshold !== undefined && sign * distance > sign * threshold)) continue
    found.push({ document, distance })
  }
  return found
    .toSorted((left, right) => {
      const difference = sign * (left.distance - right.distance)
      return difference || comparePaths(left.document.path, right.document.path)
    })
    .slice(0, limit)
    .map(({ document, distance }) =>
      resultField ? { ...document, f: setField(document.f, resultField, double(distance)) } : document,
    )
}

const dot = (left: readonly number[], right: readonly number[]): number =>
  left.reduce((sum, one, at) => sum + one * (right[at] as number), 0)

const distances = {
  EUCLIDEAN: (left, right) => Math.hypot(...left.map((one, at) => one - (right[at] as number))),
  COSINE: (left, right) => 1 - dot(left, right) / Math.sqrt(dot(left, left) * dot(right, right)),
  DOT_PRODUCT: dot,
} as const satisfies Record<string, (left: readonly number[], right: readonly number[]) => number>
