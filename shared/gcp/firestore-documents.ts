/** Documents on Firestore: plain values, changed by read, change, write under a precondition. */

import type { DocumentReference, FieldPath, Firestore, Precondition, Timestamp } from '@google-cloud/firestore'
import { Unavailable } from '../base/errors.ts'
import type { Lifetimes } from '../service/lifetimes.ts'
import type { DocumentStore } from '../service/platform.ts'
import { available, isAlreadyThere, isLostRace, unavailable } from './firestore-errors.ts'

/** Lost races in a row, after which the delivery is left to be repeated. */
const MAX_ATTEMPTS = 10

interface DocumentStoreParts {
  readonly firestore: () => Promise<Firestore>
  readonly lifetimes: Lifetimes
  /** Waits before a lost race is run again. */
  readonly backoff: (attempt: number) => Promise<void>
}

export function firestoreDocuments({ firestore, lifetimes, backoff }: DocumentStoreParts): DocumentStore<string> {
  const getAll: DocumentStore<string>['getAll'] = async (paths) => {
    if (paths.length === 0) return []
    const db = await firestore()
    const snapshots = await available(() => db.getAll(...paths.map((path) => db.doc(path))))
    return snapshots.map((snapshot) => lifetimes.written(snapshot.data()))
  }
  return {
    getAll,
    get: async (path) => (await getAll([path]))[0],
    async update(path, change) {
      const reference = (await firestore()).doc(path)
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const snapshot = await available(() => reference.get())
        const current = snapshot.data()
        const changed = change(lifetimes.written(current))
        if (changed === undefined) return
        const next = lifetimes.stored(path, changed)
        try {
          await (current ? replace(reference, current, next, snapshot.updateTime!) : reference.create(next))
          return
        } catch (error) {
          if (!isLostRace(error)) throw unavailable(error)
          await backoff(attempt)
        }
      }
      throw new Unavailable(`${path} was written to ${MAX_ATTEMPTS} times while it was changed.`)
    },
    async merge(path, fields) {
      const reference = (await firestore()).doc(path)
      await available(() => reference.set(lifetimes.stored(path, fields), { merge: true }))
    },
    async create(path, fields) {
      const reference = (await firestore()).doc(path)
      try {
        await reference.create(lifetimes.stored(path, fields))
        return true
      } catch (error) {
        if (isAlreadyThere(error)) return false
        throw unavailable(error)
      }
    },
  }
}

type Fields = Readonly<Record<string, unknown>>

async function replace(
  reference: DocumentReference,
  current: Fields,
  next: Fields,
  updateTime: Timestamp,
): Promise<void> {
  const [field, value, ...rest] = await replacement(current, next)
  const precondition: Precondition = { lastUpdateTime: updateTime }
  await reference.update(field, value, ...rest, precondition)
}

/**
 * The arguments of an update that puts `next` in place of `current`, neither of them empty. The client has no `set` under
 * a precondition: every field is named, so that a field that `next` lacks is deleted, and a dot in a name is no path.
 */
export async function replacement(current: Fields, next: Fields): Promise<[FieldPath, unknown, ...unknown[]]> {
  const { FieldPath, FieldValue } = await import('@google-cloud/firestore')
  const gone = Object.keys(current).filter((name) => !(name in next))
  const [first, ...rest] = [...Object.entries(next), ...gone.map((name) => [name, FieldValue.delete()] as const)]
  if (!first) throw new Error('A document without fields can not be replaced by another.')
  return [new FieldPath(first[0]), first[1], ...rest.flatMap(([name, value]) => [new FieldPath(name), value])]
}
