/**
 * The generated requests over real connections, by clients that hang up, send slowly or set deadlines of their own: to the
 * gateway and to every service. Nothing answers 500, nothing is an error in a log but a dead letter, and no circuit opens.
 * `MILLRACE_REQUESTS=10000` runs ten thousand; without it a few hundred are.
 */

import { createAdaptorServer } from '@hono/node-server'
import { once } from 'node:events'
import * as fc from 'fast-check'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { limitServer, serverOptions } from '../../shared/runtime/server-limits.ts'
import { answerOf, openRequest } from '../support/raw-client.ts'
import { type TestRequest, publicRequests, pushes, queries, tasks } from './arbitrary-requests.testing.ts'
import { type Cluster, openCluster } from '../support/in-process-cluster.ts'

const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_128)
const REQUESTS = Number(process.env['MILLRACE_REQUESTS'] ?? 400)
/** Services keep state, so the cluster is replaced after so many requests. */
const REQUESTS_PER_CLUSTER = 500
const CLIENTS = 32
/** Log lines that only messages of internal senders cause: an unparseable message, a timer that failed five times, a failure event. No client causes them. */
const notOfClients = ['message.dead-lettered', 'saga.stuck', 'payment.capture-failed']

type Manner = 'polite' | 'hangs up in the head' | 'hangs up in the body' | 'hangs up at the end' | 'sends slowly'
const manners: fc.Arbitrary<Manner> = fc.oneof(
  { weight: 10, arbitrary: fc.constant<Manner>('polite') },
  { weight: 2, arbitrary: fc.constant<Manner>('hangs up in the head') },
  { weight: 4, arbitrary: fc.constant<Manner>('hangs up in the body') },
  { weight: 3, arbitrary: fc.constant<Manner>('hangs up at the end') },
  { weight: 1, arbitrary: fc.constant<Manner>('sends slowly') },
)
/** Excludes shipments of unreserved pieces, which inventory answers 500, since they would be a bug of shipping. */
const deliveries = pushes.filter(
  ({ service, path }) => service !== 'inventory' || path !== '/events/shipment.dispatched',
)
const deadlines = fc.constantFrom(undefined, undefined, '0', '1', '5', '25', '20000')

let issuer: TestIssuer
const tokens: Record<string, string> = {}
beforeAll(async () => {
  issuer = await openIssuer()
  for (const role of ['customer', 'admin', 'importer'])
    tokens[role] = await issuer.token({ sub: `${role}-1`, roles: [role] })
}, 30_000)
afterAll(() => issuer?.close())

interface Listening {
  readonly cluster: Cluster
  portOf(service: string): number
  close(): void
}

async function listening(): Promise<Listening> {
  const cluster = await openCluster(issuer.settings)
  const servers = new Map<string, Server>()
  for (const [name, app] of cluster.apps) {
    const server = createAdaptorServer({ fetch: app.fetch, serverOptions }) as Server
    limitServer(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    servers.set(name, server)
  }
  return {
    cluster,
    portOf: (service) => (servers.get(service)!.address() as AddressInfo).port,
    close() {
      for (const server of servers.values()) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}

interface Rude {
  readonly request: TestRequest
  readonly manner: Manner
  readonly deadline: string | undefined
}

/** The status of the answer; undefined without an answer, as for a client that disconnected. */
async function sent(port: number, { request, manner, deadline }: Rude): Promise<number | undefined> {
  const { method, path, headers, body = '' } = request
  const role = /^Bearer (\w+)$/.exec(headers['authorization'] ?? '')?.[1]
  const bytes = Buffer.from(body)
  const all = {
    ...headers,
    ...(role !== undefined && tokens[role] ? { authorization: `Bearer ${tokens[role]}` } : {}),
    ...(deadline === undefined ? {} : { 'x-deadline-ms': deadline }),
    connection: 'close',
  }
  const isUnfinished = manner === 'hangs up in the head'
  // A missing body can't be sent slowly.
  const announced = manner === 'sends slowly' || manner === 'hangs up in the body' ? bytes.length + 10 : bytes.length
  const socket = await openRequest(port, { method, path, headers: all, isUnfinished, bodyBytes: announced })
  if (!isUnfinished) socket.write(bytes)
  if (manner.startsWith('hangs up')) {
    // In this turn of the event loop or the next: before, while or after the server reads.
    if (bytes.length % 2 === 0) await new Promise((resolve) => void setImmediate(resolve))
    socket.resetAndDestroy()
    return undefined
  }
  const status = /^HTTP\/1\.1 (\d+) /.exec(await answerOf(socket))?.[1]
  return status === undefined ? undefined : Number(status)
}

describe('rude clients', { timeout: 900_000 }, () => {
  it(`cause no failure of any service in ${REQUESTS} requests`, async () => {
    const seen = new Map<string, number>()
    for (let done = 0; done < REQUESTS; done += REQUESTS_PER_CLUSTER) {
      const { cluster, portOf, close } = await listening()
      try {
        const own = await cluster.references('customer-1')
        const requests = fc.oneof(
          { weight: 3, arbitrary: publicRequests(own).map(({ request }): TestRequest => request) },
          { weight: 2, arbitrary: fc.oneof(deliveries, tasks, queries(cluster.apps)) },
        )
        const all = fc.sample(fc.record({ request: requests, manner: manners, deadline: deadlines }), {
          seed: SEED + done,
          numRuns: Math.min(REQUESTS_PER_CLUSTER, REQUESTS - done),
        })
        await Promise.all(
          Array.from({ length: CLIENTS }, async () => {
            for (let rude = all.pop(); rude; rude = all.pop()) {
              const { request, manner } = rude
              const status = await sent(portOf(request.service), rude)
              const what = `${manner}: ${status ?? 'no answer'}`
              seen.set(what, (seen.get(what) ?? 0) + 1)
              const where = `${request.method} ${request.path} of ${request.service}, by a client: ${manner}`
              expect(status, `${where} ${status === 500 ? JSON.stringify(cluster.bugs().map(readable)) : ''}`).not.toBe(
                500,
              )
            }
          }),
        )
        checkLogs(cluster)
        expect(cluster.openCircuits()).toEqual([])
      } finally {
        close()
      }
    }
    // Each kind of client occurred, and slow bodies were refused with 408 if the server waited for them.
    expect([...seen.keys()]).toEqual(
      expect.arrayContaining(['sends slowly: 408', 'hangs up in the body: no answer', 'polite: 499', 'polite: 200']),
    )
    if (process.env['MILLRACE_REQUESTS']) console.log(Object.fromEntries(seen))
  })
})

const readable = (bug: object): object => ({ ...bug, error: String((bug as { error?: Error }).error?.stack) })

/** The log lines and metrics, also of clients that did not wait for their answer. */
function checkLogs(cluster: Cluster): void {
  for (const [service, { logs, measures }] of cluster.platforms) {
    const errors = logs.filter(({ severity, event }) => severity === 'ERROR' && !notOfClients.includes(event))
    expect(errors, service).toEqual([])
    const statuses = measures.map(({ attributes }) => attributes['http.response.status_code'])
    expect(statuses, service).not.toContain(500)
  }
}
