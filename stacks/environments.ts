/** The environments and their differences. */

import { readFileSync } from 'node:fs'
import { cloudRunUrl } from '../shared/base/names.ts'
import type { Business } from '../shared/service/business.ts'
import { hostLabel } from './naming-rules.ts'

export interface Environment {
  /** `local`, or a name of `environments`. */
  readonly name: string
  readonly projectId: string
  readonly projectNumber: string
  readonly region: string
  /** Of BigQuery: a region, so that BigQuery subscriptions write where the topics are. */
  readonly analyticsLocation: string
  /** `sha256:…` of the image that services run by default; one service alone is released with `-var image_digest=…`. */
  readonly imageDigest: string
  /** `image:tag@sha256:…` of the OpenTelemetry collector beside each service. */
  readonly collectorImage: string
  /** The service's URL, known before the service exists. It is also the OIDC audience. */
  serviceUrl(service: string): string
  /** The address of Cloud Tasks for this service: the client has no emulator variable. */
  tasksEndpoint(service: string): string
  /** The address of the public keys of Google's ID tokens, for this service. */
  idTokenKeysUrl(service: string): string
  /** Bucket of the Terraform state; absent: the state is a local file. */
  readonly stateBucket?: string
  /** False where `destroy` must work. */
  readonly protectsData: boolean
  readonly minInstances: number
  readonly alertEmail: string
  /** The IAM principal that reads and replays dead letters: a group, so that members change without a deployment. */
  readonly operators: string
  readonly objectives: Objectives
  readonly telemetry: {
    /** The address of this service's collector. */
    endpoint(service: string): string
    /** The share of traces that are kept, 0 to 1; the gateway decides. Spans are billed by the million. */
    readonly sampledShare: number
    readonly spanDelayMs: number
    readonly metricIntervalMs: number
  }
  /** Values of the settings that services list in `settings`. */
  readonly settings: Readonly<Record<string, string>>
}

/** Limits of one instance of the gateway: see functions/gateway/edge-settings.ts. */
interface Edge {
  readonly limits: Readonly<Record<'customer' | 'staff' | 'importer' | 'address', { perSecond: number; burst: number }>>
  /** Both together, and the seven places for checks of callers, below the 80 that Cloud Run lets in, so that the next one gets Retry-After instead of waiting unseen. */
  readonly concurrentRequests: number
  readonly providerRequests: number
  readonly requestsPerAddress: number
  readonly requestsPerCaller: number
  readonly requestTimeoutMs: number
  readonly trustedProxies: number
  readonly origins: readonly string[]
}

const edge = (changes: Pick<Edge, 'origins'> & Partial<Edge>): string =>
  JSON.stringify({
    limits: {
      customer: { perSecond: 5, burst: 30 },
      staff: { perSecond: 20, burst: 100 },
      importer: { perSecond: 200, burst: 400 },
      // A school or an office has one address.
      address: { perSecond: 50, burst: 200 },
    },
    concurrentRequests: 64,
    providerRequests: 8,
    requestsPerAddress: 24,
    requestsPerCaller: 16,
    requestTimeoutMs: 25_000,
    trustedProxies: 0,
    ...changes,
  } satisfies Edge)

/** The limits of one customer's orders and unpaid pieces, over all instances: see functions/orders/placements.ts. */
interface Placing {
  readonly ordersPerHour: number
  readonly unpaidOrders: number
  readonly unpaidPieces: number
  readonly lapsedOrders: number
}

/** A person orders a few times an hour; a card that waits for its bank holds stock for five minutes. */
const placing = (changes: Partial<Placing> = {}): string =>
  JSON.stringify({
    ordersPerHour: 60,
    unpaidOrders: 5,
    unpaidPieces: 100,
    lapsedOrders: 5,
    ...changes,
  } satisfies Placing)

/** Service level objectives. */
export interface Objectives {
  /** The share of orders that complete, among those that complete or time out. */
  readonly ordersCompleted: number
  /** The share of requests to place an order that are not answered with 5xx. */
  readonly placingAnswered: number
  /** p95 of placing an order, in seconds: a bucket bound of `http.server.request.duration`. */
  readonly placingSeconds: number
}

/** The differences between the environments in the cloud. */
interface Deployed {
  readonly projectId: string
  readonly projectNumber: string
  readonly protectsData: boolean
  readonly minInstances: number
  readonly objectives: Objectives
  readonly sampledShare: number
  /** Delay between `order.confirmed` and `order.released`. It only delays shipping: no operation cancels an order yet. */
  readonly cancellationWindowSeconds: number
  /** `required`: the gateway refuses staff and importers who signed in without a second factor. */
  readonly staffSecondFactor: 'required' | 'optional'
}

const region = 'europe-west1'
/** The image digest before the first image is built. Locally, services run from the checkout. */
export const PLACEHOLDER_DIGEST = `sha256:${'0'.repeat(64)}`
export const imageRepositoryId = 'millrace'
export const imageBuilderId = 'image-builder'
/** The bucket from which Cloud Build reads sources. */
export const buildSourcesBucket = ({ projectId }: Pick<Environment, 'projectId'>): string =>
  `${projectId}-build-sources`
/** Written by `npm run image`. */
const images = JSON.parse(readFileSync(new URL('images.json', import.meta.url), 'utf8')) as Record<string, string>

/** The payment provider signs its webhooks for this address. With your own domain, use the address there. */
const paymentWebhookUrl = (gatewayUrl: string): string => `${gatewayUrl}/v1/webhooks/payment-provider`

function deployed(
  name: string,
  {
    projectId,
    projectNumber,
    protectsData,
    minInstances,
    objectives,
    sampledShare,
    cancellationWindowSeconds,
    staffSecondFactor,
  }: Deployed,
): Environment {
  return {
    name,
    projectId,
    projectNumber,
    region,
    analyticsLocation: region,
    imageDigest: images[name] ?? PLACEHOLDER_DIGEST,
    collectorImage: images['collector']!,
    serviceUrl: (service) => cloudRunUrl(hostLabel(service, projectNumber), region),
    tasksEndpoint: () => 'https://cloudtasks.googleapis.com',
    idTokenKeysUrl: () => 'https://www.googleapis.com/oauth2/v3/certs',
    stateBucket: `${projectId}-terraform`,
    protectsData,
    minInstances,
    alertEmail: 'platform@example.com',
    operators: 'group:platform-operators@example.com',
    objectives,
    // The sidecar: containers of an instance share its loopback.
    telemetry: {
      endpoint: () => 'http://localhost:4318',
      sampledShare,
      spanDelayMs: 5_000,
      metricIntervalMs: 60_000,
    },
    settings: {
      TOKEN_ISSUER: `https://securetoken.google.com/${projectId}`,
      TOKEN_AUDIENCE: projectId,
      TOKEN_JWKS_URL: 'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com',
      ACCOUNTS_URL: 'https://identitytoolkit.googleapis.com',
      STAFF_SECOND_FACTOR: staffSecondFactor,
      PAYMENT_PROVIDER_URL: `https://payments.${name}.example.com`,
      PAYMENT_WEBHOOK_URL: paymentWebhookUrl(cloudRunUrl(hostLabel('gateway', projectNumber), region)),
      CARRIER_URL: `https://carrier.${name}.example.com`,
      CANCELLATION_WINDOW_SECONDS: String(cancellationWindowSeconds),
      EDGE: edge({ origins: [`https://shop.${name}.example.com`] }),
      PLACING: placing(),
    },
  }
}

/**
 * The environments in the cloud. Stacks, image (`npm run image -- NAME`) and deployment of an environment are derived from
 * its entry.
 */
export const environments = deployedEach({
  dev: {
    projectId: 'millrace-dev',
    projectNumber: '100000000001',
    protectsData: false,
    minInstances: 0,
    // Scaled to zero, a first order waits for two services to start.
    objectives: { ordersCompleted: 0.95, placingAnswered: 0.99, placingSeconds: 5 },
    sampledShare: 1,
    cancellationWindowSeconds: 60,
    staffSecondFactor: 'optional',
  },
  staging: {
    projectId: 'millrace-staging',
    projectNumber: '100000000002',
    protectsData: true,
    minInstances: 0,
    objectives: { ordersCompleted: 0.99, placingAnswered: 0.995, placingSeconds: 5 },
    sampledShare: 1,
    cancellationWindowSeconds: 300,
    staffSecondFactor: 'required',
  },
  prod: {
    projectId: 'millrace-prod',
    projectNumber: '100000000003',
    protectsData: true,
    minInstances: 0,
    objectives: { ordersCompleted: 0.995, placingAnswered: 0.999, placingSeconds: 2.5 },
    sampledShare: 0.1,
    cancellationWindowSeconds: 1800,
    staffSecondFactor: 'required',
  },
})

function deployedEach<Name extends string>(
  each: Readonly<Record<Name, Deployed>>,
): Readonly<Record<Name, Environment>> {
  const entries = Object.entries<Deployed>(each).map(([name, one]) => [name, deployed(name, one)] as const)
  return Object.fromEntries(entries) as Record<Name, Environment>
}

/** Of the one image of all services, which is addressed by digest. */
export const imageName = ({ region: location, projectId }: Pick<Environment, 'region' | 'projectId'>): string =>
  `${location}-docker.pkg.dev/${projectId}/${imageRepositoryId}/platform`

export interface LocalPorts {
  readonly api: number
  readonly identity: number
  readonly paymentProvider: number
  readonly carrier: number
  service(name: string): number
  account(name: string): number
}

/** Ports of accounts begin after the ports of this many services. */
const MAX_LOCAL_SERVICES = 40

/**
 * The default ports: `base` and the ninety after it.
 *
 * @param business The ports of its services follow their numbers.
 */
export function localPorts(base: number, { services }: Pick<Business, 'services'>): LocalPorts {
  const numbers = new Map(Object.entries(services).map(([number, { name }]) => [name, Number(number)]))
  const at = (name: string): number => {
    const number = numbers.get(name)
    if (number === undefined) throw new Error(`There is no service "${name}" in functions/index.ts.`)
    if (number >= MAX_LOCAL_SERVICES)
      throw new Error(`The service ${name} has the number ${number}: local ports reach to ${MAX_LOCAL_SERVICES - 1}.`)
    return number
  }
  return {
    api: base,
    identity: base + 1,
    paymentProvider: base + 2,
    carrier: base + 3,
    service: (name) => base + 10 + at(name),
    account: (name) => base + 50 + at(name),
  }
}

/** The local environment: loopback addresses replace Google's. */
export function localEnvironment(ports: LocalPorts): Environment {
  const at = (port: number): string => `http://127.0.0.1:${port}`
  const projectId = 'millrace-local'
  return {
    name: 'local',
    projectId,
    projectNumber: '100000000000',
    region,
    analyticsLocation: region,
    imageDigest: PLACEHOLDER_DIGEST,
    collectorImage: images['collector']!,
    serviceUrl: (service) => at(ports.service(service)),
    tasksEndpoint: (service) => at(ports.account(service)),
    idTokenKeysUrl: (service) => `${at(ports.account(service))}/oauth2/v3/certs`,
    protectsData: false,
    minInstances: 0,
    alertEmail: 'developer@example.com',
    operators: 'group:platform-operators@example.com',
    objectives: { ordersCompleted: 0.99, placingAnswered: 0.995, placingSeconds: 1 },
    // No sidecar: the local cloud accepts OTLP on each account's port. Short delays make telemetry visible at once.
    telemetry: {
      endpoint: (service) => at(ports.account(service)),
      sampledShare: 1,
      spanDelayMs: 250,
      metricIntervalMs: 1_000,
    },
    settings: {
      TOKEN_ISSUER: `${at(ports.identity)}/${projectId}`,
      TOKEN_AUDIENCE: projectId,
      TOKEN_JWKS_URL: `${at(ports.identity)}/jwks`,
      // As for the Firebase emulator, the API's host is the first segment of the path.
      ACCOUNTS_URL: `${at(ports.identity)}/identitytoolkit.googleapis.com`,
      STAFF_SECOND_FACTOR: 'required',
      PAYMENT_PROVIDER_URL: at(ports.paymentProvider),
      PAYMENT_WEBHOOK_URL: paymentWebhookUrl(at(ports.service('gateway'))),
      CARRIER_URL: at(ports.carrier),
      CANCELLATION_WINDOW_SECONDS: '0',
      // Tests and benchmarks place many orders as one customer; the limit of pieces is low enough to try out.
      PLACING: placing({ ordersPerHour: 1_000_000, unpaidOrders: 250, unpaidPieces: 250, lapsedOrders: 25 }),
      // All clients on a laptop share one address, and benchmarks use one customer.
      EDGE: edge({
        origins: ['http://127.0.0.1:5173', 'http://localhost:5173'],
        concurrentRequests: 68,
        providerRequests: 4,
        requestsPerAddress: 72,
        requestsPerCaller: 72,
        limits: {
          customer: { perSecond: 1_000, burst: 2_000 },
          staff: { perSecond: 1_000, burst: 2_000 },
          importer: { perSecond: 2_000, burst: 4_000 },
          address: { perSecond: 2_000, burst: 4_000 },
        },
      }),
    },
  }
}
