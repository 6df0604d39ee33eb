/** The program of the container: `node functions/main.ts SERVICE`. */

import { serve } from '../shared/runtime/serve.ts'
import { loadApp } from './apps.ts'
import { services } from './index.ts'

const name = process.argv[2]
const service = services.find((one) => one.name === name)
if (service) await serve(service, () => loadApp(service.name))
else {
  console.error(`There is no service "${name ?? ''}". There are: ${services.map((one) => one.name).join(', ')}.`)
  process.exitCode = 1
}
