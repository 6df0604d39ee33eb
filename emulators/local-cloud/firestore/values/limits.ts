/** Firestore's limits, and how Google computes the stored size of a document. */

import { type Fields, type Value, isObject } from './firestore-value.ts'

/** Source: https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields */
export const limits = {
  documentBytes: 1_048_576,
  nameBytes: 6144,
  idBytes: 1500,
  fieldNameBytes: 1500,
  fieldPathBytes: 1500,
  valueBytes: 1_048_487,
  depth: 20,
  requestBytes: 10 * 1024 * 1024,
  transformsPerDocument: 500,
  disjunctions: 30,
  notInValues: 10,
  maxDatabaseIdLength: 63,
  minDatabaseIdLength: 4,
  transactionTotalMs: 270_000,
  transactionIdleMs: 60_000,
  lockWaitMs: 20_000,
  versionRetentionMs: 3_600_000,
  /** Ours: older versions beyond this are forgotten before their hour is over. */
  retainedVersionsBytes: 64 * 1024 * 1024,
  targetsPerStream: 1000,
  nearestDocuments: 1000,
  vectorDimensions: 2048,
  /** 14 weeks. */
  backupRetentionMs: 8_467_200_000,
  defaultPageSize: 100,
  maxPageSize: 300,
  /** The part of a wrong name or path that a refusal repeats. */
  shownCharacters: 80,
} as const

const bytes = (text: string): number => Buffer.byteLength(text)

/** Source: https://firebase.google.com/docs/firestore/storage-size */
export function documentSize(path: string, fields: Fields): number {
  return nameSize(path) + fieldsSize(fields) + 32
}

export function nameSize(path: string): number {
  let size = 16
  for (const segment of path.split('/')) size += bytes(segment) + 1
  return size
}

function fieldsSize(fields: Fields): number {
  let size = 0
  for (const [name, value] of Object.entries(fields)) size += bytes(name) + 1 + valueSize(value)
  return size
}

export function valueSize(value: Value): number {
  if (value === null || typeof value === 'boolean') return 1
  if (typeof value === 'number') return 8
  if (typeof value === 'string') return bytes(value) + 1
  if (!isObject(value)) return value.reduce<number>((size, element) => size + valueSize(element), 0)
  if ('i' in value || 'd' in value || 't' in value) return 8
  if ('b' in value) return Buffer.byteLength(value.b, 'base64')
  // A reference is stored as the name of its document, whose database is implied.
  if ('r' in value) return nameSize(value.r.split('/documents/')[1] ?? value.r)
  if ('g' in value) return 16
  return fieldsSize(value.m)
}

/** How deep maps and arrays nest: a scalar is 0. */
export function depth(value: Value): number {
  if (value === null || typeof value !== 'object') return 0
  if (!isObject(value)) return 1 + value.reduce<number>((deepest, element) => Math.max(deepest, depth(element)), 0)
  if (!('m' in value)) return 0
  return 1 + Object.values(value.m).reduce<number>((deepest, element) => Math.max(deepest, depth(element)), 0)
}
