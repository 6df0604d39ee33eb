/** Deletes all local state. */

import { existsSync, rmSync } from 'node:fs'
import { dataDirectory, findRunning, main, UsageError } from './command.ts'
import { isLocked } from './lock.ts'
import { say } from './terminal.ts'

void main('reset', {
  brief: 'Deletes .data/: documents, messages, tables and logs of the local platform. Stop it first.',
  options: {},
  async run() {
    const running = findRunning()
    if (running)
      throw new UsageError(`Millrace is running (process ${running.pid}): stop it with Ctrl-C first, then reset.`)
    if (isLocked(dataDirectory()))
      throw new UsageError('Millrace is just starting or stopping here: wait a moment, then reset again.')
    if (!existsSync(dataDirectory())) return say('There is no local state.')
    rmSync(dataDirectory(), { recursive: true })
    return say(`${dataDirectory()} was deleted: the next npm start begins with empty state.`)
  },
})
