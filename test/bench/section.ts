/** One part of the benchmark, which can run alone. */

export interface Settings {
  /** The figures of each run. */
  readonly orders: number
  readonly clients: readonly number[]
  readonly runs: number
  /** Services whose events workers pull. */
  readonly pulled: readonly string[]
  /** Orders before the first run of throughput. */
  readonly warmUp: number
  /** Whether orders have as many lines as those of the sample, and not one. */
  readonly isReal: boolean
}

export interface Figures {
  readonly title: string
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

export interface Section {
  readonly name: string
  readonly about: string
  run(settings: Settings): Promise<Figures[]>
}
