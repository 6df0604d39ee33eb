/**
 * Translates GoogleSQL's functions to DuckDB's: a function keeps its name (`sameInBoth`), gets another name (`renamed`), often that
 * of a macro (`macros`), or is rewritten together with its arguments (`rewritten`). All others are refused.
 */

import { invalidArgument } from '../../core/status.ts'
import { OWN_MESSAGE } from './engine-errors.ts'
import { limits } from '../values/limits.ts'
import { NO_NAN } from '../values/scalars.ts'
import { dateFunctions, type Rewrite } from './dates.ts'

/** GoogleSQL's type names in casts → DuckDB types. */
export const types: Readonly<Record<string, string>> = {
  INT64: 'BIGINT',
  INT: 'BIGINT',
  INTEGER: 'BIGINT',
  BIGINT: 'BIGINT',
  SMALLINT: 'BIGINT',
  TINYINT: 'BIGINT',
  BYTEINT: 'BIGINT',
  FLOAT64: 'DOUBLE',
  STRING: 'VARCHAR',
  BOOL: 'BOOLEAN',
  BOOLEAN: 'BOOLEAN',
  BYTES: 'BLOB',
  TIMESTAMP: 'TIMESTAMPTZ',
  DATETIME: 'TIMESTAMP',
  DATE: 'DATE',
  TIME: 'TIME',
  NUMERIC: 'DECIMAL(38, 9)',
  DECIMAL: 'DECIMAL(38, 9)',
}

/** DuckDB type → the macro that casts to it by BigQuery's rules. SAFE_CAST uses the macro `bq_safe_cast_…`. */
export const macroCasts: Readonly<Record<string, string>> = {
  BIGINT: 'bq_cast_int64',
  VARCHAR: 'bq_cast_string',
  BOOLEAN: 'bq_cast_bool',
  BLOB: 'bq_cast_bytes',
  TIMESTAMPTZ: 'bq_cast_timestamp',
  TIMESTAMP: 'bq_cast_datetime',
  DATE: 'bq_cast_date',
  TIME: 'bq_cast_time',
  DOUBLE: 'bq_cast_float64',
  'DECIMAL(38, 9)': 'bq_cast_numeric',
}

/** The text of a NUMERIC that DuckDB reads as BigQuery does. A view has one for the minor unit of each currency, and a macro's expansion takes many times longer to plan. */
export const PLAIN_NUMERIC = /^\d{1,29}(?:\.\d{1,9})?$/

const DAY = String.raw`\d{4}-\d{1,2}-\d{1,2}`
const CLOCK = String.raw`([01]?\d|2[0-3]):[0-5]?\d:[0-5]?\d(\.\d{1,6})?`
/** From -14:00 to +14:00. A name has a slash, but for those that mean one zone everywhere. */
const ZONE = String.raw`[zZ]|( UTC)?[+-](14(:?00)?|(0?\d|1[0-3])(:?[0-5]\d)?)| (UTC|GMT|[A-Z]\w*(/[A-Za-z][\w+-]*)+)`

export const TIMESTAMP_TEXT = `^${DAY}([ tT]${CLOCK}(${ZONE})?)?$`

/** The texts that BigQuery casts: DuckDB takes others too, such as `epoch`, `2026/01/31`, `24:00:00` and `1_000`. */
export const castTexts: readonly [name: string, type: string, pattern: string, refusal: string][] = [
  ['date', 'DATE', `^${DAY}$`, `'Invalid date: ''' || CAST(x AS VARCHAR) || ''''`],
  ['datetime', 'TIMESTAMP', `^${DAY}([ tT]${CLOCK})?$`, `'Invalid datetime string "' || CAST(x AS VARCHAR) || '"'`],
  ['time', 'TIME', `^${CLOCK}$`, `'Invalid time string "' || CAST(x AS VARCHAR) || '"'`],
  [
    'float64',
    'DOUBLE',
    String.raw`(?i)^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$`,
    `'Bad float64 value: ' || CAST(x AS VARCHAR)`,
  ],
  [
    'numeric',
    'DECIMAL(38, 9)',
    String.raw`(?i)^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$`,
    `'Bad numeric value: ' || CAST(x AS VARCHAR)`,
  ],
]

/**
 * SQL that ends the query with a message: for arguments of a type whose translation is not proven to be the same. DuckDB evaluates
 * `typeof` when it plans a query, so a macro's branches for other types cost nothing.
 */
const refuse = (message: string): string => `error('${message}')`
const notFloat = (name: string): string =>
  refuse(`No matching signature for function ${name} for argument types: FLOAT64`)
const notNumeric = (name: string): string =>
  refuse(`${name} of NUMERIC is not translated by the local cloud: CAST to FLOAT64 or to INT64 first.`)

const noText = (type: string): string =>
  refuse(`No matching signature for a function that takes ${type} for an argument of type STRING: CAST it`)
const isFraction = `(typeof(x) = 'DOUBLE' OR typeof(x) LIKE 'DECIMAL%')`
/** DuckDB would cast a text and a BOOL to a number. */
const isNoNumber = (name: string): string => `typeof(${name}) IN ('VARCHAR', 'BOOLEAN', 'JSON')`
const noNumber = refuse(
  'No matching signature for a function or operator that takes numbers: an argument is STRING, BOOL or JSON',
)

/** SQL for a text that names no number of FLOAT64, which BigQuery casts. */
const isNaNText = String.raw`typeof(x) = 'VARCHAR' AND regexp_matches(CAST(x AS VARCHAR), '(?i)^\s*[+-]?(inf(inity)?|nan)\s*$')`

const isSignedHex = String.raw`typeof(x) = 'VARCHAR' AND regexp_matches(CAST(x AS VARCHAR), '^\s*[+-]0[xX]')`
const NO_SIGNED_HEX = `error('A hexadecimal text with a sign is not cast to INT64 by the local cloud')`

/** The greatest result of LPAD, RPAD and REPEAT. */
const MAX_TEXT_BYTES = 2 ** 20

/** Ten to this power times the 90 binary digits of a fraction is less than the greatest HUGEINT. */
const MAX_ROUNDED = 11

/** Unicode's white space, which TRIM removes: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#trim */
const WHITE_SPACE =
  '\t\n\u000b\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'

const NEAR_JSON = refuse(
  'A text that begins as JSON, and is not, is not read by JSON functions in the local cloud: BigQuery reads it up to the value of the path',
)

/**
 * A cast computes and plans its argument once, as the parameter of a lambda. It names the argument up to seven times, and what
 * views cast are macros themselves: `SAFE_CAST(JSON_VALUE(data, path) AS TIMESTAMP)` would have 84 copies of `data`, and take
 * four times as long to plan.
 */
const onceIfCast = (macro: string): string =>
  macro.replace(
    /^(bq_(?:safe_)?cast_\w+)\(x\) AS (?=CASE )([^]*)$/,
    '$1(argument) AS list_transform([argument], lambda x: $2)[1]',
  )

/** Statements that define the macros in each database. A macro returns the result that BigQuery documents, or refuses. */
export const macros = [
  // JSON_VALUE returns a scalar as text, and NULL for objects, arrays and text that is not JSON. A plan has each argument as
  // often as its macro names it, and those of a macro inside multiply: a view of views has thousands of these. DuckDB computes
  // a constant pattern before it looks at the condition that stands before it.
  // BigQuery reads a text up to the value of the path, and takes 'a', [1,] and [,] too: what is not JSON may still have a value.
  String.raw`bq_is_near_json(j) AS typeof(j) <> 'JSON' AND regexp_matches(CAST(j AS VARCHAR), '^\s*([\[{"''\d-]|true|false|NaN|-?Inf)') AND (NOT json_valid(j) OR bq_nested_numbers(j, ',\s*[\]}]|[Nn][Aa][Nn]|[Ii]nf|/'))`,
  `bq_json_value(j, p) AS CASE WHEN bq_is_near_json(j) THEN ${NEAR_JSON} WHEN json_valid(j) THEN CASE WHEN json_type(j, p) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL WHEN typeof(j) <> 'JSON' AND json_type(j, p) = 'DOUBLE' AND NOT regexp_matches(CAST(j AS VARCHAR), '(^|[^\\w.+-])' || replace(json_extract_string(CASE WHEN json_valid(j) THEN j END, p), '.', '[.]') || '($|[^\\w.+-])') THEN ${refuse('JSON_VALUE of a STRING does not return a number as it is written in the local cloud, such as 1e3 or 1.50: use PARSE_JSON')} ELSE json_extract_string(j, p) END END`,
  `bq_json_query(j, p) AS CASE WHEN typeof(j) NOT IN ('JSON', '"NULL"') THEN ${refuse('JSON_QUERY of a STRING, which returns a STRING, is not translated by the local cloud: write JSON_QUERY(PARSE_JSON(x), path)')} ELSE json_extract(CAST(j AS JSON), p) END`,
  `bq_json_query_array(j, p) AS CASE WHEN typeof(j) NOT IN ('JSON', '"NULL"') THEN ${refuse('JSON_QUERY_ARRAY of a STRING, which returns a STRING, is not translated by the local cloud: write JSON_QUERY_ARRAY(PARSE_JSON(x), path)')} WHEN json_type(CAST(j AS JSON), p) = 'ARRAY' THEN CAST(json_extract(CAST(j AS JSON), p) AS JSON[]) END`,
  `bq_json_value_array(j, p) AS CASE WHEN bq_is_near_json(j) THEN ${NEAR_JSON} WHEN json_valid(j) THEN CASE WHEN json_type(j, p) = 'ARRAY' AND len(list_filter(CAST(json_extract(j, p) AS JSON[]), lambda e: json_type(e) IN ('OBJECT', 'ARRAY'))) = 0 THEN CAST(json_extract(j, p) AS VARCHAR[]) END END`,
  `bq_repeats(names) AS len(names) <> len(list_distinct(names))`,
  `bq_repeats_key(t) AS bq_repeats(json_keys(COALESCE(CAST(t AS VARCHAR), 'null'))) OR len(list_filter(json_keys(COALESCE(CAST(t AS VARCHAR), 'null'), '$..*'), lambda names: bq_repeats(names))) > 0`,
  // Numbers within a value are found in its text, outside of strings: whole FLOAT64s, those with exponents, and great INT64s.
  String.raw`bq_nested_numbers(t, pattern) AS regexp_matches(regexp_replace(CAST(t AS VARCHAR), '"(\\.|[^"\\])*"', '""', 'g'), pattern)`,
  // DuckDB reads NaN, comments and a comma before a bracket, and writes small and great numbers otherwise.
  String.raw`bq_parse_json(t) AS CASE WHEN bq_nested_numbers(t, ',\s*[\]}]|[Nn][Aa][Nn]|[Ii]nf|/') THEN ${refuse('Invalid JSON: the text is not JSON')} WHEN bq_nested_numbers(t, '-?[\d.]{20,}') THEN ${refuse('A JSON number of more than 17 digits is not parsed by the local cloud')} WHEN bq_nested_numbers(t, '\d[eE][+-]?\d\d|\d[eE]-|\d{16}\.|\d{12,}[eE]|(^|[^\d])0\.0000') THEN ${refuse('A JSON number of 1e15 or more with a point or an exponent, or of less than 1e-4, is not parsed by the local cloud')} WHEN bq_repeats_key(t) THEN ${refuse('JSON with two members of one name in an object is not parsed by the local cloud: BigQuery keeps the first')} ELSE json(t) END`,
  // A text of 0, 3 or 6 digits after the point, as BigQuery writes a TIMESTAMP. Of DATETIME and TIME it is not known.
  String.raw`bq_time_text(x) AS CASE WHEN typeof(x) = 'TIMESTAMP WITH TIME ZONE' THEN regexp_replace(regexp_replace(CAST(x AS VARCHAR), '\.(\d|\d{4})\+', '.\100+'), '\.(\d\d|\d{5})\+', '.\10+') WHEN typeof(x) IN ('TIMESTAMP', 'TIME') AND regexp_matches(CAST(x AS VARCHAR), '\.\d{1,5}$') THEN ${refuse('A DATETIME or TIME with a fraction of a second is not cast to STRING by the local cloud: use FORMAT_TIMESTAMP')} ELSE CAST(x AS VARCHAR) END`,
  `bq_to_json_refusal(v) AS CASE WHEN regexp_matches(typeof(v), 'TIME|BLOB|DECIMAL') THEN ${refuse('TO_JSON and TO_JSON_STRING of TIMESTAMP, DATETIME, TIME, BYTES and NUMERIC are not translated by the local cloud: CAST to STRING first.')} WHEN typeof(v) = 'DOUBLE' AND (abs(TRY_CAST(v AS DOUBLE)) NOT BETWEEN 1e-4 AND 1e15 AND TRY_CAST(v AS DOUBLE) <> 0 OR signbit(TRY_CAST(v AS DOUBLE)) AND TRY_CAST(v AS DOUBLE) = 0) THEN ${refuse('TO_JSON and TO_JSON_STRING of a FLOAT64 that is -0.0, 1e15 or more, or less than 1e-4, are not translated by the local cloud.')} ELSE FALSE END`,
  // BigQuery keeps the members of an object by their names.
  `bq_unsorted(names) AS array_to_string(names, chr(0)) <> array_to_string(list_sort(names), chr(0))`,
  `bq_sorted_json(t) AS CASE WHEN bq_unsorted(json_keys(t)) OR len(list_filter(json_keys(t, '$..*'), lambda names: bq_unsorted(names))) > 0 THEN ${refuse('TO_JSON_STRING of JSON whose names are not sorted is not translated by the local cloud')} ELSE t END`,
  // BigQuery writes small letters in the codes of characters, and codes for the separators of lines and of paragraphs.
  String.raw`bq_json_text(t) AS CASE WHEN regexp_matches(t, '\\u00(0[BEF]|1[A-F])') THEN ${refuse('TO_JSON_STRING of a text with such a control character is not translated by the local cloud')} ELSE replace(replace(t, chr(8232), '\u2028'), chr(8233), '\u2029') END`,
  String.raw`bq_to_json_string(v) AS CASE WHEN bq_to_json_refusal(v) THEN NULL WHEN typeof(v) = 'DOUBLE' AND v IS NOT NULL THEN regexp_replace(CAST(to_json(v) AS VARCHAR), '\.0$', '') WHEN typeof(v) = 'BIGINT' AND TRY_CAST(v AS BIGINT) NOT BETWEEN -9007199254740992 AND 9007199254740992 THEN '"' || CAST(to_json(v) AS VARCHAR) || '"' WHEN regexp_matches(typeof(v), 'DOUBLE|BIGINT|INTEGER|JSON') AND typeof(v) NOT IN ('DOUBLE', 'BIGINT', 'JSON') AND bq_nested_numbers(to_json(v), '[eE]|\.0\b|\d{16}') THEN ${refuse('TO_JSON_STRING of an ARRAY or STRUCT with a whole FLOAT64, or a number of 16 digits, is not translated by the local cloud.')} ELSE bq_json_text(COALESCE(CAST(to_json(v) AS VARCHAR), 'null')) END`,
  String.raw`bq_to_json(v) AS CASE WHEN bq_to_json_refusal(v) THEN NULL WHEN regexp_matches(typeof(v), 'DOUBLE') AND bq_nested_numbers(to_json(v), '\d[eE]|-0\.0\b|\d{16}') THEN ${refuse('TO_JSON of a FLOAT64 with an exponent, or of 16 digits, is not translated by the local cloud.')} ELSE COALESCE(to_json(v), CAST('null' AS JSON)) END`,
  `bq_json_scalar(j, kind) AS CASE WHEN j IS NULL THEN NULL WHEN NOT regexp_matches(json_type(j), kind) THEN ${refuse('The provided JSON input is not of the asked type')} ELSE json_extract_string(j, '$') END`,
  `bq_lax_string(j) AS CASE WHEN json_type(j) IN ('ARRAY', 'OBJECT') THEN NULL ELSE json_extract_string(j, '$') END`,
  `bq_lax_int64(j) AS CASE WHEN json_type(j) = 'BOOLEAN' THEN CASE WHEN json_extract_string(j, '$') = 'true' THEN 1 ELSE 0 END::BIGINT WHEN NOT regexp_matches(json_extract_string(j, '$'), '^-?\\d') OR regexp_matches(json_extract_string(j, '$'), '[xX_\\s]') THEN NULL ELSE TRY_CAST(json_extract_string(j, '$') AS BIGINT) END`,
  `bq_string(j) AS CASE typeof(j) WHEN 'JSON' THEN CASE WHEN j IS NULL THEN NULL WHEN json_type(CAST(j AS JSON)) <> 'VARCHAR' THEN ${refuse('The provided JSON input is not a string')} ELSE json_extract_string(CAST(j AS JSON), '$') END ELSE bq_time_text(j) END`,
  // Arithmetic. FLOAT64 has no NaN and no Infinity here: DuckDB compares them otherwise, and BigQuery's operators refuse them as results.
  `bq_finite(x) AS CASE WHEN typeof(x) = 'DOUBLE' AND NOT isfinite(TRY_CAST(x AS DOUBLE)) THEN error('double overflow: the result is no finite number') ELSE x END`,
  `bq_result(y, called) AS CASE WHEN NOT isfinite(y) THEN error('Floating point error in function: ' || called) ELSE y END`,
  `bq_int64(x) AS CASE WHEN ${isNoNumber('x')} OR typeof(x) = 'DOUBLE' THEN ${refuse('No matching signature for a function that takes INT64')} ELSE CAST(x AS BIGINT) END`,
  `bq_divide(a, b) AS CASE WHEN ${isNoNumber('a')} OR ${isNoNumber('b')} THEN ${noNumber} WHEN typeof(a) LIKE 'DECIMAL%' OR typeof(b) LIKE 'DECIMAL%' THEN ${notNumeric('Division')} WHEN b = 0 THEN error('division by zero: ' || a || ' / ' || b) ELSE CAST(a AS DOUBLE) / b END`,
  `bq_safe_divide(a, b) AS CASE WHEN ${isNoNumber('a')} OR ${isNoNumber('b')} THEN ${noNumber} WHEN typeof(a) LIKE 'DECIMAL%' OR typeof(b) LIKE 'DECIMAL%' THEN ${notNumeric('SAFE_DIVIDE')} WHEN b = 0 OR NOT isfinite(CAST(a AS DOUBLE) / b) THEN NULL ELSE CAST(a AS DOUBLE) / b END`,
  `bq_minus(a, b) AS CASE WHEN typeof(a) = typeof(b) AND typeof(b) IN ('DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE') THEN ${refuse('The difference of two times is not translated by the local cloud: use DATE_DIFF or TIMESTAMP_DIFF.')} ELSE a - b END`,
  `bq_div(a, b) AS CASE WHEN ${isNoNumber('a')} OR ${isNoNumber('b')} THEN ${noNumber} WHEN typeof(a) = 'DOUBLE' OR typeof(b) = 'DOUBLE' THEN ${notFloat('DIV')} WHEN typeof(a) LIKE 'DECIMAL%' OR typeof(b) LIKE 'DECIMAL%' THEN ${notNumeric('DIV')} WHEN b = 0 THEN error('division by zero: DIV(' || a || ', ' || b || ')') ELSE CAST(a AS BIGINT) // CAST(b AS BIGINT) END`,
  `bq_mod(a, b) AS CASE WHEN typeof(a) = 'DOUBLE' OR typeof(b) = 'DOUBLE' THEN ${notFloat('MOD')} WHEN b = 0 THEN error('division by zero: MOD(' || a || ', ' || b || ')') ELSE a % b END`,
  // Bits that are shifted in are 0, also those of a negative number.
  `bq_left_shift(a, n) AS CASE WHEN n < 0 THEN error('Bitwise shift by a negative number: ' || n) WHEN n >= 64 THEN 0::BIGINT ELSE a << n END`,
  `bq_right_shift(a, n) AS CASE WHEN n < 0 THEN error('Bitwise shift by a negative number: ' || n) WHEN n >= 64 THEN 0::BIGINT WHEN n = 0 THEN a ELSE (a >> n) & (9223372036854775807 >> (n - 1)) END`,
  `bq_double(x) AS CASE WHEN ${isNoNumber('x')} THEN ${noNumber} WHEN typeof(x) LIKE 'DECIMAL%' THEN ${notNumeric('This function')} ELSE CAST(x AS DOUBLE) END`,
  `bq_ln(x) AS CASE WHEN x <= 0 THEN error('Floating point error in function: LN(' || x || ')') ELSE ln(bq_double(x)) END`,
  `bq_log10(x) AS CASE WHEN x <= 0 THEN error('Floating point error in function: LOG10(' || x || ')') ELSE log10(bq_double(x)) END`,
  // A FLOAT64 is rounded as the binary fraction that it is: 2.675 is a little less, so it becomes 2.67. DuckDB multiplies it first.
  `bq_units(f, n) AS (f * pow(2::DOUBLE, 90))::HUGEINT * (10 ** n)::HUGEINT`,
  `bq_digits(x, n, half) AS CASE WHEN abs(x) * pow(10, n) >= 4503599627370496 THEN x ELSE (CASE WHEN x < 0 THEN -1 ELSE 1 END) * (trunc(abs(x)) * pow(10, n) + ((bq_units(abs(x) - trunc(abs(x)), n) + half) >> 90)::DOUBLE) / pow(10, n) END`,
  `bq_round(x, n) AS CASE WHEN n < 0 AND abs(bq_double(x)) > 1e290 THEN error('ROUND of a FLOAT64 beyond 1e290 is not translated by the local cloud') WHEN n > ${MAX_ROUNDED} THEN error('ROUND to more than ${MAX_ROUNDED} digits is not translated by the local cloud') WHEN n > 0 THEN bq_digits(bq_double(x), CAST(n AS INTEGER), 1::HUGEINT << 89) ELSE round(bq_double(x), CAST(n AS INTEGER)) END`,
  `bq_trunc(x, n) AS CASE WHEN n > ${MAX_ROUNDED} THEN error('TRUNC to more than ${MAX_ROUNDED} digits is not translated by the local cloud') WHEN n > 0 THEN bq_digits(bq_double(x), CAST(n AS INTEGER), 0::HUGEINT) ELSE trunc(bq_double(x), CAST(n AS INTEGER)) END`,
  `bq_sqrt(x) AS CASE WHEN x < 0 THEN error('Argument to SQRT cannot be negative: ' || x) ELSE sqrt(bq_double(x)) END`,
  // Casts: to INT64, halves are rounded away from zero; a number becomes STRING without trailing zeros.
  `bq_cast_int64(x) AS CASE WHEN typeof(x) = 'DOUBLE' THEN CAST(round(TRY_CAST(x AS DOUBLE)) AS BIGINT) WHEN typeof(x) = 'JSON' THEN ${refuse('Invalid cast from JSON to INT64')} WHEN ${isSignedHex} THEN ${NO_SIGNED_HEX} WHEN typeof(x) = 'VARCHAR' AND NOT regexp_matches(CAST(x AS VARCHAR), '^\\s*[+-]?(\\d+|0[xX][0-9a-fA-F]+)\\s*$') THEN error('Bad int64 value: ' || CAST(x AS VARCHAR)) ELSE CAST(x AS BIGINT) END`,
  `bq_safe_cast_int64(x) AS CASE WHEN typeof(x) = 'DOUBLE' THEN TRY_CAST(round(TRY_CAST(x AS DOUBLE)) AS BIGINT) WHEN ${isSignedHex} THEN ${NO_SIGNED_HEX} WHEN typeof(x) = 'VARCHAR' AND NOT regexp_matches(CAST(x AS VARCHAR), '^\\s*[+-]?(\\d+|0[xX][0-9a-fA-F]+)\\s*$') THEN NULL ELSE TRY_CAST(x AS BIGINT) END`,
  `bq_cast_string(x) AS CASE WHEN typeof(x) = 'DOUBLE' AND abs(TRY_CAST(x AS DOUBLE)) >= 1e15 THEN ${refuse('A FLOAT64 of 1e15 or more is not cast to STRING by the local cloud.')} WHEN typeof(x) = 'DOUBLE' AND TRY_CAST(x AS DOUBLE) = 0 AND signbit(TRY_CAST(x AS DOUBLE)) THEN ${refuse('-0.0 is not cast to STRING by the local cloud.')} WHEN typeof(x) = 'DOUBLE' THEN regexp_replace(CAST(x AS VARCHAR), '\\.0$', '') WHEN typeof(x) LIKE 'DECIMAL%' THEN regexp_replace(CAST(x AS VARCHAR), '\\.?0+$', '') WHEN typeof(x) IN ('JSON', 'BLOB') OR typeof(x) LIKE 'STRUCT%' OR typeof(x) LIKE '%[]' THEN error('Invalid cast to STRING: the local cloud does not cast BYTES, JSON, STRUCT and ARRAY values.') ELSE bq_time_text(x) END`,
  `bq_safe_cast_string(x) AS bq_cast_string(x)`,
  `bq_cast_bool(x) AS CASE WHEN ${isFraction} THEN ${refuse('Invalid cast to BOOL: from INT64 and STRING only')} WHEN typeof(x) = 'VARCHAR' AND lower(CAST(x AS VARCHAR)) NOT IN ('true', 'false') THEN error('Bad bool value: ' || CAST(x AS VARCHAR)) ELSE CAST(x AS BOOLEAN) END`,
  `bq_safe_cast_bool(x) AS CASE WHEN ${isFraction} THEN ${refuse('Invalid cast to BOOL: from INT64 and STRING only')} WHEN typeof(x) = 'VARCHAR' AND lower(CAST(x AS VARCHAR)) NOT IN ('true', 'false') THEN NULL ELSE TRY_CAST(x AS BOOLEAN) END`,
  `bq_cast_bytes(x) AS encode(x)`,
  `bq_safe_cast_bytes(x) AS encode(x)`,
  // A FLOAT64 becomes the NUMERIC that is nearest to its exact value; DuckDB multiplies it with 1e9 first. A greater one has no fraction.
  `bq_billionths(d) AS (CASE WHEN d < 0 THEN -1 ELSE 1 END)::HUGEINT * (trunc(abs(d))::HUGEINT * 1000000000 + ((bq_units(abs(d) - trunc(abs(d)), 9) + (1::HUGEINT << 89)) >> 90))`,
  `bq_numeric_of(d) AS CAST(bq_billionths(d) AS DECIMAL(38, 0)) * CAST(0.000000001 AS DECIMAL(9, 9))`,
  `bq_exact(x) AS CASE WHEN abs(TRY_CAST(x AS DOUBLE)) >= 1e29 THEN error('numeric overflow: ' || CAST(x AS VARCHAR)) ELSE bq_numeric_of(TRY_CAST(x AS DOUBLE)) END`,
  `bq_safe_exact(x) AS CASE WHEN abs(TRY_CAST(x AS DOUBLE)) < 1e29 THEN bq_numeric_of(TRY_CAST(x AS DOUBLE)) END`,
  ...castTexts.flatMap(([name, type, pattern, refusal]) => {
    const isFloat = name === 'float64'
    const noNaN = isFloat ? `WHEN ${isNaNText} THEN ${refuse(NO_NAN)} ` : ''
    const exact = (macro: string): string => (name === 'numeric' ? ` WHEN typeof(x) = 'DOUBLE' THEN ${macro}(x)` : '')
    const noBool = `${noNaN}WHEN typeof(x) = 'BOOLEAN' THEN ${refuse('Invalid cast from BOOL: to INT64 and STRING only')}`
    const isOther = `typeof(x) = 'VARCHAR' AND (NOT regexp_matches(CAST(x AS VARCHAR), '${pattern}')${isFloat ? ' OR NOT isfinite(TRY_CAST(x AS DOUBLE))' : ''})`
    return [
      `bq_cast_${name}(x) AS CASE ${noBool}${exact('bq_exact')} WHEN ${isOther} THEN error(${refusal}) ELSE CAST(x AS ${type}) END`,
      `bq_safe_cast_${name}(x) AS CASE ${noBool}${exact('bq_safe_exact')} WHEN ${isOther} THEN NULL ELSE TRY_CAST(x AS ${type}) END`,
    ]
  }),
  // A text with nanoseconds, or of a year that BigQuery does not have, is no TIMESTAMP.
  // DuckDB takes no offset of one digit, and no small z.
  String.raw`bq_zoned(x) AS regexp_replace(regexp_replace(CAST(x AS VARCHAR), '(:\d+(?:\.\d+)?(?: UTC)?)([+-])(\d(?::?\d\d)?)$', '\1\20\3'), '(?: UTC)?([zZ]|[+-]\d\d:?\d*)$', '\1')`,
  `bq_timestamp_of(x) AS TRY_CAST(upper(bq_zoned(x)) AS TIMESTAMPTZ)`,
  `bq_is_no_timestamp(x) AS typeof(x) = 'VARCHAR' AND (NOT regexp_matches(CAST(x AS VARCHAR), '${TIMESTAMP_TEXT}') OR NOT COALESCE(bq_timestamp_of(x) BETWEEN TIMESTAMPTZ '0001-01-01 00:00:00+00' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999+00', FALSE))`,
  `bq_cast_timestamp(x) AS CASE WHEN bq_is_no_timestamp(x) THEN error('Invalid timestamp: ''' || CAST(x AS VARCHAR) || '''') WHEN typeof(x) = 'VARCHAR' THEN bq_timestamp_of(x) ELSE CAST(x AS TIMESTAMPTZ) END`,
  `bq_safe_cast_timestamp(x) AS CASE WHEN bq_is_no_timestamp(x) THEN NULL WHEN typeof(x) = 'VARCHAR' THEN bq_timestamp_of(x) ELSE TRY_CAST(x AS TIMESTAMPTZ) END`,
  // Texts: positions count from 1; negative ones count from the end.
  `bq_substr(t, p) AS CASE WHEN p < -length(t) OR p = 0 THEN t WHEN p < 0 THEN right(t, -p) ELSE substr(t, p) END`,
  `bq_substr_n(t, p, n) AS CASE WHEN n < 0 THEN error('Third argument in SUBSTR() cannot be negative') ELSE left(bq_substr(t, p), n) END`,
  `bq_left(t, n) AS CASE WHEN n < 0 THEN error('Second argument in LEFT() cannot be negative') ELSE left(t, n) END`,
  `bq_right(t, n) AS CASE WHEN n < 0 THEN error('Second argument in RIGHT() cannot be negative') ELSE right(t, n) END`,
  ...['trim', 'ltrim', 'rtrim'].map((name) => `bq_${name}(t) AS ${name}(t, '${WHITE_SPACE}')`),
  // Google maps some letters to several, or by their place in a word: DuckDB knows none of these.
  `bq_upper(t) AS CASE WHEN typeof(t) = 'VARCHAR' AND regexp_matches(CAST(t AS VARCHAR), '[ŉǰΐΰև\\x{1E96}-\\x{1E9A}\\x{1F50}-\\x{1F56}\\x{1F80}-\\x{1FFC}\\x{FB00}-\\x{FB17}]') THEN error('UPPER of a letter that becomes several is not translated by the local cloud') ELSE replace(upper(t), 'ẞ', 'SS') END`,
  `bq_lower(t) AS CASE WHEN typeof(t) = 'VARCHAR' AND regexp_matches(CAST(t AS VARCHAR), '[İΣ]') THEN error('LOWER of İ and of Σ is not translated by the local cloud') ELSE lower(t) END`,
  `bq_pad_size(n, name) AS CASE WHEN n < 0 THEN error('Second argument in ' || name || ' cannot be negative') WHEN n > ${MAX_TEXT_BYTES} THEN error('Output of ' || name || ' exceeds max allowed output size of 1MB') ELSE CAST(n AS INTEGER) END`,
  `bq_repeat(t, n) AS CASE WHEN typeof(t) LIKE '%[]' THEN ${refuse('No matching signature for function REPEAT for an argument of type ARRAY')} WHEN n < 0 THEN error('Second argument in REPEAT() cannot be negative') WHEN (CASE typeof(t) WHEN 'BLOB' THEN octet_length(TRY_CAST(t AS BLOB)) ELSE strlen(TRY_CAST(t AS VARCHAR)) END) * CAST(n AS HUGEINT) > ${MAX_TEXT_BYTES} THEN error('Output of REPEAT exceeds max allowed output size of 1MB') ELSE repeat(t, n) END`,
  `bq_no_array(x) AS CASE WHEN typeof(x) LIKE '%[]' THEN ${refuse('No matching signature for function CONCAT for arguments of type ARRAY: use ARRAY_CONCAT')} ELSE x END`,
  // One value that is no text would keep its type.
  `bq_text(x) AS CASE WHEN typeof(x) NOT IN ('VARCHAR', 'BLOB', '"NULL"') THEN ${refuse('CONCAT of one value that is no STRING is not translated by the local cloud: CAST to STRING first.')} ELSE x END`,
  `bq_error(message) AS error(bq_text(message))`,
  `bq_replace(t, a, b) AS CASE WHEN a = '' THEN t ELSE replace(t, a, b) END`,
  `bq_regexp_replace(t, r, s) AS regexp_replace(t, r, s, 'g')`,
  `bq_plain_replacement(s) AS CASE WHEN contains(s, chr(92)) THEN ${refuse('REGEXP_REPLACE takes a replacement with a backslash as a literal in the local cloud')} ELSE s END`,
  `bq_split(t, d) AS CASE WHEN d IS NULL THEN NULL ELSE string_split(t, d) END`,
  // The first argument decides the type: BigQuery takes the type that both have in common.
  `bq_is_null_if(a, b) AS CASE WHEN typeof(a) <> typeof(b) AND (typeof(b) = 'DOUBLE' OR typeof(a) = 'BIGINT' AND typeof(b) LIKE 'DECIMAL%' OR typeof(a) = 'DATE' AND typeof(b) = 'TIMESTAMP' OR typeof(a) = 'VARCHAR' AND regexp_matches(typeof(b), 'DATE|TIME')) AND typeof(a) <> '"NULL"' THEN ${refuse('NULLIF of two types is not translated by the local cloud: CAST the first argument to the type of the second')} ELSE FALSE END`,
  `bq_to_hex(x) AS CASE WHEN typeof(x) = 'VARCHAR' THEN ${refuse('No matching signature for function TO_HEX for argument types: STRING')} ELSE lower(hex(CAST(x AS BLOB))) END`,
  // Lists.
  // DuckDB's own take a separator that is constant.
  `bq_joined(a, s) AS CASE WHEN len(a) = 0 THEN '' ELSE list_reduce(a, lambda one, other: one || s || other) END`,
  `bq_text_agg(a, s) AS CASE WHEN s IS NULL THEN error('STRING_AGG with a separator that is NULL is not translated by the local cloud') ELSE bq_joined(a, s) END`,
  `bq_array_to_string(a, s) AS CASE WHEN typeof(a) NOT IN ('VARCHAR[]', '"NULL"[]', '"NULL"') THEN ${refuse('No matching signature for function ARRAY_TO_STRING: the local cloud takes an ARRAY<STRING>')} ELSE CASE WHEN s IS NULL THEN NULL ELSE bq_joined(list_filter(a, lambda one: one IS NOT NULL), s) END END`,
  // The element of an array that \`*\` would have as a column: at Google a STRUCT is a column for each field.
  `bq_element(x) AS CASE WHEN typeof(x) LIKE 'STRUCT%' THEN ${refuse('The local cloud has one column for the STRUCTs of an UNNEST that is WITH OFFSET, or after LEFT JOIN: name their fields in place of *.')} ELSE x END`,
  `bq_at(a, i, n) AS CASE WHEN n < 0 OR n >= array_length(a) THEN error('Array index ' || i || ' is out of bounds' || CASE WHEN n < 0 THEN ' (underflow)' ELSE ' (overflow)' END) ELSE a[n + 1] END`,
  `bq_offset(a, i) AS bq_at(a, i, i)`,
  `bq_ordinal(a, i) AS bq_at(a, i, i - 1)`,
  `bq_safe_offset(a, i) AS CASE WHEN i >= 0 AND i < array_length(a) THEN a[i + 1] END`,
  `bq_safe_ordinal(a, i) AS CASE WHEN i >= 1 AND i <= array_length(a) THEN a[i] END`,
  `bq_generate(f, t, s) AS CASE WHEN s = 0 THEN error('Sequence step cannot be 0.') ELSE generate_series(f, t, s) END`,
  // Times. DuckDB has further years.
  `bq_day(d) AS CASE WHEN d NOT BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN error('Date value is out of allowed range: from 0001-01-01 to 9999-12-31.') ELSE d END`,
  `bq_instant(t) AS CASE WHEN t NOT BETWEEN TIMESTAMPTZ '0001-01-01 00:00:00+00' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999+00' THEN error('Timestamp value is out of allowed range: from 0001-01-01 to 9999-12-31.') ELSE t END`,
  `bq_with_clock(x) AS CASE WHEN typeof(x) = 'DATE' THEN ${refuse('EXTRACT from DATE does not support parts of a time')} ELSE x END`,
  `bq_parse_time(t, f) AS CASE WHEN t IS NOT NULL AND try_strptime(t, f) IS NULL THEN error('Failed to parse input string "' || t || '"') ELSE try_strptime(t, f) END`,
  `bq_days_array(f, t, n) AS list_transform(bq_generate(0, date_diff('day', f, t), CAST(n AS BIGINT)), lambda i: CAST(f + to_days(CAST(i AS INTEGER)) AS DATE))`,
  // Each month is counted from the first date: the one after 28 February may be 31 March.
  `bq_months_array(f, t, n) AS list_filter(list_transform(bq_generate(0, date_diff('month', f, t), CAST(n AS BIGINT)), lambda i: CAST(f + to_months(CAST(i AS INTEGER)) AS DATE)), lambda d: CASE WHEN n > 0 THEN d <= t ELSE d >= t END)`,
  // BigQuery coerces a literal text and a parameter, and no other text.
  `bq_date(x) AS CASE WHEN typeof(x) = 'VARCHAR' THEN ${noText('DATE')} WHEN typeof(x) LIKE 'TIMESTAMP%' THEN ${refuse('A DATE is needed here by the local cloud: write DATE(x).')} ELSE CAST(x AS DATE) END`,
  `bq_date_of_text(x) AS CASE WHEN typeof(x) = 'VARCHAR' THEN bq_cast_date(CAST(x AS VARCHAR)) ELSE bq_date(x) END`,
  `bq_timestamp(x) AS CASE WHEN typeof(x) = 'VARCHAR' THEN ${noText('TIMESTAMP')} WHEN typeof(x) IN ('TIMESTAMP', 'DATE') THEN ${refuse('A TIMESTAMP is needed here by the local cloud: write TIMESTAMP(x).')} ELSE CAST(x AS TIMESTAMPTZ) END`,
  `bq_timestamp_of_text(x) AS CASE WHEN typeof(x) = 'VARCHAR' THEN bq_cast_timestamp(CAST(x AS VARCHAR)) ELSE bq_timestamp(x) END`,
  `bq_time(x) AS CASE WHEN typeof(x) = 'VARCHAR' THEN ${noText('DATE, DATETIME or TIMESTAMP')} ELSE x END`,
  // A parameter that is the same number for all rows.
  `bq_count(n, least, says) AS CASE WHEN typeof(n) <> 'BIGINT' THEN ${refuse('A count of rows is an INT64: CAST the parameter')} WHEN n IS NULL OR TRY_CAST(n AS BIGINT) < least THEN error(says) ELSE TRY_CAST(n AS BIGINT) END`,
  // DuckDB ends a pattern with such a backslash, or raises an error without a place.
  String.raw`bq_pattern(p) AS CASE WHEN typeof(p) = 'VARCHAR' AND regexp_matches(CAST(p AS VARCHAR), '^([^\\]|\\.)*\\$', 's') THEN error('LIKE pattern ends with a backslash: ' || CAST(p AS VARCHAR)) ELSE p END`,
  `bq_whole(n) AS CASE WHEN typeof(n) = 'DOUBLE' OR typeof(n) LIKE 'DECIMAL%' OR ${isNoNumber('n')} THEN ${refuse('INTERVAL takes an INT64 before its unit')} ELSE CAST(n AS BIGINT) END`,
  // DuckDB has \`to_milliseconds\` of a DOUBLE, which is not exact.
  ...Object.entries({ microsecond: 1, millisecond: 1000, second: 1_000_000 }).map(
    ([unit, micros]) => `bq_${unit}s(n) AS to_microseconds(CAST(n AS BIGINT) * ${micros})`,
  ),
  ...['minute', 'hour'].map((unit) => `bq_${unit}s(n) AS to_${unit}s(CAST(n AS BIGINT))`),
  ...['day', 'week', 'month', 'quarter', 'year'].map((unit) => `bq_${unit}s(n) AS to_${unit}s(CAST(n AS INTEGER))`),
].map((macro) => `CREATE OR REPLACE MACRO ${onceIfCast(macro).replaceAll(/\berror\(/g, `error('${OWN_MESSAGE}' || `)}`)

/** The functions whose second argument is a JSONPath. */
export const takesPath = new Set(
  'JSON_VALUE JSON_EXTRACT_SCALAR JSON_QUERY JSON_EXTRACT JSON_QUERY_ARRAY JSON_EXTRACT_ARRAY JSON_VALUE_ARRAY'.split(
    ' ',
  ),
)

/** Functions with the same arguments and another name in DuckDB. */
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
  TO_JSON: 'bq_to_json',
  LOGICAL_AND: 'bool_and',
  LOGICAL_OR: 'bool_or',
  IF: 'if',
  REGEXP_CONTAINS: 'regexp_matches',
  ARRAY_LENGTH: 'array_length',
  CHAR_LENGTH: 'length',
  CHARACTER_LENGTH: 'length',
  ENDS_WITH: 'ends_with',
  ARRAY_REVERSE: 'list_reverse',
  ARRAY_TO_STRING: 'bq_array_to_string',
  DIV: 'bq_div',
  MOD: 'bq_mod',
  LEFT: 'bq_left',
  RIGHT: 'bq_right',
  REPEAT: 'bq_repeat',
  REPLACE: 'bq_replace',
  STRPOS: 'instr',
  STARTS_WITH: 'starts_with',
  LOWER: 'bq_lower',
  UPPER: 'bq_upper',
  TO_BASE64: 'base64',
  FROM_BASE64: 'from_base64',
  FROM_HEX: 'unhex',
  STRING: 'bq_string',
  APPROX_COUNT_DISTINCT: 'approx_count_distinct',
  MAX_BY: 'max_by',
  MIN_BY: 'min_by',
}

/** Functions with the same name, arguments and result in GoogleSQL and DuckDB. */
export const sameInBoth = new Set(
  'ABS ANY_VALUE COALESCE COUNT CUME_DIST DENSE_RANK FIRST_VALUE IFNULL LAST_VALUE LENGTH MAX MIN PERCENT_RANK RANK REVERSE ROW_NUMBER SUM'.split(
    ' ',
  ),
)

/** GoogleSQL's reserved words. Every other word is a name and is quoted, because DuckDB reserves further words (`at`, `line`). */
export const keywords = new Set(
  'ALL AND ANY ARRAY AS ASC BETWEEN BY CASE CROSS CUBE CURRENT DESC DISTINCT ELSE END EXCEPT EXISTS FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE LIMIT NOT NULL NULLS ON OR ORDER OUTER OVER PARTITION QUALIFY RANGE RECURSIVE RIGHT ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH'.split(
    ' ',
  ),
)

/** A function of INT64 or FLOAT64 that returns FLOAT64. `bq_double` refuses NUMERIC. */
const floatFunction =
  (name: string): Rewrite =>
  ([value, digits]) =>
    `${name}(bq_double(${value})${digits ? `, (${digits})::INTEGER` : ''})`

const power: Rewrite = ([base, exponent]) => `bq_result(pow(bq_double(${base}), bq_double(${exponent})), 'POW')`

/** One operand of `||`. With a NULL that is constant, DuckDB forgets the type of the result. */
export const concatenated = (value: string): string =>
  /^\(*NULL\)*$/.test(value) ? 'CASE WHEN random() > 2 THEN NULL::VARCHAR END' : value

/** NULL if any argument is NULL; DuckDB's GREATEST and LEAST ignore NULL. */
const nullIfAnyIsNull: Rewrite = (args, name) =>
  `CASE WHEN ${args.map((arg) => `${arg} IS NULL`).join(' OR ')} THEN NULL ELSE ${name}(${args.join(', ')}) END`

/**
 * The number of the group that REGEXP_EXTRACT returns: 1 if the pattern has a group, 0 (the whole match) if it has none. A group
 * that may be left out is refused: DuckDB returns the same empty text for a missing group as for an empty one.
 */
function extractedGroup(pattern: string, name: string): 0 | 1 {
  if (!pattern.startsWith("'")) throw invalidArgument(`${name} takes its pattern as a literal in the local cloud.`)
  if (pattern.length > limits.patternCharacters)
    throw invalidArgument(`Regular expression of ${name} is longer than ${limits.patternCharacters} characters.`)
  const plain = pattern.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]/gs, '')
  const groups = plain.match(/\((?!\?)|\(\?P</g)?.length ?? 0
  if (groups > 1) throw invalidArgument(`Regular expression ${pattern} has more than one capturing group in ${name}.`)
  if (groups === 1 && /\)[?*]|\)\{0|\|/.test(plain))
    throw invalidArgument(`${name} with a group that may be left out is not translated by the local cloud: ${pattern}`)
  return groups === 1 ? 1 : 0
}

/** DuckDB leaves the text as it is where a replacement names a group that the pattern does not have. */
function checkReplacement(pattern: string, replacement: string, name: string): void {
  if (!replacement.startsWith("'")) return
  const groups = [...replacement.matchAll(/\\(.|$)/gs)].map(([, group]) => group!)
  if (groups.length === 0) return
  if (!pattern.startsWith("'")) throw invalidArgument(`${name} takes its pattern as a literal in the local cloud.`)
  const plain = pattern.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]/gs, '')
  const count = plain.match(/\((?!\?)|\(\?P</g)?.length ?? 0
  for (const group of groups)
    if (group !== '\\' && !(/^\d$/.test(group) && Number(group) <= count))
      throw invalidArgument(`Invalid ${name} replacement: the pattern has ${count} groups, and no \\${group}`)
}

/** The same number for all rows: the grammar checks a literal, and this a parameter. */
export const countOf = (written: string, says = 'A count of rows must not be NULL or negative', least = 0): string =>
  written.replace(/^\$\w+/, (parameter) => `bq_count(${parameter}, ${least}, '${says}')`)

/** @param index of the argument that is a count. */
const counted =
  (index: number, says: string, least = 0): Rewrite =>
  (args, name) =>
    `${name}(${args.map((arg, at) => (at === index ? countOf(arg, says, least) : arg)).join(', ')})`

/** Functions whose result is checked, with the window over which they are taken. */
export const mayOverflow = new Set(['SUM', 'AVG'])

/** Functions whose call is rewritten. Their arguments are translated already. */
export const rewritten: Readonly<Record<string, Rewrite>> = {
  ...dateFunctions,
  // `count`, because the result for no rows is 0; `sum` would give NULL.
  COUNTIF: ([condition]) => `count(CASE WHEN ${condition} THEN 1 END)`,
  LAG: counted(1, 'The offset of LAG must not be NULL or negative'),
  LEAD: counted(1, 'The offset of LEAD must not be NULL or negative'),
  NTH_VALUE: counted(1, 'The N value of NTH_VALUE must be positive', 1),
  NTILE: counted(0, 'The N value (number of buckets) for the NTILE function must be positive', 1),
  CONCAT: (args) => (args.length === 1 ? `bq_text(${args[0]})` : `bq_no_array(${args.map(concatenated).join(' || ')})`),
  ERROR: ([message]) => `bq_error(${message})`,
  GREATEST: nullIfAnyIsNull,
  LEAST: nullIfAnyIsNull,
  SUBSTR: (args) => `${args.length === 3 ? 'bq_substr_n' : 'bq_substr'}(${args.join(', ')})`,
  SUBSTRING: (args) => `${args.length === 3 ? 'bq_substr_n' : 'bq_substr'}(${args.join(', ')})`,
  LPAD: ([text, length, pad = "' '"]) => `lpad(${text}, bq_pad_size(${length}, 'LPAD'), ${pad})`,
  RPAD: ([text, length, pad = "' '"]) => `rpad(${text}, bq_pad_size(${length}, 'RPAD'), ${pad})`,
  SPLIT: ([text, delimiter = "','"]) => `bq_split(${text}, ${delimiter})`,
  NULLIF: ([a, b]) => `CASE WHEN bq_is_null_if(${a}, ${b}) THEN NULL ELSE NULLIF(${a}, ${b}) END`,
  ARRAY_CONCAT: (args) => {
    return `CASE WHEN ${args.map((arg) => `${arg} IS NULL`).join(' OR ')} THEN NULL ELSE list_concat(${args.join(', ')}) END`
  },
  REGEXP_REPLACE: ([text, pattern, replacement], name) => {
    checkReplacement(pattern!, replacement!, name)
    const isLiteral = replacement!.startsWith("'")
    return `bq_regexp_replace(${text}, ${pattern}, ${isLiteral ? replacement : `bq_plain_replacement(${replacement})`})`
  },
  INSTR: ([text, part]) => `instr(${text}, ${part})`,
  // `regexp_extract` of a text without a match is '', and to test for one would write the text twice.
  REGEXP_EXTRACT: ([text, pattern], name) =>
    `regexp_extract_all(${text}, ${pattern}, ${extractedGroup(pattern!, name)})[1]`,
  REGEXP_EXTRACT_ALL: ([text, pattern], name) =>
    `regexp_extract_all(${text}, ${pattern}, ${extractedGroup(pattern!, name)})`,
  MD5: ([value]) => `unhex(md5(${value}))`,
  SHA256: ([value]) => `unhex(sha256(${value}))`,
  TO_HEX: ([value]) => `bq_to_hex(${value})`,
  TO_JSON_STRING: ([value]) =>
    `bq_to_json_string(${/^bq_(?:to|parse)_json\(/.test(value!) ? `bq_sorted_json(${value})` : value})`,
  GENERATE_UUID: () => 'uuid()::VARCHAR',
  AVG: ([value]) => {
    const distinct = /^DISTINCT /.exec(value!)?.[0] ?? ''
    return `avg(${distinct}bq_double(${value!.slice(distinct.length)}))`
  },
  ...Object.fromEntries(
    ['STDDEV', 'STDDEV_POP', 'STDDEV_SAMP', 'VARIANCE', 'VAR_POP', 'VAR_SAMP', 'CEIL', 'CEILING', 'FLOOR'].map(
      (name) => [name, floatFunction(name)],
    ),
  ),
  ROUND: (args) => (args.length === 1 ? `round(bq_double(${args[0]}))` : `bq_round(${args.join(', ')})`),
  TRUNC: (args) => (args.length === 1 ? `trunc(bq_double(${args[0]}))` : `bq_trunc(${args.join(', ')})`),
  // Of the type of its argument.
  SIGN: ([value]) => `(${value} - ${value} + sign(${value}))`,
  SQRT: ([value]) => `bq_sqrt(${value})`,
  EXP: ([value]) => `bq_result(exp(bq_double(${value})), 'EXP')`,
  POW: power,
  POWER: power,
  LN: ([value]) => `bq_ln(${value})`,
  LOG10: ([value]) => `bq_log10(${value})`,
  LOG: ([value, base]) => (base ? `bq_result(bq_ln(${value}) / bq_ln(${base}), 'LOG')` : `bq_ln(${value})`),
  LAX_STRING: ([value]) => `bq_lax_string(${value})`,
  INT64: ([value]) => `(bq_json_scalar(${value}, 'INT'))::BIGINT`,
  LAX_INT64: ([value]) => `bq_lax_int64(${value})`,
  FLOAT64: ([value]) => `bq_finite((bq_json_scalar(${value}, 'INT|DOUBLE'))::DOUBLE)`,
  LAX_FLOAT64: ([value]) => `bq_safe_cast_float64(json_extract_string(${value}, '$'))`,
  BOOL: ([value]) => `(bq_json_scalar(${value}, 'BOOLEAN'))::BOOLEAN`,
  APPROX_QUANTILES: ([value, written]) => {
    const count = countOf(written!, 'The second argument of APPROX_QUANTILES must be positive', 1)
    return `quantile_disc(${value}, list_transform(range(0, ${count} + 1), lambda i: (i)::DOUBLE / ${count}))`
  },
  GENERATE_ARRAY: ([from, to, step = '1']) => `bq_generate(${from}, ${to}, ${step})`,
  ...Object.fromEntries(
    ['TRIM', 'LTRIM', 'RTRIM'].map((name) => [
      name,
      (args) => `${args.length === 1 ? 'bq_' : ''}${name.toLowerCase()}(${args.join(', ')})`,
    ]),
  ),
}
