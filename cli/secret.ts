/** Prints the secret of the platform that runs here. */

import { main, requireRunning } from './command.ts'
import { say } from './terminal.ts'

void main('secret', {
  brief: 'Prints the secret of the running platform.',
  about: `
What Google has no API for asks for it, as the user of Basic authentication:

  curl -u "$(npm run -s secret):" http://127.0.0.1:4100/_local/counters

It is another one after each start, and kept in .data/running.json, which only you can read.`,
  options: {},
  async run() {
    say(requireRunning().secret)
  },
})
