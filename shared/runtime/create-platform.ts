/** The platform of a running service: Google's clients behind its interface, each connected when it is first used. */

import { setTimeout as sleep } from 'node:timers/promises'
import { createCaller } from './caller.ts'
import { closeAll } from '../service/close-all.ts'
import { declaredStores } from '../messaging/collections.ts'
import { addressesOf, type Config, readSecrets, readSettings } from '../base/config.ts'
import { once } from '../base/once.ts'
import { createHealth, type Health } from '../service/health.ts'
import { createDeadLetterBox, type DeadLetterBox } from '../gcp/dead-letter-box.ts'
import type { NeededClients } from '../gcp/load-clients.ts'
import { createAccessTokens, createIdTokens } from '../gcp/id-tokens.ts'
import { createOutsidePost } from '../http/outside-post.ts'
import { createPublisher, type Publisher } from '../gcp/publisher.ts'
import { createTaskSender } from '../gcp/task-sender.ts'
import { createViewReader } from '../gcp/view-reader.ts'
import { connectFirestore, type FirestoreClient } from '../gcp/firestore-client.ts'
import { firestoreStreams } from '../gcp/firestore-streams.ts'
import { firestoreDocuments } from '../gcp/firestore-documents.ts'
import { lifetimesOf } from '../service/lifetimes.ts'
import { createLog } from '../signals/log.ts'
import { addressing, createSend } from '../messaging/outgoing.ts'
import type { Platform } from '../service/platform.ts'
import type { Log } from '../signals/log.ts'
import { createSecurityLog } from '../signals/security-log.ts'
import { enqueuedBy, type Service, usesQueues } from '../service/service.ts'
import { createQuery } from '../messaging/query.ts'
import { createReadSubmitted, createSubmit } from '../messaging/submission.ts'
import { keepStreams } from '../messaging/kept-streams.ts'
import { createStreams, type StreamsWithRepublish } from '../messaging/streams.ts'
import { otlpSink } from '../instrumentation/otlp.ts'
import { createTelemetry, type Telemetry, traceparent } from '../instrumentation/telemetry.ts'

export interface RunningPlatform extends Platform<string> {
  readonly service: Service
  readonly streams: StreamsWithRepublish
  readonly publisher: Publisher
  readonly deadLetterBox: DeadLetterBox
  readonly health: Health
  readonly telemetry: Telemetry
  /** Returns whether all its resources except telemetry were closed; a resource that was not is logged. Never throws. */
  close(): Promise<boolean>
}

/** The backoff after a lost race: it grows, with random jitter, so that two writers do not conflict again. */
const backoff = (attempt: number): Promise<void> => sleep(Math.random() * 10 * 2 ** attempt)

export function createPlatform(service: Service, config: Config): RunningPlatform {
  const addresses = addressesOf(config)
  const firestore = once(() => databaseOf(config, addresses.firestore))
  const publisher = createPublisher({ projectId: config.GOOGLE_CLOUD_PROJECT, address: addresses.pubsub })
  const sender = createTaskSender(config)
  const deadLetterBox = createDeadLetterBox(service.name, config)
  const now = (): number => Date.now()
  const lifetimes = lifetimesOf(service.collections, now)
  const stores = declaredStores(service, {
    store: firestoreStreams(firestore, lifetimes),
    documents: firestoreDocuments({ firestore, lifetimes, backoff }),
  })
  const log = createLog({ service: service.name, projectId: config.GOOGLE_CLOUD_PROJECT })
  const security = createSecurityLog({ log, now })
  const accessAuthorization = createAccessTokens()
  const telemetry = telemetryOf(service, config, { log, authorization: accessAuthorization })
  const setting = readSettings(service)
  const secret = readSecrets(service)
  const caller = createCaller({
    peers: config.PEERS,
    secret,
    authorizationFor: createIdTokens(),
    accessAuthorization,
    telemetry,
  })
  const address = addressing({ ...service, sends: enqueuedBy(service) })
  return {
    service,
    publisher,
    deadLetterBox,
    now,
    setting,
    secret,
    log,
    partMissing: telemetry.partMissing,
    security,
    telemetry,
    streams: createStreams({
      service: service.name,
      contracts: service.contracts,
      uses: service.uses,
      saga: service.saga,
      address,
      store: keepStreams(stores.store),
      now,
      publish: publisher.publish,
      send: sender.send,
      committed: telemetry.committed,
      backoff,
    }),
    documents: stores.documents,
    callExternal: caller.callExternal,
    postOutside: createOutsidePost(),
    readViews: createViewReader({
      endpoint: config.BIGQUERY_ENDPOINT,
      projectId: config.GOOGLE_CLOUD_PROJECT,
      callExternal: caller.callExternal,
    }),
    health: createHealth({
      dependencies: dependenciesOf(service, config),
      openCircuits: caller.openCircuits,
      now,
      log,
    }),
    send: createSend({
      service: service.name,
      address,
      now,
      traceparent,
      enqueue: sender.send,
    }),
    submit: createSubmit({
      uses: service.uses,
      address: addressing({ ...service, sends: service.submits }),
      call: caller.call,
    }),
    readSubmitted: createReadSubmitted({ ...service, call: caller.call }),
    ...createQuery({ service, call: caller.call }),
    async close() {
      const closed = await closeAll(
        {
          'security log': async () => security.close(),
          'Pub/Sub': publisher.close,
          'Cloud Tasks': sender.close,
          'dead letters': deadLetterBox.close,
          Firestore: async () => {
            if (firestore.started()) await (await firestore()).close()
          },
        },
        log,
      )
      // Last: telemetry also exports the work of the others. An unavailable receiver costs spans, and is no failure of the service.
      await closeAll({ telemetry: telemetry.close }, log)
      return closed
    },
  }
}

/** The clients that each of a service's instances needs, derived from its description. Any service may dead-letter a message, and few do. */
export const clientsOf = (service: Service): NeededClients => ({
  firestore: Object.keys(service.collections).length > 0,
  pubsub: service.emits.length > 0,
  tasks: usesQueues(service),
  idTokens: service.calls.length + service.submits.length > 0,
})

/** The dependencies of a service's readiness, derived from its description. */
function dependenciesOf(service: Service, config: Config): Record<string, string> {
  const addresses = addressesOf(config)
  const { firestore, pubsub, tasks } = clientsOf(service)
  const receives = service.on.length > 0 || service.accepts.length > 0
  return {
    ...(firestore ? { Firestore: addresses.firestore } : {}),
    ...(pubsub || receives ? { 'Pub/Sub': addresses.pubsub } : {}),
    ...(tasks ? { 'Cloud Tasks': addresses.tasks } : {}),
  }
}

function telemetryOf(
  service: Service,
  config: Config,
  { log, authorization }: { readonly log: Log; readonly authorization: () => Promise<string> },
): Telemetry {
  return createTelemetry({
    service: service.name,
    isEdge: service.ingress === 'public',
    saga: service.saga,
    log,
    sampledShare: config.OTEL_TRACES_SAMPLER_ARG,
    sink: otlpSink({
      service: service.name,
      version: config.K_REVISION,
      projectId: config.GOOGLE_CLOUD_PROJECT,
      region: config.REGION,
      authorization,
      endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
      spanDelayMs: config.OTEL_BSP_SCHEDULE_DELAY,
      metricIntervalMs: config.OTEL_METRIC_EXPORT_INTERVAL,
      log,
    }),
  })
}

async function databaseOf(config: Config, address: string): Promise<FirestoreClient> {
  if (!config.FIRESTORE_DATABASE)
    throw new Error(`${config.K_SERVICE} owns no collection: name one in its description.`)
  return connectFirestore({
    projectId: config.GOOGLE_CLOUD_PROJECT,
    databaseId: config.FIRESTORE_DATABASE,
    address,
    backoff,
  })
}
