/** The documents of a service are in the collections that its description declares: indexes, lifetimes and the database follow from them. */

import type { StreamStore, Transaction } from './stream-store.ts'
import { isIndexed } from '../service/document-query.ts'
import type { DocumentStore } from '../service/platform.ts'
import type { Service } from '../service/service.ts'

/** The collection of the event streams, and that of their earlier commits: `platform.streams` alone reads and writes them. */
const STREAMS = 'streams'
const ofStreams: readonly string[] = [STREAMS, 'chunks']

interface Stores {
  readonly store: StreamStore
  readonly documents: DocumentStore<string>
}

/** The same stores, which throw an Error for a path outside the declared collections before they touch anything. */
export function declaredStores(
  { name, collections }: Pick<Service, 'name' | 'collections'>,
  { store, documents }: Stores,
): Stores {
  const refuse = (what: string, collection: string): never => {
    const declared = Object.keys(collections).filter((one) => !ofStreams.includes(one))
    throw new Error(
      `${name} ${what}, and its description declares ${declared.length === 0 ? 'no collection' : `the collections ${declared.join(', ')}`}: add ${collection} to its collections, or correct the path.`,
    )
  }
  const checked = (path: string): string => {
    const [collection = '', id = '', ...more] = path.split('/')
    if (id === '' || more.length > 0)
      throw new Error(
        `${name} uses the path "${path}", which is not of the form collection/id: make it with documentPath.`,
      )
    if (ofStreams.includes(collection))
      throw new Error(`${name} uses the document "${path}" of a stream: read it by platform.streams.`)
    return Object.hasOwn(collections, collection) ? path : refuse(`uses the document "${path}"`, collection)
  }
  const stream = (id: string): string =>
    Object.hasOwn(collections, STREAMS) ? id : refuse(`uses the stream "${id}"`, STREAMS)
  const inTransaction = (transaction: Transaction): Transaction => ({
    getAll: (paths) => transaction.getAll(paths.map(checked)),
    set: (path, value) => transaction.set(checked(path), value),
    delete: (path) => transaction.delete(checked(path)),
    append: transaction.append,
  })

  return {
    store: {
      async load(id, companion) {
        if (companion) checked(companion.path)
        return store.load(stream(id), companion)
      },
      async loadNew(id, companion) {
        if (companion !== undefined) checked(companion)
        return store.loadNew(stream(id), companion)
      },
      list: async (page) => {
        stream('any')
        return store.list(page)
      },
      recall: (id, isNew) => store.recall(stream(id), isNew),
      recallDocument: (path) => store.recallDocument(checked(path)),
      readDocuments: async (paths) => store.readDocuments(paths.map(checked)),
      earlierCommit: store.earlierCommit,
      append: async (appendTo, commit, beside) => {
        for (const { path } of beside?.documents ?? []) checked(path)
        return store.append(appendTo, commit, beside)
      },
      transact: async (id, work) =>
        store.transact(stream(id), (stored, transaction) => work(stored, inTransaction(transaction))),
    },
    documents: {
      get: async (path) => documents.get(checked(path)),
      getAll: async (paths) => documents.getAll(paths.map(checked)),
      update: async (path, change) => documents.update(checked(path), change),
      merge: async (path, fields, options) => documents.merge(checked(path), fields, options),
      create: async (path, fields) => documents.create(checked(path), fields),
      delete: async (path) => documents.delete(checked(path)),
      async query(query) {
        checked(`${query.from}/any`)
        if (!isIndexed(collections[query.from]!, query))
          throw new Error(
            `${name} queries ${query.from} by fields of which its description declares no index: make the query with documentQuery.`,
          )
        return documents.query(query)
      },
    },
  }
}
