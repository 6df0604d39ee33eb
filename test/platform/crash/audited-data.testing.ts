/** Reads the data of all services and partners by the official clients and public APIs, until they agree. */

import { BigQuery } from '@google-cloud/bigquery'
import { services } from '../../../functions/index.ts'
import { deadLetterName } from '../../../shared/base/names.ts'
import type { Commit } from '../../../shared/messaging/stream-store.ts'
import type { Running } from '../../../emulators/running.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { stateOf, type State } from '../../support/state.ts'
import { secretValue } from '../../support/secret-value.ts'
import { audit, type AuditedData, type Expected, type Shard, type Stream } from './audit.testing.ts'

export type AuditedPlatform = Pick<TestPlatform, 'ports'> & { readonly running: Running }

export interface Auditor {
  /** Reads until the audit finds nothing; returns its findings after the timeout. */
  reconcile(expected: Expected, withinMs: number): Promise<string[]>
  read(): Promise<AuditedData>
  /** Rows in BigQuery beyond one for each event: published, or delivered, more than once. */
  repeatedEvents(): Promise<number>
  /** Documents of a service's collection. */
  count(service: string, collection: string): Promise<number>
  close(): Promise<void>
}

/** A reading is of all data, and a killed transaction keeps its locks for a minute: the next one comes after twice the time. */
const FIRST_POLL_MS = 500
const MAX_POLL_MS = 4_000
const withStreams = services.filter(({ collections }) => 'streams' in collections).map(({ name }) => name)

export function openAuditor(platform: AuditedPlatform): Auditor {
  process.env['BIGQUERY_EMULATOR_HOST'] = `http://${platform.running.apiHost}`
  const state = stateOf(platform)
  const bigquery = new BigQuery({ projectId: platform.running.projectId })
  return {
    async reconcile(expected, withinMs) {
      const deadlineMs = Date.now() + withinMs
      for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(2 * pollMs, MAX_POLL_MS)) {
        const found = audit(expected, await read(platform, state, bigquery))
        if (found.length === 0 || Date.now() > deadlineMs) return found
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
    },
    read: () => read(platform, state, bigquery),
    async repeatedEvents() {
      const owners = services.filter(({ emits }) => emits.length > 0).map(({ name }) => `events.${name}`)
      // The tables refuse a query without a range of days.
      const tables = owners.map((table) => `${table} WHERE publish_time >= TIMESTAMP '2020-01-01'`)
      const rows = await Promise.all(tables.map((table) => rowsOf(bigquery, table)))
      return rows.reduce((sum, one) => sum + one, 0) - (await rowsOf(bigquery, 'analytics.event_log'))
    },
    count: async (service, collection) => (await state.collection(service, collection)).length,
    close: () => state.close(),
  }
}

async function read(platform: AuditedPlatform, state: State, bigquery: BigQuery): Promise<AuditedData> {
  const [rows] = await bigquery.query('SELECT id FROM analytics.event_log')
  const timelines = await state.collection('history', 'timelines')
  return {
    streams: new Map(await Promise.all(withStreams.map(async (name) => [name, await streams(state, name)] as const))),
    ...(await ledger(platform)),
    shards: (await state.collection('inventory', 'shards')) as unknown as Shard[],
    inBigQuery: (rows as { id: string }[]).map(({ id }) => id),
    inTimelines: timelines.flatMap(({ events }) => Object.keys(events as object)),
    inSendLog: (await state.sends()).map(({ id }) => id),
    deadLetters: await deadLetters(platform),
    waiting: await waiting(platform, state),
  }
}

async function rowsOf(bigquery: BigQuery, table: string): Promise<number> {
  const [rows] = await bigquery.query(`SELECT COUNT(*) AS n FROM ${table}`)
  return (rows as { n: number }[])[0]!.n
}

async function streams(state: State, service: string): Promise<Stream[]> {
  const documents = await state.collection(service, 'streams')
  return documents.map(({ id, entries }) => ({
    id: decodeURIComponent(id as string),
    entries: (entries as string[]).map((text) => JSON.parse(text) as Commit),
  }))
}

/** The provider's authorizations, queried as payments does. */
async function ledger({ ports, running }: AuditedPlatform): Promise<Pick<AuditedData, 'authorizations' | 'postings'>> {
  const key = await secretValue(running, 'payment-provider-key')
  const url = `http://127.0.0.1:${ports.partner('payment-provider')}/v1/ledger`
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } })
  if (!response.ok) throw new Error(`The provider shows no ledger: ${response.status} ${await response.text()}`)
  return (await response.json()) as Pick<AuditedData, 'authorizations' | 'postings'>
}

async function deadLetters({ running }: AuditedPlatform): Promise<string[]> {
  const found = await Promise.all(
    [...services.map(({ name }) => name), 'bigquery'].map(async (consumer) => {
      const url = `http://${running.apiHost}/v1/projects/${running.projectId}/subscriptions/${deadLetterName(consumer)}`
      const subscriptionCall = async (
        verb: string,
        body: object,
      ): Promise<{ receivedMessages?: { ackId: string }[] }> =>
        (
          await fetch(`${url}:${verb}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          })
        ).json() as Promise<object>
      const { receivedMessages = [] } = await subscriptionCall('pull', { maxMessages: 10, returnImmediately: true })
      if (receivedMessages.length === 0) return []
      // Nack the messages, so that the next read finds them again.
      await subscriptionCall('modifyAckDeadline', {
        ackIds: receivedMessages.map(({ ackId }) => ackId),
        ackDeadlineSeconds: 0,
      })
      return [`${consumer}: ${receivedMessages.length} dead letters`]
    }),
  )
  return found.flat()
}

/** A task that was set for later than this is a timer, and no retry: a queue waits ten minutes at most before one. */
const LATER_MS = 600_000

/** Timers of ended orders, erasures in a month and later questions to the carrier may wait. */
async function waiting({ running }: AuditedPlatform, { tasks }: State): Promise<string[]> {
  const parent = tasks.locationPath(running.projectId, 'europe-west1')
  const [queues] = await tasks.listQueues({ parent })
  const all = await Promise.all(
    queues.map(async ({ name }) => (await tasks.listTasks({ parent: name!, responseView: 'FULL' }))[0]),
  )
  return all
    .flat()
    .filter(({ scheduleTime }) => Number(scheduleTime?.seconds ?? 0) * 1_000 - Date.now() < LATER_MS)
    .map(({ httpRequest }) => httpRequest?.url ?? '')
    .filter((url) => !url.endsWith('/commands/ContinueCheckout'))
}
