/** `npm run ops -- queues`: what waits, is paused or fails in the platform that runs here. */

import { define, findRunning, flag, requireRunning } from '../command.ts'
import { failedStarts } from '../failed-starts.ts'
import { age, table } from '../table.ts'
import { say, sayJson, shown } from '../terminal.ts'
import { readWaiting, type WaitingRow, waitingRows } from './waiting.ts'

export const queues = define({
  brief: 'Lists paused queues, failing deliveries, waiting tasks and messages, and services that do not start.',
  about: `
Of the platform that runs here: the number that waits, the age of the oldest, and of the one that failed most often the
attempts, the last error and the time to the next attempt. Messages of a pull subscription wait until they are pulled:
dead letters are among them. In Google Cloud the dashboards show queues and subscriptions.`,
  options: { json: flag('as JSON') },
  async run({ json }) {
    const work = await readWaiting(requireRunning())
    const rows = waitingRows(work, Date.now())
    const failed = failedStarts(work.services)
    if (json) return sayJson({ waiting: rows, services: work.services })
    for (const line of failed) say(shown(line))
    if (rows.length > 0) say(table(rows.map(columns)))
    else if (failed.length === 0) say('Nothing waits.')
  },
})

/** Lists what keeps a saga waiting before it is stuck: paused queues, failing deliveries, and services that do not start. */
export async function sayHeldUp(): Promise<void> {
  const running = findRunning()
  if (!running) return
  const work = await readWaiting(running)
  for (const line of [...failedStarts(work.services), ...heldUp(waitingRows(work, Date.now()))]) say(shown(line))
}

/** A line for each row that does not go on by itself, or fails. */
export const heldUp = (rows: readonly WaitingRow[]): string[] =>
  rows.flatMap(({ state, name, waiting, attempts, lastError }) => {
    if (state === 'paused')
      return `The queue ${name} is paused, and ${waiting} ${waiting === 1 ? 'task waits' : 'tasks wait'}: see npm run ops -- queues.`
    if (state !== 'failing') return []
    return `A delivery of ${name} failed ${attempts === 1 ? 'once' : `${attempts} times`}${lastError === undefined ? '' : ` (${lastError})`}, and ${waiting} ${waiting === 1 ? 'waits' : 'wait'}: see npm run ops -- queues.`
  })

/** Of a table. */
export function columns({
  kind,
  name,
  state,
  waiting,
  oldestMs,
  attempts,
  nextAttemptMs,
  lastError,
}: WaitingRow): Readonly<Record<string, unknown>> {
  return {
    kind,
    name,
    state,
    waiting,
    oldest: oldestMs === undefined ? '' : age(oldestMs),
    attempts,
    'next attempt':
      nextAttemptMs === undefined ? '' : `in ${Math.max(0, Math.ceil((nextAttemptMs - Date.now()) / 1000))} s`,
    'last error': lastError ?? '',
  }
}
