/** The processor time of one call in the client and in the local cloud, by four clients; an order makes some sixty calls. */

import { fork } from 'node:child_process'
import { join } from 'node:path'
import { cloudTasks } from 'local-google-cloud/cloud-tasks'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { firestore } from 'local-google-cloud/firestore'
import { pubsub } from 'local-google-cloud/pubsub'
import { type BareServer, openBareServer } from './bare-server.ts'
import { deliveries } from './deliveries.ts'
import { median, ownCpuMs, rounded } from './measure.ts'
import type { Section } from './section.ts'

const TIMES = 2_000
const project = { id: 'millrace-bench', number: '100000000000', region: 'europe-west1' }

interface Cost {
  readonly call: string
  readonly by: string
  readonly concurrency: number
  readonly client: number
  readonly server: number
}

interface Measured {
  readonly end?: string
  readonly client: string
  readonly concurrency: number
  readonly cpuMs: number
}

export const calls: Section = {
  name: 'calls',
  about: "CPU-ms of one call: the client (Google's, its generated one, gRPC, HTTP/2), and the local cloud's answer",
  async run({ runs }) {
    const cloud = await createLocalCloud({ plugins: [pubsub, firestore, cloudTasks], project })
    const bare = await openBareServer()
    try {
      await cloud.api('POST', `/v1/projects/${project.id}/databases?databaseId=bench`, { locationId: 'eur3' })
      await cloud.api('PUT', `/v1/projects/${project.id}/topics/bench`, {})
      const location = `projects/${project.id}/locations/${project.region}`
      await cloud.api('POST', `/v2/${location}/queues`, { name: `${location}/queues/bench` })
      const costs: Cost[] = []
      for (let at = 0; at < runs; at++) costs.push(...(await measured(cloud, bare)))
      const rows = [...Map.groupBy(costs, ({ call, by, concurrency }) => `${call} ${by} ${concurrency}`).values()].map(
        (all) => ({
          call: all[0]!.call,
          by: all[0]!.by,
          'at once': all[0]!.concurrency,
          'client CPU-ms': rounded(median(all.map(({ client }) => client)), 2),
          'server CPU-ms': rounded(median(all.map(({ server }) => server)), 2),
        }),
      )
      return [{ title: `${TIMES} of each, medians of ${runs} runs`, rows }, await deliveries(runs)]
    } finally {
      bare.close()
      await cloud.close()
    }
  },
}

async function measured(cloud: LocalCloud, bare: BareServer): Promise<Cost[]> {
  const costs: Cost[] = []
  const child = fork(
    join(import.meta.dirname, 'calls.child.ts'),
    [project.id, project.region, cloud.ownerHost, bare.host, String(TIMES)],
    {
      env: { ...process.env, ...cloud.environmentOf('owner'), METADATA_SERVER_DETECTION: 'none' },
    },
  )
  let before = 0
  child.on('message', ({ end, client: by, concurrency, cpuMs }: Measured) => {
    if (end !== undefined)
      costs.push({ call: end, by, concurrency, client: cpuMs, server: (ownCpuMs() - before) / TIMES })
    before = ownCpuMs()
    child.send('go')
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`The process that calls ended with ${code}.`)),
    )
  })
  return costs
}
