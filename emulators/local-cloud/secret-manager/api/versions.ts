/** Versions of a secret: add, access, get, list, enable, disable, destroy. */

import { bytesOf, protoTime } from '../../core/proto-values.ts'
import { failedPrecondition, invalidArgument } from '../../core/status.ts'
import { checkEtag, type SecretManagerState } from '../state.ts'
import { crc32c } from '../values/crc32c.ts'
import { limits } from '../values/limits.ts'
import { answeredName } from '../values/names.ts'
import type { SecretRecord, VersionRecord } from '../values/records.ts'
import { type ListRequest, page } from './paging.ts'

interface WirePayload {
  readonly data?: Uint8Array | null
  /** A 64-bit integer, as text; absent unless the client sent it. */
  readonly dataCrc32c?: string
}
interface VersionRequest {
  readonly name?: string
  readonly etag?: string
}

/** By their names in the API. */
export function versionMethods(state: SecretManagerState) {
  const { context, secrets, versions, values } = state
  const { project, clock } = context
  const shown = (version: VersionRecord): object => ({
    name: answeredName(version.name, project),
    createTime: protoTime(version.createdAtMs),
    ...(version.destroyedAtMs === undefined ? {} : { destroyTime: protoTime(version.destroyedAtMs) }),
    state: version.state,
    replicationStatus: replicationStatus(secrets.get(version.name.split('/versions/')[0]!)!),
    etag: version.etag,
    clientSpecifiedPayloadChecksum: version.hasClientChecksum,
  })
  /** A request that changes nothing makes a new etag all the same. */
  const changed = (version: VersionRecord, change: Partial<VersionRecord>): object => {
    const next = { ...version, ...change, etag: state.newEtag() }
    versions.set(version.name, next)
    return shown(next)
  }
  const living = ({ name = '', etag }: VersionRequest): VersionRecord => {
    const version = state.versionOf(name)
    checkEtag(etag, version)
    if (version.state === 'DESTROYED') throw failedPrecondition(`Secret Version [${version.name}] is destroyed.`)
    return version
  }
  return {
    addSecretVersion({ parent = '', payload }: { parent?: string; payload?: WirePayload | null }) {
      const secret = state.secretOf(parent)
      const value = bytesOf(payload?.data)
      if (value.length === 0) throw invalidArgument('Secret Payload cannot be empty.')
      if (value.length > limits.payloadBytes)
        throw invalidArgument(
          `The value for [payload.data] has ${value.length} bytes, at most ${limits.payloadBytes} are allowed.`,
        )
      checkSum(value, payload?.dataCrc32c)
      const lastVersion = secret.lastVersion + 1
      const version: VersionRecord = {
        name: `${secret.name}/versions/${lastVersion}`,
        state: 'ENABLED',
        createdAtMs: clock.now(),
        hasClientChecksum: payload?.dataCrc32c !== undefined,
        etag: state.newEtag(),
      }
      values.set(version.name, value.toString('base64'))
      versions.set(version.name, version)
      // Another version does not change the etag of its secret.
      secrets.set(secret.name, { ...secret, lastVersion })
      return shown(version)
    },
    accessSecretVersion({ name = '' }: { name?: string }) {
      const { version, value } = state.valueOf(name)
      context.count('secrets.accesses')
      return {
        name: answeredName(version.name, project),
        payload: { data: value, dataCrc32c: String(crc32c(value)) },
      }
    },
    getSecretVersion: ({ name = '' }: { name?: string }) => shown(state.versionOf(name)),
    listSecretVersions(request: ListRequest) {
      const { items, ...rest } = page(state.versionsIn(state.secretOf(request.parent ?? '')), request)
      return { ...rest, versions: items.map(shown) }
    },
    enableSecretVersion: (request: VersionRequest) => changed(living(request), { state: 'ENABLED' }),
    disableSecretVersion: (request: VersionRequest) => changed(living(request), { state: 'DISABLED' }),
    destroySecretVersion(request: VersionRequest) {
      const version = living(request)
      values.delete(version.name)
      return changed(version, { state: 'DESTROYED', destroyedAtMs: clock.now() })
    },
  }
}

/** @throws INVALID_ARGUMENT for a value that is not the one of which the client made the checksum. */
function checkSum(value: Buffer, sent: string | undefined): void {
  const sum = crc32c(value)
  if (sent !== undefined && Number(sent) !== sum)
    throw invalidArgument(
      `payload.data_crc32c: ${sent} is not the CRC-32C of the ${value.length} bytes that arrived, which is ${sum}.`,
    )
}

const replicationStatus = ({ replication }: SecretRecord): object =>
  replication === 'automatic'
    ? { automatic: {} }
    : { userManaged: { replicas: replication.map((location) => ({ location })) } }
