/** Secrets, their versions and values. A value is in a table of its own, so that nothing which shows a version can show it. */

import type { Table } from '../core/journal.ts'
import type { CloudContext } from '../core/plugin.ts'
import { failedPrecondition, notFound } from '../core/status.ts'
import { checkSecretName, checkVersionName, isNumber, LATEST } from './values/names.ts'
import type { SecretRecord, VersionRecord } from './values/records.ts'

export interface SecretManagerState {
  readonly context: CloudContext
  readonly secrets: Table<SecretRecord>
  readonly versions: Table<VersionRecord>
  /** Name of a version → its value in Base64. Destroyed versions have none. */
  readonly values: Table<string>
  newEtag(): string
  /** @throws StatusError INVALID_ARGUMENT, NOT_FOUND */
  secretOf(name: string): SecretRecord
  /** By number, alias or `latest`. @throws StatusError INVALID_ARGUMENT, NOT_FOUND */
  versionOf(name: string): VersionRecord
  /** Newest first. */
  versionsIn(secret: SecretRecord): VersionRecord[]
  /** @throws StatusError INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION for a version that is not enabled */
  valueOf(name: string): { readonly version: VersionRecord; readonly value: Buffer }
}

export function createState(context: CloudContext): SecretManagerState {
  const { journal, project } = context
  const secrets = journal.table<SecretRecord>('secret-manager/secrets')
  const versions = journal.table<VersionRecord>('secret-manager/versions')
  const values = journal.table<string>('secret-manager/values')

  const secretOf = (name: string): SecretRecord => {
    const kept = checkSecretName(name, project)
    const found = secrets.get(kept)
    if (!found) throw notFound(`Secret [${kept}] not found.`)
    return found
  }
  const versionOf = (name: string): VersionRecord => {
    const { secret, version } = checkVersionName(name, project)
    const { aliases, lastVersion, name: kept } = secretOf(secret)
    if (version === LATEST && lastVersion === 0) throw notFound(`Secret [${kept}] not found or has no versions.`)
    const number = version === LATEST ? String(lastVersion) : isNumber(version) ? version : aliases[version]
    const found = number === undefined ? undefined : versions.get(`${kept}/versions/${number}`)
    if (!found) throw notFound(`Secret Version [${kept}/versions/${version}] not found.`)
    return found
  }
  return {
    context,
    secrets,
    versions,
    values,
    // By AIP-154 the quotes are part of it.
    newEtag: () => `"${context.newId()}"`,
    secretOf,
    versionOf,
    versionsIn: ({ name, lastVersion }) =>
      Array.from({ length: lastVersion }, (_, index) => versions.get(`${name}/versions/${lastVersion - index}`)!),
    valueOf(name) {
      const version = versionOf(name)
      if (version.state !== 'ENABLED')
        throw failedPrecondition(`Secret Version [${version.name}] is in ${version.state} state.`)
      return { version, value: Buffer.from(values.get(version.name)!, 'base64') }
    },
  }
}

/** @throws FAILED_PRECONDITION for an etag that is no longer that of the resource. https://cloud.google.com/secret-manager/docs/etags */
export function checkEtag(sent: string | undefined, { name, etag }: { readonly name: string; readonly etag: string }) {
  if (sent && sent !== etag)
    throw failedPrecondition(`The etag ${sent} does not match that of [${name}], which is ${etag}: read it again.`)
}
