/** The promise about one kind of request. */

/** Service level objectives over one kind of request: that it is answered, and in which time. Their goals are the business's. */
export interface RequestObjective {
  /** Lower-case letters, digits and hyphens: the objectives, their metrics and alerts are named for it. */
  readonly name: string
  /** Names the request in titles of charts and objectives: "Buying a ticket". */
  readonly title: string
  readonly method: 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT'
  /** `{name}` is a segment that varies. */
  readonly path: `/${string}`
}
