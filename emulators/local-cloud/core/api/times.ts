/** Times and durations in JSON, checked before the serializer reads them, which makes 1970 of a month 13, and ignores what follows a fraction. */

const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/
const DURATION = /^(?=\.?\d)(\d*)(?:\.\d{0,9})?s$/

/** The range of a Timestamp: https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59Z')
/** Of a Duration: some 10,000 years. */
const LONGEST_SECONDS = 315_576_000_000

/** The same time in UTC; undefined: it is no time. */
export function timestampOf(json: unknown): string | undefined {
  const [, time, fraction = '', zone] = (typeof json === 'string' && TIMESTAMP.exec(json)) || []
  const written = Date.parse(`${time}Z`)
  // Date takes a 31st of each month.
  if (Number.isNaN(written) || utc(written) !== time) return undefined
  const timeMs = Date.parse(`${time}${zone}`)
  return timeMs >= FIRST_MS && timeMs <= LAST_MS ? `${utc(timeMs)}${fraction}Z` : undefined
}

export function isDuration(json: unknown): boolean {
  const [, seconds] = (typeof json === 'string' && DURATION.exec(json)) || []
  return seconds !== undefined && Number(seconds) <= LONGEST_SECONDS
}

/** Without the fraction and the zone. */
const utc = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 19)
