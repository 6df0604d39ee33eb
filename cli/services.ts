/** Prints the services and worker pools of the platform that runs here: revisions, instances with their health, and open circuits. */

import type { ServiceReport } from 'local-google-cloud/cloud-run'
import { join } from 'node:path'
import { dataDirectory, flag, main, requireRunning } from './command.ts'
import { failedStarts } from './failed-starts.ts'
import { getLocal } from './local.ts'
import { logReader } from './logs/reader.ts'
import { type Circuits, circuitsIn, healthOf, instanceRows } from './services/rows.ts'
import { table } from './table.ts'
import { say, sayJson, shown } from './terminal.ts'

const READY_PATH = '/health/ready'

void main('services', {
  brief:
    'Lists the services and worker pools that run here: address, revision, instances with requests and health, and circuits.',
  about: `
Each instance that takes requests is asked for its readiness: ready, degraded while the circuit of a callee is open,
not-ready, or no answer. An instance that is ending finishes the requests that it has. A service without an instance starts
one at its next request. A worker pool (SERVICE-pull) has no address, and its workers no health. The circuits of a degraded instance are those before callees, by the log of its service. In
Google Cloud, Cloud Run's pages have the instances, and the metric circuit.transitions the circuits.`,
  options: { json: flag('as JSON') },
  async run({ json }) {
    const running = requireRunning()
    const { services } = await getLocal<{ services: readonly ServiceReport[] }>(
      running,
      `/_local/run/services?health=${READY_PATH}`,
    )
    const reader = logReader(join(dataDirectory(), 'logs'))
    const reported = await Promise.all(
      services.map(async (one) => ({ ...one, circuits: await circuitsOf(one, (file) => reader.read(file)) })),
    )
    if (json) return sayJson({ services: reported })
    say(table(reported.flatMap(instanceRows)))
    for (const line of failedStarts(services)) say(shown(line))
  },
})

/** The log says which; a line from before the instances that run is of a process that has ended. */
async function circuitsOf(
  { service, instances }: ServiceReport,
  read: (file: string) => Promise<readonly string[]>,
): Promise<Circuits> {
  if (!instances.some((one) => healthOf(one) === 'degraded')) return {}
  const since = instances.flatMap(({ startedAt }) => startedAt ?? []).toSorted()[0]
  return circuitsIn(await read(`${service}.log`).catch(() => []), since)
}
