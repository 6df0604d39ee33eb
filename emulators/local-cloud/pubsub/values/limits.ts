/** Every limit of Pub/Sub that the emulator enforces, with its unit (https://cloud.google.com/pubsub/quotas#resource_limits). */

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const DAY_MS = 24 * 60 * MINUTE_MS

export const limits = {
  publishMessages: 1000,
  publishBytes: 10_000_000,
  attributes: 100,
  attributeKeyBytes: 256,
  attributeValueBytes: 1024,
  orderingKeyBytes: 1024,
  filterBytes: 256,
  labels: 64,
  schemas: 10_000,
  schemaBytes: 300_000,
  schemaRevisions: 20,
  acknowledgeRequestBytes: 524_288,

  ackDeadlineDefaultSeconds: 10,
  ackDeadlineMinSeconds: 10,
  ackDeadlineMaxSeconds: 600,

  retentionDefaultMs: 7 * DAY_MS,
  retentionMinMs: 10 * MINUTE_MS,
  retentionMaxMs: 31 * DAY_MS,
  expirationDefaultMs: 31 * DAY_MS,
  expirationMinMs: DAY_MS,

  /** Less the age of the oldest message in the snapshot. */
  snapshotLifetimeMs: 7 * DAY_MS,
  snapshotLifetimeMinMs: 60 * MINUTE_MS,

  backoffMinDefaultMs: 10 * SECOND_MS,
  backoffMaxDefaultMs: 600 * SECOND_MS,
  backoffMaxMs: 600 * SECOND_MS,

  deliveryAttemptsDefault: 5,
  deliveryAttemptsMin: 5,
  deliveryAttemptsMax: 100,

  /** The maximum of messages in one response, even if the caller requests more. */
  pullMessages: 1000,
  pullBytes: 10_000_000,
  /** A pull that may wait answers empty after this long. */
  pullWaitMs: 90 * SECOND_MS,

  streamResponseMessages: 1000,
  streamResponseBytes: 4_000_000,
  /** The limit of outstanding messages of a stream without its own flow control, so that memory stays bounded. */
  streamOutstandingMessages: 10_000,
  streamOutstandingBytes: 100_000_000,

  /** Push without a retry policy: https://cloud.google.com/pubsub/docs/push#push_backoff. */
  pushBackoffMinMs: 100,
  pushBackoffMaxMs: 60 * SECOND_MS,
  /** Concurrent push requests of one subscription: where slow start begins and ends. */
  pushWindowStart: 64,
  pushWindowMin: 1,
  pushWindowMax: 1000,
  /** The window is halved at most this often, or one bad burst would close it. */
  pushWindowCutMs: SECOND_MS,
  /** Google's tokens live an hour; a push token is used again this long. */
  pushTokenReuseMs: 30 * MINUTE_MS,

  bigqueryBatchRows: 500,
  /** Of JSON in a message, as deep as BigQuery's JSON columns go: https://cloud.google.com/bigquery/docs/json-data#limitations */
  bigqueryJsonNesting: 500,
  bigqueryBatchBytes: 5_000_000,

  defaultPageSize: 100,
  pageSizeMax: 1000,
} as const

/** Smallest number of bytes that a publish, push or pull request is billed for. */
export const BILLED_BYTES_MIN = 1000
/** The billed bytes of the timestamp and the id of every message. */
export const BILLED_BYTES_PER_MESSAGE = 20
