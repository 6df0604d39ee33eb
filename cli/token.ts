/** Prints a token of the local identity platform, for calls of the gateway by hand. */

import { signIn } from './api.ts'
import { main, requireRunning } from './command.ts'
import { say } from './terminal.ts'

void main({
  usage: `
npm run -s token -- [NAME] [--role ROLE]

Prints a token that the gateway accepts for an hour:

  curl -H "authorization: Bearer $(npm run -s token -- customer-1)" http://127.0.0.1:4110/v1/orders/ORDER

  NAME           who it is for (default customer-1)
  --role ROLE    customer (the default), staff or importer; may be given several times
`,
  words: 1,
  options: { role: { type: 'string', multiple: true, default: ['customer'] } },
  async run({ role }, [sub = 'customer-1']) {
    say((await signIn(requireRunning(), { sub, roles: role })).token)
  },
})
