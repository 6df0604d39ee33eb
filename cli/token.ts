/** Prints a token of the local identity platform, for calling the public API by hand. */

import { tools } from '../functions/tools.ts'
import { signIn } from './api.ts'
import { nearestOrAll } from '../shared/base/nearest.ts'
import { main, requireRunning, texts, UsageError } from './command.ts'
import { say } from './terminal.ts'

const { sub: someone, roles: someRoles } = tools.caller ?? { sub: 'someone', roles: [] }

void main('token', {
  brief: 'Prints a token that the public API accepts for an hour.',
  about: `  curl -H "authorization: Bearer $(npm run -s token -- ${someone})" ${tools.examples?.url ?? 'URL'}`,
  words: { name: 'NAME', brief: `the subject; absent, ${someone}`, max: 1 },
  options: { role: texts('ROLE', `a role of the subject; absent, ${someRoles.join(' and ') || 'no role'}`) },
  async run({ role: roles = someRoles }, [sub = someone]) {
    const known = Object.keys(tools.roles ?? {})
    const unknown = roles.find((role) => !known.includes(role))
    if (unknown !== undefined)
      throw new UsageError(`There is no role ${unknown}. ${nearestOrAll(unknown, known, 'There are:')}`)
    say((await signIn(requireRunning(), { sub, roles })).token)
  },
})
