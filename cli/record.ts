/** `npm run record`: adds what is new in the declarations to their records, which tests compare. */

import { compareRecords } from './check/records.ts'
import { main } from './command.ts'
import { printError, say } from './terminal.ts'

void main('record', {
  brief: 'Adds new messages, steps of sagas, operations and addresses to their records, and draws the flows.',
  about: `
A record is a file with which tests compare the declarations: examples of messages (frozen-messages.json), steps of sagas
(frozen-sagas.json), access of operations (access.json), their requests and answers (frozen-api.json, rpc.json, proto/),
addresses of resources (test/stacks/addresses.json), and the pictures of the flows (docs/flows.md). An entry stays as it is:
a change that breaks one is refused by name. Review the written files, and commit them with the change.`,
  options: {},
  async run() {
    const { code, output, written } = await compareRecords(true)
    for (const path of written) say(`written ${path}`)
    if (code !== 0) printError(output.trim())
    else if (written.length === 0) say('The records have everything that is declared.')
    return code === 0 ? 0 : 1
  },
})
