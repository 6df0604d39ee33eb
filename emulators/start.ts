/** Starts a whole local cloud from synthesized stacks: emulators, partners, identity; then provisions every resource. */

import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { bigquery } from 'local-google-cloud/bigquery'
import { cloudRun, type CloudRunCore } from 'local-google-cloud/cloud-run'
import { cloudScheduler } from 'local-google-cloud/cloud-scheduler'
import { cloudTasks } from 'local-google-cloud/cloud-tasks'
import {
  createLocalCloud,
  type LocalCloud,
  type OwnerApi,
  plan,
  type Plugin,
  provision,
  type Provisioned,
  readResources,
  retireUndeclared,
  type StackJson,
  type TerraformResource,
} from 'local-google-cloud'
import { closeAfter, closeAll, closeState, damaged, isFree, makeSecret } from 'local-google-cloud/host'
import { firestore } from 'local-google-cloud/firestore'
import { iam, type IamCore } from 'local-google-cloud/iam'
import { CORRELATION } from '../shared/signals/span.ts'
import type { LocalPorts } from '../stacks/environments.ts'
import { imageEnvironment } from './image-environment.ts'
import { createIdentityPlatform, type Roles } from './identity-platform/server.ts'
import type { Partners, Started } from './partner-server.ts'
import { SECRET_COMMAND } from './running.ts'
import { pubsub } from 'local-google-cloud/pubsub'
import { secretManager, type SecretManagerCore } from 'local-google-cloud/secret-manager'
import { telemetry } from 'local-google-cloud/telemetry'

/** In the data directory: the resources of the last start. */
const PROVISIONED_FILE = 'provisioned.json'

export interface StartOptions<P extends Partners = Partners> {
  readonly stacks: readonly StackJson[]
  readonly project: { readonly id: string; readonly number: string; readonly region: string }
  readonly ports: LocalPorts
  /** The run secret (default: a new one). */
  readonly secret?: string
  /** The folder for state and logs. Absent: state is only in memory. */
  readonly dataDirectory?: string
  /** Removes resources that no stack declares also if they hold data (default: they are set aside). */
  readonly prune?: boolean | undefined
  /** Where the services' commands run: see `imageFolder`. */
  readonly workingDirectory: string
  readonly partners: P
  /** The roles that callers of the public API may have. */
  readonly roles?: Roles | undefined
  /** The values of the services' settings, for partners. */
  readonly settings: Readonly<Record<string, string>>
  /** The page at the root of the first port, once the platform runs. */
  readonly page?: { readonly policy: string; html(run: CloudRunCore): Promise<string> }
  /** Options of Node for a service, such as `--inspect`. */
  readonly nodeOptions?: (service: string) => readonly string[]
  /** Services have CPU during requests only, as on Cloud Run (default: always). */
  readonly withdrawsCpu?: boolean
  readonly progress?: (step: string) => void
}

export interface LocalPlatform<P extends Partners = Partners> {
  readonly cloud: LocalCloud
  readonly run: CloudRunCore
  readonly partners: Started<P>
  readonly identity: Awaited<ReturnType<typeof createIdentityPlatform>>
  /** Every resource that has a local part, in the order in which it was made. */
  readonly provisioned: readonly Provisioned[]
  readonly api: OwnerApi
  close(): Promise<void>
}

interface EmulatorOptions {
  readonly servicePort: (name: string) => number
  readonly environmentOf: (email: string) => Readonly<Record<string, string>>
  readonly workingDirectory: string
  readonly dataDirectory?: string | undefined
  readonly nodeOptions?: ((service: string) => readonly string[]) | undefined
  readonly withdrawsCpu?: boolean | undefined
}

/** Each emulator follows those to which it delivers: stored work continues in this order, and ends in the reverse one. */
export function emulators({
  servicePort,
  environmentOf,
  workingDirectory,
  dataDirectory,
  nodeOptions,
  withdrawsCpu,
}: EmulatorOptions): Plugin[] {
  return [
    iam,
    firestore,
    secretManager,
    telemetry({ correlation: CORRELATION }),
    bigquery(dataDirectory ? { directory: join(dataDirectory, 'bigquery') } : {}),
    cloudRun({
      addressOf: (name) => ({ port: servicePort(name) }),
      environmentOf: (email) => ({ ...environmentOf(email), ...imageEnvironment }),
      workingDirectory,
      ...(nodeOptions ? { nodeOptions } : {}),
      ...(withdrawsCpu ? { withdrawsCpu } : {}),
      ...(dataDirectory ? { logDirectory: join(dataDirectory, 'logs') } : {}),
    }),
    pubsub,
    cloudTasks,
    cloudScheduler,
  ]
}

const unstarted = (): Plugin[] => emulators({ servicePort: () => 0, environmentOf: () => ({}), workingDirectory: '.' })

/** The resources of the stacks without starting anything: see `readResources`. */
export const resourcesOf = (stacks: readonly StackJson[]): TerraformResource[] => readResources(stacks, unstarted())

/** The resources with a local part, each with its provisioner: see `plan`. */
export const planOf = (resources: readonly TerraformResource[]): Provisioned[] => plan(resources, unstarted())

/** @throws Error in one line: a port that is taken, a resource that is refused, a type without a provisioner. */
export async function startPlatform<P extends Partners>(options: StartOptions<P>): Promise<LocalPlatform<P>> {
  const { ports, project, dataDirectory, prune, progress = () => {} } = options
  if (dataDirectory) closeState(dataDirectory)
  const closers: (() => Promise<void>)[] = []
  const close = (): Promise<void> => closeAll(closers.splice(0).toReversed())
  const inData = (name: string): { dataDir?: string } => (dataDirectory ? { dataDir: join(dataDirectory, name) } : {})

  try {
    // The services' variables name ports that are known only once the cloud has opened them.
    const opened: { cloud?: LocalCloud } = {}
    const plugins = emulators({
      servicePort: ports.service,
      environmentOf: (email) => opened.cloud!.environmentOf(email),
      workingDirectory: options.workingDirectory,
      dataDirectory,
      nodeOptions: options.nodeOptions,
      withdrawsCpu: options.withdrawsCpu,
    })
    const resources = readResources(options.stacks, plugins)
    const planned = plan(resources, plugins)
    if (dataDirectory) checkStored(dataDirectory)
    await checkPorts(resources, ports)
    progress('starting the local cloud')
    const cloud = await createLocalCloud({
      plugins,
      project,
      ownerPort: ports.api,
      accounts: accountPorts(resources, ports),
      ...(options.secret === undefined ? {} : { secret: options.secret }),
      secretCommand: SECRET_COMMAND,
      page: options.page && {
        policy: options.page.policy,
        html: () => options.page!.html(opened.cloud!.core<CloudRunCore>('cloud-run')),
      },
      ...inData('cloud'),
      startLater: true,
    })
    opened.cloud = cloud
    closers.push(() => cloud.close())

    const { verifyIdToken, accountOf, isGranted } = cloud.core<IamCore>('iam')
    const verify = (audience: string) => (token: string) => verifyIdToken(token, { audience })
    const { enabledValues } = cloud.core<SecretManagerCore>('secret-manager')
    const credentials = (secret: string): string[] =>
      enabledValues(`projects/${project.id}/secrets/${secret}`).map(String)
    const partners: Record<string, unknown> = {}
    for (const [name, start] of Object.entries(options.partners)) {
      const port = ports.partner(name)
      const partner = await start({
        port,
        verify: verify(`http://127.0.0.1:${port}`),
        credentials,
        secret: cloud.secret,
        settings: options.settings,
        ...inData(name),
      })
      closers.push(() => partner.close())
      partners[name] = partner
    }
    const identity = await createIdentityPlatform({
      port: ports.identity,
      projectId: project.id,
      secret: cloud.secret,
      ...(options.roles ? { roles: options.roles } : {}),
      isGranted: (token, permission) => isGranted(accountOf(token) ?? '', permission, `projects/${project.id}`),
      ...inData('identity'),
    })
    closers.push(() => identity.close())

    if (dataDirectory)
      reportKept(
        await retireUndeclared(join(dataDirectory, PROVISIONED_FILE), planned, { plugins, api: cloud.api, prune }),
        progress,
      )
    await provision(
      planned,
      cloud.api,
      (done, of) => {
        if (done % 50 === 0 || done === of) progress(`provisioning ${done} of ${of} resources`)
      },
      (line) => progress(`lost: ${line}`),
    )
    await makeFirstValues(planned, cloud.api)
    // Only now, so that a stored message finds the resources that the stacks declare.
    await cloud.start()
    checkOpened(cloud.core<CloudRunCore>('cloud-run'), resources, { progress, api: cloud.ownerPort })
    return {
      cloud,
      run: cloud.core<CloudRunCore>('cloud-run'),
      partners: partners as Started<P>,
      identity,
      provisioned: planned,
      api: cloud.api,
      close,
    }
  } catch (error) {
    return await closeAfter(error, close)
  }
}

/** On a laptop a partner accepts what Secret Manager has, so a random value will do for a secret without a version. */
async function makeFirstValues(planned: readonly Provisioned[], api: OwnerApi): Promise<void> {
  for (const { resource } of planned) {
    if (resource.type !== 'google_secret_manager_secret') continue
    const { project, secret_id: id } = resource.attributes
    const secret = `/v1/projects/${String(project)}/secrets/${String(id)}`
    const { versions = [] } = (await api('GET', `${secret}/versions?pageSize=1`)) as { versions?: readonly unknown[] }
    if (versions.length > 0) continue
    await api('POST', `${secret}:addVersion`, { payload: { data: Buffer.from(makeSecret()).toString('base64') } })
  }
}

/** In one line, by stack. */
function reportKept(kept: readonly TerraformResource[], progress: (step: string) => void): void {
  if (kept.length === 0) return
  const byStack = Map.groupBy(kept, ({ stack }) => stack)
  const counts = [...byStack].map(
    ([stack, { length }]) => `${length} ${length === 1 ? 'resource' : 'resources'} of ${stack}`,
  )
  progress(`kept: ${counts.join(', ')}, which hold data but are declared no longer; npm start -- --prune removes them`)
}

/** Cloud Run opens these ports last, after what takes seconds. @throws Error that names a service whose port is taken */
async function checkPorts(resources: readonly TerraformResource[], ports: LocalPorts): Promise<void> {
  for (const { type, attributes } of resources) {
    if (type !== 'google_cloud_run_v2_service') continue
    const name = String(attributes['name'])
    const port = ports.service(name)
    if (!(await isFree(port))) throw new Error(`The service ${name} can't be opened: port ${port} is taken.`)
  }
}

/** @throws Error when the cloud has lost the resources that an earlier start provisioned, and with them all data. */
function checkStored(dataDirectory: string): void {
  const journal = join(dataDirectory, 'cloud', 'journal.jsonl')
  const isEmpty = (statSync(journal, { throwIfNoEntry: false })?.size ?? 0) === 0
  if (isEmpty && existsSync(join(dataDirectory, PROVISIONED_FILE))) throw damaged(journal)
}

/**
 * A service of the stacks must be open. Any other stored service is reported with the command that removes it, and the start goes on.
 * @throws Error that names the service.
 */
function checkOpened(
  run: CloudRunCore,
  resources: readonly TerraformResource[],
  { progress, api }: { readonly progress: (step: string) => void; readonly api: number },
): void {
  const declared = new Set(
    resources
      .filter(({ type }) => type === 'google_cloud_run_v2_service')
      .map(({ attributes: { project, location, name } }) => `${project ?? ''}/${location}/${name}`),
  )
  for (const { name, reason } of run.unopened()) {
    const [, project, , location, , id] = name.split('/')
    if (declared.has(`${project}/${location}/${id}`) || declared.has(`/${location}/${id}`))
      throw new Error(`The service ${id} can't be opened: ${reason}.`)
    progress(
      `the service ${name} is stored and could not be opened: ${reason}. No stack declares it; remove it with curl -X DELETE http://127.0.0.1:${api}/v2/${name}`,
    )
  }
}

/** A port for each account of a service: the port identifies the caller. */
function accountPorts(resources: readonly TerraformResource[], ports: LocalPorts): { email: string; port: number }[] {
  const emails = new Set(
    resources
      .filter(({ type }) => type === 'google_cloud_run_v2_service')
      .map(({ attributes }) => serviceAccountOf(attributes)),
  )
  return [...emails].map((email) => ({ email, port: ports.account(email.split('@')[0]!) }))
}

function serviceAccountOf(attributes: TerraformResource['attributes']): string {
  // The synthesizer writes a block as an object or as a list of one.
  const template: unknown = attributes['template']
  const one = (Array.isArray(template) ? template[0] : template) as { service_account: string }
  return one.service_account
}
