/** The help of `npm run cdktf`, printed without an installed CDKTF CLI. */

import type { Known } from './mistake.ts'

/** The commands for Millrace's stacks, and the names of the stacks. */
export function help({ environments, stacks }: Known): string {
  const [environment = ''] = environments
  const [part = '', ...parts] = Object.keys(stacks)
  return `Runs the CDKTF CLI with the stacks of Millrace.

usage: npm run cdktf -- COMMAND [STACK ...] [options]

  list                    the names of all stacks
  synth                   writes the Terraform of all stacks to cdktf.out/; needs no account
  diff STACK              the changes that a deployment would make
  deploy STACK ...        makes them, after a question; --auto-approve does not ask
  destroy STACK ...       removes what the stacks declare
  output STACK            the outputs of a deployed stack

A stack is ENVIRONMENT-PART, such as ${environment}-${part}; '${environment}-*' is all of an environment.
  environments: ${environments.join(', ')}
  parts: ${[part, ...parts].join(', ')}

The first command installs the CDKTF CLI into .tools/cdktf (about 420 MB, once); COMMAND --help prints its options.
docs/deploy.md describes a deployment.`
}
