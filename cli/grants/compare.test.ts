import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { synthesize } from '../../stacks/app.ts'
import { environments } from '../../stacks/environments.ts'
import { theatre, theatreBusiness } from '../theatre.testing.ts'
import { type AccessEntry, policyOfAccess } from './access.ts'
import { differencesOf } from './compare.ts'
import { declaredGrants, kinds, type PolicyAddress } from './declared.ts'
import type { Policy } from './policy.ts'

const { dev } = environments
const declared = declaredGrants(synthesize(dev, theatreBusiness), dev.projectId, false)

/** The policies as a deployment leaves them, with these bindings added by hand. */
const policyOf =
  (added: Readonly<Record<string, Policy['bindings']>>) =>
  ({ resource }: PolicyAddress): Promise<Policy> =>
    Promise.resolve({
      bindings: [
        ...declared.grants
          .filter((grant) => grant.resource === resource)
          .map(({ role, member, condition }) => ({
            role,
            members: [member],
            ...(condition ? { condition: { expression: condition } } : {}),
          })),
        ...(added[resource] ?? []),
      ],
    })
const project = `projects/${dev.projectId}`
const seating = `${project}/locations/${dev.region}/services/seating`

it('reads a policy for each resource that can have one, by the address of its API', () => {
  const urls = declared.policies.map(({ api, method, path }) => `${method} ${api} ${path}`)
  expect(new Set(urls).size).toBe(urls.length)
  expect(urls).toEqual(
    expect.arrayContaining([
      `POST cloudresourcemanager v1/${project}:getIamPolicy`,
      `GET run v2/${seating}:getIamPolicy`,
      `GET pubsub v1/${project}/topics/seat.taken:getIamPolicy`,
      `GET pubsub v1/${project}/subscriptions/bigquery.seat.taken:getIamPolicy`,
      `POST cloudtasks v2/${project}/locations/${dev.region}/queues/seating:getIamPolicy`,
      `POST iam v1/${project}/serviceAccounts/seating@${dev.projectId}.iam.gserviceaccount.com:getIamPolicy`,
      `POST bigquery bigquery/v2/${project}/datasets/events/tables/seating:getIamPolicy`,
      `GET artifactregistry v1/${project}/locations/${dev.region}/repositories/millrace:getIamPolicy`,
      `GET storage storage/v1/b/${dev.projectId}-build-sources/iam`,
      `GET bigquery bigquery/v2/${project}/datasets/events`,
      `GET compute compute/v1/${project}/regions/${dev.region}/subnetworks/millrace/getIamPolicy`,
      `POST dns dns/v1/${project}/managedZones/run-app:getIamPolicy`,
    ]),
  )
  expect(declared.grants.filter(({ resource, member }) => /[$}]|undefined/.test(resource + member))).toEqual([])
  expect(declared.grants.length).toBeGreaterThan(10 * theatre.length)
})

it('reads the policy of each type of the stacks for which the provider has one', () => {
  const provider = join(dirname(createRequire(import.meta.url).resolve('@cdktf/provider-google/package.json')), 'lib')
  const withPolicy = (type: string): boolean =>
    existsSync(join(provider, `${type.replace('google_', '').replaceAll('_', '-')}-iam-member`))
  const pulling = { ...theatreBusiness, delivery: () => ({ tickets: 'pull' as const }) }
  const types = new Set(synthesize(dev, pulling).flatMap(({ json }) => Object.keys(json.resource ?? {})))
  expect(types).toContain('google_cloud_run_v2_worker_pool')
  const missing = [...types].filter((type) => withPolicy(type) && !(type in kinds))
  expect(missing).toEqual([])
  expect([...types].filter(withPolicy).length).toBeGreaterThan(10)
})

it('finds nothing in what was deployed, nor in grants that Google or administrators make on the project', async () => {
  const added = {
    [project]: [
      { role: 'roles/owner', members: dev.administrators },
      { role: 'roles/editor', members: [`serviceAccount:${dev.projectNumber}@cloudservices.gserviceaccount.com`] },
      {
        role: 'roles/run.serviceAgent',
        members: [`serviceAccount:service-${dev.projectNumber}@serverless-robot-prod.iam.gserviceaccount.com`],
      },
      {
        role: 'roles/cloudbuild.serviceAgent',
        members: [`serviceAccount:service-${dev.projectNumber}@gcp-sa-cloudbuild.iam.gserviceaccount.com`],
      },
    ],
    [`${project}/datasets/events`]: policyOfAccess(
      [
        { role: 'OWNER', specialGroup: 'projectOwners' },
        { role: 'WRITER', specialGroup: 'projectWriters' },
        { role: 'READER', specialGroup: 'projectReaders' },
        { role: 'OWNER', userByEmail: 'deployer@example.com' },
      ],
      dev.projectId,
    ).bindings,
    [`b/${dev.projectId}-build-sources`]: [
      { role: 'roles/storage.legacyBucketReader', members: [`projectViewer:${dev.projectId}`] },
    ],
  }
  const deployed = { ...dev, administrators: [...dev.administrators, 'user:deployer@example.com'] }
  expect(await differencesOf(declared, deployed, policyOf(added))).toEqual([])
})

it.each([
  ['a member of a role that the stacks bind', seating, 'roles/run.invoker', 'allUsers'],
  ['a role that the stacks do not grant there', seating, 'roles/run.developer', 'user:eve@example.com'],
  [
    'a user of the network',
    `${project}/regions/${dev.region}/subnetworks/millrace`,
    'roles/compute.networkUser',
    'user:eve@example.com',
  ],
  ['an editor of the zone', `${project}/managedZones/run-app`, 'roles/dns.admin', 'user:eve@example.com'],
  ['an administrator on a resource', seating, 'roles/run.invoker', dev.administrators[0]!],
  [
    'a role on the project',
    project,
    'roles/editor',
    `serviceAccount:${dev.projectNumber}-compute@developer.gserviceaccount.com`,
  ],
  [
    "an agent's other role",
    project,
    'roles/owner',
    `serviceAccount:service-${dev.projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`,
  ],
  [
    "another project's agent",
    project,
    'roles/run.serviceAgent',
    'serviceAccount:service-999@serverless-robot-prod.iam.gserviceaccount.com',
  ],
])('finds %s', async (_, resource, role, member) => {
  const added = { [resource]: [{ role, members: [member] }] }
  expect(await differencesOf(declared, dev, policyOf(added))).toEqual([
    { difference: 'added', resource, role, member, condition: '' },
  ])
})

it('finds a grant without its condition, and the grants of a resource that does not exist', async () => {
  const member = `serviceAccount:seating@${dev.projectId}.iam.gserviceaccount.com`
  const wider = { [project]: [{ role: 'roles/datastore.user', members: [member] }] }
  expect(await differencesOf(declared, dev, policyOf(wider))).toEqual([
    { difference: 'added', resource: project, role: 'roles/datastore.user', member, condition: '' },
  ])
  const without = await differencesOf(declared, dev, (address) =>
    address.resource === seating ? Promise.resolve(undefined) : policyOf({})(address),
  )
  expect(without.length).toBeGreaterThan(1)
  expect(without).toEqual(
    declared.grants
      .filter(({ resource }) => resource === seating)
      .map((grant) => ({ difference: 'missing', ...grant })),
  )
})

const events = `${project}/datasets/events`
it.each<[string, AccessEntry, role: string, member: string]>([
  ['a user', { role: 'READER', userByEmail: 'eve@example.com' }, 'roles/bigquery.dataViewer', 'user:eve@example.com'],
  [
    "another project's account",
    { role: 'WRITER', userByEmail: 'x@other.iam.gserviceaccount.com' },
    'roles/bigquery.dataEditor',
    'serviceAccount:x@other.iam.gserviceaccount.com',
  ],
  [
    'a group, by a role that has no other name',
    { role: 'roles/bigquery.metadataViewer', groupByEmail: 'all@example.com' },
    'roles/bigquery.metadataViewer',
    'group:all@example.com',
  ],
  ['a domain', { role: 'OWNER', domain: 'example.com' }, 'roles/bigquery.dataOwner', 'domain:example.com'],
  [
    'everyone with an account',
    { role: 'READER', specialGroup: 'allAuthenticatedUsers' },
    'roles/bigquery.dataViewer',
    'allAuthenticatedUsers',
  ],
  ['everyone', { role: 'READER', iamMember: 'allUsers' }, 'roles/bigquery.dataViewer', 'allUsers'],
  [
    "more than Google's default",
    { role: 'WRITER', specialGroup: 'projectReaders' },
    'roles/bigquery.dataEditor',
    `projectViewer:${dev.projectId}`,
  ],
  [
    'an administrator with another role than its maker',
    { role: 'READER', groupByEmail: dev.administrators[0]!.replace(/^\w+:/, '') },
    'roles/bigquery.dataViewer',
    dev.administrators[0]!,
  ],
  [
    'a view',
    { view: { projectId: 'other', datasetId: 'd', tableId: 'v' } },
    'authorized view',
    'projects/other/datasets/d/tables/v',
  ],
  [
    'a routine',
    { routine: { datasetId: 'd', routineId: 'r' } },
    'authorized routine',
    `${project}/datasets/d/routines/r`,
  ],
  [
    'the views of a dataset',
    { dataset: { dataset: { datasetId: 'd' }, targetTypes: ['VIEWS'] } },
    'authorized dataset',
    `${project}/datasets/d`,
  ],
])('finds in the access of a dataset %s', async (_, entry, role, member) => {
  const added = { [events]: policyOfAccess([entry], dev.projectId).bindings }
  expect(await differencesOf(declared, dev, policyOf(added))).toEqual([
    { difference: 'added', resource: events, role, member, condition: '' },
  ])
})

it('finds an authorized dataset that is missing, and refuses an entry of an unknown kind', async () => {
  const without = await differencesOf(declared, dev, (address) =>
    address.resource === events ? Promise.resolve({}) : policyOf({})(address),
  )
  expect(without).toEqual([
    {
      difference: 'missing',
      resource: events,
      role: 'authorized dataset',
      member: `${project}/datasets/analytics`,
      condition: '',
    },
  ])
  expect(() => policyOfAccess([{ role: 'READER' }], 'p')).toThrow('names no known member: {"role":"READER"}')
})
