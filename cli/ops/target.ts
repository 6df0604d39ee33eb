/** The platform that a command operates on: the one that runs in this working copy, or one in a Google Cloud project. */

import type { ChannelCredentials } from '@grpc/grpc-js'
import { business, services } from '../../functions/index.ts'
import { cloudRunUrl } from '../../shared/base/names.ts'
import { type Api, connect, connectWith, noPublicService } from '../api.ts'
import { requireRunning, text, UsageError } from '../command.ts'

export type ClientOptions = {
  readonly projectId: string
  readonly apiEndpoint?: string
  readonly port?: number
  readonly sslCreds?: ChannelCredentials
}

export interface Target {
  readonly projectId: string
  readonly region: string
  /** Service → its URL, which is also its OIDC audience. */
  readonly serviceUrls: Readonly<Record<string, string>>
  /** Options of Google's clients. In the cloud the clients find credentials themselves. */
  clientOptions(): Promise<ClientOptions>
  /** The public API, called with the roles of an operator. @throws UsageError when no service is public */
  api(actor: string): Api
}

const { operatorRoles = [] } = business
const withRoles =
  operatorRoles.length === 0
    ? ''
    : ` with the ${operatorRoles.length === 1 ? 'role' : 'roles'} ${operatorRoles.join(' and ')}`

const defaultRegion = 'europe-west1'

export const targetOptions = {
  project: text('ID', 'a deployed environment; absent, the platform that runs here'),
  'project-number': text('N', "that project's number"),
  region: text('REGION', 'the region of its services', defaultRegion),
}

type Values = { readonly [Name in keyof typeof targetOptions]?: string | undefined }

/** @throws UsageError when no platform runs here, or when one of the two options is missing. */
export function targetFrom(values: Values, token = process.env['MILLRACE_TOKEN']): Target {
  const { project: projectId, 'project-number': number, region = defaultRegion } = values
  if (projectId === undefined && number === undefined) return localTarget()
  if (!projectId || !number)
    throw new UsageError('A deployed environment needs both --project ID and --project-number N.')
  if (!/^\d+$/.test(number))
    throw new UsageError(
      `--project-number takes digits, not "${number}": gcloud projects describe ${projectId} --format="value(projectNumber)" prints it.`,
    )
  const serviceUrls = Object.fromEntries(services.map(({ name }) => [name, cloudRunUrl(`${name}-${number}`, region)]))
  return {
    projectId,
    region,
    serviceUrls,
    clientOptions: async () => ({ projectId }),
    api() {
      const publicService = services.find(({ ingress }) => ingress === 'public')
      if (!publicService) throw new UsageError(noPublicService)
      if (!token) throw new UsageError(`The public API needs a token: set MILLRACE_TOKEN to one${withRoles}.`)
      return connectWith(serviceUrls[publicService.name]!, async () => token)
    },
  }
}

function localTarget(): Target {
  const running = requireRunning()
  const { projectId, region, serviceUrls, apiHost } = running
  return {
    projectId,
    region,
    serviceUrls,
    async clientOptions() {
      const { credentials } = await import('@grpc/grpc-js')
      const [apiEndpoint, port] = apiHost.split(':') as [string, string]
      return { projectId, apiEndpoint, port: Number(port), sslCreds: credentials.createInsecure() }
    },
    api: (actor) => connect(running, { sub: actor, roles: operatorRoles }),
  }
}
