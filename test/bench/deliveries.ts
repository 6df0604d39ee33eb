/**
 * The local cloud's processor time for one push to a service of its own: published, sent with a token, admitted by the
 * service's ingress and acknowledged. Once through the ingress in the process, once through its port.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { cloudRun, type CloudRunCore } from 'local-google-cloud/cloud-run'
import { iam } from 'local-google-cloud/iam'
import { pubsub, type PubsubCore } from 'local-google-cloud/pubsub'
import { freePort } from 'local-google-cloud/host'
import { median, ownCpuMs, rounded } from './measure.ts'
import type { Figures } from './section.ts'

const PUSHES = 3_000
const WARM_UP = 1_000
const BATCH = 50
const project = { id: 'millrace-bench', number: '100000000000', region: 'europe-west1' }
const location = `projects/${project.id}/locations/${project.region}`
const account = `echo-service@${project.id}.iam.gserviceaccount.com`
const topicOf = (way: string): string => `projects/${project.id}/topics/${way}`
/** Another name of the same port: the ingress in the process answers to the address that Cloud Run gave. */
const hosts = { 'in the process': '127.0.0.1', 'through its port': 'localhost' } as const

/** Locally no image is pulled: its command runs in the working folder. */
const image = 'echo:1@sha256:0000000000000000000000000000000000000000000000000000000000000000'

const program = `
import { createServer } from 'node:http'
createServer((request, response) => {
  request.resume().once('end', () => response.writeHead(204).end())
}).listen(Number(process.env.PORT))
`

export async function deliveries(runs: number): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-deliveries-'))
  writeFileSync(join(folder, 'service.mjs'), program)
  const port = await freePort()
  const cloud: LocalCloud = await createLocalCloud({
    project,
    dataDir: join(folder, 'state'),
    plugins: [
      iam,
      cloudRun({
        addressOf: () => ({ port }),
        environmentOf: () => ({}),
        workingDirectory: folder,
      }),
      pubsub,
    ],
  })
  try {
    await declare(cloud, port)
    const costs = Object.keys(hosts).map((way) => ({ way, ms: [] as number[] }))
    for (let at = 0; at < runs; at++) for (const { way, ms } of costs) ms.push(await measured(cloud, way))
    const rows = costs.map(({ way, ms }) => ({ 'a push, through the ingress': way, 'CPU-ms': rounded(median(ms), 3) }))
    return { title: `${PUSHES} pushes to a service, the local cloud's side, medians of ${runs} runs`, rows }
  } finally {
    await cloud.close()
    rmSync(folder, { recursive: true })
  }
}

async function declare({ api, core }: LocalCloud, port: number): Promise<void> {
  await api('POST', `/v1/projects/${project.id}/serviceAccounts`, { accountId: 'echo-service' })
  await api('POST', `/v2/${location}/services?serviceId=echo`, {
    template: {
      serviceAccount: account,
      maxInstanceRequestConcurrency: 1000,
      containers: [{ image, command: ['node'], args: ['service.mjs'] }],
    },
  })
  const policy = { bindings: [{ role: 'roles/run.invoker', members: [`serviceAccount:${account}`] }] }
  await api('POST', `/v2/${location}/services/echo:setIamPolicy`, { policy })
  const agent = `serviceAccount:service-${project.number}@gcp-sa-pubsub.iam.gserviceaccount.com`
  await api('POST', `/v1/projects/${project.id}/serviceAccounts/${account}:setIamPolicy`, {
    policy: { bindings: [{ role: 'roles/iam.serviceAccountTokenCreator', members: [agent] }] },
  })
  await core<CloudRunCore>('cloud-run').warm('echo')
  for (const [way, host] of Object.entries(hosts)) {
    const name = way.replaceAll(' ', '-')
    await api('PUT', `/v1/${topicOf(name)}`, {})
    const oidcToken = { serviceAccountEmail: account, audience: `http://127.0.0.1:${port}` }
    const pushConfig = { pushEndpoint: `http://${host}:${port}/events`, oidcToken }
    await api('PUT', `/v1/projects/${project.id}/subscriptions/${name}`, { topic: topicOf(name), pushConfig })
  }
}

async function measured(cloud: LocalCloud, way: string): Promise<number> {
  await pushed(cloud, way, WARM_UP)
  const before = ownCpuMs()
  await pushed(cloud, way, PUSHES)
  return (ownCpuMs() - before) / PUSHES
}

/** Publishes in batches; each is pushed and acknowledged before the next. */
async function pushed(cloud: LocalCloud, way: string, count: number): Promise<void> {
  const { publisher, retainedMessageCount } = cloud.core<PubsubCore>('pubsub')
  const messages = Array.from({ length: BATCH }, () => ({ data: Buffer.alloc(600, 'x') }))
  for (let sent = 0; sent < count; sent += BATCH) {
    publisher.publish({ topic: topicOf(way.replaceAll(' ', '-')), messages })
    while (retainedMessageCount() > 0) await new Promise((resolve) => void setImmediate(resolve))
  }
}
