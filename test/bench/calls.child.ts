/** The clients of `calls`: they repeat each call by Google's own client, sequentially and concurrently, when the parent requests it. */

import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { CloudTasksClient } from '@google-cloud/tasks'
import { credentials } from '@grpc/grpc-js'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { ownCpuMs } from './measure.ts'

const [projectId, region, host, times] = process.argv.slice(2) as [string, string, string, string]
const WARM_UP = 500

const database = new Firestore({ projectId, databaseId: 'bench' })
const topic = new PubSub({ projectId }).topic('bench', { batching: { maxMessages: 1 } })
const [, port] = host.split(':')
const tasks = new CloudTasksClient({
  apiEndpoint: '127.0.0.1',
  port: Number(port),
  sslCreds: credentials.createInsecure(),
})
const parent = tasks.queuePath(projectId, region, 'bench')
const agent = new Agent({ keepAlive: true })
const data = Buffer.from(JSON.stringify({ id: crypto.randomUUID(), pad: 'x'.repeat(500) }))
const entry = data.toString()
// Unique to this run.
const collection = `run-${process.pid}`
const inAnHour = { seconds: Math.floor(Date.now() / 1000) + 3_600 }

const calls: Readonly<Record<string, (n: number) => Promise<unknown>>> = {
  'HTTP request': () => get('/_local/health'),
  'Firestore: commit of a new document': (n) =>
    database.doc(`${collection}/${n}`).create({ version: 1, entries: [entry] }),
  'Firestore: read of a document': (n) => database.doc(`${collection}/${n}`).get(),
  'Pub/Sub: publish': () => topic.publishMessage({ data }),
  'Cloud Tasks: create': () =>
    tasks.createTask({
      parent,
      task: { scheduleTime: inAnHour, httpRequest: { url: `http://${host}/`, body: data } },
    }),
}

function get(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`http://${host}${path}`, { agent }, (answer) => {
      answer.resume().once('end', resolve)
    })
    outgoing.once('error', reject)
    outgoing.end()
  })
}

let next = 0
async function repeated(count: number, concurrency: number, call: (n: number) => Promise<unknown>): Promise<void> {
  let left = count
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left-- > 0) await call(next++)
    }),
  )
}

for (const concurrency of [1, 16]) {
  const first = concurrency * 1_000_000
  for (const [name, call] of Object.entries(calls)) {
    // The read finds the created document.
    next = first
    await repeated(WARM_UP, concurrency, call)
    process.send!({ begin: name })
    await once(process, 'message')
    const before = ownCpuMs()
    await repeated(Number(times), concurrency, call)
    process.send!({ end: name, concurrency, cpuMs: (ownCpuMs() - before) / Number(times) })
    await once(process, 'message')
  }
}
process.exit(0)
