/** Documents on Firestore: plain values, changed by read, change, write under a precondition. */

import { Unavailable } from '../base/errors.ts'
import { type DocumentQuery, pageOf } from '../service/document-query.ts'
import type { Lifetimes } from '../service/lifetimes.ts'
import type { DocumentStore } from '../service/platform.ts'
import { creating, type FirestoreClient, replacing, type StructuredQuery } from './firestore-client.ts'
import { available, isAlreadyThere, isLostRace, unavailable } from './firestore-errors.ts'
import { fieldPath, leafPaths, toFields, toValue, type Value } from './firestore-values.ts'

/** Lost races in a row, after which the delivery is left to be repeated. */
const MAX_ATTEMPTS = 10

interface DocumentStoreParts {
  readonly firestore: () => Promise<FirestoreClient>
  readonly lifetimes: Lifetimes
  /** Waits before a lost race is run again. */
  readonly backoff: (attempt: number) => Promise<void>
}

export function firestoreDocuments({ firestore, lifetimes, backoff }: DocumentStoreParts): DocumentStore<string> {
  const getAll: DocumentStore<string>['getAll'] = async (paths) => {
    const client = await firestore()
    const documents = await available(() => client.getAll(paths))
    return documents.map((document) => lifetimes.written(document?.fields))
  }
  return {
    getAll,
    get: async (path) => (await getAll([path]))[0],
    async update(path, change) {
      const client = await firestore()
      const name = client.nameOf(path)
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const [current] = await available(() => client.getAll([path]))
        const changed = change(lifetimes.written(current?.fields))
        if (changed === undefined) return
        const next = lifetimes.stored(path, changed)
        try {
          await client.commit([current ? replacing(name, next, current.unchanged) : creating(name, next)])
          return
        } catch (error) {
          if (!isLostRace(error)) throw unavailable(error)
          await backoff(attempt)
        }
      }
      throw new Unavailable(`${path} was written to ${MAX_ATTEMPTS} times while it was changed.`)
    },
    async merge(path, fields, { raise = {} } = {}) {
      const client = await firestore()
      const written = lifetimes.stored(path, fields)
      const raised = Object.entries(raise).map(([name, least]) => ({
        fieldPath: fieldPath(name),
        maximum: toValue(least),
      }))
      await available(() =>
        client.commit([
          {
            update: { name: client.nameOf(path), fields: toFields(written) },
            updateMask: { fieldPaths: leafPaths(written) },
            updateTransforms: raised,
          },
        ]),
      )
    },
    async create(path, fields) {
      const client = await firestore()
      try {
        await client.commit([creating(client.nameOf(path), lifetimes.stored(path, fields))])
        return true
      } catch (error) {
        if (isAlreadyThere(error)) return false
        throw unavailable(error)
      }
    },
    async delete(path) {
      const client = await firestore()
      await available(() => client.commit([{ delete: client.nameOf(path) }]))
    },
    async query(query) {
      const client = await firestore()
      const found = await available(() => client.query('', structured(client, query)))
      return pageOf(
        query,
        found.map(({ id, fields }) => ({ id, fields: lifetimes.written(fields) })),
      )
    },
  }
}

/** The field of the protocol that stands for a document's id. */
const ID = { fieldPath: '__name__' }

/** The id decides between equal values, so that a position is that of one document. */
function structured(client: FirestoreClient, query: DocumentQuery): StructuredQuery {
  const { from, where, order, atLeast, below, limit, after, fields } = query
  const direction = order?.descending ? 'DESCENDING' : 'ASCENDING'
  const ordered = order && { fieldPath: fieldPath(order.field) }
  const filters = [
    ...Object.entries(where).map(([field, value]) => filter({ fieldPath: fieldPath(field) }, 'EQUAL', value)),
    ...(ordered && atLeast !== undefined ? [filter(ordered, 'GREATER_THAN_OR_EQUAL', atLeast)] : []),
    ...(ordered && below !== undefined ? [filter(ordered, 'LESS_THAN', below)] : []),
  ]
  const position: Value[] = after
    ? [...(order ? [toValue(after.value)] : []), { referenceValue: client.nameOf(`${from}/${after.id}`) }]
    : []
  // The position of the next page is made of the field by which the documents are ordered.
  const selected = fields && [...new Set([...fields, ...(order ? [order.field] : [])])]
  return {
    from: [{ collectionId: from }],
    ...(filters.length === 0 ? {} : { where: { compositeFilter: { op: 'AND', filters } } }),
    orderBy: [...(ordered ? [{ field: ordered, direction } as const] : []), { field: ID, direction } as const],
    ...(after ? { startAt: { values: position, before: false } } : {}),
    // A selection without a field would be all fields.
    ...(selected
      ? { select: { fields: selected.length === 0 ? [ID] : selected.map((name) => ({ fieldPath: fieldPath(name) })) } }
      : {}),
    limit: { value: limit },
  }
}

const filter = <Op extends 'EQUAL' | 'GREATER_THAN_OR_EQUAL' | 'LESS_THAN'>(
  field: { readonly fieldPath: string },
  op: Op,
  value: unknown,
) => ({ fieldFilter: { field, op, value: toValue(value) } })
