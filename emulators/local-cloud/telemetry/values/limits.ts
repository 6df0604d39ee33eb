/** The limits of the receiver's requests and stored data. */

export const limits = {
  /** Unpacked. */
  requestBytes: 16 * 1024 * 1024,
  /** Some 1,500 traces of thirty spans; then the oldest traces go. */
  spans: 50_000,
  spansPerTrace: 5_000,
  /** Of one span with its attributes and events, as JSON. */
  spanCharacters: 64 * 1024,
  /** Of all spans; then the oldest traces go. */
  allSpansCharacters: 128 * 1024 * 1024,
  /** Of one time series with its attributes and buckets, as JSON. */
  seriesCharacters: 16 * 1024,
  /** Of one metric with one set of attributes from one process; then processes that have ended are added up. */
  series: 5_000,
  /** Traces in one answer. */
  listed: 200,
} as const
