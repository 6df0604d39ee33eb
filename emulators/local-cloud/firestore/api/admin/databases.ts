/** google.firestore.admin.v1.FirestoreAdmin: databases. */

import type { FirestoreCore } from '../../database.ts'
import { type Mask, maskPaths, protoTimeOfMicros, protoTime } from '../../../core/proto-values.ts'
import { alreadyExists, failedPrecondition, invalidArgument } from '../../../core/status.ts'
import { type DatabaseRecord, databaseMissing, requireDatabase } from '../../admin-state.ts'
import { operation } from './admin-messages.ts'
import { limits } from '../../values/limits.ts'
import { type DatabaseName, databaseNameOf, parseDatabaseName } from '../../values/paths.ts'

interface WireDatabase {
  readonly name?: string
  readonly locationId?: string
  readonly type?: string
  readonly concurrencyMode?: string
  readonly pointInTimeRecoveryEnablement?: string
  readonly appEngineIntegrationMode?: string
  readonly deleteProtectionState?: string
  readonly databaseEdition?: string
}

const PARENT = /^projects\/([^/]+)$/
const DATABASE_ID = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/
const UUID_LIKE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

interface CreateRequest {
  readonly parent?: string
  readonly databaseId?: string
  readonly database?: WireDatabase | null
}

/** @throws StatusError for an invalid id, and for one that a database has. */
export function newDatabaseName(core: FirestoreCore, { parent, databaseId = '' }: CreateRequest): DatabaseName {
  const name = { project: projectOf(parent), database: databaseId }
  checkDatabaseId(databaseId)
  if (core.admin.databases.has(databaseNameOf(name)))
    throw alreadyExists('Database already exists. Please use another database_id')
  return name
}

function createDatabase(core: FirestoreCore, request: CreateRequest): object {
  const name = newDatabaseName(core, request)
  const wire = request.database ?? {}
  if (!wire.locationId) throw invalidArgument('Database location_id is required, such as eur3 or europe-west1.')
  const micros = core.context.clock.now() * 1000
  const record: DatabaseRecord = {
    uid: core.context.newId(),
    locationId: wire.locationId,
    type: choose('type', wire.type, ['FIRESTORE_NATIVE']),
    concurrencyMode: choose('concurrency_mode', wire.concurrencyMode, concurrencyModes),
    pointInTimeRecoveryEnablement: choose(
      'point_in_time_recovery_enablement',
      wire.pointInTimeRecoveryEnablement,
      recovery,
    ),
    appEngineIntegrationMode: choose('app_engine_integration_mode', wire.appEngineIntegrationMode, [
      'DISABLED',
      'ENABLED',
    ]),
    deleteProtectionState: choose('delete_protection_state', wire.deleteProtectionState, protection),
    databaseEdition: choose('database_edition', wire.databaseEdition, ['STANDARD']),
    createMicros: micros,
    updateMicros: micros,
  }
  core.admin.databases.set(databaseNameOf(name), record)
  return operation(core, name, 'Database', encodeDatabase(name, record))
}

const concurrencyModes = ['PESSIMISTIC', 'OPTIMISTIC']
const recovery = ['POINT_IN_TIME_RECOVERY_DISABLED', 'POINT_IN_TIME_RECOVERY_ENABLED']
const protection = ['DELETE_PROTECTION_DISABLED', 'DELETE_PROTECTION_ENABLED']

/** The first one is the default. */
function choose(field: string, value: string | undefined, allowed: readonly string[]): string {
  if (!value || !isSpecified(value)) return allowed[0] as string
  if (!allowed.includes(value))
    throw invalidArgument(`Database ${field} "${value}" is not supported: use ${allowed.join(' or ')}.`)
  return value
}

const isSpecified = (value: string | undefined): boolean => !!value && !value.endsWith('_UNSPECIFIED')

export function projectOf(parent: string | undefined): string {
  const match = PARENT.exec(parent ?? '')
  if (!match) throw invalidArgument(`Invalid parent "${parent}": expected projects/{project}.`)
  return match[1] as string
}

function checkDatabaseId(id: string): void {
  if (id === '(default)') return
  const { minDatabaseIdLength: shortest, maxDatabaseIdLength: longest } = limits
  if (id.length < shortest || id.length > longest || !DATABASE_ID.test(id) || UUID_LIKE.test(id)) {
    throw invalidArgument(
      `Invalid database_id "${id}". It must be (default), or ${shortest} to ${longest} lower-case letters, digits and hyphens that begin with a letter and end with a letter or digit, and no UUID.`,
    )
  }
}

export function encodeDatabase(name: DatabaseName, record: DatabaseRecord): object {
  const { createMicros, updateMicros, ...settings } = record
  const retentionSeconds = record.pointInTimeRecoveryEnablement === 'POINT_IN_TIME_RECOVERY_ENABLED' ? 604_800 : 3600
  return {
    name: databaseNameOf(name),
    ...settings,
    createTime: protoTimeOfMicros(createMicros),
    updateTime: protoTimeOfMicros(updateMicros),
    versionRetentionPeriod: protoTime(retentionSeconds * 1000),
    etag: Buffer.from(String(updateMicros)).toString('base64url'),
  }
}

function getDatabase(core: FirestoreCore, request: { readonly name?: string }): object {
  const name = parseDatabaseName(request.name ?? '')
  return encodeDatabase(name, requireDatabase(core.admin, name))
}

function listDatabases(core: FirestoreCore, request: { readonly parent?: string }): object {
  const project = projectOf(request.parent)
  const databases: object[] = []
  for (const [key, record] of core.admin.databases.entries()) {
    const name = parseDatabaseName(key)
    if (name.project === project) databases.push(encodeDatabase(name, record))
  }
  return { databases }
}

interface UpdateRequest {
  readonly database?: WireDatabase | null
  readonly updateMask?: Mask
}

const updatable = {
  concurrencyMode: concurrencyModes,
  pointInTimeRecoveryEnablement: recovery,
  appEngineIntegrationMode: ['DISABLED', 'ENABLED'],
  deleteProtectionState: protection,
  type: ['FIRESTORE_NATIVE'],
} as const

function updateDatabase(core: FirestoreCore, request: UpdateRequest): object {
  const wire = request.database ?? {}
  const name = parseDatabaseName(wire.name ?? '')
  const record = requireDatabase(core.admin, name)
  const mask = maskPaths(request.updateMask)
  const changes: Record<string, string> = {}
  for (const field of mask.length > 0 ? mask : Object.keys(updatable)) {
    const given = wire[field as keyof WireDatabase]
    if (Object.hasOwn(updatable, field)) {
      if (mask.length > 0 || isSpecified(given))
        changes[field] = choose(field, given, updatable[field as keyof typeof updatable])
    } else if (given !== undefined && given !== record[field as keyof DatabaseRecord]) {
      throw invalidArgument(`Field ${field} of database "${databaseNameOf(name)}" cannot be changed.`)
    }
  }
  const updated = { ...record, ...changes, updateMicros: core.context.clock.now() * 1000 }
  core.admin.databases.set(databaseNameOf(name), updated)
  return operation(core, name, 'Database', encodeDatabase(name, updated))
}

function deleteDatabase(core: FirestoreCore, request: { readonly name?: string }): object {
  const name = parseDatabaseName(request.name ?? '')
  const key = databaseNameOf(name)
  const record = core.admin.databases.get(key)
  if (!record) throw databaseMissing(core.admin, name)
  if (record.deleteProtectionState === 'DELETE_PROTECTION_ENABLED') {
    throw failedPrecondition(
      `Database "${key}" has delete protection enabled: disable it before deleting the database.`,
    )
  }
  core.forget(name)
  // Its backups stay until their retention is over.
  for (const table of [core.admin.indexes, core.admin.fields, core.admin.schedules]) {
    for (const one of table.keys()) if (one.startsWith(`${key}/`)) table.delete(one)
  }
  core.admin.databases.delete(key)
  core.backups.start()
  return operation(core, name, 'Database', encodeDatabase(name, record))
}

/** By their names in the API. */
export const databaseMethods = { createDatabase, getDatabase, listDatabases, updateDatabase, deleteDatabase }
