/**
 * The local BigQuery judged by the compliance suite of Google's open-source GoogleSQL, which is not in this repository:
 * `MILLRACE_GOOGLESQL` is the path of its folder `compliance/testdata`.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { casesOf } from './cases.testing.ts'
import { startJudgedBigQuery, type Verdict } from './judged-bigquery.testing.ts'
import { notOfBigQuery } from './not-of-bigquery.testing.ts'

const folder = process.env['MILLRACE_GOOGLESQL']
const HOUR_MS = 3_600_000

it.skipIf(folder === undefined)(
  'each statement of the suite of MILLRACE_GOOGLESQL is answered as there, or refused',
  async () => {
    const bigquery = await startJudgedBigQuery()
    const counts: Record<Verdict, number> = { right: 0, refused: 0, different: 0, outside: 0 }
    const differences: string[] = []
    const only = process.env['MILLRACE_GOOGLESQL_FILES'] ?? ''
    try {
      const files = readdirSync(folder!).filter((file) => file.endsWith('.test') && file.includes(only))
      for (const file of files.toSorted()) {
        const cases = casesOf(readFileSync(join(folder!, file), 'utf8'))
        await bigquery.judge(cases, ({ name }, { verdict, says }) => {
          const isKnown = verdict === 'different' && notOfBigQuery.has(`${file} ${name}`)
          counts[isKnown ? 'outside' : verdict] += 1
          if (verdict !== 'different' || isKnown) return
          differences.push(`${file} ${name}`)
          console.log(`${file} ${name} ${says}`)
        })
      }
    } finally {
      await bigquery.close()
    }
    console.log(
      `GoogleSQL's suite: ${Object.entries(counts)
        .map(([verdict, count]) => `${count} ${verdict}`)
        .join(', ')}`,
    )
    expect(differences).toEqual([])
    expect(counts.right).toBeGreaterThan(0)
  },
  HOUR_MS,
)
