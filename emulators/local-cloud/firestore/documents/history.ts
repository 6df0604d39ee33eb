/** Earlier versions of documents, for reads at a past time. */

import type { Document } from './document-table.ts'
import type { Clock } from '../../core/clock.ts'
import { failedPrecondition, invalidArgument } from '../../core/status.ts'
import { documentSize, limits } from '../values/limits.ts'

export interface History {
  add(path: string, before: Document | undefined, atMicros: number): void
  /** The document of that path as it was at that time, or `current` when it has not changed since. */
  at(path: string, atMicros: number, current: Document | undefined): Document | undefined
  /** The documents that differed at that time from the present ones, by path: for queries. */
  differences(atMicros: number): Map<string, Document | undefined>
  /** Refuses a read time whose versions are gone. */
  check(atMicros: number, nowMicros: number): void
}

interface Version {
  readonly atMicros: number
  readonly path: string
  readonly before: Document | undefined
  readonly bytes: number
  /** Of the same path. */
  earlier: Version | undefined
  later: Version | undefined
}

/** Forgotten versions stay in the array until they are this many, so that it is not moved for each commit. */
const COMPACT_ABOVE = 1000
/** The memory of a version besides its document. */
const VERSION_BYTES = 200

/** Nothing is known of the time before `oldestMicros`. */
export function createHistory(clock: Clock, oldestMicros: number): History {
  let versions: Version[] = []
  const newest = new Map<string, Version>()
  let forgotten = 0
  let bytes = 0
  let oldest = oldestMicros

  const firstKeptMicros = (): number => (clock.now() - limits.versionRetentionMs) * 1000

  function forget(): void {
    for (; forgotten < versions.length; forgotten++) {
      const version = versions[forgotten]!
      if (version.atMicros >= firstKeptMicros() && bytes <= limits.retainedVersionsBytes) break
      bytes -= version.bytes
      if (version.later) version.later.earlier = undefined
      else newest.delete(version.path)
      oldest = Math.max(oldest, version.atMicros)
    }
    if (forgotten < COMPACT_ABOVE) return
    versions = versions.slice(forgotten)
    forgotten = 0
  }

  return {
    add(path, before, atMicros) {
      const size = VERSION_BYTES + (before ? documentSize(path, before.f) : 0)
      const earlier = newest.get(path)
      const version: Version = { atMicros, path, before, bytes: size, earlier, later: undefined }
      if (earlier) earlier.later = version
      newest.set(path, version)
      versions.push(version)
      bytes += size
      forget()
    },
    at(path, atMicros, current) {
      let document = current
      for (let version = newest.get(path); version && version.atMicros > atMicros; version = version.earlier)
        document = version.before
      return document
    },
    differences(atMicros) {
      const earlier = new Map<string, Document | undefined>()
      for (let at = versions.length - 1; at >= forgotten; at--) {
        const version = versions[at]!
        if (version.atMicros <= atMicros) break
        earlier.set(version.path, version.before)
      }
      return earlier
    },
    check(atMicros, nowMicros) {
      if (atMicros > nowMicros) throw invalidArgument('The read_time cannot be in the future.')
      if (atMicros < oldest || atMicros < firstKeptMicros()) {
        throw failedPrecondition('The requested snapshot version is too old.')
      }
    },
  }
}
