/** What the CDKTF CLI runs: every environment, written to cdktf.out. */

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { numberedServices, services } from '../functions/index.ts'
import { addEnvironment } from './app.ts'
import { App } from './cdktf.ts'
import { environments, localEnvironment, localPorts } from './environments.ts'

const app = new App({ context: { excludeStackIdFromLogicalIds: true, allowSepCharsInLogicalIds: true } })
const stacks = [localEnvironment(localPorts(4100, numberedServices)), ...Object.values(environments)].flatMap(
  (environment) => addEnvironment(app, environment, services),
)
app.synth()
// Terraform would take the provider that it is given at its first init, and lock that one.
for (const stack of stacks)
  copyFileSync(
    join(import.meta.dirname, 'terraform.lock.hcl'),
    join(app.outdir, 'stacks', stack, '.terraform.lock.hcl'),
  )
