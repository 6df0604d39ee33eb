/** How a service reads the views of its events in BigQuery, page by page from the result of one query. */

export interface ViewQuery {
  /** GoogleSQL, over the views that the description names in `readsViews`. */
  readonly sql: string
  /** The query's job, as the page before returned it; absent: the query runs. Its result is kept for 24 hours. */
  readonly job?: string | undefined
  /** The number of rows to leave out: those of the pages before. */
  readonly from: number
  readonly limit: number
}

export interface ViewPage {
  readonly job: string
  /** By column. BigQuery writes every value as a text. */
  readonly rows: readonly Readonly<Record<string, string | null>>[]
}

/** @throws Unavailable while the query runs, or BigQuery can not be asked */
export type ReadViews = (query: ViewQuery) => Promise<ViewPage>
