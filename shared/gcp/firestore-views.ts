/** Read models on Firestore: plain documents, changed by read, change, write under a precondition. */

import type { Firestore } from '@google-cloud/firestore'
import { Unavailable } from '../errors.ts'
import type { Views } from '../platform.ts'

const TRIES = 10
const lostRace = new Set([5, 6, 9, 10])

export function firestoreViews(firestore: () => Promise<Firestore>, pause: (tried: number) => Promise<void>): Views {
  const getAll: Views['getAll'] = async (paths) => {
    if (paths.length === 0) return []
    const db = await firestore()
    const snapshots = await db.getAll(...paths.map((path) => db.doc(path)))
    return snapshots.map((snapshot) => snapshot.data())
  }
  return {
    getAll,
    get: async (path) => (await getAll([path]))[0],
    async update(path, change) {
      const reference = (await firestore()).doc(path)
      for (let tried = 1; tried <= TRIES; tried++) {
        const snapshot = await reference.get()
        const next = change(snapshot.data())
        if (next === undefined) return
        try {
          if (snapshot.updateTime) await reference.update(next, { lastUpdateTime: snapshot.updateTime })
          else await reference.create(next)
          return
        } catch (error) {
          if (!lostRace.has((error as { code: number }).code)) throw error
          await pause(tried)
        }
      }
      throw new Unavailable(`${path} was written to ${TRIES} times while it was changed.`)
    },
  }
}
