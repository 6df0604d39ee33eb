/** Pages: the parameters that choose one, and a page of a list. */

import { countRule, shown } from '../values/limits.ts'
import { bigqueryError } from '../values/errors.ts'
import type { Paging } from '../jobs.ts'

const PAGE_ROWS = 10_000

type Parameters = Readonly<Record<string, string>>

/** @returns undefined for a parameter that is not there. @throws INVALID_ARGUMENT for a value that is not a whole number. */
export function wholeNumber(given: Parameters, name: string): number | undefined {
  const text = given[name]
  if (text !== undefined && !countRule.test(text))
    throw bigqueryError('invalid', `Invalid value for ${name}: "${shown(text)}" is not a whole number.`, {
      location: name,
    })
  return text === undefined ? undefined : Number(text)
}

export function paging(given: Parameters): Paging {
  return {
    start: wholeNumber(given, 'pageToken') ?? wholeNumber(given, 'startIndex') ?? 0,
    size: Math.min(wholeNumber(given, 'maxResults') ?? PAGE_ROWS, PAGE_ROWS),
    microseconds: isInMicroseconds({
      useInt64Timestamp: given['formatOptions.useInt64Timestamp'] === 'true',
      timestampOutputFormat: given['formatOptions.timestampOutputFormat'],
    }),
  }
}

/** @throws INVALID_ARGUMENT for another format than FLOAT64 and INT64. */
export function isInMicroseconds({ useInt64Timestamp, timestampOutputFormat: format }: FormatOptions): boolean {
  if (!format || format.endsWith('_UNSPECIFIED')) return useInt64Timestamp === true
  if (format !== 'INT64' && format !== 'FLOAT64')
    throw bigqueryError('invalid', `The local cloud does not serve formatOptions.timestampOutputFormat ${format}.`, {
      location: 'formatOptions.timestampOutputFormat',
    })
  return format === 'INT64'
}

interface FormatOptions {
  readonly useInt64Timestamp?: boolean | undefined
  readonly timestampOutputFormat?: string | undefined
}

/** The items of a page, and the token of the next one. */
export function pageOf<T>(
  items: readonly T[],
  given: Parameters,
  defaultSize = PAGE_ROWS,
): { items: T[]; nextPageToken?: string } {
  const start = wholeNumber(given, 'pageToken') ?? 0
  const end = start + (wholeNumber(given, 'maxResults') ?? defaultSize)
  return { items: items.slice(start, end), ...(end < items.length ? { nextPageToken: String(end) } : {}) }
}
