/** The grammar refuses what DuckDB accepts and GoogleSQL has not, by its place. https://duckdb.org/docs/stable/sql/dialect/friendly_sql */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { StatusError } from '../../../core/status.ts'
import { renamed, rewritten, sameInBoth } from '../functions.ts'
import { tokenize } from '../../tokens/tokens.ts'
import { functions } from './functions.ts'
import { parseStatement } from './statement.ts'

const accepted = readFileSync(new URL('../sql-cases.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^(\(?SELECT|WITH|INSERT|UPDATE|DELETE|MERGE)\b/.test(line) && !line.endsWith('refused'))
  .map((line) => line.split(' ⇒ ')[0]!)

/** The refusal, or `accepted`. */
function parsed(sql: string): string {
  try {
    parseStatement(tokenize(sql), sql)
    return 'accepted'
  } catch (error) {
    if (error instanceof StatusError) return error.message
    throw error
  }
}

const placed = / at \[\d+:\d+\]$/

it.each([
  ['SELECT * EXCLUDE (a) FROM d.t', 'Syntax error: Expected end of input but got keyword EXCLUDE at [1:10]'],
  [
    'FROM d.t SELECT a',
    'A query that begins with FROM, which is pipe syntax, is not translated by the local cloud at [1:1]',
  ],
  [
    'MERGE d.t USING d.u ON FALSE WHEN NOT MATCHED THEN INSERT ROW',
    'INSERT ROW is not translated by the local cloud at [1:59]',
  ],
  ["SELECT '🙂', nope(1)", 'Function not found in the local BigQuery: nope at [1:13]'],
  ['SELECT 1,\r\n\tnope(1)', 'Function not found in the local BigQuery: nope at [2:9]'],
  ['SELECT a::INT64 FROM d.t', 'Syntax error: Expected end of input but got ":" at [1:9]'],
  ['SELECT [1, 2][1:2]', 'Syntax error: Expected "]" but got ":" at [1:16]'],
  ['SELECT [x FOR x IN [1]]', 'Syntax error: Expected "]" but got keyword FOR at [1:11]'],
  ['SELECT ARRAY_LENGTH(x -> x + 1) FROM d.t', 'Syntax error: Unexpected ">" at [1:24]'],
  [
    'SELECT a FROM d.t POSITIONAL JOIN d.u',
    'Syntax error: INNER JOIN must have an immediately following ON or USING clause at [1:38]',
  ],
  [
    'SELECT a FROM d.t AS t ASOF JOIN d.u ON t.a = u.a',
    'Syntax error: Expected end of input but got identifier "ASOF" at [1:24]',
  ],
  [
    'SELECT a FROM d.t AS t SEMI JOIN d.u ON t.a = u.a',
    'Syntax error: Expected end of input but got identifier "SEMI" at [1:24]',
  ],
  [
    'SELECT a FROM d.t AS t ANTI JOIN d.u ON t.a = u.a',
    'Syntax error: Expected end of input but got identifier "ANTI" at [1:24]',
  ],
  ['SELECT a FROM d.t USING SAMPLE 10', 'Syntax error: Expected end of input but got keyword USING at [1:19]'],
  ['SELECT COLUMNS(*) FROM d.t', 'Function not found in the local BigQuery: COLUMNS at [1:8]'],
  [
    'SELECT 1 UNION BY NAME SELECT 2',
    'Syntax error: Expected keyword ALL or keyword DISTINCT but got keyword BY at [1:16]',
  ],
  ['SELECT 1 UNION ALL BY NAME SELECT 2', 'BY after UNION is not translated by the local cloud at [1:20]'],
  ["SELECT {'a': 1}", 'Syntax error: Unexpected "{" at [1:8]'],
  ['SELECT 1 // 2', 'Syntax error: Unexpected "/" at [1:11]'],
  ['SELECT 2 ** 3', 'Syntax error: Unexpected "*" at [1:11]'],
  ["SELECT a FROM d.t WHERE a ILIKE 'x'", 'Syntax error: Expected end of input but got identifier "ILIKE" at [1:27]'],
  [
    "SELECT a FROM d.t WHERE a SIMILAR TO 'x'",
    'Syntax error: Expected end of input but got identifier "SIMILAR" at [1:27]',
  ],
  ["SELECT a FROM d.t WHERE a GLOB 'x'", 'Syntax error: Expected end of input but got identifier "GLOB" at [1:27]'],
  ["SELECT a FROM d.t WHERE a ~ 'x'", 'Syntax error: Expected end of input but got "~" at [1:27]'],
  ['SELECT a FROM d.t WHERE a == 1', 'Syntax error: Unexpected "=" at [1:28]'],
  [
    'SELECT a ISNULL FROM d.t WHERE a NOTNULL',
    'Syntax error: Expected end of input but got identifier "NOTNULL" at [1:34]',
  ],
  ['SELECT a = b = c FROM d.t', 'Syntax error: Unexpected "=" at [1:14]'],
  ['SELECT SUM(a) FILTER (WHERE a > 1) FROM d.t', 'Syntax error: Expected end of input but got "(" at [1:22]'],
  ['SELECT a FROM d.t LIMIT 10%', 'Syntax error: Expected end of input but got "%" at [1:27]'],
  ['SELECT a FROM d.t LIMIT 1.5', 'Syntax error: Unexpected floating point literal "1.5" at [1:25]'],
  ['SELECT a FROM d.t OFFSET 1 LIMIT 1', 'Syntax error: Expected end of input but got integer literal "1" at [1:26]'],
  ['SELECT a FROM d.t FETCH FIRST 1 ROWS ONLY', 'Syntax error: Expected end of input but got keyword FETCH at [1:19]'],
  ['SELECT a FROM d.t ORDER BY ALL', 'Syntax error: Unexpected keyword ALL at [1:28]'],
  ['SELECT DISTINCT ON (a) a FROM d.t', 'Syntax error: Unexpected keyword ON at [1:17]'],
  ['SELECT x: 1', 'Syntax error: Expected end of input but got ":" at [1:9]'],
  ['VALUES (1), (2)', 'Syntax error: Unexpected identifier "VALUES" at [1:1]'],
  ['WITH x(a) AS (SELECT 1) SELECT a FROM x', 'Syntax error: Expected keyword AS but got "(" at [1:7]'],
  [
    'WITH x AS MATERIALIZED (SELECT 1) SELECT 1 FROM x',
    'Syntax error: Expected "(" but got identifier "MATERIALIZED" at [1:11]',
  ],
  ['SELECT a FROM d.t NATURAL JOIN d.u', 'Syntax error: Expected end of input but got keyword NATURAL at [1:19]'],
  ['SELECT a FROM d.t, LATERAL (SELECT 1)', 'Syntax error: Unexpected keyword LATERAL at [1:20]'],
  ['SELECT a FROM (d.t JOIN d.u ON TRUE)', 'A join in parentheses is not translated by the local cloud at [1:15]'],
  ['SELECT a FROM d.t GROUP BY CUBE (a)', 'GROUP BY CUBE is not translated by the local cloud at [1:28]'],
  ['SELECT a FROM d.t GROUP BY ()', 'GROUP BY () is not translated by the local cloud at [1:28]'],
  // BigQuery has it, and the local one does not.
  ['SELECT TIME(a) FROM d.t', 'Function not found in the local BigQuery: TIME; Did you mean trim? at [1:8]'],
  ['SELECT UPPPER(a) FROM d.t', 'Function not found in the local BigQuery: UPPPER; Did you mean upper? at [1:8]'],
  ['SELECT lenght(a) FROM d.t', 'Function not found in the local BigQuery: lenght; Did you mean length? at [1:8]'],
  ['SELECT list_sum(a) FROM d.t', 'Function not found in the local BigQuery: list_sum at [1:8]'],
  ['SELECT RANK() OVER () FROM d.t', 'Window ORDER BY is required for analytic function RANK at [1:8]'],
  [
    'SELECT RANK() OVER (ORDER BY a ROWS 1 PRECEDING) FROM d.t',
    'Window framing clause is not allowed for analytic function RANK at [1:32]',
  ],
  ['SELECT UPPER(a) OVER () FROM d.t', 'Function UPPER does not support an OVER clause at [1:17]'],
  [
    'SELECT SUM(a) OVER (ORDER BY b GROUPS 1 PRECEDING) FROM d.t',
    'Syntax error: Expected ")" but got keyword GROUPS at [1:32]',
  ],
  [
    'SELECT SUM(a) OVER (ROWS 1 PRECEDING EXCLUDE CURRENT ROW) FROM d.t',
    'Syntax error: Expected ")" but got keyword EXCLUDE at [1:38]',
  ],
  [
    'SELECT STRING_AGG(a IGNORE NULLS) FROM d.t',
    'IGNORE NULLS or RESPECT NULLS in arguments is not supported for function STRING_AGG at [1:21]',
  ],
  ['SELECT COUNTIF(DISTINCT a) FROM d.t', 'DISTINCT in arguments is not supported for function COUNTIF at [1:16]'],
  ['SELECT SAFE.LN(0)', 'The prefix SAFE of SAFE.LN is not translated by the local cloud at [1:8]'],
  ['SELECT ROUND(x => 1.5)', 'A named argument of ROUND is not translated by the local cloud at [1:14]'],
  [
    'SELECT CAST(a AS STRING(3)) FROM d.t',
    'CAST to STRING with parameters is not translated by the local cloud at [1:18]',
  ],
  [
    "SELECT CAST(a AS STRING FORMAT 'YYYY') FROM d.t",
    'CAST with FORMAT is not translated by the local cloud at [1:25]',
  ],
  ['SELECT a FROM d.t |> WHERE a', 'Syntax error: Expected end of input but got "|" at [1:19]'],
  ['INSERT OR REPLACE INTO d.t (a) VALUES (1)', 'Syntax error: Unexpected keyword OR at [1:8]'],
  ['INSERT INTO d.t BY NAME SELECT 1 AS a', 'Syntax error: Unexpected keyword BY at [1:17]'],
  ['INSERT INTO d.t DEFAULT VALUES', 'Syntax error: Unexpected keyword DEFAULT at [1:17]'],
  [
    'INSERT INTO d.t (a) VALUES (1) RETURNING a',
    'Syntax error: Expected end of input but got identifier "RETURNING" at [1:32]',
  ],
  [
    'INSERT INTO d.t (a) VALUES (1) ON CONFLICT DO NOTHING',
    'Syntax error: Expected end of input but got keyword ON at [1:32]',
  ],
  ['DELETE FROM d.t USING d.u WHERE TRUE', 'Syntax error: Expected end of input but got keyword USING at [1:17]'],
  ['TRUNCATE d.t', 'Syntax error: Expected keyword TABLE but got identifier "d" at [1:10]'],
  [
    'SELECT 1 FROM d.t, d.u RIGHT JOIN d.v ON u.a = v.a',
    'Syntax error: RIGHT JOIN must be parenthesized when following a comma join: write CROSS JOIN in place of the comma at [1:24]',
  ],
  ['PRAGMA version', 'Syntax error: Unexpected identifier "PRAGMA" at [1:1]'],
  ['PIVOT d.t ON a USING SUM(b)', 'Syntax error: Unexpected identifier "PIVOT" at [1:1]'],
  ['SELECT a FROM d.t PIVOT (SUM(b) FOR c IN (1))', 'PIVOT is not translated by the local cloud at [1:19]'],
  ['SUMMARIZE d.t', 'Syntax error: Unexpected identifier "SUMMARIZE" at [1:1]'],
  ['SELECT #1 FROM d.t', 'Syntax error: Unexpected end of script at [1:19]'],
  ['SELECT $1', 'Syntax error: Unexpected character "$" at [1:8]'],
])('%s', (sql, refusal) => {
  expect(parsed(sql)).toBe(refusal)
})

describe('accepted', () => {
  it.each([
    ...accepted,
    'SELECT a, b, FROM d.t',
    'SELECT a FROM my-project.d.t',
    'SELECT a FROM `my-project`.d.t, t.items AS i WITH OFFSET AS at',
    'SELECT ((SELECT 1) UNION ALL (SELECT 2)), ((SELECT 1) + 1), 1 IN ((SELECT 1), 2)',
    'SELECT r.select, `order` FROM d.t',
    'SELECT a FROM d.t SEMI JOIN d.u ON SEMI.a = u.a',
    'SELECT NOT a IS NULL AND -b BETWEEN 1 AND 2 OR c NOT LIKE "x" FROM d.t',
    'SELECT COUNT(DISTINCT a) OVER (PARTITION BY b), SUM(a) OVER w FROM d.t WINDOW w AS (ORDER BY a ROWS BETWEEN 1 PRECEDING AND @n FOLLOWING)',
    'INSERT d.t (SELECT 1)',
    'INSERT INTO d.t VALUES (1, DEFAULT), (2, 3)',
    'UPDATE d.t AS x SET a.b = 1, c = DEFAULT FROM d.u WHERE x.a = u.a',
    'MERGE d.t USING (SELECT 1 AS a) AS n ON FALSE WHEN NOT MATCHED BY TARGET AND n.a > 1 THEN INSERT VALUES (n.a) WHEN NOT MATCHED BY SOURCE THEN DELETE',
    'TRUNCATE TABLE d.t',
  ])('%s', (sql) => {
    expect(parsed(sql)).toBe('accepted')
  })
})

describe('statements of sql-cases.txt, changed by what DuckDB has', () => {
  /** Operators of DuckDB, in the place of an operator. */
  const operators = ['//', '**', '==', '%', '->', ' ILIKE ', ' GLOB ', ' SIMILAR TO ', '::']
  const ends = [
    'USING SAMPLE 10',
    'FILTER (WHERE TRUE)',
    'FETCH FIRST 1 ROW ONLY',
    'QUALIFY',
    'RETURNING *',
    'POSITIONAL JOIN d.u',
    'ON CONFLICT DO NOTHING',
  ]

  it.each(operators)('an operator is %s', (operator) => {
    const changed = accepted.flatMap((sql) =>
      tokenize(sql)
        .filter(({ kind, text }) => kind === 'symbol' && ['+', '/', '||', '=', '<', '>', '&'].includes(text))
        .map(({ at, text }) => `${sql.slice(0, at)}${operator}${sql.slice(at! + text.length)}`),
    )
    expect(changed.length).toBeGreaterThan(50)
    expect(changed.filter((sql) => !placed.test(parsed(sql)))).toEqual([])
  })

  it.each(ends)('the end is %s', (end) => {
    const changed = accepted.map((sql) => `${sql.replace(/ (?:--|#).*$/, '')} ${end}`)
    expect(changed.filter((sql) => !placed.test(parsed(sql)))).toEqual([])
  })

  it.each([
    [/\bSELECT (?!ALL|DISTINCT|\*)/g, 'SELECT * EXCLUDE (z), '],
    [/\bSELECT (?!ALL|DISTINCT|\*)/g, 'SELECT DISTINCT ON (1) '],
    [/\bSELECT (?!ALL|DISTINCT|\*)/g, "SELECT {'a': 1}, "],
    [/\bSELECT (?!ALL|DISTINCT|\*)/g, 'SELECT [1, 2][1:1], '],
    [/\bFROM d\.t\b/g, "FROM 'file.parquet', d.t"],
    [/\bFROM d\.t\b/g, 'FROM (VALUES (1)) v, d.t'],
    [/\bFROM d\.t\b/g, 'FROM d.t AS t(x)'],
    [/\bUNION ALL\b/g, 'UNION'],
    [/\b(?:UNION ALL|EXCEPT DISTINCT)\b/g, 'UNION BY NAME'],
    [/\bORDER BY\b/g, 'ORDER BY ALL,'],
    [/\bJOIN\b/g, 'NATURAL JOIN'],
    [/\bJOIN d\.t\b/g, 'SEMI JOIN d.t AS a b'],
    [/\bLIMIT 1(?!')/g, 'LIMIT 1+1'],
  ])('%s is %s', (place, piece) => {
    const changed = accepted.flatMap((sql) =>
      [...sql.matchAll(place)].map(
        ({ 0: found, index }) => `${sql.slice(0, index)}${piece}${sql.slice(index + found.length)}`,
      ),
    )
    expect(changed.length).toBeGreaterThan(0)
    expect(changed.filter((sql) => !placed.test(parsed(sql)))).toEqual([])
  })

  it('a statement without one of its tokens is accepted, or refused with a place', () => {
    const cut = accepted
      .filter((_, at) => at % 5 === 0)
      .flatMap((sql) => {
        const tokens = tokenize(sql)
        return tokens.map(({ at }, index) => `${sql.slice(0, at)} ${sql.slice(tokens[index + 1]?.at ?? sql.length)}`)
      })
    for (const sql of cut) {
      const answer = parsed(sql)
      expect(answer === 'accepted' || placed.test(answer) || answer.includes('Unclosed'), `${sql}: ${answer}`).toBe(
        true,
      )
    }
  })
})

it('the list has the functions that the translator has', () => {
  const constructs = ['ARRAY_AGG', 'STRING_AGG']
  const translated = [...Object.keys(renamed), ...sameInBoth, ...Object.keys(rewritten), ...constructs]
  expect([...functions.keys()].toSorted()).toEqual(
    [...new Set(translated)].filter((name) => name !== 'WEEK').toSorted(),
  )
})
