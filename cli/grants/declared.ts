/** The grants of synthesized stacks, and the policies in which Google keeps them. */

import type { StackJson } from 'local-google-cloud'
import { declaredAccess, policyOfAccess } from './access.ts'
import { type Grant, grantsOf } from './policy.ts'

/** Where the allow policy of one resource is read. */
export interface PolicyAddress {
  /** The full name: `projects/P/topics/T`. */
  readonly resource: string
  /** `pubsub`, of `https://pubsub.googleapis.com`. */
  readonly api: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** True for the `access` of a dataset in place of a policy. */
  readonly isAccess?: true
}

type Attributes = Readonly<Record<string, unknown>>

interface Kind {
  readonly api: string
  readonly prefix: string
  readonly method: 'GET' | 'POST'
  /** The full name by the attributes of the resource, or of a grant on it. */
  name(attributes: Attributes, project: string): string
  /** How the path ends (default: `:getIamPolicy`). */
  readonly suffix?: string
  /** The local cloud does not have it. */
  readonly isRemote?: true
  readonly isAccess?: true
}

const isGrant = /_iam_(member|binding)$|(?<=^google_bigquery_dataset)_access$/
const idIn = (value: unknown): string => String(value).split('/').at(-1)!
const at = ({ location }: Attributes, project: string): string => `projects/${project}/locations/${String(location)}`

/** By the Terraform type of the resource: every type that has a policy. */
export const kinds: Readonly<Record<string, Kind>> = {
  google_project: {
    api: 'cloudresourcemanager',
    prefix: 'v1',
    method: 'POST',
    name: (_, project) => `projects/${project}`,
  },
  google_service_account: {
    api: 'iam',
    prefix: 'v1',
    method: 'POST',
    name: ({ account_id: id, service_account_id: name }, project) =>
      `projects/${project}/serviceAccounts/${name === undefined ? emailOf(id, project) : idIn(name)}`,
  },
  google_pubsub_topic: {
    api: 'pubsub',
    prefix: 'v1',
    method: 'GET',
    name: ({ name, topic }, project) => `projects/${project}/topics/${idIn(topic ?? name)}`,
  },
  google_pubsub_subscription: {
    api: 'pubsub',
    prefix: 'v1',
    method: 'GET',
    // A subscription itself has an attribute `topic`, which is the topic's name and not its own.
    name: ({ name, subscription }, project) => `projects/${project}/subscriptions/${idIn(subscription ?? name)}`,
  },
  google_secret_manager_secret: {
    api: 'secretmanager',
    prefix: 'v1',
    method: 'GET',
    name: ({ secret_id: secret }, project) => `projects/${project}/secrets/${idIn(secret)}`,
  },
  google_cloud_tasks_queue: {
    api: 'cloudtasks',
    prefix: 'v2',
    method: 'POST',
    name: (queue, project) => `${at(queue, project)}/queues/${idIn(queue['name'])}`,
  },
  google_cloud_run_v2_service: {
    api: 'run',
    prefix: 'v2',
    method: 'GET',
    name: (service, project) => `${at(service, project)}/services/${idIn(service['name'])}`,
  },
  google_cloud_run_v2_worker_pool: {
    api: 'run',
    prefix: 'v2',
    method: 'GET',
    name: (pool, project) => `${at(pool, project)}/workerPools/${idIn(pool['name'])}`,
    isRemote: true,
  },
  google_bigquery_dataset: {
    api: 'bigquery',
    prefix: 'bigquery/v2',
    method: 'GET',
    name: ({ dataset_id: dataset }, project) => `projects/${project}/datasets/${idIn(dataset)}`,
    suffix: '',
    isAccess: true,
  },
  google_bigquery_table: {
    api: 'bigquery',
    prefix: 'bigquery/v2',
    method: 'POST',
    name: ({ dataset_id: dataset, table_id: table }, project) =>
      `projects/${project}/datasets/${idIn(dataset)}/tables/${idIn(table)}`,
  },
  google_artifact_registry_repository: {
    api: 'artifactregistry',
    prefix: 'v1',
    method: 'GET',
    name: (repository, project) =>
      `${at(repository, project)}/repositories/${idIn(repository['repository'] ?? repository['repository_id'])}`,
    isRemote: true,
  },
  google_compute_subnetwork: {
    api: 'compute',
    prefix: 'compute/v1',
    method: 'GET',
    name: ({ region, subnetwork, name }, project) =>
      `projects/${project}/regions/${String(region)}/subnetworks/${idIn(subnetwork ?? name)}`,
    suffix: '/getIamPolicy',
    isRemote: true,
  },
  google_dns_managed_zone: {
    api: 'dns',
    prefix: 'dns/v1',
    method: 'POST',
    name: ({ managed_zone: zone, name }, project) => `projects/${project}/managedZones/${idIn(zone ?? name)}`,
    isRemote: true,
  },
  google_storage_bucket: {
    api: 'storage',
    prefix: 'storage/v1',
    method: 'GET',
    name: ({ name, bucket }) => `b/${String(bucket ?? name)}`,
    suffix: '/iam',
    isRemote: true,
  },
}

const emailOf = (id: unknown, project: string): string => `${String(id)}@${project}.iam.gserviceaccount.com`

/**
 * Every grant of the stacks, and the policy of every resource that could have one, also without a grant of the stacks: a
 * member that was added by hand is found there as well.
 *
 * @param isLocal Leaves out what the local cloud does not have.
 */
export function declaredGrants(
  stacks: readonly StackJson[],
  project: string,
  isLocal: boolean,
): { readonly grants: readonly Grant[]; readonly policies: readonly PolicyAddress[] } {
  const grants: Grant[] = []
  const policies = new Map([addressOf(kinds['google_project']!, {}, project)].map((one) => [one.path, one]))
  for (const { json } of stacks) {
    const resources = json.resource ?? {}
    for (const [type, byId] of Object.entries(resources)) {
      const kind = kinds[type.replace(isGrant, '')]
      if (!kind) {
        if (isGrant.test(type)) throw new Error(`${type} has no entry in cli/grants/declared.ts: add its kind.`)
        continue
      }
      if (isLocal && kind.isRemote) continue
      for (const unresolved of Object.values(byId)) {
        const attributes = resolved(unresolved, resources, project)
        const address = addressOf(kind, attributes, project)
        if (!isGrant.test(type)) {
          policies.set(address.path, address)
          // The local cloud keeps the roles on a dataset in a policy, and the rest in its access.
          if (isLocal && kind.isAccess) {
            const path = `${address.path}:getIamPolicy`
            policies.set(path, { resource: address.resource, api: kind.api, method: 'POST', path })
          }
        } else if (type.endsWith('_access'))
          grants.push(...grantsOf(address.resource, policyOfAccess([declaredAccess(attributes)], project)))
        else grants.push(...grantsIn(attributes, address.resource))
      }
    }
  }
  return { grants, policies: [...policies.values()] }
}

function addressOf(kind: Kind, attributes: Attributes, project: string): PolicyAddress {
  const { api, method, prefix, suffix = ':getIamPolicy', isAccess } = kind
  const resource = kind.name(attributes, project)
  return { resource, api, method, path: `${prefix}/${resource}${suffix}`, ...(isAccess ? { isAccess } : {}) }
}

function grantsIn({ role, member, members, condition }: Attributes, resource: string): Grant[] {
  const [one] = [condition].flat() as [{ readonly expression: string } | undefined]
  return ([members ?? member].flat() as string[]).map((each) => ({
    resource,
    role: String(role),
    member: each,
    condition: one?.expression ?? '',
  }))
}

/** With references to attributes of other resources of the stack replaced by their values. */
function resolved(
  attributes: Attributes,
  resources: NonNullable<StackJson['json']['resource']>,
  project: string,
): Attributes {
  const reference = /^\$\{([\w-]+)\.([\w-]+)\.(\w+)\}$/
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => {
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        return [name, resolved(value as Attributes, resources, project)]
      const [, type = '', id = '', attribute = ''] = (typeof value === 'string' && reference.exec(value)) || []
      const target = resources[type]?.[id]
      if (!target) return [name, value]
      // The only attribute of a grant that Google computes.
      if (type === 'google_service_account') return [name, emailOf(target['account_id'], project)]
      return [name, target[attribute]]
    }),
  )
}
