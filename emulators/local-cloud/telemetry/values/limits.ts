/** The limits of the receiver's requests and stored data. */

export const limits = {
  /** Unpacked. */
  requestBytes: 16 * 1024 * 1024,
  /** Some 1,500 traces of thirty spans; then the oldest traces go. */
  spans: 50_000,
  spansPerTrace: 5_000,
  /** The length of one span with its attributes and events, as JSON. */
  spanCharacters: 64 * 1024,
  /** The length of all spans. Beyond it the oldest traces are removed. */
  allSpansCharacters: 128 * 1024 * 1024,
  /** The length of one time series with its attributes and buckets, as JSON. */
  seriesCharacters: 16 * 1024,
  /** The number of time series: one metric, with one set of attributes, from one process. Beyond it the series of ended processes are summed. */
  series: 5_000,
  /** Traces in one answer. */
  listed: 200,
} as const
