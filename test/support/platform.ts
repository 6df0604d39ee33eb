/** The whole platform for a test: the local environment synthesized with free ports, everything in memory. */

import { imageFolder } from '../../emulators/image-folder.ts'
import { startPlatform, type LocalPlatform } from '../../emulators/start.ts'
import { partners } from '../../functions/shop/local/partners.ts'
import { seed } from '../../functions/shop/local/seed.ts'
import { freePorts } from 'local-google-cloud/host'
import type { StackJson } from 'local-google-cloud'
import { business, services as allServices } from '../../functions/index.ts'
import { tools } from '../../functions/tools.ts'
import { partnersOf } from '../../shared/service/business.ts'
import type { Service } from '../../shared/service/service.ts'
import { synthesize } from '../../stacks/app.ts'
import { localEnvironment, type LocalPorts } from '../../stacks/environments.ts'
import { clientOf, type PlatformClient } from './client.ts'
import { viewsReadBy } from './views-read-by.ts'

type ShopPlatform = LocalPlatform<typeof partners>

export interface TestPlatform extends ShopPlatform, PlatformClient {
  readonly paymentProvider: ShopPlatform['partners']['payment-provider']
  readonly carrier: ShopPlatform['partners']['carrier']
  readonly stacks: readonly StackJson[]
}

export async function testPorts(services: readonly Service[]): Promise<LocalPorts> {
  const names = partnersOf(business)
  const ports = await freePorts(2 + names.length + 2 * services.length)
  const [api, identity] = ports.splice(0, 2) as [number, number]
  const partnerPorts = ports.splice(0, names.length)
  const at = (name: string): number => services.findIndex((service) => service.name === name)
  return {
    api,
    identity,
    partner: (name) => partnerPorts[names.indexOf(name)]!,
    service: (name) => ports[at(name)]!,
    account: (name) => ports[services.length + at(name)]!,
  }
}

export interface TestPlatformOptions {
  readonly services?: readonly Service[]
  readonly dataDirectory?: string
  readonly ports?: LocalPorts
  readonly seeded?: boolean
  readonly withdrawsCpu?: boolean
  /** BigQuery's views: of the business only those that services read (default), or all. A platform starts in half the processor time without the others. */
  readonly views?: 'all' | undefined
  /** The version of each secret that services get (default: the newest). */
  readonly secretVersion?: string
  /** Services whose events workers pull (default: as in the local environment). */
  readonly pulled?: readonly string[]
  /** Of each service, and of each worker pool, that run always (default: none, and one). */
  readonly instances?: number
}

export async function startTestPlatform(options: TestPlatformOptions = {}): Promise<TestPlatform> {
  const described = options.services ?? allServices
  const services = described.map((service) => withWorkers(service, options.instances))
  const ports = options.ports ?? (await testPorts(services))
  const { secretVersion, pulled } = options
  const environment = {
    ...localEnvironment(ports),
    ...(secretVersion === undefined ? {} : { secretVersion: () => secretVersion }),
  }
  const project = { id: environment.projectId, number: environment.projectNumber, region: environment.region }
  const views = options.views === 'all' ? business.views : viewsReadBy(services)
  const delivery = pulled && (() => Object.fromEntries(pulled.map((name) => [name, 'pull' as const])))
  const { instances } = options
  const minInstances = instances && (() => Object.fromEntries(services.map(({ name }) => [name, instances])))
  const stacks = synthesize(environment, {
    ...business,
    services,
    views,
    ...(delivery ? { delivery } : {}),
    ...(minInstances ? { minInstances } : {}),
  })
  const platform = await startPlatform({
    stacks,
    ports,
    project,
    workingDirectory: await imageFolder(),
    partners,
    roles: tools.roles,
    settings: business.settings(environment),
    ...(options.dataDirectory ? { dataDirectory: options.dataDirectory } : {}),
    ...(options.withdrawsCpu ? { withdrawsCpu: true } : {}),
  })
  const running = {
    pid: process.pid,
    projectId: project.id,
    apiHost: `127.0.0.1:${ports.api}`,
    region: environment.region,
    publicUrl: environment.serviceUrl('gateway'),
    serviceUrls: Object.fromEntries(services.map(({ name }) => [name, environment.serviceUrl(name)])),
    identityUrl: `http://127.0.0.1:${ports.identity}`,
    secret: platform.cloud.secret,
    dataDirectory: options.dataDirectory ?? '',
  }
  await pauseJobs(platform, `/v1/projects/${project.id}/locations/${project.region}/jobs`)
  if (options.seeded !== false) await seed(running)
  const { 'payment-provider': paymentProvider, carrier } = platform.partners
  return { ...platform, paymentProvider, carrier, ...clientOf(running, ports), stacks }
}

/** A job whose time comes would work among what a test counts or compares. A test runs it by name. */
async function pauseJobs({ api }: ShopPlatform, parent: string): Promise<void> {
  const { jobs = [] } = (await api('GET', parent)) as { readonly jobs?: readonly { name: string; state: string }[] }
  for (const { name, state } of jobs) if (state === 'ENABLED') await api('POST', `/v1/${name}:pause`, {})
}

const withWorkers = (service: Service, workers = service.scale.workers): Service => ({
  ...service,
  scale: { ...service.scale, workers },
})
