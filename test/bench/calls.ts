/** The processor time of one call in Google's client and in the local cloud; an order makes some sixty calls. */

import { fork } from 'node:child_process'
import { join } from 'node:path'
import { cloudTasks } from 'local-google-cloud/cloud-tasks'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { firestore } from 'local-google-cloud/firestore'
import { pubsub } from 'local-google-cloud/pubsub'
import { median, ownCpuMs, rounded } from './measure.ts'
import type { Section } from './section.ts'

const TIMES = 2_000
const project = { id: 'millrace-bench', number: '100000000000', region: 'europe-west1' }

interface Cost {
  readonly call: string
  readonly concurrency: number
  readonly client: number
  readonly cloud: number
}

export const calls: Section = {
  name: 'calls',
  about: "CPU-ms of one call: Google's client, and the local cloud's answer",
  async run({ runs }) {
    const cloud = await createLocalCloud({ plugins: [pubsub, firestore, cloudTasks], project })
    try {
      await cloud.api('POST', `/v1/projects/${project.id}/databases?databaseId=bench`, { locationId: 'eur3' })
      await cloud.api('PUT', `/v1/projects/${project.id}/topics/bench`, {})
      const location = `projects/${project.id}/locations/${project.region}`
      await cloud.api('POST', `/v2/${location}/queues`, { name: `${location}/queues/bench` })
      const costs: Cost[] = []
      for (let at = 0; at < runs; at++) costs.push(...(await measured(cloud)))
      const rows = [...Map.groupBy(costs, ({ call, concurrency }) => `${call} ${concurrency}`).values()].map((all) => ({
        call: all[0]!.call,
        'at once': all[0]!.concurrency,
        'client CPU-ms': rounded(median(all.map(({ client }) => client)), 2),
        'local cloud CPU-ms': rounded(median(all.map(({ cloud: spent }) => spent)), 2),
      }))
      return [{ title: `${TIMES} of each, medians of ${runs} runs`, rows }]
    } finally {
      await cloud.close()
    }
  },
}

async function measured(cloud: LocalCloud): Promise<Cost[]> {
  const costs: Cost[] = []
  const child = fork(
    join(import.meta.dirname, 'calls.child.ts'),
    [project.id, project.region, cloud.ownerHost, String(TIMES)],
    {
      env: { ...process.env, ...cloud.environmentOf('owner'), METADATA_SERVER_DETECTION: 'none' },
    },
  )
  let before = 0
  child.on('message', ({ end, concurrency, cpuMs }: { end?: string; concurrency: number; cpuMs: number }) => {
    if (end !== undefined) costs.push({ call: end, concurrency, client: cpuMs, cloud: (ownCpuMs() - before) / TIMES })
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
