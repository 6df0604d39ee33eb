/** The run secret of the platform that runs here; and `set`, which gives a secret of a service a value. */

import { define, mainOf, requireRunning, text, UsageError } from './command.ts'
import { say } from './terminal.ts'

const about = `Prints the run secret of the running platform. Requests outside Google's APIs need it, for example as the user name of
Basic authentication:

  curl -u "$(npm run -s secret):" http://127.0.0.1:4100/_local/counters

It is new at each start, and stored in .data/running.json, which only you can read.

set gives a secret that a service's description names a value: npm run secret -- set --help.`

const print = define({
  brief: 'Prints the run secret of the running platform; npm run secret alone does so too.',
  options: {},
  run: async () => say(requireRunning().secret),
})

const set = define({
  brief: 'Adds a version, with the value from standard input, to a secret in Secret Manager.',
  about: `
A terminal asks for the value, and does not show it; otherwise the value is read to its end, without one line break there:

  npm run secret -- set NAME
  npm run secret -- set NAME --env prod < FILE

The value is no argument: the shell would keep it, and every program that lists processes would see it. In the cloud you need
roles/secretmanager.secretVersionAdder on the secret, and credentials: gcloud auth application-default login. The command
prints the version, and what makes the services read it.`,
  words: { name: 'NAME', brief: "a secret of a service's description", max: Infinity },
  options: { env: text('ENVIRONMENT', 'an environment in the cloud; absent, the platform that runs here') },
  async run({ env }, [name, ...more]) {
    // Not shown: it may be the value.
    if (more.length > 0)
      throw new UsageError(
        'set takes one name, and the value from standard input: the shell keeps a value in an argument, so have the partner replace it. See --help.',
      )
    const { setSecret } = await import('./secret/set.ts')
    say(await setSecret({ name, env, input: process.stdin }))
  },
})

void mainOf('secret', about, { print, set }, 'print')
