/** What the CDKTF CLI runs: every environment, written to cdktf.out. */

import { services } from '../functions/index.ts'
import { addEnvironment } from './app.ts'
import { App } from './cdktf.ts'
import { dev, localEnvironment, localPorts, prod, staging } from './environments.ts'

const app = new App({ context: { excludeStackIdFromLogicalIds: true, allowSepCharsInLogicalIds: true } })
for (const environment of [localEnvironment(localPorts(4100, services)), dev, staging, prod])
  addEnvironment(app, environment, services)
app.synth()
