/** Two writes of one document as one: it costs one write, and the document has one write at a time. */

import { fieldPath, type StoredFields, type Value, type Write } from './firestore-values.ts'

interface Merge {
  readonly update: { readonly name?: string | null; readonly fields?: StoredFields | null }
  readonly updateMask: { readonly fieldPaths: readonly string[] }
  readonly updateTransforms: readonly Raise[]
}

interface Raise {
  readonly fieldPath: string
  readonly maximum: Value
}

/**
 * A write that leaves the document as these two do, one after the other. Undefined unless both set fields without a condition,
 * of different names or with the same last value, and raise numbers that neither sets.
 */
export function combined(first: Write, second: Write): Write | undefined {
  const [one, other] = [mergeOf(first), mergeOf(second)]
  if (!one || !other) return undefined
  const isApart = touches(one).every((path) => touches(other).every((another) => !isWithin(path, another)))
  const raised = [...one.updateTransforms, ...other.updateTransforms].map(({ fieldPath }) => fieldPath)
  const fieldPaths = [...new Set([...one.updateMask.fieldPaths, ...other.updateMask.fieldPaths])]
  if (!isApart || raised.some((path) => fieldPaths.includes(path))) return undefined
  return {
    update: { name: one.update.name!, fields: merged(one.update.fields ?? {}, other.update.fields ?? {}) },
    updateMask: { fieldPaths },
    updateTransforms: highest([...one.updateTransforms, ...other.updateTransforms]),
  }
}

/** Undefined for a write with a condition, and for one that deletes a field or replaces a map: its fields alone do not say so. */
function mergeOf(write: Write): Merge | undefined {
  const { update, updateMask, updateTransforms, currentDocument } = write
  const values = new Set(leafPaths(update?.fields ?? {}))
  const isUnconditional = update && updateMask?.fieldPaths?.every((path) => values.has(path)) && !currentDocument
  const onlyRaises = (updateTransforms ?? []).every(({ fieldPath, maximum }) => fieldPath && maximum)
  return isUnconditional && onlyRaises ? ({ ...write, updateTransforms: updateTransforms ?? [] } as Merge) : undefined
}

/** The paths of the values that are no maps, and of empty maps. */
const leafPaths = (fields: StoredFields, above = ''): string[] =>
  Object.entries(fields).flatMap(([name, { mapValue }]) => {
    const path = `${above}${fieldPath(name)}`
    const inner = leafPaths(mapValue?.fields ?? {}, `${path}.`)
    return inner.length > 0 ? inner : [path]
  })

const touches = ({ updateMask, updateTransforms }: Merge): string[] => [
  ...updateMask.fieldPaths,
  ...updateTransforms.map(({ fieldPath }) => fieldPath),
]

/** One of them is a map of which the other one sets a part: the order decides. */
const isWithin = (path: string, other: string): boolean => path.startsWith(`${other}.`) || other.startsWith(`${path}.`)

function merged(first: StoredFields, second: StoredFields): StoredFields {
  const fields = { ...first }
  for (const [name, value] of Object.entries(second)) {
    const [before, after] = [fields[name]?.mapValue?.fields, value.mapValue?.fields]
    fields[name] = before && after ? { mapValue: { fields: merged(before, after) } } : value
  }
  return fields
}

/** One for each field. */
function highest(raises: readonly Raise[]): Raise[] {
  const byPath = new Map<string, Raise>()
  for (const raise of raises) {
    const known = byPath.get(raise.fieldPath)
    if (!known || numberIn(raise.maximum) > numberIn(known.maximum)) byPath.set(raise.fieldPath, raise)
  }
  return [...byPath.values()]
}

const numberIn = ({ integerValue, doubleValue }: Value): number => Number(integerValue ?? doubleValue)
