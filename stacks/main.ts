/** The program that the CDKTF CLI runs: it writes every environment to cdktf.out. */

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { business } from '../functions/index.ts'
import { addEnvironment } from './app.ts'
import { App } from './cdktf.ts'
import { environments, localEnvironment, localPorts } from './environments.ts'

const app = new App({ context: { excludeStackIdFromLogicalIds: true, allowSepCharsInLogicalIds: true } })
const stacks = [localEnvironment(localPorts(4100, business)), ...Object.values(environments)].flatMap((environment) =>
  addEnvironment(app, environment, business),
)
app.synth()
// Without a lock file, Terraform would trust and lock the provider that it downloads at the first init.
for (const stack of stacks)
  copyFileSync(
    join(import.meta.dirname, 'terraform.lock.hcl'),
    join(app.outdir, 'stacks', stack, '.terraform.lock.hcl'),
  )
