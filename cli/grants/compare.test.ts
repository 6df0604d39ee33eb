import { expect, it } from 'vitest'
import { synthesize } from '../../stacks/app.ts'
import { environments } from '../../stacks/environments.ts'
import { theatre, theatreBusiness } from '../theatre.testing.ts'
import { differencesOf, type Policy } from './compare.ts'
import { declaredGrants, type PolicyAddress } from './declared.ts'

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
    ]),
  )
  expect(declared.grants.filter(({ resource, member }) => /[$}]|undefined/.test(resource + member))).toEqual([])
  expect(declared.grants.length).toBeGreaterThan(10 * theatre.length)
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
    [`b/${dev.projectId}-build-sources`]: [
      { role: 'roles/storage.legacyBucketReader', members: [`projectViewer:${dev.projectId}`] },
    ],
  }
  expect(await differencesOf(declared, dev, policyOf(added))).toEqual([])
})

it.each([
  ['a member of a role that the stacks bind', seating, 'roles/run.invoker', 'allUsers'],
  ['a role that the stacks do not grant there', seating, 'roles/run.developer', 'user:eve@example.com'],
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
