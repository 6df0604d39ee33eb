/** How long documents are kept: those of a collection with a lifetime carry the time after which Firestore deletes them. */

import { expiryField } from '../base/names.ts'
import type { Service } from './service.ts'

type Fields = Readonly<Record<string, unknown>>

/** The field is added when a document is written and removed when it is read: no service handles it. */
export interface Lifetimes {
  /** The fields of the document at this path as they are stored: its lifetime begins anew with each write. */
  stored(path: string, fields: Fields): Fields
  /** The fields as the service wrote them. */
  written<F extends Fields | undefined>(fields: F): F
}

const DAY_MS = 24 * 3_600_000

export function lifetimesOf(collections: Service['collections'], now: () => number): Lifetimes {
  return {
    stored(path, fields) {
      const { keptForDays } = collections[path.split('/', 1)[0]!] ?? {}
      return keptForDays === undefined ? fields : { ...fields, [expiryField]: new Date(now() + keptForDays * DAY_MS) }
    },
    written(fields) {
      if (fields === undefined || !(expiryField in fields)) return fields
      const { [expiryField]: _expiry, ...written } = fields
      return written as typeof fields
    },
  }
}
