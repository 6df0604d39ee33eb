/** The program of the container: `node functions/main.ts SERVICE`, and with `pull` behind it a worker that pulls its events. */

import { serve } from '../shared/runtime/serve.ts'
import { loadApp } from './apps.ts'
import { services } from './index.ts'

const [name, mode] = process.argv.slice(2)
const service = services.find((one) => one.name === name)
if (service) {
  // A service that is pushed to does not load what workers need.
  const run = mode === 'pull' ? (await import('../shared/runtime/work.ts')).work : serve
  await run(service, () => loadApp(service.name))
} else {
  console.error(`There is no service "${name ?? ''}". There are: ${services.map((one) => one.name).join(', ')}.`)
  process.exitCode = 1
}
