/** What the receiver takes and keeps at most. */

export const limits = {
  /** Unpacked. */
  requestBytes: 16 * 1024 * 1024,
  /** Some 1,500 orders; then the oldest traces go. */
  spans: 50_000,
  spansPerTrace: 5_000,
  /** Of one metric with one set of attributes from one process; then processes that have ended are added up. */
  series: 5_000,
  /** Traces in one answer. */
  listed: 200,
} as const
