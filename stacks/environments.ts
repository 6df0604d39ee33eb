/** The environments and their differences. */

import { accountEmail, cloudRunUrl } from '../shared/base/names.ts'
import type { Business, Deployment } from '../shared/service/business.ts'
import { hostLabel } from './naming-rules.ts'
import { readJson } from './read-json.ts'

export interface Environment extends Deployment {
  readonly projectNumber: string
  readonly region: string
  /** The location of the Firestore databases: the region, or a multi-region such as `eur3`. It can't be changed later. */
  readonly databaseLocation: string
  /** The location of BigQuery's datasets: a region, so that BigQuery subscriptions write in the region of the topics. */
  readonly analyticsLocation: string
  /** `sha256:…` of the image that services run by default. */
  readonly imageDigest: string
  /** By service: the digest that it runs in place of `imageDigest`, as after a rollback. */
  readonly releases?: Readonly<Record<string, string>>
  /** The version of a secret whose value the services get: a number, or `latest`. */
  secretVersion(secret: string): string
  /** Known before the service exists. It is also the OIDC audience. */
  serviceUrl(service: string): string
  /** The address of Cloud Tasks for this service: the client has no emulator variable. */
  tasksEndpoint(service: string): string
  /** The address of BigQuery, for this service. */
  bigQueryEndpoint(service: string): string
  /** The address of the public keys of Google's ID tokens, for this service. */
  idTokenKeysUrl(service: string): string
  /** Bucket of the Terraform state; absent: the state is a local file. */
  readonly stateBucket?: string
  /**
   * How everyone may call a public service: by a grant to `allUsers`, or without a check of IAM, where the organization's
   * policy refuses such grants (domain restricted sharing).
   */
  readonly publicAccess: 'allUsers' | 'unchecked'
  /** True: Terraform refuses to destroy or replace what holds data. False where `destroy` must work. */
  readonly protectsData: boolean
  readonly alertEmail: string
  /** Absent: no mail says that the project costs more than expected. */
  readonly budget?: Budget | undefined
  /** The IAM principal that reads and replays dead letters: a group, so that members change without a deployment. */
  readonly operators: string
  /** The IAM principal that queries the views of the events, and no table: a group. */
  readonly analysts: string
  /** IAM principals that administer and deploy the project; their grants on it are not in the stacks, and `npm run grants` expects them. */
  readonly administrators: readonly string[]
  readonly telemetry: {
    /** Where this service sends spans and metrics, without `/v1/traces`. */
    endpoint(service: string): string
    /** The share of traces that are kept, 0 to 1; the first service of a trace decides. Spans are billed by the million. */
    readonly sampledShare: number
    readonly spanDelayMs: number
    readonly metricIntervalMs: number
  }
  /** Values of the platform's settings, for services that list them. A business adds its own. */
  readonly settings: Readonly<Record<string, string>>
}

export interface Budget {
  /** `XXXXXX-XXXXXX-XXXXXX`: the account to which the project is linked. */
  readonly billingAccount: string
  /** Whole units of the account's currency. */
  readonly monthly: number
}

/** The differences between the environments in the cloud. */
interface Deployed {
  readonly projectId: string
  readonly projectNumber: string
  /** Absent: the region. */
  readonly databaseLocation?: string
  /** Absent: a grant to `allUsers`. */
  readonly publicAccess?: Environment['publicAccess']
  readonly protectsData: boolean
  readonly sampledShare: number
  readonly budget?: Budget
}

const region = 'europe-west1'
/** The image digest before the first image is built. Locally, services run from the working copy. */
export const PLACEHOLDER_DIGEST = `sha256:${'0'.repeat(64)}`
export const imageRepositoryId = 'millrace'
export const imageBuilderId = 'image-builder'
/** The bucket from which Cloud Build reads sources. */
export const buildSourcesBucket = ({ projectId }: Pick<Environment, 'projectId'>): string =>
  `${projectId}-build-sources`
/** The digest of each environment, written by `npm run image`; `ENVIRONMENT/SERVICE` is a service's own. */
const images = readJson<Record<string, string>>('images.json')

/** `ENVIRONMENT/SECRET`: the version that services get; absent: the first. */
const versions = readJson<Record<string, string>>('secret-versions.json')

function deployed(
  name: string,
  {
    projectId,
    projectNumber,
    databaseLocation = region,
    publicAccess = 'allUsers',
    protectsData,
    sampledShare,
    budget,
  }: Deployed,
): Environment {
  return {
    name,
    projectId,
    projectNumber,
    region,
    databaseLocation,
    analyticsLocation: region,
    publicAccess,
    imageDigest: images[name] ?? PLACEHOLDER_DIGEST,
    releases: releasesIn(images, name),
    secretVersion: (secret) => pinnedVersion(`${name}/${secret}`, versions),
    serviceUrl: (service) => cloudRunUrl(hostLabel(service, projectNumber), region),
    tasksEndpoint: () => 'https://cloudtasks.googleapis.com',
    bigQueryEndpoint: () => 'https://bigquery.googleapis.com',
    idTokenKeysUrl: () => 'https://www.googleapis.com/oauth2/v3/certs',
    stateBucket: `${projectId}-terraform`,
    protectsData,
    alertEmail: 'platform@example.com',
    budget,
    operators: 'group:platform-operators@example.com',
    analysts: 'group:analysts@example.com',
    administrators: [
      'group:platform-administrators@example.com',
      `serviceAccount:${accountEmail('deployer', projectId)}`,
    ],
    telemetry: {
      endpoint: () => 'https://telemetry.googleapis.com',
      sampledShare,
      spanDelayMs: 5_000,
      metricIntervalMs: 15_000,
    },
    settings: {
      TOKEN_ISSUER: `https://securetoken.google.com/${projectId}`,
      TOKEN_AUDIENCE: projectId,
      TOKEN_JWKS_URL: 'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com',
      ACCOUNTS_URL: 'https://identitytoolkit.googleapis.com',
    },
  }
}

/**
 * The environments in the cloud, with placeholders for ids and addresses, which `npm run cdktf` refuses to deploy
 * (placeholders.ts). Stacks, image (`npm run image -- NAME`) and deployment of an environment are derived from
 * its entry.
 */
export const environments = deployedEach({
  dev: {
    projectId: 'millrace-dev',
    projectNumber: '100000000001',
    protectsData: false,
    sampledShare: 1,
  },
  staging: {
    projectId: 'millrace-staging',
    projectNumber: '100000000002',
    protectsData: true,
    sampledShare: 1,
  },
  prod: {
    projectId: 'millrace-prod',
    projectNumber: '100000000003',
    protectsData: true,
    sampledShare: 0.1,
    budget: { billingAccount: '000000-000000-000000', monthly: 500 },
  },
})

function deployedEach<Name extends string>(
  each: Readonly<Record<Name, Deployed>>,
): Readonly<Record<Name, Environment>> {
  const entries = Object.entries<Deployed>(each).map(([name, one]) => [name, deployed(name, one)] as const)
  return Object.fromEntries(entries) as Record<Name, Environment>
}

/** The releases of single services: `ENVIRONMENT/SERVICE`. */
export function releasesIn(all: Readonly<Record<string, string>>, environment: string): Record<string, string> {
  const prefix = `${environment}/`
  return Object.fromEntries(
    Object.entries(all)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, digest]) => [key.slice(prefix.length), digest]),
  )
}

/** The secrets of which `secret-versions.json` names a version for this environment. */
export const secretsWithVersionIn = (environment: string): string[] => Object.keys(releasesIn(versions, environment))

/** @throws Error for a version that is no number: a release and its way back name what they run with. */
export function pinnedVersion(secret: string, pinned: Readonly<Record<string, string>>): string {
  const version = pinned[secret] ?? '1'
  if (/^[1-9]\d*$/.test(version)) return version
  throw new Error(`stacks/secret-versions.json has "${secret}": "${version}", but a version is a number, as in "2".`)
}

/** The name of the image, without its digest. All services have the same image. */
export const imageName = ({ region: location, projectId }: Pick<Environment, 'region' | 'projectId'>): string =>
  `${location}-docker.pkg.dev/${projectId}/${imageRepositoryId}/platform`

export interface LocalPorts {
  readonly api: number
  readonly identity: number
  partner(name: string): number
  service(name: string): number
  account(name: string): number
}

/** Ports of services begin after the ports of this many partners, those of accounts after the ports of this many services. */
const MAX_LOCAL = { partner: 8, service: 40 } as const

/**
 * The default ports: `base` and the ninety after it.
 *
 * @param business The ports of its services and partners follow their numbers.
 */
export function localPorts(base: number, { services, partners }: Pick<Business, 'services' | 'partners'>): LocalPorts {
  const service = numberOf(
    'service',
    Object.entries(services).map(([number, { name }]) => [number, name]),
  )
  const partner = numberOf('partner', Object.entries(partners))
  return {
    api: base,
    identity: base + 1,
    partner: (name) => base + 2 + partner(name),
    service: (name) => base + 10 + service(name),
    account: (name) => base + 50 + service(name),
  }
}

function numberOf(
  kind: keyof typeof MAX_LOCAL,
  numbered: readonly (readonly [number: string, name: string])[],
): (name: string) => number {
  const limit = MAX_LOCAL[kind]
  return (name) => {
    const entry = numbered.find(([, one]) => one === name)
    if (!entry) throw new Error(`There is no ${kind} "${name}" in functions/index.ts.`)
    const number = Number(entry[0])
    if (number >= limit)
      throw new Error(`The ${kind} ${name} has the number ${number}: local ports reach to ${limit - 1}.`)
    return number
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
    databaseLocation: region,
    analyticsLocation: region,
    publicAccess: 'allUsers',
    imageDigest: PLACEHOLDER_DIGEST,
    // A laptop has no releases to go back to: the next instance has the newest value.
    secretVersion: () => 'latest',
    serviceUrl: (service) => at(ports.service(service)),
    partnerUrl: (partner) => at(ports.partner(partner)),
    tasksEndpoint: (service) => at(ports.account(service)),
    bigQueryEndpoint: (service) => at(ports.account(service)),
    idTokenKeysUrl: (service) => `${at(ports.account(service))}/oauth2/v3/certs`,
    protectsData: false,
    alertEmail: 'developer@example.com',
    operators: 'group:platform-operators@example.com',
    analysts: 'group:analysts@example.com',
    administrators: [],
    // The local cloud accepts OTLP on each account's port. Short delays make telemetry visible at once.
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
    },
  }
}
