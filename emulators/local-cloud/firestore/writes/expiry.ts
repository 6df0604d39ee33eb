/** Deletes documents whose TTL field has passed: within the hour, where Google promises a day. */

import type { Timer } from '../../core/clock.ts'
import { protoTimeOfMicros } from '../../core/proto-values.ts'
import { StatusError } from '../../core/status.ts'
import { commitWrites } from './commit.ts'
import type { Database, Expiry, FirestoreCore } from '../database.ts'
import { getField } from '../values/field-access.ts'
import { type FieldPath, parseDatabaseName, parseFieldPath } from '../values/paths.ts'
import { isObject } from '../values/firestore-value.ts'
import { parseWrite } from './writes.ts'

const EVERY_MS = 3_600_000

interface Policy {
  readonly database: Database
  readonly collectionId: string
  readonly field: FieldPath
}

export function createExpiry(core: FirestoreCore): Expiry {
  const { clock } = core.context
  let timer: Timer | undefined = undefined

  const start = (): void => {
    if (timer || policies(core).length === 0) return
    timer = clock.at(clock.now() + EVERY_MS, () => {
      timer = undefined
      for (const policy of policies(core)) {
        expire(policy, clock.now()).catch((error: unknown) =>
          console.error(
            `Documents of ${policy.collectionId} could not be expired, the next attempt is in an hour:`,
            error,
          ),
        )
      }
      start()
    })
  }
  return {
    start,
    stop() {
      timer?.cancel()
      timer = undefined
    },
  }
}

const TTL_FIELD = /^(projects\/[^/]+\/databases\/[^/]+)\/collectionGroups\/([^/]+)\/fields\/(.+)$/s

function policies(core: FirestoreCore): Policy[] {
  const found: Policy[] = []
  for (const [name, { ttl }] of core.admin.fields.entries()) {
    const match = ttl && TTL_FIELD.exec(name)
    if (!match) continue
    const [, database, collectionId, path] = match as unknown as [string, string, string, string]
    found.push({ database: core.database(parseDatabaseName(database)), collectionId, field: parseFieldPath(path) })
  }
  return found
}

async function expire({ database, collectionId, field }: Policy, nowMs: number): Promise<void> {
  const scope = { parent: '', collectionId, allDescendants: true }
  const past = [...database.store.scan(scope)].filter(({ f }) => {
    const value = getField(f, field)
    return value !== undefined && isObject(value) && 't' in value && value.t * 1000 + value.u / 1000 <= nowMs
  })
  for (const { path, u } of past) {
    const currentDocument = { updateTime: protoTimeOfMicros(u) }
    const write = parseWrite({ delete: database.prefix + path, currentDocument }, database.name)
    try {
      await commitWrites(database, [write], new AbortController())
    } catch (error) {
      // It was changed or is locked: the next round deletes it, if it is still due.
      if (!(error instanceof StatusError)) throw error
    }
  }
}
