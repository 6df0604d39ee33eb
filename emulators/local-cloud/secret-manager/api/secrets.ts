/** Secrets: create, get, update, list, delete. */

import { type Mask, maskPaths, protoTime } from '../../core/proto-values.ts'
import { alreadyExists, invalidArgument, StatusError } from '../../core/status.ts'
import { checkEtag, type SecretManagerState } from '../state.ts'
import { checkLabels } from '../../core/labels.ts'
import { limits } from '../values/limits.ts'
import { answeredName, checkAlias, checkProject, checkSecretId } from '../values/names.ts'
import type { ReplicationRecord, SecretRecord } from '../values/records.ts'
import { type ListRequest, page } from './paging.ts'

interface WireReplica {
  readonly location?: string
  readonly customerManagedEncryption?: unknown
}
interface WireReplication {
  readonly automatic?: { readonly customerManagedEncryption?: unknown } | null
  readonly userManaged?: { readonly replicas?: readonly WireReplica[] } | null
}
interface WireSecret {
  readonly name?: string
  readonly replication?: WireReplication | null
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** 64-bit integers are text. */
  readonly versionAliases?: Readonly<Record<string, string>>
  readonly etag?: string
  readonly [field: string]: unknown
}

/** The fields that are refused by name, so that no client relies on them. */
const NOT_EMULATED = [
  'topics',
  'expireTime',
  'ttl',
  'rotation',
  'versionDestroyTtl',
  'customerManagedEncryption',
  'tags',
  'secretType',
]
const MUTABLE = ['labels', 'annotations', 'versionAliases'] as const

/** By their names in the API. */
export function secretMethods(state: SecretManagerState) {
  const { context, secrets, versions, values } = state
  const { project, clock } = context
  const shown = (secret: SecretRecord): object => ({
    name: answeredName(secret.name, project),
    replication: wireReplication(secret.replication),
    createTime: protoTime(secret.createdAtMs),
    labels: secret.labels,
    annotations: secret.annotations,
    versionAliases: secret.aliases,
    etag: secret.etag,
  })
  return {
    createSecret({ parent = '', secretId = '', secret }: { parent?: string; secretId?: string; secret?: WireSecret }) {
      const name = `${checkProject(parent, project)}/secrets/${checkSecretId(secretId)}`
      refuseNotEmulated(secret ?? {})
      const made: SecretRecord = {
        name,
        replication: replicationOf(secret?.replication),
        createdAtMs: clock.now(),
        labels: checkLabels(secret?.labels, limits.labels),
        annotations: checkAnnotations(secret?.annotations ?? {}),
        aliases: checkAliases(secret?.versionAliases ?? {}, 0),
        etag: state.newEtag(),
        lastVersion: 0,
      }
      if (secrets.has(name)) throw alreadyExists(`Secret [${name}] already exists.`)
      secrets.set(name, made)
      return shown(made)
    },
    getSecret: ({ name = '' }: { name?: string }) => shown(state.secretOf(name)),
    updateSecret({ secret, updateMask }: { secret?: WireSecret | null; updateMask?: Mask }) {
      const kept = state.secretOf(secret?.name ?? '')
      checkEtag(secret?.etag, kept)
      const fields = new Set(maskPaths(updateMask).map((path) => path.split('.')[0]!))
      const other = [...fields].find((field) => !(MUTABLE as readonly string[]).includes(field))
      if (other !== undefined || fields.size === 0)
        throw invalidArgument(
          `update_mask: ${other === undefined ? 'it names no field' : `"${other}" can not be changed here`}; ${MUTABLE.join(', ')} can.`,
        )
      const changed: SecretRecord = {
        ...kept,
        ...(fields.has('labels') ? { labels: checkLabels(secret?.labels, limits.labels) } : {}),
        ...(fields.has('annotations') ? { annotations: checkAnnotations(secret?.annotations ?? {}) } : {}),
        ...(fields.has('versionAliases')
          ? { aliases: checkAliases(secret?.versionAliases ?? {}, kept.lastVersion) }
          : {}),
        etag: state.newEtag(),
      }
      secrets.set(kept.name, changed)
      return shown(changed)
    },
    listSecrets(request: ListRequest) {
      const prefix = `${checkProject(request.parent ?? '', project)}/secrets/`
      const all = [...secrets.values()].filter(({ name }) => name.startsWith(prefix))
      const { items, ...rest } = page(
        all.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
        request,
      )
      return { ...rest, secrets: items.map(shown) }
    },
    /** Its versions and their values go with it. */
    deleteSecret({ name = '', etag }: { name?: string; etag?: string }) {
      const secret = state.secretOf(name)
      checkEtag(etag, secret)
      for (const version of state.versionsIn(secret)) {
        values.delete(version.name)
        versions.delete(version.name)
      }
      secrets.delete(secret.name)
      return {}
    },
  }
}

const isSet = (value: unknown): boolean => {
  if (value === undefined || value === null || value === '' || value === 'SECRET_TYPE_UNSPECIFIED') return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

function refuseNotEmulated(secret: WireSecret): void {
  const field = NOT_EMULATED.find((name) => isSet(secret[name]))
  if (field !== undefined)
    throw new StatusError('UNIMPLEMENTED', `Secret.${field} is not served by the local cloud: leave it out.`)
}

function replicationOf(replication: WireReplication | null | undefined): ReplicationRecord {
  const replicas = replication?.userManaged?.replicas ?? []
  if ([replication?.automatic, ...replicas].some((one) => isSet(one?.customerManagedEncryption)))
    throw new StatusError('UNIMPLEMENTED', 'customer_managed_encryption is not served by the local cloud.')
  if (replication?.userManaged) {
    const locations = replicas.map(({ location = '' }) => location)
    if (locations.length === 0 || locations.includes('') || new Set(locations).size < locations.length)
      throw invalidArgument(
        `secret.replication.user_managed: its replicas must name at least one location, each once, and not be [${locations.join(', ')}].`,
      )
    return locations
  }
  if (replication?.automatic) return 'automatic'
  throw invalidArgument(
    'secret.replication is required: automatic, or user_managed with the locations of its replicas.',
  )
}

const wireReplication = (replication: ReplicationRecord): object =>
  replication === 'automatic'
    ? { automatic: {} }
    : { userManaged: { replicas: replication.map((location) => ({ location })) } }

function checkAnnotations(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const bytes = Object.entries(annotations).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0)
  if (bytes > limits.annotationsBytes)
    throw invalidArgument(`annotations: ${bytes} bytes of keys and values, at most ${limits.annotationsBytes}.`)
  return { ...annotations }
}

function checkAliases(
  aliases: Readonly<Record<string, string>>,
  lastVersion: number,
): Readonly<Record<string, string>> {
  const entries = Object.entries(aliases)
  if (entries.length > limits.aliases)
    throw invalidArgument(`version_aliases: ${entries.length} aliases, at most ${limits.aliases}.`)
  for (const [alias, number] of entries) {
    checkAlias(alias)
    if (!(Number(number) >= 1 && Number(number) <= lastVersion))
      throw invalidArgument(`version_aliases: "${alias}" is to stand for version ${number}, which the secret lacks.`)
  }
  return { ...aliases }
}
