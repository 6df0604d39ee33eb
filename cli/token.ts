/** Prints a token of the local identity platform, for calling the gateway by hand. */

import { signIn } from './api.ts'
import { main, requireRunning, texts } from './command.ts'
import { say } from './terminal.ts'

void main('token', {
  brief: 'Prints a token that the gateway accepts for an hour.',
  about: `  curl -H "authorization: Bearer $(npm run -s token -- customer-1)" http://127.0.0.1:4110/v1/orders/ORDER`,
  words: { name: 'NAME', brief: 'the subject; absent, customer-1', most: 1 },
  options: { role: texts('ROLE', 'customer, staff or importer; absent, customer') },
  async run({ role: roles = ['customer'] }, [sub = 'customer-1']) {
    say((await signIn(requireRunning(), { sub, roles })).token)
  },
})
