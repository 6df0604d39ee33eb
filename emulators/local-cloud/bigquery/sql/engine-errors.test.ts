/** Errors of the engine, as a user reads them: BigQuery's words, the place where it is certain, nothing of the engine. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'
import { sqlError } from './engine-errors.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.table('t', [
    { name: 'id', type: 'INTEGER' },
    { name: 's', type: 'STRING' },
    { name: 'r', type: 'RECORD', fields: [{ name: 'x', type: 'INTEGER' }] },
    { name: 'j', type: 'JSON' },
    { name: 'n', type: 'NUMERIC' },
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'a', type: 'INTEGER', mode: 'REPEATED' },
  ])
  await bigquery.query("INSERT INTO d.t (id, s) VALUES (1, 'x'), (2, 'y')")
})
afterAll(() => bigquery.cloud.close())

const internals =
  /bq_|duck|VARCHAR|BIGINT|DECIMAL|_LITERAL|TIMESTAMPTZ|LINE \d|Candidate|type casts|macro|pragma|setting|binder|catalog|\(SELECT|struct_pack/i

const MIXED =
  'meets a STRUCT whose fields have other names or places. BigQuery matches the fields by position, which the local cloud does not: give both the same names in the same order.'

const NO_NAN = 'FLOAT64 has no NaN and no Infinity in the local cloud: write NULL'

const NULL_FIELDS =
  'The local cloud compares no STRUCTs whose fields may be NULL: there BigQuery answers NULL. Compare the fields: a.x = b.x AND a.y = b.y'

const BIGNUMERIC = 'BIGNUMERIC is not served by the local cloud: use NUMERIC, of 38 digits, 9 of them after the point.'

it.each<[query: string, message: string | RegExp | undefined]>([
  ['SELECT nothing FROM d.t', 'Unrecognized name: nothing at [1:8]'],
  ['SELECT nothing', 'Unrecognized name: nothing at [1:8]'],
  ['SELECT id,\n  t.nothing\nFROM d.t', 'Name nothing not found at [2:5]'],
  ['SELECT nothing FROM d.t WHERE nothing = 1', 'Unrecognized name: nothing'],
  ['SELECT r.y FROM d.t', 'Field name y does not exist in STRUCT at [1:10]'],
  ['SELECT id.x FROM d.t', 'Cannot access field x on a value that is no STRUCT at [1:11]'],
  ['SELECT other.id FROM d.t', 'Unrecognized name: other at [1:8]'],
  ['SELECT id FROM d.t AS b, d.t AS c', 'Column name id is ambiguous at [1:8]'],
  ['SELECT id FROM (SELECT * FROM d.t AS b, d.t AS c)', 'Column name id is ambiguous at [1:8]'],
  ['SELECT z.S FROM (SELECT *, 1 AS s FROM d.t) AS z', 'Column name S is ambiguous at [1:10]'],
  [
    'SELECT * FROM (SELECT b.*, c.id FROM d.t AS b, d.t AS c)',
    'Duplicate column names in the result are not supported. Found duplicate(s): id',
  ],
  [
    'SELECT * EXCEPT (a) FROM (SELECT 1 AS a, 2 AS a, 3 AS b)',
    'EXCEPT of a name that two columns have is not translated by the local cloud: a at [1:18]',
  ],
  [
    'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r',
    'A recursive CTE has reached the maximum number of iterations: 500.',
  ],
  [
    'WITH RECURSIVE r AS (SELECT 1 AS n UNION DISTINCT SELECT n FROM r) SELECT n FROM r',
    'WITH RECURSIVE is run by the local cloud with UNION ALL alone.',
  ],
  ["SELECT ERROR(CONCAT('no ', 'rows'))", 'no rows'],
  ["SELECT CAST(ERROR('no bytes') AS BYTES)", 'no bytes'],
  ["SELECT CONCAT(CAST(ERROR('no text') AS STRING), 'a')", 'no text'],
  ["SELECT IFNULL(NULL, (ERROR('no value')))", 'no value'],
  ["SELECT 1 = ERROR('no value')", 'no value'],
  ["SELECT CAST((ERROR('no number')) AS INT64)", 'no number'],
  ...[
    ['UPPER', "UPPER(ERROR('x'))"],
    ['UPPER', "UPPER((ERROR('x')))"],
    ['CONCAT', "CONCAT('a', (ERROR('x')))"],
    ['+', "1 + (ERROR('x'))"],
    ['||', "ERROR('x') || 'a'"],
    ['LIKE', "ERROR('x') LIKE 'a'"],
  ].map(
    ([where, sql]) =>
      [
        `SELECT ${sql}`,
        `ERROR as an operand of ${where} is not translated by the local cloud: CAST it to the operand's type, as in CAST(ERROR('…') AS STRING).`,
      ] as [string, string],
  ),
  [
    'SELECT id, COUNT(*) FROM d.t',
    'SELECT list expression references column id which is neither grouped nor aggregated at [1:8]',
  ],
  ['SELECT id FROM d.t WHERE COUNT(*) > 1', 'Aggregate function not allowed in WHERE clause'],
  ['SELECT SUM(COUNT(*)) AS n FROM d.t', 'Aggregations of aggregations are not allowed'],
  ['SELECT UPPER(id) FROM d.t', 'No matching signature for function UPPER for argument types: INT64'],
  ["SELECT 'a' + 1", 'No matching signature for operator + for argument types: STRING, INT64'],
  ["SELECT id = 'x' FROM d.t", 'No matching signature for operator = for argument types: INT64, STRING'],
  ["SELECT 1 IN (1, 'x')", 'No matching signature for operator IN for argument types: INT64, INT64, STRING'],
  ['SELECT 1e308 * 10', 'double overflow: the result is no finite number'],
  ['SELECT 1 + (1e308 * 10) > 1', 'double overflow: the result is no finite number'],
  ['SELECT STDDEV(x) FROM UNNEST([1e300, -1e300]) AS x', 'double overflow: the result is no finite number'],
  ['SELECT 1e999', 'Invalid floating point literal: 1e999'],
  ['SELECT POW(-1, 0.5)', 'Floating point error in function: POW'],
  ['SELECT EXP(1000)', 'Floating point error in function: EXP'],
  ['SELECT LOG10(0)', 'Floating point error in function: LOG10(0)'],
  ["SELECT SAFE_CAST('NaN' AS FLOAT64)", NO_NAN],
  ['SELECT LAX_FLOAT64(JSON \'"-Infinity"\')', NO_NAN],
  ["SELECT CAST('1e999' AS FLOAT64)", 'Bad float64 value: 1e999'],
  ['SELECT IEEE_DIVIDE(1, 0)', 'Function not found in the local BigQuery: IEEE_DIVIDE at [1:8]'],
  ['SELECT STRUCT(1, NULL) = STRUCT(1, NULL)', NULL_FIELDS],
  ['SELECT id FROM d.t WHERE r IN (STRUCT(1 AS x))', NULL_FIELDS],
  ['SELECT [1] IN ([1])', 'IN is not defined for arguments of type ARRAY'],
  [
    'SELECT DATE(s) FROM d.t WHERE id < 0',
    'No matching signature for a function that takes DATE, DATETIME or TIMESTAMP for an argument of type STRING: CAST it',
  ],
  [
    'SELECT UNIX_DATE(s) FROM d.t WHERE id < 0',
    'No matching signature for a function that takes DATE for an argument of type STRING: CAST it',
  ],
  ['SELECT TRUE AND 1', 'No matching signature for operator AND for argument types: BOOL, INT64'],
  ["SELECT COALESCE(1, 'a')", 'No matching signature for function COALESCE for argument types: INT64, STRING at [1:8]'],
  ["SELECT IF(TRUE, 1, 'a')", 'No matching signature for function IF for argument types: BOOL, INT64, STRING at [1:8]'],
  [
    "SELECT CASE WHEN TRUE THEN 1 ELSE 'a' END",
    'No matching signature for operator CASE; all THEN/ELSE arguments must be coercible to a common type but found: INT64, STRING',
  ],
  ["SELECT NULLIF(1, '1')", 'No matching signature for function NULLIF for an argument of type STRING at [1:8]'],
  ["SELECT [1, 'a']", 'Array elements of types {INT64, STRING} do not have a common supertype'],
  ["SELECT 1 UNION ALL SELECT 'a'", 'Column 1 in UNION has incompatible types: INT64, STRING'],
  ['SELECT id FROM d.t WHERE id', 'A value of type INT64 cannot be coerced to BOOL: use CAST'],
  ["SELECT LN('1')", 'No matching signature for function LN for an argument of type STRING at [1:8]'],
  ["SELECT TIMESTAMP '2026-01-01' > 'epoch'", 'Could not cast literal "epoch" to type TIMESTAMP'],
  ["SELECT CAST('x' AS INT64)", 'Bad int64 value: x'],
  ["SELECT CAST('x' AS FLOAT64)", 'Bad float64 value: x'],
  ["SELECT DATE '2026-13-01'", "Invalid date: '2026-13-01'"],
  ["SELECT TIMESTAMP 'never'", "Invalid timestamp: 'never'"],
  ['SELECT 9223372036854775807 + id FROM d.t', 'int64 overflow: 9223372036854775807 + 1'],
  ['SELECT ABS(-9223372036854775807 - id) FROM d.t WHERE id = 1', 'int64 overflow: ABS(-9223372036854775808)'],
  [
    'SELECT -(-9223372036854775807 - id) FROM d.t WHERE id = 1',
    'int64 overflow: the least INT64 has no positive counterpart',
  ],
  [
    "SELECT CAST('99999999999999999999999999999' AS NUMERIC) * CAST('10' AS NUMERIC)",
    'numeric overflow: two multiplied NUMERIC values have at most 20 digits before the point in the local cloud, and 29 at Google',
  ],
  [
    "SELECT CAST('1.123456789' AS NUMERIC) * CAST('1.1' AS NUMERIC)",
    'NUMERIC with more than 9 digits after the point: 1.2358024679: write CAST(… AS NUMERIC), which rounds.',
  ],
  ['SELECT 1 << -id FROM d.t', 'Bitwise shift by a negative number: -1'],
  ["SELECT PARSE_DATE('%Y-%m-%d', '2026-02-30')", 'Failed to parse input string "2026-02-30"'],
  ["SELECT PARSE_TIMESTAMP('%F', s) FROM d.t", 'Failed to parse input string "x"'],
  ['SELECT DATE(2026, 2, 30)', 'Input calculates to invalid date: 2026-02-30'],
  ['SELECT [1, 2][OFFSET(id + 4)] FROM d.t', 'Array index 5 is out of bounds (overflow)'],
  ['SELECT [1, 2][ORDINAL(0)]', 'Array index 0 is out of bounds (underflow)'],
  ['SELECT GENERATE_ARRAY(1, 5, 0)', 'Sequence step cannot be 0.'],
  ["SELECT GENERATE_DATE_ARRAY('2026-01-01', '2026-02-01', INTERVAL 0 MONTH)", 'Sequence step cannot be 0.'],
  [
    "SELECT ARRAY_CONCAT(a, ['x']) FROM d.t",
    'No matching signature for function ARRAY_CONCAT for argument types: ARRAY<INT64>, ARRAY<STRING>',
  ],
  ['SELECT ARRAY_REVERSE(1)', 'No matching signature for function ARRAY_REVERSE: it takes an ARRAY'],
  [
    'SELECT CAST(a AS STRING) FROM d.t',
    'Invalid cast to STRING: the local cloud does not cast BYTES, JSON, STRUCT and ARRAY values.',
  ],
  ['SELECT [a] FROM d.t', 'Cannot construct array with element type ARRAY because nested arrays are not supported'],
  [
    'SELECT 1 FROM d.t JOIN d.t AS u USING (nowhere)',
    'Column nowhere in USING clause not found on left side of join at [1:40]',
  ],
  [
    'SELECT 1 FROM d.t JOIN (SELECT 1 AS x) AS u USING (id)',
    'Column id in USING clause not found on right side of join at [1:52]',
  ],
  ['SELECT * EXCEPT (zz) FROM d.t', 'Column zz in SELECT * EXCEPT list does not exist at [1:18]'],
  ['SELECT * REPLACE (1 AS zz) FROM d.t', 'Column zz in SELECT * REPLACE list does not exist at [1:24]'],
  ['SELECT id FROM d.t GROUP BY id HAVING s = "x"', /^An expression references column s which is neither grouped/],
  ['SELECT id FROM d.t GROUP BY SUM(id)', 'Aggregate function not allowed in GROUP BY'],
  ['WITH w AS (SELECT 1 AS x) SELECT * FROM w, w', 'Duplicate table alias w in the same FROM clause'],
  ['WITH w AS (SELECT 1 AS x), w AS (SELECT 1 AS x) SELECT 1 FROM w', 'Duplicate alias w for WITH subquery'],
  ['SELECT SUM(id) OVER nothing FROM d.t', 'Unrecognized window alias nothing at [1:21]'],
  ['SELECT LAG(id) FROM d.t', 'Analytic function LAG cannot be called without an OVER clause at [1:8]'],
  ['SELECT id FROM d.t QUALIFY id > 1', 'The QUALIFY clause requires analytic function to be present'],
  ['SELECT id FROM d.t LIMIT -1', 'Syntax error: Unexpected "-" at [1:26]'],
  ["SELECT REGEXP_CONTAINS(s, '(') FROM d.t", 'Cannot parse regular expression: missing ): ('],
  ["SELECT FROM_BASE64('?')", 'Failed to decode invalid base64 string'],
  ["SELECT FROM_HEX('zz')", 'Failed to decode invalid hex string'],
  ['SELECT LPAD(s, -1) FROM d.t', 'Second argument in LPAD cannot be negative'],
  ['SELECT NTILE(0) OVER (ORDER BY id) FROM d.t', /^The N value \(number of buckets\) for the NTILE function/],
  [
    'SELECT APPROX_QUANTILES(id, 0) FROM d.t',
    /^The second argument of APPROX_QUANTILES must be positive.* at \[1:29\]$/,
  ],
  [
    'SELECT r.x FROM (SELECT STRUCT(1, 2) AS r)',
    'A field of a STRUCT whose fields have no names cannot be accessed by a name',
  ],
  ['SELECT STRUCT()', 'The local cloud takes no STRUCT without fields'],
  ['SELECT STRUCT(1 AS a, 2 AS a)', /^The local cloud takes no two fields of one name in a STRUCT: a/],
  ['SELECT UPPER()', 'Number of arguments does not match for function UPPER: the local cloud takes 1, not 0 at [1:8]'],
  ['SELECT DIV(1.5, 2)', 'No matching signature for function DIV for argument types: FLOAT64 at [1:8]'],
  ['SELECT TIMESTAMP_ADD(at, INTERVAL 9223372036854775807 SECOND) FROM d.t', /^int64 overflow: 9223372036854775807/],
  ["SELECT BIGNUMERIC '1'", BIGNUMERIC],
  ["SELECT CAST('1' AS BIGDECIMAL)", BIGNUMERIC],
  ['CREATE TABLE d.big (x BIGNUMERIC)', BIGNUMERIC],
  [
    'SELECT * FROM d.t LEFT JOIN UNNEST([STRUCT(1 AS x)])',
    'The local cloud has one column for the STRUCTs of an UNNEST that is WITH OFFSET, or after LEFT JOIN: give it an alias, and name their fields in place of *.',
  ],
  ['SELECT CAST(1e300 AS INT64)', 'int64 overflow'],
  ['SELECT (SELECT id FROM d.t)', 'Scalar subquery produced more than one element'],
  ['SELECT 1 UNION ALL SELECT 1, 2', 'Queries in a set operation have mismatched column count'],
  ['SELECT DIV(id, 0) FROM d.t', 'division by zero: DIV(1, 0)'],
  ['SELECT 1 / (id - id) FROM d.t', 'division by zero: 1 / 0'],
  ['UPDATE d.t SET nothing = 1 WHERE TRUE', 'Unrecognized name: nothing at [1:16]'],
  ["SELECT PARSE_JSON('{')", 'Invalid JSON: the text is not JSON'],
  ['SELECT SOUNDEX("x")', 'Function not found in the local BigQuery: SOUNDEX at [1:8]'],
  ['SELECT CAST(1 AS GEOGRAPHY)', 'Type not found: GEOGRAPHY at [1:18]'],
  ['SELECT (1', 'Syntax error: Expected ")" but got end of script at [1:10]'],
  ['SELECT\n  1 FROM )', 'Syntax error: Unexpected ")" at [2:10]'],
  ['SELECT 1 FROM d.t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()', undefined],
  ['SELECT j.k[0] FROM d.t', undefined],
  ['SELECT x FROM UNNEST(id) AS x, d.t', undefined],
  ['SELECT STRUCT(1 AS a) = STRUCT("x" AS a)', undefined],
  ['SELECT [STRUCT(id AS a, 2 AS b), STRUCT(t.id, 4 AS a)] FROM d.t', `STRUCT<a, b> at [1:9] ${MIXED}`],
  ['INSERT d.t (id, r) VALUES (1,\n STRUCT(2 AS y))', `STRUCT<y> at [2:2] ${MIXED}`],
  ['INSERT d.t (r) VALUES ((1, 2))', 'A STRUCT of 2 fields does not fit r, which has 1'],
  ['SELECT (1, 2) <= (1, 3)', 'Less than or equal is not defined for arguments of type STRUCT'],
  ['SELECT 1 FROM d.t AS t JOIN d.t AS u ON t.a = u.a', 'Equality is not defined for arguments of type ARRAY'],
  ['SELECT [1, "x"]', undefined],
  ['SELECT id FROM d.t ORDER BY 9', 'ORDER BY is out of SELECT column number range: 9'],
  ['SELECT id, s FROM d.t ORDER BY 1, 5 DESC, 2 LIMIT 7', 'ORDER BY is out of SELECT column number range: 5'],
  ['SELECT id, COUNT(*) FROM d.t GROUP BY 3 ORDER BY 1', 'GROUP BY is out of SELECT column number range: 3'],
  ['SELECT SQRT(-1)', 'Argument to SQRT cannot be negative: -1'],
  ['INSERT INTO d.t (id, id) VALUES (1, 2)', 'INSERT has columns with duplicate name: id'],
  ['UPDATE d.t SET id = 1, id = 2 WHERE TRUE', 'Update item id assigned more than once'],
  ['SELECT id FROM d.t HAVING id > 1', 'The HAVING clause requires GROUP BY or aggregation to be present at [1:27]'],
  ['SELECT 1 FROM d.t HAVING TRUE', 'The HAVING clause requires GROUP BY or aggregation to be present at [1:26]'],
  ["SELECT REPEAT('x', -1)", 'Second argument in REPEAT() cannot be negative'],
  ['SELECT id AS x FROM d.t WHERE x = 1', 'Unrecognized name: x at [1:31]'],
  [
    "SELECT UPPER(t.s) u, id FROM d.t AS t JOIN d.t AS o USING (id) WHERE id = 1 AND (STARTS_WITH(u, 'A') OR FALSE)",
    'Unrecognized name: u at [1:94]',
  ],
  [
    'SELECT * FROM (SELECT id, id + 1 AS `next` FROM d.t WHERE next = 2 ORDER BY next)',
    'Unrecognized name: next at [1:59]',
  ],
  ['INSERT INTO d.t (id) SELECT id + 1 AS y FROM d.t WHERE y = 2', 'Unrecognized name: y at [1:56]'],
  ['CREATE VIEW d.v AS SELECT id AS x FROM d.t WHERE x = 1', 'Unrecognized name: x at [1:50]'],
  ['CREATE TABLE d.c AS SELECT id AS x FROM d.t WHERE x = 1', 'Unrecognized name: x at [1:51]'],
  ['SELECT id AS x, x + 1 AS y FROM d.t', 'Unrecognized name: x at [1:17]'],
  ['SELECT 1 AS x, x AS y', 'Unrecognized name: x at [1:16]'],
  ['SELECT 1 x, ABS(x) UNION ALL SELECT 1, 2', 'Unrecognized name: x at [1:17]'],
  ['SELECT y FROM (SELECT id + 1 AS x, x * 2 AS y FROM d.t)', 'Unrecognized name: x at [1:36]'],
  ['SELECT id + 1 AS x, SUM(id) OVER (ORDER BY x) FROM d.t ORDER BY x', 'Unrecognized name: x at [1:44]'],
  ['CREATE VIEW d.v AS SELECT id AS x, x + 1 AS y FROM d.t', 'Unrecognized name: x at [1:36]'],
  ['SELECT id FROM d.t GROUP BY', undefined],
  ['SELECT n / 2 FROM d.t', undefined],
  ['SELECT SUM(s) FROM d.t', undefined],
  ['SELECT IF(1, 2, 3)', undefined],
  ['SELECT TIMESTAMP_ADD(s, INTERVAL 1 DAY) FROM d.t', undefined],
  ['SELECT MAX(a) OVER (PARTITION) FROM d.t', undefined],
  ['SELECT CAST(r AS STRING) FROM d.t', undefined],
  ['DELETE FROM d.t WHERE nothing', 'Unrecognized name: nothing at [1:23]'],
  ['MERGE d.t USING d.t AS s ON FALSE WHEN MATCHED THEN UPDATE SET zz = 1', undefined],
])('%s', async (query, message) => {
  const { error } = await bigquery.send('POST', '/queries', { query, useLegacySql: false })
  if (message !== undefined) {
    expect(error).toMatchObject({
      code: 400,
      message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
      errors: [{ reason: 'invalidQuery', location: 'q' }],
    })
  }
  // Whether these are refused is of no interest here.
  expect(error?.message ?? '').not.toMatch(internals)
})

it('no unknown message of the engine is shown', () => {
  const { message } = sqlError(new Error('Binder Error: something about bq_divide and VARCHAR\nLINE 1: SELECT'))
  expect(message).not.toMatch(internals)
  expect(message).toContain('does not know the reason in the words of BigQuery')
})
