/** GoogleSQL's functions in DuckDB's words: by another name, by a macro, or by a rewriting of the arguments. */

import { invalidArgument } from '../core/status.ts'

/** Defined once per database; each is exactly what BigQuery's documentation says of the function. */
export const macros = [
  // A scalar's text; NULL for objects and arrays.
  `CREATE OR REPLACE MACRO bq_json_value(j, p) AS CASE WHEN json_type(j, p) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL ELSE json_extract_string(j, p) END`,
  `CREATE OR REPLACE MACRO bq_json_query(j, p) AS json_extract(j, p)`,
  `CREATE OR REPLACE MACRO bq_json_query_array(j, p) AS CASE WHEN json_type(j, p) = 'ARRAY' THEN CAST(json_extract(j, p) AS JSON[]) END`,
  `CREATE OR REPLACE MACRO bq_json_value_array(j, p) AS CASE WHEN json_type(j, p) = 'ARRAY' THEN CAST(json_extract(j, p) AS VARCHAR[]) END`,
  `CREATE OR REPLACE MACRO bq_safe_divide(a, b) AS CASE WHEN b = 0 THEN NULL ELSE CAST(a AS DOUBLE) / b END`,
  `CREATE OR REPLACE MACRO bq_parse_json(t) AS CAST(t AS JSON)`,
  `CREATE OR REPLACE MACRO bq_to_json_string(v) AS CAST(to_json(v) AS VARCHAR)`,
  `CREATE OR REPLACE MACRO bq_div(a, b) AS CAST(trunc(a / b) AS BIGINT)`,
  // Half away from zero.
  `CREATE OR REPLACE MACRO bq_regexp_extract(t, r) AS CASE WHEN regexp_matches(t, r) THEN coalesce(nullif(regexp_extract(t, r, 1), ''), regexp_extract(t, r)) END`,
  `CREATE OR REPLACE MACRO bq_regexp_replace(t, r, s) AS regexp_replace(t, r, s, 'g')`,
]

/** Same arguments, another name. */
export const renamed: Readonly<Record<string, string>> = {
  JSON_VALUE: 'bq_json_value',
  JSON_EXTRACT_SCALAR: 'bq_json_value',
  JSON_QUERY: 'bq_json_query',
  JSON_EXTRACT: 'bq_json_query',
  JSON_QUERY_ARRAY: 'bq_json_query_array',
  JSON_EXTRACT_ARRAY: 'bq_json_query_array',
  JSON_VALUE_ARRAY: 'bq_json_value_array',
  SAFE_DIVIDE: 'bq_safe_divide',
  PARSE_JSON: 'bq_parse_json',
  TO_JSON_STRING: 'bq_to_json_string',
  TO_JSON: 'to_json',
  COUNTIF: 'count_if',
  LOGICAL_AND: 'bool_and',
  LOGICAL_OR: 'bool_or',
  IF: 'if',
  REGEXP_CONTAINS: 'regexp_matches',
  REGEXP_EXTRACT: 'bq_regexp_extract',
  REGEXP_REPLACE: 'bq_regexp_replace',
  UNIX_MILLIS: 'epoch_ms',
  UNIX_MICROS: 'epoch_us',
  SPLIT: 'string_split',
  ARRAY_LENGTH: 'len',
  CHAR_LENGTH: 'length',
  CHARACTER_LENGTH: 'length',
  STARTS_WITH: 'starts_with',
  ENDS_WITH: 'ends_with',
  ARRAY_CONCAT: 'list_concat',
  ARRAY_REVERSE: 'list_reverse',
  ARRAY_TO_STRING: 'array_to_string',
  POW: 'pow',
  DIV: 'bq_div',
  GENERATE_UUID: 'uuid',
  APPROX_COUNT_DISTINCT: 'approx_count_distinct',
  MAX_BY: 'max_by',
  MIN_BY: 'min_by',
}

/** Alike in both: aggregates, windows, and plain functions. */
export const same = new Set(
  'ABS ANY_VALUE ARRAY_AGG AVG CAST CEIL CEILING COALESCE CONCAT CORR COUNT CUME_DIST DENSE_RANK EXISTS EXP EXTRACT FIRST_VALUE FLOOR GREATEST IFNULL IN LAG LAST_VALUE LEAD LEAST LEFT LENGTH LN LOG LOG10 LOWER LPAD LTRIM MAX MD5 MIN MOD NTH_VALUE NTILE NULLIF OVER PARTITION PERCENT_RANK POWER RANK REPEAT REPLACE REVERSE RIGHT ROUND ROW_NUMBER RPAD RTRIM SHA256 SIGN SQRT STDDEV STDDEV_POP STDDEV_SAMP STRING_AGG SUBSTR SUBSTRING SUM TRIM TRUNC UNNEST UPPER VALUES VAR_POP VAR_SAMP VARIANCE'.split(
    ' ',
  ),
)

/** Words that may stand before a parenthesis without being functions. */
export const notFunctions = new Set(
  'ALL AND ANY ARRAY AS BETWEEN BY CASE CROSS CUBE DISTINCT ELSE EXCEPT EXCLUDE FILTER FROM FULL GROUPING HAVING IN INNER INTERSECT INTO IS JOIN LATERAL LIKE LIMIT NOT NULLS ON OR ORDER OUTER OVER PARTITION QUALIFY RANGE RECURSIVE ROLLUP ROWS SELECT SET SETS SOME STRUCT TABLE THEN UNION USING VALUES WHEN WHERE WINDOW WITH WITHIN'.split(
    ' ',
  ),
)

/** GoogleSQL's own words; every other one is a name, and quoted, since DuckDB reserves others (`at`, `line`, `end`). */
export const keywords = new Set([
  ...notFunctions,
  ...'ASC CURRENT DELETE DESC END EXISTS FALSE FIRST FOLLOWING GROUP IGNORE INSERT LAST LEFT MATCHED MERGE NULL OFFSET PRECEDING REPLACE RESPECT RIGHT ROW TRUE TRUNCATE UNBOUNDED UPDATE VIEW'.split(
    ' ',
  ),
])

const units = new Set(
  'MICROSECOND MILLISECOND SECOND MINUTE HOUR DAY WEEK ISOWEEK MONTH QUARTER YEAR ISOYEAR'.split(' '),
)

/** The unit as DuckDB writes it. @throws INVALID_ARGUMENT */
function unit(text: string): string {
  const name = text.trim().replaceAll('"', '').toUpperCase()
  if (!units.has(name)) throw invalidArgument(`A valid date part name is required but found ${text.trim()}`)
  return name.replace('ISOWEEK', 'WEEK').replace('ISOYEAR', 'YEAR').toLowerCase()
}

type Rewrite = (args: readonly string[], name: string) => string

const difference: Rewrite = ([later, earlier, part]) => `date_sub('${unit(part!)}', ${earlier}, ${later})`
const dateDifference: Rewrite = ([later, earlier, part]) =>
  `date_diff('${unit(part!)}', CAST(${earlier} AS DATE), CAST(${later} AS DATE))`
const moved =
  (sign: '+' | '-', type: string): Rewrite =>
  ([from, interval]) =>
    `CAST((${from} ${sign} ${interval}) AS ${type})`
const formatted =
  (type: string): Rewrite =>
  ([format, value]) =>
    `strftime(CAST(${value} AS ${type}), ${format})`

/** Rewritten with their arguments, each already in DuckDB's words. */
export const rewritten: Readonly<Record<string, Rewrite>> = {
  TIMESTAMP_DIFF: difference,
  DATETIME_DIFF: difference,
  DATE_DIFF: dateDifference,
  TIMESTAMP_ADD: moved('+', 'TIMESTAMPTZ'),
  TIMESTAMP_SUB: moved('-', 'TIMESTAMPTZ'),
  DATE_ADD: moved('+', 'DATE'),
  DATE_SUB: moved('-', 'DATE'),
  TIMESTAMP_TRUNC: ([value, part]) => `date_trunc('${unit(part!)}', ${value})`,
  DATE_TRUNC: ([value, part]) => `CAST(date_trunc('${unit(part!)}', ${value}) AS DATE)`,
  DATE: (args) => (args.length === 3 ? `make_date(${args.join(', ')})` : `CAST(${args[0]} AS DATE)`),
  TIMESTAMP: ([value]) => `CAST(${value} AS TIMESTAMPTZ)`,
  TIMESTAMP_MILLIS: ([value]) => `make_timestamptz(CAST(${value} AS BIGINT) * 1000)`,
  TIMESTAMP_SECONDS: ([value]) => `make_timestamptz(CAST(${value} AS BIGINT) * 1000000)`,
  TIMESTAMP_MICROS: ([value]) => `make_timestamptz(CAST(${value} AS BIGINT))`,
  UNIX_SECONDS: ([value]) => `CAST(floor(epoch(${value})) AS BIGINT)`,
  FORMAT_TIMESTAMP: formatted('TIMESTAMPTZ'),
  FORMAT_DATE: formatted('DATE'),
  CURRENT_TIMESTAMP: () => 'now()',
  CURRENT_DATE: () => 'CAST(now() AS DATE)',
  STRING: ([value]) => `json_extract_string(${value}, '$')`,
  LAX_STRING: ([value]) => `json_extract_string(${value}, '$')`,
  INT64: ([value]) => `CAST(json_extract_string(${value}, '$') AS BIGINT)`,
  LAX_INT64: ([value]) => `TRY_CAST(json_extract_string(${value}, '$') AS BIGINT)`,
  FLOAT64: ([value]) => `CAST(json_extract_string(${value}, '$') AS DOUBLE)`,
  LAX_FLOAT64: ([value]) => `TRY_CAST(json_extract_string(${value}, '$') AS DOUBLE)`,
  BOOL: ([value]) => `CAST(json_extract_string(${value}, '$') AS BOOLEAN)`,
  APPROX_QUANTILES: ([value, count]) =>
    `quantile_disc(${value}, list_transform(range(0, ${count} + 1), lambda i: CAST(i AS DOUBLE) / ${count}))`,
  GENERATE_ARRAY: (args) => `generate_series(${args.join(', ')})`,
  GENERATE_DATE_ARRAY: ([from, to, step]) =>
    `list_transform(generate_series(CAST(${from} AS TIMESTAMP), CAST(${to} AS TIMESTAMP), ${step ?? 'INTERVAL 1 DAY'}), lambda d: CAST(d AS DATE))`,
  SAFE_OFFSET: ([index]) => `${index} + 1`,
  OFFSET: ([index]) => `${index} + 1`,
  ORDINAL: ([index]) => index!,
  SAFE_ORDINAL: ([index]) => index!,
  INSTR: ([text, part]) => `instr(${text}, ${part})`,
}
