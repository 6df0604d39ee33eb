/** Pages of a service's streams as rows, for a query that lists what the service has recorded. */

import { limitOf } from '../base/paging.ts'
import type { RecordedEvent, Stream, Streams } from './platform.ts'

interface StreamRows<Row> {
  readonly rows: readonly Row[]
  /** The id after which the next page begins; absent: this is the last. A stream without a row counts as read. */
  readonly next?: string
}

interface Page {
  readonly after?: string | undefined
  readonly limit?: string | undefined
}

/**
 * The handler of a `rowsQuery`.
 * @param rowOf undefined for a stream that the list does not have
 */
export const listsStreams =
  <Row>(rowOf: (stream: Stream) => Row | undefined) =>
  async (
    { after, limit: requestedLimit }: Page,
    { streams }: { readonly streams: Pick<Streams, 'list'> },
  ): Promise<{ readonly status: 200; readonly body: StreamRows<Row> }> => {
    const limit = limitOf(requestedLimit)
    const page = await streams.list({ after, limit })
    const rows = page.flatMap((stream) => {
      const row = rowOf(stream)
      return row === undefined ? [] : [row]
    })
    return { status: 200, body: { rows, ...(page.length < limit ? {} : { next: page.at(-1)!.id }) } }
  }

/** The time of the last commit of a stream. */
export const changedAt = ({ events }: { readonly events: readonly RecordedEvent[] }): string =>
  events.at(-1)?.time ?? new Date(0).toISOString()
