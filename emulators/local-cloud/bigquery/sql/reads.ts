/** Which tables a statement reads, and the names in the filters that rows of each pass: by these a table may demand a filter. */

/** A table or view, `dataset.table`. */
export interface Read {
  readonly table: string
  /** In lower case: the names in WHERE and ON of the query that reads it, and of those around it. */
  readonly filters: readonly ReadonlySet<string>[]
}

/** A query without those inside it; each part of a UNION is one. */
interface Query {
  readonly names: Set<string>
  readonly filters: readonly ReadonlySet<string>[]
  isFilter: boolean
  isMerge: boolean
  /** Between WITH and SELECT. */
  isWith: boolean
}

const endsFilter = new Set(
  'SELECT FROM JOIN GROUP HAVING QUALIFY WINDOW ORDER LIMIT INSERT UPDATE DELETE SET'.split(' '),
)

export class Reads {
  readonly all: Read[] = []
  /** The names in all filters of the statement. */
  readonly #anywhere = new Set<string>()
  readonly #open: Query[] = [query([])]

  get #query(): Query {
    return this.#open.at(-1)!
  }

  table(name: string): void {
    this.all.push({ table: name, filters: this.#query.filters })
  }

  /** A name that is read in an expression. */
  name(name: string): void {
    if (!this.#query.isFilter) return
    this.#query.names.add(name.toLowerCase())
    this.#anywhere.add(name.toLowerCase())
  }

  /** A keyword that begins a clause. */
  keyword(word: string): void {
    const now = this.#query
    if (word === 'UNION' || word === 'INTERSECT' || word === 'EXCEPT')
      this.#open[this.#open.length - 1] = query(now.filters.slice(1))
    else if (word === 'MERGE') now.isMerge = true
    else if (word === 'WHERE' || word === 'ON' || (word === 'WHEN' && now.isMerge)) now.isFilter = true
    else if (endsFilter.has(word)) now.isFilter = false
    if (word === 'WITH' || word === 'SELECT') now.isWith = word === 'WITH'
  }

  /** Reads a subquery. One that WITH names is read where its name is, so any filter may be one of its rows. */
  inside<T>(read: () => T): T {
    const { isWith, filters } = this.#query
    this.#open.push(query(isWith ? [this.#anywhere] : filters))
    const result = read()
    this.#open.pop()
    return result
  }
}

function query(around: readonly ReadonlySet<string>[]): Query {
  const names = new Set<string>()
  return { names, filters: [names, ...around], isFilter: false, isMerge: false, isWith: false }
}
