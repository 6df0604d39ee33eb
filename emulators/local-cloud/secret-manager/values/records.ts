/** The records of secrets and their versions in the journal, as plain JSON. */

/** Where the value is kept: `automatic`, or in these regions. */
export type ReplicationRecord = 'automatic' | readonly string[]

export interface SecretRecord {
  /** `projects/ID/secrets/SECRET`. */
  readonly name: string
  readonly replication: ReplicationRecord
  readonly createdAtMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Alias → number of a version. */
  readonly aliases: Readonly<Record<string, string>>
  readonly etag: string
  /** Of its newest version; 0: it never had one. A number is never given twice. */
  readonly lastVersion: number
}

export interface VersionRecord {
  /** `projects/ID/secrets/SECRET/versions/NUMBER`. */
  readonly name: string
  readonly state: 'ENABLED' | 'DISABLED' | 'DESTROYED'
  readonly createdAtMs: number
  readonly destroyedAtMs?: number
  /** The client sent the checksum of the value. */
  readonly hasClientChecksum: boolean
  readonly etag: string
}
