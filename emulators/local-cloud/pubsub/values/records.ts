/** The records of Pub/Sub in the journal: plain JSON, times in milliseconds. */

export interface TopicRecord {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly kmsKeyName: string
  readonly messageStoragePolicy: MessageStoragePolicy | null
  /** Acknowledged messages stay for a seek this long; null keeps none. */
  readonly retentionMs: number | null
  /** Absent or null: without a schema. Topics of earlier versions lack it. */
  readonly schemaSettings?: SchemaSettings | null
}

export type SchemaType = 'AVRO' | 'PROTOCOL_BUFFER'
export type SchemaEncoding = 'JSON' | 'BINARY'

export interface SchemaSettings {
  readonly schema: string
  readonly encoding: SchemaEncoding
  /** Empty: from the first revision on, up to the last. */
  readonly firstRevisionId: string
  readonly lastRevisionId: string
}

export interface SchemaRecord {
  readonly name: string
  readonly type: SchemaType
  /** In the order of their creation; never empty. */
  readonly revisions: readonly SchemaRevision[]
}

export interface SchemaRevision {
  readonly id: string
  readonly definition: string
  readonly createMs: number
}

export interface MessageStoragePolicy {
  readonly allowedPersistenceRegions: readonly string[]
  readonly enforceInTransit: boolean
}

export interface SubscriptionRecord {
  readonly name: string
  /** Tells a subscription from an earlier one of the same name; messages refer to it. */
  readonly serial: number
  readonly topic: string
  readonly ackDeadlineSeconds: number
  readonly retainAckedMessages: boolean
  readonly retentionMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly enableMessageOrdering: boolean
  readonly enableExactlyOnceDelivery: boolean
  readonly filter: string
  /** null: never expires. */
  readonly expirationMs: number | null
  readonly deadLetterPolicy: DeadLetterPolicy | null
  readonly retryPolicy: RetryPolicy | null
  /** null: pull. */
  readonly pushConfig: PushConfig | null
  readonly bigqueryConfig: BigQueryConfig | null
  readonly detached: boolean
}

export interface SnapshotRecord {
  readonly name: string
  readonly topic: string
  readonly labels: Readonly<Record<string, string>>
  readonly expireMs: number
  /** The ids of the messages that its subscription had not acknowledged. */
  readonly backlog: readonly string[]
  /** Messages of the topic with this id or a later one were published after the snapshot. */
  readonly fromId: number
}

export interface DeadLetterPolicy {
  readonly deadLetterTopic: string
  readonly maxDeliveryAttempts: number
}

export interface RetryPolicy {
  readonly minimumMs: number
  readonly maximumMs: number
}

export interface PushConfig {
  readonly pushEndpoint: string
  readonly attributes: Readonly<Record<string, string>>
  readonly oidcToken: { readonly serviceAccountEmail: string; readonly audience: string } | null
  /** null: the JSON wrapper. */
  readonly noWrapper: { readonly writeMetadata: boolean } | null
}

export interface BigQueryConfig {
  readonly table: string
  readonly useTableSchema: boolean
  readonly writeMetadata: boolean
  readonly dropUnknownFields: boolean
  readonly serviceAccountEmail: string
}

export interface MessageRecord {
  readonly id: string
  readonly topic: string
  /** base64 */
  readonly data: string
  readonly attributes: Readonly<Record<string, string>>
  readonly orderingKey: string
  readonly publishMs: number
  /** Serials of the subscriptions that were to get it when it was published. */
  readonly to: readonly number[]
}
