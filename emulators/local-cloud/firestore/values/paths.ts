/** Resource names and field paths: their syntax, and Google's errors for invalid ones. */

import { invalidArgument } from '../../core/status.ts'
import { limits } from './limits.ts'
import { numericId } from './numeric-id.ts'

export interface DatabaseName {
  readonly project: string
  readonly database: string
}

export interface DocumentName extends DatabaseName {
  /** Relative to the database: `rooms/1/beds/2`. Empty for the root. */
  readonly path: string
}

const DATABASE = /^projects\/([^/]+)\/databases\/([^/]+)$/
const DOCUMENTS = /^projects\/([^/]+)\/databases\/([^/]+)\/documents(?:\/(.+))?$/s

export const databaseNameOf = ({ project, database }: DatabaseName): string =>
  `projects/${project}/databases/${database}`

/** The prefix of the names of its documents. */
export const documentPrefix = (name: DatabaseName): string => `${databaseNameOf(name)}/documents/`

export function parseDatabaseName(name: string): DatabaseName {
  const match = DATABASE.exec(name)
  if (!match)
    throw invalidArgument(`Invalid resource name "${name}": expected projects/{project}/databases/{database}.`)
  return { project: match[1] as string, database: match[2] as string }
}

/** A document, or the root above all of them (`…/documents`): the start of a query or a list. */
export function parseParent(name: string): DocumentName {
  const match = DOCUMENTS.exec(name)
  if (!match) {
    throw invalidArgument(
      `Invalid resource name "${name}": expected projects/{project}/databases/{database}/documents, or a document in it.`,
    )
  }
  const path = match[3] ?? ''
  if (path !== '') checkPath(name, path)
  return { project: match[1] as string, database: match[2] as string, path }
}

export function parseDocumentName(name: string): DocumentName {
  const parsed = parseParent(name)
  if (parsed.path === '') throw invalidArgument(`Document name "${name}" has no collection and document id.`)
  return parsed
}

function checkPath(name: string, path: string): void {
  const segments = path.split('/')
  if (segments.length % 2 !== 0) {
    throw invalidArgument(
      `Document name "${name}" has invalid trailing collection: documents have an even number of segments.`,
    )
  }
  if (Buffer.byteLength(path) > limits.nameBytes) {
    throw invalidArgument(
      `Document name "${name.slice(0, limits.shownCharacters)}…" is longer than ${limits.nameBytes} bytes.`,
    )
  }
  for (const [at, segment] of segments.entries()) {
    if (at % 2 === 1) checkDocumentId(segment)
    else checkId(segment)
  }
}

/** As other ids, except that numeric ones are taken though reserved. */
export function checkDocumentId(id: string): void {
  if (numericId(id) === undefined) checkId(id)
}

/** Collection and document ids: valid UTF-8 without `/`, not `.`, `..` or `__.*__`, at most 1,500 bytes. */
export function checkId(id: string): void {
  if (id === '')
    throw invalidArgument('Resource id is empty: every segment of a name must have at least one character.')
  if (id === '.' || id === '..' || id.includes('/')) throw invalidArgument(`Resource id "${id}" is invalid.`)
  if (/^__.*__$/s.test(id)) throw invalidArgument(`Resource id "${id}" is invalid because it is reserved.`)
  if (Buffer.byteLength(id) > limits.idBytes) {
    throw invalidArgument(
      `Resource id "${id.slice(0, limits.shownCharacters)}…" is longer than ${limits.idBytes} bytes.`,
    )
  }
}

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))
export const idOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

export type FieldPath = readonly string[]

export const NAME_FIELD: FieldPath = ['__name__']
export const isNameField = (path: FieldPath): boolean => path.length === 1 && path[0] === '__name__'

const SIMPLE = /^[a-zA-Z_][a-zA-Z_0-9]*$/

/** `a.b`, with segments that are no plain identifiers in backticks: a.`b-c`. */
export function parseFieldPath(text: string): FieldPath {
  if (SIMPLE.test(text)) return checked([text], text)
  const segments: string[] = []
  const token = /`((?:[^`\\]|\\.)*)`|([a-zA-Z_][a-zA-Z_0-9]*)/sy
  let at = 0
  for (;;) {
    token.lastIndex = at
    const match = token.exec(text)
    const segment = match?.[1]?.replace(/\\(.)/gs, '$1') ?? match?.[2]
    if (!match || segment === undefined || segment === '') throw invalidFieldPath(text)
    segments.push(segment)
    at = token.lastIndex
    if (at === text.length) return checked(segments, text)
    if (text[at] !== '.') throw invalidFieldPath(text)
    at += 1
  }
}

/** Without the backticks. Code that walks a path may recurse, so its length is limited as a depth. */
function checked(segments: readonly string[], text: string): FieldPath {
  const bytes = segments.reduce((sum, segment) => sum + Buffer.byteLength(segment) + 1, -1)
  if (bytes <= limits.fieldPathBytes) return segments
  throw invalidArgument(
    `Property path "${text.slice(0, limits.shownCharacters)}…" is longer than ${limits.fieldPathBytes} bytes.`,
  )
}

const invalidFieldPath = (text: string): Error =>
  invalidArgument(
    `Invalid property path "${text.slice(0, limits.shownCharacters)}". Unquoted segments match [a-zA-Z_][a-zA-Z_0-9]*; quote others with backticks.`,
  )

export const formatFieldPath = (path: FieldPath): string =>
  path.map((one) => (SIMPLE.test(one) ? one : `\`${one.replace(/[`\\]/g, String.raw`\$&`)}\``)).join('.')
