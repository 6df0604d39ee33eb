/** Has all records compared now, as each night, waits for the end, and prints the differences. */

import { setTimeout as pause } from 'node:timers/promises'
import { flag, main, requireRunning, UsageError, wholeNumber } from '../../../cli/command.ts'
import { actingOptions, operatorFrom } from '../../../cli/ops/operator.ts'
import { createOperatorTasks } from '../../../cli/ops/operator-task.ts'
import { startNotes } from '../../../cli/ops/start-notes.ts'
import { targetFrom, targetOptions } from '../../../cli/ops/target.ts'
import { printError, say, shown } from '../../../cli/terminal.ts'
import { reconciliationContracts } from '../../reconciliation/contracts.ts'
import { openRuns } from './differences.ts'
import { report } from './report-differences.ts'

const POLL_INTERVAL_MS = 1_000
const { service, commands } = reconciliationContracts

void main('reconcile', {
  brief: 'Compares the records of all services, of the payment provider and of BigQuery, and names each difference.',
  about: `
Sends the service reconciliation the command of each night, waits until the run has ended and BigQuery has its result, and
prints each difference with its id and the values of both sides. The exit code is 1 if there is one. Records that changed
within --age minutes are in flight: they are counted, and left to the next run.

  npm run reconcile -- --age 5`,
  options: {
    ...targetOptions,
    actor: actingOptions.actor,
    reason: { ...actingOptions.reason, brief: 'the reason, which the service logs; absent: "asked for"' },
    age: wholeNumber('the minutes for which records must not have changed', 60, { from: 0 }),
    wait: wholeNumber('the minutes to wait for the end', 10, { from: 1 }),
    json: flag('as JSON'),
  },
  async run({ age: minAgeMinutes, wait, json, actor, reason, ...where }) {
    const { data, version } = commands.ReconcileRecords
    const parsed = data.safeParse({ minAgeMinutes })
    if (!parsed.success) throw new UsageError(`--age takes at most a week, 10080 minutes, not ${minAgeMinutes}.`)
    const target = targetFrom(where)
    const operator = operatorFrom({ actor, reason: reason ?? 'asked for' })
    const tasks = await createOperatorTasks(target)
    const command = { service, type: 'ReconcileRecords', version, data: parsed.data }
    let runId: string
    try {
      runId = await tasks.send(command, operator)
    } finally {
      await tasks.close()
    }
    if (!json) say(`The run ${shown(runId)} compares all records.`)
    const runs = await openRuns(target)
    const noteStarts = startNotes(where.project === undefined ? requireRunning() : undefined, printError)
    const endMs = Date.now() + wait * 60_000
    for (let run = await runs.ended(runId); ; run = await runs.ended(runId)) {
      if (run) return report(runs, run, json)
      await noteStarts()
      if (Date.now() > endMs)
        throw new UsageError(
          `The run ${runId} has not ended within ${wait} min, or BigQuery does not have its result: npm run logs -- ${service} has the reason, npm run ops -- differences the last result.`,
        )
      await pause(POLL_INTERVAL_MS)
    }
  },
})
