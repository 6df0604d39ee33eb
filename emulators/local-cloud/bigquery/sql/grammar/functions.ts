/** The one list of functions: how many arguments each takes, with which clauses, and whether over a window. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all

import type { Modifier } from './tree.ts'

export interface FunctionRules {
  readonly kind: 'scalar' | 'aggregate' | 'analytic'
  readonly least: number
  readonly most: number
  /** The index of the argument that is a part of a date, such as MONTH. */
  readonly part: number | undefined
  /** The clauses that its parentheses may have. */
  readonly modifiers: ReadonlySet<Modifier>
  readonly hasWindow: boolean
  readonly needsOrder: boolean
  readonly hasNoFrame: boolean
}

const scalar: readonly [least: number, most: number, names: string, part?: number][] = [
  [0, 0, 'CURRENT_DATE CURRENT_TIMESTAMP GENERATE_UUID'],
  [
    1,
    1,
    'ABS ARRAY_LENGTH ARRAY_REVERSE BOOL CEIL CEILING CHARACTER_LENGTH CHAR_LENGTH DATETIME ERROR EXP FLOAT64 FLOOR FROM_BASE64 FROM_HEX INT64 LAX_FLOAT64 LAX_INT64 LAX_STRING LENGTH LN LOG10 LOWER MD5 PARSE_JSON REVERSE SHA256 SIGN SQRT STRING TIMESTAMP TIMESTAMP_MICROS TIMESTAMP_MILLIS TIMESTAMP_SECONDS TO_BASE64 TO_HEX TO_JSON TO_JSON_STRING UNIX_DATE UNIX_MICROS UNIX_MILLIS UNIX_SECONDS UPPER',
  ],
  [
    1,
    2,
    'JSON_EXTRACT JSON_EXTRACT_ARRAY JSON_EXTRACT_SCALAR JSON_QUERY JSON_QUERY_ARRAY JSON_VALUE JSON_VALUE_ARRAY LOG LTRIM ROUND RTRIM SPLIT TRIM TRUNC',
  ],
  [1, 3, 'DATE'],
  [1, Infinity, 'ARRAY_CONCAT COALESCE CONCAT GREATEST LEAST'],
  [
    2,
    2,
    'ARRAY_TO_STRING DATE_ADD DATE_SUB DIV ENDS_WITH FORMAT_DATE FORMAT_TIMESTAMP IFNULL INSTR LEFT MOD NULLIF PARSE_DATE PARSE_TIMESTAMP POW POWER REGEXP_CONTAINS REGEXP_EXTRACT REGEXP_EXTRACT_ALL REPEAT RIGHT SAFE_DIVIDE STARTS_WITH STRPOS TIMESTAMP_ADD TIMESTAMP_SUB',
  ],
  [2, 2, 'DATE_TRUNC TIMESTAMP_TRUNC', 1],
  [2, 3, 'GENERATE_ARRAY GENERATE_DATE_ARRAY LPAD RPAD SUBSTR SUBSTRING'],
  [3, 3, 'DATETIME_DIFF DATE_DIFF TIMESTAMP_DIFF', 2],
  [3, 3, 'IF REGEXP_REPLACE REPLACE'],
]

/** The clauses, `OVER` if a window may follow, and the names. */
const aggregate: readonly [least: number, most: number, takes: string, names: string][] = [
  [1, 1, 'OVER', 'ANY_VALUE COUNTIF LOGICAL_AND LOGICAL_OR STDDEV STDDEV_POP STDDEV_SAMP VARIANCE VAR_POP VAR_SAMP'],
  [1, 1, 'DISTINCT OVER', 'AVG COUNT MAX MIN SUM'],
  [1, 1, 'DISTINCT NULLS ORDER LIMIT OVER', 'ARRAY_AGG'],
  [1, 2, 'DISTINCT ORDER LIMIT OVER', 'STRING_AGG'],
  [1, 1, '', 'APPROX_COUNT_DISTINCT'],
  [2, 2, '', 'APPROX_QUANTILES MAX_BY MIN_BY'],
]

/** `ORDER`: the window must have one; `ROWS`: it may have a frame. */
const analytic: readonly [least: number, most: number, takes: string, names: string][] = [
  [0, 0, 'ORDER', 'CUME_DIST DENSE_RANK PERCENT_RANK RANK'],
  [0, 0, '', 'ROW_NUMBER'],
  [1, 1, 'ORDER', 'NTILE'],
  [1, 3, 'ORDER', 'LAG LEAD'],
  [1, 1, 'NULLS ROWS', 'FIRST_VALUE LAST_VALUE'],
  [2, 2, 'NULLS ROWS', 'NTH_VALUE'],
]

const modifierNames: readonly Modifier[] = ['DISTINCT', 'NULLS', 'ORDER', 'LIMIT']
const plain = { modifiers: new Set<Modifier>(), hasWindow: false, needsOrder: false, hasNoFrame: false }

export const functions: ReadonlyMap<string, FunctionRules> = new Map([
  ...scalar.flatMap(([least, most, names, part]) => each(names, { ...plain, kind: 'scalar', least, most, part })),
  ...aggregate.flatMap(([least, most, takes, names]) => {
    const words = takes.split(' ')
    const modifiers = new Set(modifierNames.filter((name) => words.includes(name)))
    return each(names, {
      ...plain,
      kind: 'aggregate',
      least,
      most,
      part: undefined,
      modifiers,
      hasWindow: words.includes('OVER'),
    })
  }),
  ...analytic.flatMap(([least, most, takes, names]) => {
    const words = takes.split(' ')
    const modifiers = new Set<Modifier>(words.includes('NULLS') ? ['NULLS'] : [])
    const window = { hasWindow: true, needsOrder: words.includes('ORDER'), hasNoFrame: !words.includes('ROWS') }
    return each(names, { kind: 'analytic', least, most, part: undefined, modifiers, ...window })
  }),
])

function each(names: string, rules: FunctionRules): [string, FunctionRules][] {
  return names.split(' ').map((name) => [name, rules])
}

/** The function whose name is nearest to an unknown one, if it is near. */
export function nearest(name: string): string | undefined {
  let [found, least] = [undefined as string | undefined, name.length < 4 ? 2 : 3]
  for (const known of functions.keys()) {
    const distance = Math.abs(known.length - name.length) < least ? distanceOf(name.slice(0, 40), known) : least
    if (distance < least) [found, least] = [known, distance]
  }
  return found
}

/** How many letters are added, left out or replaced. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1]
    for (let to = 0; to < other.length; to++)
      next.push(Math.min(next[to]! + 1, row[to + 1]! + 1, row[to]! + (one[at] === other[to] ? 0 : 1)))
    row = next
  }
  return row.at(-1)!
}
