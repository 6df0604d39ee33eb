/**
 * The clients of `calls`: they make each call by Google's own client, by its generated client, by gRPC with the message's
 * codec, and by HTTP/2 alone, sequentially and concurrently, when the parent requests it.
 */

import firestorePackage from '@google-cloud/firestore'
import { PubSub, v1 as pubsubV1 } from '@google-cloud/pubsub'
import { CloudTasksClient } from '@google-cloud/tasks'
import { Client, credentials } from '@grpc/grpc-js'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:http2'
import { text } from 'node:stream/consumers'
import protobuf, { type INamespace, type Type } from 'protobufjs'
import { send } from '../../shared/http/send.ts'
import { ownCpuMs } from './measure.ts'

const { Firestore, v1: firestoreV1 } = firestorePackage
const [projectId, region, host, bareHost, times] = process.argv.slice(2) as [string, string, string, string, string]
const WARM_UP = 500

const apiEndpoint = '127.0.0.1'
const options = { projectId, apiEndpoint, port: Number(host.split(':')[1]), sslCreds: credentials.createInsecure() }
const database = new Firestore({ projectId, databaseId: 'bench' })
const generatedFirestore = new firestoreV1.FirestoreClient(options)
const topic = new PubSub({ projectId }).topic('bench', { batching: { maxMessages: 1 } })
const generatedPublisher = new pubsubV1.PublisherClient(options)
const tasks = new CloudTasksClient(options)
const channel = new Client(host, credentials.createInsecure())
const agent = new Agent({ keepAlive: true })
const { signal: never } = new AbortController()

const data = Buffer.from(JSON.stringify({ id: crypto.randomUUID(), pad: 'x'.repeat(500) }))
const entry = data.toString()
// Unique to this run.
const collection = `run-${process.pid}`
const databaseName = `projects/${projectId}/databases/bench`
const nameOf = (n: number): string => `${databaseName}/documents/${collection}/${n}`

const fields = {
  version: { integerValue: 1 },
  entries: { arrayValue: { values: [{ stringValue: entry }] } },
}
const commit = (n: number): object => ({
  database: databaseName,
  writes: [{ update: { name: nameOf(n), fields }, currentDocument: { exists: false } }],
})
const read = (n: number): object => ({ database: databaseName, documents: [nameOf(n)] })
const publish = (): object => ({ topic: `projects/${projectId}/topics/bench`, messages: [{ data }] })
const createTask = (): object => ({
  parent: `projects/${projectId}/locations/${region}/queues/bench`,
  task: {
    scheduleTime: { seconds: Math.floor(Date.now() / 1000) + 3_600 },
    httpRequest: { url: `http://${bareHost}/`, body: data },
  },
})

interface Method {
  readonly path: string
  readonly request: Type
  readonly response: Type
}

function methodOf(proto: string, service: string, name: string): Method {
  const file = new URL(`../../emulators/local-cloud/${proto}.proto.json`, import.meta.url)
  const root = protobuf.Root.fromJSON(JSON.parse(readFileSync(file, 'utf8')) as INamespace).resolveAll()
  const method = root.lookupService(service).methods[name]!
  return {
    path: `/${service}/${name}`,
    request: method.resolvedRequestType!,
    response: method.resolvedResponseType!,
  }
}
const methods = {
  commit: methodOf('firestore/firestore', 'google.firestore.v1.Firestore', 'Commit'),
  read: methodOf('firestore/firestore', 'google.firestore.v1.Firestore', 'BatchGetDocuments'),
  publish: methodOf('pubsub/pubsub', 'google.pubsub.v1.Publisher', 'Publish'),
  createTask: methodOf('cloud-tasks/cloud-tasks', 'google.cloud.tasks.v2.CloudTasks', 'CreateTask'),
}

const encode = ({ request: type }: Method, message: object): Buffer =>
  Buffer.from(type.encode(type.fromObject(message)).finish())

/** By the gRPC library of Google's clients, with nothing of those clients around it. */
function byGrpc(method: Method, message: object): Promise<void> {
  const deserialize = (bytes: Buffer): unknown => method.response.decode(bytes)
  const serialize = (value: object): Buffer => encode(method, value)
  return new Promise((resolve, reject) => {
    if (method === methods.read) {
      const stream = channel.makeServerStreamRequest(method.path, serialize, deserialize, message)
      stream.on('data', () => {})
      stream.once('end', resolve).once('error', reject)
    } else {
      channel.makeUnaryRequest(method.path, serialize, deserialize, message, (error) =>
        error ? reject(error) : resolve(),
      )
    }
  })
}

const sessions = { cloud: connect(`http://${host}`), bare: connect(`http://${bareHost}`) }

/** By HTTP/2 with gRPC's framing written here: the least that a client can do. */
function byHttp2(session: keyof typeof sessions, method: Method, message: object): Promise<void> {
  const bytes = encode(method, message)
  const frame = Buffer.alloc(bytes.length + 5)
  frame.writeUInt32BE(bytes.length, 1)
  bytes.copy(frame, 5)
  return new Promise((resolve, reject) => {
    const headers = { ':method': 'POST', ':path': method.path, 'content-type': 'application/grpc', te: 'trailers' }
    const stream = sessions[session].request(headers)
    const received: Buffer[] = []
    let status: unknown
    stream.on('data', (chunk: Buffer) => void received.push(chunk))
    stream.once('trailers', (trailers) => (status = trailers['grpc-status']))
    stream.once('error', reject)
    stream.once('end', () => {
      if (String(status) !== '0') return reject(new Error(`${method.path} ended with ${String(status)}.`))
      let at = 0
      for (const all = Buffer.concat(received); at < all.length; at += 5 + all.readUInt32BE(at + 1))
        method.response.decode(all.subarray(at + 5, at + 5 + all.readUInt32BE(at + 1)))
      resolve()
    })
    stream.end(frame)
  })
}

function get(at: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`http://${at}/_local/health`, { agent }, (answer) => {
      if (answer.statusCode === 200) answer.resume().once('end', resolve)
      else void text(answer).then((body) => reject(new Error(body)))
    })
    outgoing.once('error', reject)
    outgoing.end()
  })
}

async function drained(stream: NodeJS.ReadableStream): Promise<void> {
  stream.on('data', () => {})
  await once(stream, 'end')
}

type Repeated = (n: number) => Promise<unknown>
const throughGrpc = (method: Method, message: (n: number) => object): Record<string, Repeated> => ({
  'grpc-js with the codec': (n) => byGrpc(method, message(n)),
  'node:http2': (n) => byHttp2('cloud', method, message(n)),
  'node:http2, bare server': (n) => byHttp2('bare', method, message(n)),
})

/** Each document is created once: a client's numbers begin where those of the one before it end. */
const calls: Readonly<Record<string, Readonly<Record<string, Repeated>>>> = {
  'HTTP request': {
    'node:http': () => get(host),
    'node:http, bare server': () => get(bareHost),
    'of a service, bare server': () => send(`http://${bareHost}/`, { method: 'GET', headers: {}, signal: never }),
    'fetch, bare server': async () => (await fetch(`http://${bareHost}/`, { signal: never })).text(),
  },
  'Firestore: commit of a new document': {
    'official client': (n) => database.doc(`${collection}/${n}`).create({ version: 1, entries: [entry] }),
    'generated client': (n) => generatedFirestore.commit(commit(n)),
    ...throughGrpc(methods.commit, commit),
  },
  'Firestore: read of a document': {
    'official client': (n) => database.doc(`${collection}/${n}`).get(),
    'generated client': (n) => drained(generatedFirestore.batchGetDocuments(read(n))),
    ...throughGrpc(methods.read, read),
  },
  'Pub/Sub: publish': {
    'official client': () => topic.publishMessage({ data }),
    'generated client': () => generatedPublisher.publish(publish()),
    ...throughGrpc(methods.publish, publish),
  },
  'Cloud Tasks: create': {
    'official client': () => tasks.createTask(createTask()),
    ...throughGrpc(methods.createTask, createTask),
  },
}

let next = 0
async function repeated(count: number, concurrency: number, call: Repeated): Promise<void> {
  let left = count
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left-- > 0) await call(next++)
    }),
  )
}

for (const concurrency of [1, 16]) {
  for (const [name, clients] of Object.entries(calls)) {
    // The read finds the created documents.
    next = concurrency * 1_000_000
    for (const [client, call] of Object.entries(clients)) {
      await repeated(WARM_UP, concurrency, call)
      process.send!({ begin: name })
      await once(process, 'message')
      const before = ownCpuMs()
      await repeated(Number(times), concurrency, call)
      process.send!({ end: name, client, concurrency, cpuMs: (ownCpuMs() - before) / Number(times) })
      await once(process, 'message')
    }
  }
}
process.exit(0)
