/** Prints the differences of a run: for `npm run reconcile` and `npm run ops -- differences`. */

import { table } from '../../../cli/table.ts'
import { say, sayJson, shown } from '../../../cli/terminal.ts'
import type { EndedRun, Runs } from './differences.ts'

/** Returns the exit code: 1 when there is one. */
export async function report(runs: Runs, run: EndedRun, json = false): Promise<number> {
  const differences = await runs.differencesOf(run.runId)
  const code = run.differences > 0 ? 1 : 0
  if (json) {
    sayJson({ ...run, found: differences })
    return code
  }
  if (differences.length > 0)
    say(
      table(
        differences.map(({ kind, id, values }) => ({
          kind,
          id,
          values: Object.entries(values)
            .map(([side, value]) => `${side}: ${value}`)
            .join('; '),
        })),
      ),
    )
  const more = run.differences - differences.length
  if (more > 0) say(`${more} more are only counted, or not in BigQuery yet.`)
  const found = run.differences === 0 ? 'no difference' : counted(run.differences, 'difference')
  const left = run.inFlight > 0 ? `; ${run.inFlight} in flight were not compared` : ''
  say(`${shown(run.runId)}: ${found} in ${counted(run.orders, 'order')}, ended ${run.endedAt}${left}.`)
  return code
}

const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`
