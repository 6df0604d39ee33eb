/** Prints the run secret of the platform that runs here. */

import { main, requireRunning } from './command.ts'
import { say } from './terminal.ts'

void main('secret', {
  brief: 'Prints the run secret of the running platform.',
  about: `
Requests outside Google's APIs need it, for example as the user name of Basic authentication:

  curl -u "$(npm run -s secret):" http://127.0.0.1:4100/_local/counters

It is new at each start, and stored in .data/running.json, which only you can read.`,
  options: {},
  async run() {
    say(requireRunning().secret)
  },
})
