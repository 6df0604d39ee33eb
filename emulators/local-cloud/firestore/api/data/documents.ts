/** google.firestore.v1.Firestore: single documents and lists of them. */

import type { Database, FirestoreCore } from '../../database.ts'
import type { Document } from '../../documents/document-table.ts'
import type { RequestContext } from '../../../core/service.ts'
import { pageSizeOf } from '../../../core/api/page.ts'
import { protoTimeOfMicros } from '../../../core/proto-values.ts'
import { invalidArgument, notFound } from '../../../core/status.ts'
import { commitWrites } from '../../writes/commit.ts'
import { project } from '../../values/field-access.ts'
import { limits } from '../../values/limits.ts'
import {
  type FieldPath,
  checkDocumentId,
  checkId,
  databaseNameOf,
  parseDatabaseName,
  parseDocumentName,
  parseFieldPath,
  parseParent,
} from '../../values/paths.ts'
import { type Query, type WireQuery, parseQuery } from '../../query/query.ts'
import { type WireConsistency, countQueryReads, readDocuments, readQuery, viewOf, within } from './consistent-reads.ts'
import { comparePaths } from '../../values/firestore-value.ts'
import { type WireFields, encodeFields } from '../../values/proto-codec.ts'
import { type WireWrite, parseWrite } from '../../writes/writes.ts'

interface WireMask {
  readonly fieldPaths?: readonly string[]
}
interface WireDocument {
  readonly name?: string
  readonly fields?: WireFields
}

export const parseMask = (mask: WireMask | null | undefined): FieldPath[] | undefined =>
  mask ? (mask.fieldPaths ?? []).map(parseFieldPath) : undefined

export function encodeDocument({ prefix }: Database, document: Document, mask?: readonly FieldPath[]): object {
  return {
    name: prefix + document.path,
    fields: encodeFields(mask ? project(document.f, mask) : document.f),
    createTime: protoTimeOfMicros(document.c),
    updateTime: protoTimeOfMicros(document.u),
  }
}

interface GetRequest extends WireConsistency {
  readonly name?: string
  readonly mask?: WireMask | null
}

async function getDocument(core: FirestoreCore, request: GetRequest, caller: RequestContext): Promise<object> {
  const name = request.name ?? ''
  const parsed = parseDocumentName(name)
  const database = core.database(parsed)
  const view = viewOf(database, request)
  const [document] = await within(database, view, () => readDocuments(database, view, [parsed.path], caller))
  if (!document) throw notFound(`Document "${name}" not found.`)
  return encodeDocument(database, document, parseMask(request.mask))
}

interface BatchGetRequest extends WireConsistency {
  readonly database?: string
  readonly documents?: readonly string[]
  readonly mask?: WireMask | null
}

/** Each document once, in the order asked for. A transaction that it begins is answered first. */
async function batchGetDocuments(
  core: FirestoreCore,
  request: BatchGetRequest,
  write: (response: unknown) => void,
  caller: RequestContext,
): Promise<void> {
  const name = parseDatabaseName(request.database ?? '')
  const database = core.database(name)
  const paths = [...new Set(request.documents ?? [])].map((document) => {
    const parsed = parseDocumentName(document)
    if (databaseNameOf(parsed) === databaseNameOf(name)) return parsed.path
    throw invalidArgument(`Document "${document}" is not in database "${request.database}".`)
  })
  const mask = parseMask(request.mask)
  const view = viewOf(database, request)
  if (view.isNew && view.transaction) write({ transaction: view.transaction.id })
  const documents = await within(database, view, () => readDocuments(database, view, paths, caller))
  const readTime = protoTimeOfMicros(view.atMicros ?? database.store.readTime())
  for (const [at, document] of documents.entries()) {
    if (document) write({ found: encodeDocument(database, document, mask), readTime })
    else write({ missing: database.prefix + paths[at], readTime })
    const read = caller.drained?.()
    if (read) await read
  }
}

interface CreateRequest {
  readonly parent?: string
  readonly collectionId?: string
  readonly documentId?: string
  readonly document?: WireDocument | null
  readonly mask?: WireMask | null
}

const ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const ID_LENGTH = 20

async function createDocument(core: FirestoreCore, request: CreateRequest, context: RequestContext): Promise<object> {
  const parent = parseParent(request.parent ?? '')
  checkId(request.collectionId ?? '')
  const letter = (): string => ID_LETTERS[Math.floor(core.context.random() * ID_LETTERS.length)] as string
  const id = request.documentId || Array.from({ length: ID_LENGTH }, letter).join('')
  checkDocumentId(id)
  const name = `${request.parent}/${request.collectionId}/${id}`
  const write = { update: { ...request.document, name }, currentDocument: { exists: false } }
  return writeOne(core.database(parent), write, request.mask, context)
}

interface UpdateRequest {
  readonly document?: WireDocument | null
  readonly updateMask?: WireMask | null
  readonly mask?: WireMask | null
  readonly currentDocument?: WireWrite['currentDocument']
}

async function updateDocument(core: FirestoreCore, request: UpdateRequest, context: RequestContext): Promise<object> {
  const database = core.database(parseDocumentName(request.document?.name ?? ''))
  const { updateMask = null, currentDocument = null } = request
  const write = { update: request.document ?? null, updateMask, currentDocument }
  return writeOne(database, write, request.mask, context)
}

async function writeOne(
  database: Database,
  wire: WireWrite,
  mask: WireMask | null | undefined,
  caller: RequestContext,
): Promise<object> {
  const write = parseWrite(wire, database.name)
  await commitWrites(database, [write], caller)
  return encodeDocument(database, database.store.get(write.path) as Document, parseMask(mask))
}

interface DeleteRequest {
  readonly name?: string
  readonly currentDocument?: WireWrite['currentDocument']
}

async function deleteDocument(core: FirestoreCore, request: DeleteRequest, caller: RequestContext): Promise<object> {
  const database = core.database(parseDocumentName(request.name ?? ''))
  const { name = '', currentDocument = null } = request
  await commitWrites(database, [parseWrite({ delete: name, currentDocument }, database.name)], caller)
  return {}
}

interface ListRequest extends WireConsistency {
  readonly parent?: string
  readonly collectionId?: string
  readonly pageSize?: number
  readonly pageToken?: string
  readonly orderBy?: string
  readonly mask?: WireMask | null
  readonly showMissing?: boolean
}

async function listDocuments(core: FirestoreCore, request: ListRequest, caller: RequestContext): Promise<object> {
  const parent = parseParent(request.parent ?? '')
  const database = core.database(parent)
  const query = parseQuery(
    {
      from: [{ collectionId: request.collectionId ?? '', allDescendants: false }],
      orderBy: parseOrderBy(request.orderBy),
    },
    parent.path,
    database.prefix,
  )
  database.checkIndex(query, [])
  const view = viewOf(database, request)
  const found = await within(database, view, () => readQuery(database, view, query, caller))
  const all = request.showMissing ? withMissing(database, query, found.documents) : found.documents
  const start = request.pageToken ? startOf(request.pageToken, all) : 0
  const size = pageSizeOf(request, limits.maxPageSize, limits.defaultPageSize)
  const page = all.slice(start, start + size)
  countQueryReads(database, { documents: page, skipped: 0 })
  const mask = parseMask(request.mask)
  return {
    documents: page.map((one) =>
      one.u === 0 ? { name: database.prefix + one.path } : encodeDocument(database, one, mask),
    ),
    nextPageToken: start + size < all.length ? tokenOf(page.at(-1) as Document, start + size) : '',
  }
}

/** A document that does not exist has no time: it is listed by its name alone. */
function withMissing({ store }: Database, { scope }: Query, documents: readonly Document[]): Document[] {
  const missing = store.missing(scope.parent, scope.collectionId).map((path) => ({ path, f: {}, c: 0, u: 0 }))
  return [...documents, ...missing].toSorted((left, right) => comparePaths(left.path, right.path))
}

/** The last document of the page, with its position in case it is deleted before the next page. */
const tokenOf = ({ path }: Document, next: number): string =>
  Buffer.from(JSON.stringify([path, next])).toString('base64url')

function startOf(token: string, all: readonly Document[]): number {
  try {
    const [path, next] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [string, number]
    const at = all.findIndex((document) => document.path === path)
    return at < 0 ? next : at + 1
  } catch {
    throw invalidArgument(`Page token "${token}" is not one that listDocuments gave.`)
  }
}

/** `priority desc, __name__ desc`. */
function parseOrderBy(text: string | undefined): NonNullable<WireQuery['orderBy']> {
  if (!text) return []
  return text.split(',').map((one) => {
    const [fieldPath = '', direction = 'asc'] = one.trim().split(/\s+/)
    return { field: { fieldPath }, direction: direction.toLowerCase() === 'desc' ? 'DESCENDING' : 'ASCENDING' }
  })
}

interface CollectionIdsRequest extends WireConsistency {
  readonly parent?: string
  readonly pageSize?: number
  readonly pageToken?: string
}

function listCollectionIds(core: FirestoreCore, request: CollectionIdsRequest): object {
  const parent = parseParent(request.parent ?? '')
  const database = core.database(parent)
  const after = request.pageToken ?? ''
  const ids = database.store
    .collectionIds(parent.path)
    .toSorted()
    .filter((id) => id > after)
  const page = ids.slice(0, pageSizeOf(request, limits.maxPageSize, limits.defaultPageSize))
  database.count('documentReads', 1)
  database.count('readUnits', 1)
  return { collectionIds: page, nextPageToken: page.length < ids.length ? page.at(-1) : '' }
}

/** By their names in the API. */
export const documentMethods = {
  getDocument,
  listDocuments,
  createDocument,
  updateDocument,
  deleteDocument,
  listCollectionIds,
}

/** The methods that answer with a stream. */
export const documentStreams = { batchGetDocuments }
