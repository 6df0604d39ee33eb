/** The writes of one commit: read from Google's message, checked, and applied in order to the stored documents. */

import { microsOf, type ProtoTime } from '../../core/proto-values.ts'
import { alreadyExists, failedPrecondition, invalidArgument, notFound } from '../../core/status.ts'
import { deleteField, getField, setField } from '../values/field-access.ts'
import { depth, documentSize, limits, valueSize } from '../values/limits.ts'
import {
  type DatabaseName,
  type FieldPath,
  databaseNameOf,
  parseDocumentName,
  parseFieldPath,
} from '../values/paths.ts'
import type { StoredDocument, Document } from '../documents/document-table.ts'
import { type Transform, type WireTransform, applyTransforms, parseTransform } from './transforms.ts'
import { type Fields, type Value, identicalFields } from '../values/firestore-value.ts'
import { type WireFields, decodeFields } from '../values/proto-codec.ts'

interface WirePrecondition {
  readonly exists?: boolean | null
  readonly updateTime?: ProtoTime | null
}

export interface WireWrite {
  readonly update?: { readonly name?: string; readonly fields?: WireFields } | null
  readonly delete?: string | null
  readonly verify?: string | null
  readonly transform?: { readonly document?: string; readonly fieldTransforms?: readonly WireTransform[] } | null
  readonly updateMask?: { readonly fieldPaths?: readonly string[] } | null
  readonly updateTransforms?: readonly WireTransform[]
  readonly currentDocument?: WirePrecondition | null
}

interface Precondition {
  readonly exists?: boolean
  readonly updateMicros?: number
}

export interface Write {
  readonly kind: 'update' | 'delete' | 'verify' | 'transform'
  readonly path: string
  readonly name: string
  readonly fields: Fields
  readonly mask: readonly FieldPath[] | undefined
  readonly transforms: readonly Transform[]
  readonly precondition: Precondition
}

export function parseWrite(wire: WireWrite, database: DatabaseName): Write {
  const { kind, name } = target(wire)
  const parsed = parseDocumentName(name)
  if (databaseNameOf(parsed) !== databaseNameOf(database)) {
    throw invalidArgument(`Document "${name}" is not in database "${databaseNameOf(database)}".`)
  }
  const transforms = [...(wire.updateTransforms ?? []), ...(wire.transform?.fieldTransforms ?? [])].map(parseTransform)
  if (kind === 'transform' && transforms.length === 0) throw invalidArgument(`Transform of "${name}" is empty.`)
  return {
    kind,
    path: parsed.path,
    name,
    fields: decodeFields(wire.update?.fields),
    mask: wire.updateMask ? (wire.updateMask.fieldPaths ?? []).map(parseFieldPath) : undefined,
    transforms,
    precondition: parsePrecondition(wire.currentDocument),
  }
}

function target(wire: WireWrite): { kind: Write['kind']; name: string } {
  if (wire.update) return { kind: 'update', name: wire.update.name ?? '' }
  if (wire.delete) return { kind: 'delete', name: wire.delete }
  if (wire.verify) return { kind: 'verify', name: wire.verify }
  if (wire.transform) return { kind: 'transform', name: wire.transform.document ?? '' }
  throw invalidArgument('Write has no operation: use update, delete, verify or transform.')
}

export function parsePrecondition(wire: WirePrecondition | null | undefined): Precondition {
  if (wire?.updateTime) return { updateMicros: microsOf(wire.updateTime) }
  if (wire?.exists !== undefined && wire.exists !== null) return { exists: wire.exists }
  return {}
}

function checkPrecondition(
  { precondition: { exists, updateMicros }, name }: Write,
  current: StoredDocument | undefined,
): void {
  if (exists === true && !current) throw notFound(`No document to update: ${name}`)
  if (exists === false && current) throw alreadyExists(`Document already exists: ${name}`)
  if (updateMicros !== undefined && current?.u !== updateMicros) {
    throw failedPrecondition(
      `the stored version (${current?.u ?? 0}) does not match the required base version (${updateMicros})`,
    )
  }
}

export interface WriteResult {
  /** Absent after a delete. */
  readonly updateMicros: number | undefined
  readonly transformResults: readonly Value[]
}

export interface Outcome {
  readonly changes: Map<string, StoredDocument | undefined>
  readonly results: WriteResult[]
}

/** Each write sees the results of those before it; nothing is stored when one fails. */
export function applyWrites(
  writes: readonly Write[],
  read: (path: string) => Document | undefined,
  commitMicros: number,
): Outcome {
  checkTransformCount(writes)
  const staged = new Map<string, StoredDocument | undefined>()
  const results: WriteResult[] = []
  for (const write of writes) {
    const current = staged.has(write.path) ? staged.get(write.path) : read(write.path)
    checkPrecondition(write, current)
    const { after, transformResults } = applyWrite(write, current, commitMicros)
    if (write.kind !== 'verify') staged.set(write.path, after)
    results.push({ updateMicros: write.kind === 'delete' ? undefined : after?.u, transformResults })
  }
  return { changes: changed(staged, read), results }
}

function applyWrite(
  write: Write,
  current: StoredDocument | undefined,
  commitMicros: number,
): { after: StoredDocument | undefined; transformResults: readonly Value[] } {
  if (write.kind === 'delete') return { after: undefined, transformResults: [] }
  if (write.kind === 'verify') return { after: current, transformResults: [] }
  const before = current?.f ?? {}
  const updated =
    write.kind === 'transform' ? before : write.mask ? merge(before, write.fields, write.mask) : write.fields
  const { fields, results } = applyTransforms(updated, write.transforms, commitMicros)
  checkDocument(write, fields)
  if (current && identicalFields(current.f, fields)) return { after: current, transformResults: results }
  return { after: { f: fields, c: current?.c ?? commitMicros, u: commitMicros }, transformResults: results }
}

function merge(before: Fields, fields: Fields, mask: readonly FieldPath[]): Fields {
  let merged = before
  for (const path of mask) {
    const value = getField(fields, path)
    merged = value === undefined ? deleteField(merged, path) : setField(merged, path, value)
  }
  return merged
}

/** Leaves out documents that do not change: a write without a change keeps the update time. */
function changed(
  staged: ReadonlyMap<string, StoredDocument | undefined>,
  read: (path: string) => Document | undefined,
): Outcome['changes'] {
  const changes = new Map<string, StoredDocument | undefined>()
  for (const [path, after] of staged) {
    const before = read(path)
    if (before?.u !== after?.u) changes.set(path, after && { f: after.f, c: after.c, u: after.u })
  }
  return changes
}

function checkTransformCount(writes: readonly Write[]): void {
  const counts = new Map<string, number>()
  for (const { path, name, transforms } of writes) {
    const count = (counts.get(path) ?? 0) + transforms.length
    if (count > limits.transformsPerDocument) {
      throw invalidArgument(
        `Document "${name}" has ${count} transforms in one commit; at most ${limits.transformsPerDocument} are allowed.`,
      )
    }
    counts.set(path, count)
  }
}

function checkDocument({ name, path }: Write, fields: Fields): void {
  for (const [field, value] of Object.entries(fields)) {
    if (depth(value) > limits.depth) throw invalidArgument(`Property ${field} contains an invalid nested entity.`)
    if (scalarBytes(value) > limits.valueBytes) {
      throw invalidArgument(`The value of property "${field}" is longer than ${limits.valueBytes} bytes.`)
    }
  }
  const size = documentSize(path, fields)
  if (size > limits.documentBytes) {
    throw invalidArgument(
      `Document '${name}' cannot be written because its size (${size.toLocaleString('en')} bytes) exceeds the maximum allowed size of ${limits.documentBytes.toLocaleString('en')} bytes.`,
    )
  }
}

function scalarBytes(value: Value): number {
  if (typeof value === 'string') return valueSize(value) - 1
  return typeof value === 'object' && value !== null && 'b' in value ? valueSize(value) : 0
}
