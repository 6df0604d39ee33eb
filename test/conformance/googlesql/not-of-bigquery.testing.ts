/** Cases of GoogleSQL's suite, by file and name, that BigQuery itself answers otherwise: its settings, or types of the suite. */

export const notOfBigQuery: ReadonlySet<string> = new Set([])
