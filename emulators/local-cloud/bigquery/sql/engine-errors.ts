/** DuckDB's errors in BigQuery's words. None of its messages reaches a user as it is: they name macros, casts and settings. */

import { invalidArgument, StatusError } from '../../core/status.ts'
import { bigqueryError } from '../values/errors.ts'
import { tooComplex, shown } from '../values/limits.ts'
import { mixedStructs } from './mixed-structs.ts'
import { placesOf } from '../tokens/tokens.ts'

/** With this a macro's own message begins, which is in BigQuery's words already. */
export const OWN_MESSAGE = 'BigQuery: '

type Words = readonly string[]
/** The text for what a pattern found; its first group is the name whose place is sought. */
type Rule = readonly [pattern: RegExp, text: (found: Words, googleSql?: string) => string]

const rules: readonly Rule[] = [
  // A column of the list has its own name as its alias.
  [/Column "([^"]+)" referenced that exists in the SELECT clause/, ([, name]) => `Unrecognized name: ${shown(name)}`],
  [/Referenced column "?([^"]+?)"? (?:was )?not found/, ([, name]) => `Unrecognized name: ${shown(name)}`],
  [
    /Column "([^"]+)" does not exist on (left|right) side of join/,
    ([, name, side]) => `Column ${shown(name)} in USING clause not found on ${side} side of join`,
  ],
  [
    /Column "([^"]+)" in (EXCLUDE|REPLACE) list not found/,
    ([, name, list]) =>
      `Column ${shown(name)} in SELECT * ${list === 'EXCLUDE' ? 'EXCEPT' : 'REPLACE'} list does not exist`,
  ],
  [/(?:does not have a column (?:named|with name) "([^"]+)")/, ([, name]) => `Name ${shown(name)} not found`],
  [/Referenced update column (\S+) not found/, ([, name]) => `Unrecognized name: ${shown(name)}`],
  [/Could not find key "([^"]+)" in struct/, ([, name]) => `Field name ${shown(name)} does not exist in STRUCT`],
  [
    /Cannot extract field '([^']+)' from/,
    ([, name]) => `Cannot access field ${shown(name)} on a value that is no STRUCT`,
  ],
  [/Ambiguous reference to column name "([^"]+)"/, ([, name]) => `Column name ${shown(name)} is ambiguous`],
  [
    /column (\w+) must appear in the GROUP BY/,
    ([, name]) => `An expression references column ${shown(name)} which is neither grouped nor aggregated`,
  ],
  [
    /column "([^"]+)" must appear in the GROUP BY/,
    ([, name]) => `SELECT list expression references column ${shown(name)} which is neither grouped nor aggregated`,
  ],
  [/Referenced table "([^"]+)" not found/, ([, name]) => `Unrecognized name: ${shown(name)}`],
  [/Table with name (\S+) does not exist/, ([, name]) => `Not found: Table ${shown(name)}`],
  [/Duplicate alias "([^"]+)"/, ([, name]) => `Duplicate table alias ${shown(name)} in the same FROM clause`],
  [
    /Ambiguous reference to table "([^"]+)"/,
    ([, name]) => `Duplicate table alias ${shown(name)} in the same FROM clause`,
  ],
  [/Duplicate CTE name "([^"]+)"/, ([, name]) => `Duplicate alias ${shown(name)} for WITH subquery`],
  [/window "([^"]+)" does not exist/, ([, name]) => `Unrecognized window alias ${shown(name)}`],
  [
    /Scalar Function with name (\w+) does not exist/,
    ([, name]) => `Analytic function ${name!.toUpperCase()} cannot be called without an OVER clause`,
  ],
  [/at least one window function must appear/, () => 'The QUALIFY clause requires analytic function to be present'],
  [/GROUP BY clause cannot contain aggregates/, () => 'Aggregate function not allowed in GROUP BY'],
  [/LIMIT\/OFFSET cannot be negative/, () => 'LIMIT and OFFSET take no negative number'],
  [
    /Macro bq_(\w+)\(\) does not support the supplied arguments/,
    ([, name]) => `Number of arguments does not match for function ${name!.toUpperCase()}`,
  ],
  [/syntax error at or near "+([^"]+?)"+(?:\n|$)/, ([, name]) => `Syntax error: Unexpected ${shown(name)}`],
  [/syntax error at end of input/, () => 'Syntax error: Unexpected end of statement'],
  [/WHERE clause cannot contain aggregates/, () => 'Aggregate function not allowed in WHERE clause'],
  [/aggregate function calls cannot be nested/, () => 'Aggregations of aggregations are not allowed'],
  [/WHERE clause cannot contain window functions/, () => 'Analytic function not allowed in WHERE clause'],
  [/More than one row returned by a subquery/, () => 'Scalar subquery produced more than one element'],
  [
    /Set operations can only apply to expressions with the same number/,
    () => 'Queries in a set operation have mismatched column count',
  ],
  [
    /Subquery returns (\d+) columns - expected 1/,
    () => 'Scalar subquery cannot have more than one column unless using SELECT AS STRUCT',
  ],
  [
    /(?:No function matches the given name and argument types|best candidate function for the function call) ['"](.+?)\((.*?)\)['"]/,
    signature,
  ],
  [
    /Could not convert string ['"](.*?)['"] to (\w+)/s,
    ([, value, type]) => `Bad ${googleType(type!).toLowerCase()} value: ${shown(value)}`,
  ],
  [
    /invalid date field format: "(.*?)"|date field value out of range: "(.*?)"/s,
    ([, a, b]) => `Invalid date: '${shown(a ?? b)}'`,
  ],
  [
    /invalid timestamp field format: "(.*?)"|timestamp field value out of range: "(.*?)"/s,
    ([, a, b]) => `Invalid timestamp: '${shown(a ?? b)}'`,
  ],
  [
    /invalid time field format: "(.*?)"|time field value out of range: "(.*?)"/s,
    ([, a, b]) => `Invalid time string "${shown(a ?? b)}"`,
  ],
  [/Malformed JSON.*?: "?(.*?)"?(?:\n|$)/s, () => 'Invalid JSON: the text is not JSON'],
  [/Overflow in (\w+) of INT64 \((.*?)\)/, ([, , operation]) => `int64 overflow: ${shown(operation)}`],
  [/Overflow on abs\((-?\d+)\)/, ([, value]) => `int64 overflow: ABS(${value})`],
  [/Overflow in negation of numeric value/, () => 'int64 overflow: the least INT64 has no positive counterpart'],
  [
    /Overflow in multiplication of DECIMAL/,
    () =>
      'numeric overflow: two multiplied NUMERIC values have at most 20 digits before the point in the local cloud, and 29 at Google',
  ],
  [/Out of Range Error: (\w+) is out of range!/, () => 'double overflow: the result is no finite number'],
  [/Interval value (\S+) (\w+) out of range/, ([, value, unit]) => `Interval of ${value} ${unit} is out of range`],
  [
    /Date out of range: (-?\d+)-(\d+)-(\d+)/,
    ([, year, month, day]) =>
      `Input calculates to invalid date: ${year!.padStart(4, '0')}-${month!.padStart(2, '0')}-${day!.padStart(2, '0')}`,
  ],
  [
    /Input Error: ((?:missing [\])]|unexpected \)|no argument for|bad repetition|invalid (?:repetition|escape|character|perl|named|UTF)|trailing \\)[^\n]*)/,
    ([, reason]) => `Cannot parse regular expression: ${shown(reason)}`,
  ],
  [/Could not decode string .* as base64/s, () => 'Failed to decode invalid base64 string'],
  [/Invalid input for hex digit/, () => 'Failed to decode invalid hex string'],
  [
    /Argument for ntile must be greater/,
    () => 'The N value (number of buckets) for the NTILE function must be positive',
  ],
  [/QUANTILE parameter cannot be NaN/, () => 'The second argument of APPROX_QUANTILES must be positive'],
  [
    /Cannot concatenate lists of types (.+?)\[\] and (.+?)\[\] -/,
    ([, left, right]) =>
      `No matching signature for function ARRAY_CONCAT for argument types: ARRAY<${googleType(left!)}>, ARRAY<${googleType(right!)}>`,
  ],
  [/ARRAY_SLICE can only operate on/, () => 'No matching signature for function ARRAY_REVERSE: it takes an ARRAY'],
  [
    /struct_extract with a string key cannot be used on an unnamed struct/,
    () => 'A field of a STRUCT whose fields have no names cannot be accessed by a name',
  ],
  [/Can't pack nothing into a struct/, () => 'The local cloud takes no STRUCT without fields'],
  [
    /Duplicate struct entry name "([^"]+)"/,
    ([, name]) => `The local cloud takes no two fields of one name in a STRUCT: ${shown(name)}`,
  ],
  [
    /Overflow in (\w+) of (\w+)|out of range for the destination type (\w+)/,
    ([, , type, destination]) => `${googleType((type ?? destination)!).toLowerCase()} overflow`,
  ],
  [
    /Unimplemented type for cast \((.*?) -> (.*?)\)/,
    ([, from, to]) => `Invalid cast from ${googleType(from!)} to ${googleType(to!)}`,
  ],
  [/UNNEST\(\) can only be applied to lists/, () => 'Values referenced in UNNEST must be arrays'],
  [
    /Cannot (?:mix|combine)(?: values of types?| types of)? (.+?) and (.+?)(?: in (\w+)[^-]*)? -/,
    ([, left, right, place]) =>
      `No matching signature for ${place === undefined ? 'a function' : place} for argument types: ${googleType(left!)}, ${googleType(right!)}`,
  ],
  [
    // Only a column's type has other digits than NUMERIC itself.
    /(?:Could not cast|Casting) value "?([^\s"]+)"? to (?:type )?DECIMAL\((?!38,)(\d+),\s*(\d+)\)/,
    ([, value, precision, scale]) =>
      `NUMERIC(${precision}, ${scale}) has precision ${precision} and scale ${scale} but got the value ${value!.replace(/(?:\.0+|(\.\d+?)0+)$/, '$1')}`,
  ],
  [
    /(?:Could not cast|Casting) value \S+ to (?:type )?DECIMAL/,
    () => 'numeric overflow: NUMERIC has 29 digits before the point',
  ],
  [
    /Cannot compare values of type (.+?) and (?:type )?(.+?)(?: -| in IN|\n|$)/,
    ([, left, right]) =>
      `No matching signature for operator = for argument types: ${googleType(left!)}, ${googleType(right!)}`,
  ],
  [
    /ORDER term out of range - should be between 1 and (\d+)/,
    ([, last], sql) => `ORDER BY is out of SELECT column number range${beyond(Number(last), sql)}`,
  ],
  [
    /GROUP BY term out of range - should be between 1 and (\d+)/,
    ([, last], sql) => `GROUP BY is out of SELECT column number range${beyond(Number(last), sql)}`,
  ],
  [/Duplicate column name "([^"]+)" in INSERT/, ([, name]) => `INSERT has columns with duplicate name: ${shown(name)}`],
  [/Multiple assignments to same column "([^"]+)"/, ([, name]) => `Update item ${shown(name)} assigned more than once`],
  [/columns but (\d+) values were supplied/, () => 'Inserted row has wrong column count'],
]

/** `: 5`, of the one number in ORDER BY or GROUP BY that counts more columns than there are. */
function beyond(last: number, googleSql = ''): string {
  const lists = [...googleSql.matchAll(/\bBY\s+([^()]*)/gi)].flatMap(([, list]) => list!.split(','))
  const numbers = lists.flatMap((item) => /^\s*(\d+)\b/.exec(item)?.[1] ?? [])
  const found = numbers.filter((number) => Number(number) < 1 || Number(number) > last)
  return found.length === 1 ? `: ${found[0]}` : ''
}

/** DuckDB's names of functions that stand for operators and functions of GoogleSQL. */
const functionNames: Readonly<Record<string, string>> = {
  array_length: 'ARRAY_LENGTH',
  regexp_matches: 'REGEXP_CONTAINS',
  generate_series: 'GENERATE_ARRAY',
  like_escape: 'LIKE',
  date_part: 'EXTRACT',
  bool_and: 'LOGICAL_AND',
  bool_or: 'LOGICAL_OR',
  instr: 'STRPOS',
  string_split: 'SPLIT',
  list_concat: 'ARRAY_CONCAT',
  json_extract: 'JSON_QUERY',
  array_to_string: 'ARRAY_TO_STRING',
  epoch_us: 'UNIX_MICROS',
  make_date: 'DATE',
  base64: 'TO_BASE64',
  encode: 'CAST',
  bq_pad_size: 'LPAD',
  bq_generate: 'GENERATE_ARRAY',
  bq_minus: '-',
  bq_divide: '/',
  json_extract_string: 'JSON_VALUE',
}

function signature([, name, list]: Words): string {
  const types = list!
    .split(/, (?![^(]*\))/)
    .map(googleType)
    .join(', ')
  if ((name === '+' || name === '-') && /^(DATE, INT64|INT64, DATE)$/.test(types))
    return 'DATE and INT64 are not added and subtracted by the local cloud: write DATE_ADD(date, INTERVAL n DAY)'
  if (!/^\w+$/.test(name!)) return `No matching signature for operator ${name} for argument types: ${types}`
  return `No matching signature for function ${functionName(name!)} for argument types: ${types}`
}

/** GoogleSQL's name of a function of the engine. */
export const functionName = (name: string): string =>
  functionNames[name.toLowerCase()] ?? name.replace(/^bq_(safe_)?/, '').toUpperCase()

const typeNames: readonly [RegExp, string][] = [
  [/^(.*)\[\]$/, 'ARRAY'],
  [/^STRUCT/, 'STRUCT'],
  [/^DECIMAL/, 'NUMERIC'],
  [/^TIMESTAMP WITH TIME ZONE$|^TIMESTAMPTZ$/, 'TIMESTAMP'],
  [/^TIMESTAMP/, 'DATETIME'],
  [/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?(_LITERAL)?|U?INT\d+)$/, 'INT64'],
  [/^(DOUBLE|FLOAT)$/, 'FLOAT64'],
  [/^(VARCHAR|STRING_LITERAL)$/, 'STRING'],
  [/^BOOLEAN$/, 'BOOL'],
  [/^BLOB$/, 'BYTES'],
  [/^"NULL"$/, 'NULL'],
]
export const googleType = (type: string): string =>
  typeNames.find(([pattern]) => pattern.test(type.trim()))?.[1] ?? type.trim()

/**
 * A refusal as it is; DuckDB's error in BigQuery's words, with its place where it is certain.
 * @param googleSql the statement, if there is one.
 */
export function sqlError(error: unknown, googleSql?: string): StatusError {
  if (error instanceof StatusError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (/Max expression depth limit|too complex/.test(message)) return tooComplex()
  if (isOutOfMemory(error)) return outOfMemory()
  const mixed = mixedStructs(message, googleSql)
  if (mixed !== undefined) return invalidArgument(mixed)
  const own = message.indexOf(OWN_MESSAGE)
  if (own >= 0) {
    const text = message.slice(own + OWN_MESSAGE.length).split('\n')[0]!
    return invalidArgument(text + placeOf(/^No matching signature for function (\w+)/.exec(text)?.[1], googleSql))
  }
  for (const [pattern, text] of rules) {
    const found = pattern.exec(message)
    if (found) return invalidArgument(text(found, googleSql) + placeOf(found[1], googleSql))
  }
  // The state of this machine, such as a full disk.
  if (/^IO Error|bigquery\.duckdb/.test(message)) return new StatusError('INTERNAL', message)
  // The engine words the remaining messages by itself.
  return invalidArgument(
    'The local cloud can not run this query, and does not know the reason in the words of BigQuery. Simplify it, or write it another way.',
  )
}

/** ` at [1:8]`, of a name that stands in one place only. */
function placeOf(name: string | undefined, googleSql: string | undefined): string {
  if (name === undefined || googleSql === undefined) return ''
  const places = placesOf(googleSql, name)
  return places.length === 1 ? ` at ${places[0]}` : ''
}

export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error &&
  /Out of Memory Error|could not allocate|failed to offload|std::bad_alloc/i.test(error.message)

export const outOfMemory = (): StatusError =>
  bigqueryError(
    'resourcesExceeded',
    'Resources exceeded during query execution: The query could not be executed in the allotted memory.',
  )
