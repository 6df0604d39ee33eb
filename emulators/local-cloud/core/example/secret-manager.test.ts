import { expect, it, onTestFinished } from 'vitest'
import { iam } from '../../iam/plugin.ts'
import { plan, provision } from '../terraform/provision.ts'
import { createLocalCloud, type LocalCloud } from '../local-cloud.ts'
import { readResources, type StackJson } from '../terraform/read-resources.ts'
import { secretManager } from './secret-manager.testing.ts'

const plugins = [iam, secretManager]
const project = { id: 'shop', number: '100000000000', region: 'europe-west1' }
const emailOf = (id: string): string => `${id}@shop.iam.gserviceaccount.com`
const member = (member: string, role = 'roles/secretmanager.secretAccessor') => ({
  secret_id: '${google_secret_manager_secret.card.id}',
  role,
  member,
})
const stack = (granted: object): StackJson => ({
  name: 'local-payments',
  json: {
    provider: { google: [{ project: project.id }] },
    resource: {
      google_secret_manager_secret_iam_member: { reads: { ...granted } },
      google_secret_manager_secret: { card: { secret_id: 'card-key', labels: { of: 'payments' } } },
      google_service_account: { payments: { account_id: 'payments' }, orders: { account_id: 'orders-1' } },
    },
  },
})

async function start(): Promise<LocalCloud> {
  const accounts = ['payments', 'orders-1'].map((id) => ({ email: emailOf(id), port: 0 }))
  const cloud = await createLocalCloud({ plugins, project, accounts })
  onTestFinished(() => cloud.close())
  return cloud
}
const provisioned = (stacks: readonly StackJson[]) => plan(readResources(stacks, plugins), plugins)
const read = (cloud: LocalCloud, account: string): Promise<Response> =>
  fetch(`http://${cloud.hostOf(emailOf(account))}/v1/projects/shop/secrets/card-key/versions/latest:access`)

it('an emulator in its own folder has its resources provisioned, granted, served to clients and deleted', async () => {
  const cloud = await start()
  const planned = provisioned([stack(member('${google_service_account.payments.member}'))])
  for (let starts = 0; starts < 2; starts++) await provision(planned, cloud.api)

  const granted = await read(cloud, 'payments')
  expect(await granted.json()).toEqual({ payload: { data: btoa('the value of projects/shop/secrets/card-key') } })
  const refused = await read(cloud, 'orders-1')
  expect([refused.status, await refused.text()]).toEqual([
    403,
    expect.stringContaining("Permission 'secretmanager.versions.access' denied on resource 'projects/shop/secrets/"),
  ])
  expect(cloud.environmentOf(emailOf('payments'))).toEqual({
    SECRET_MANAGER_HOST: cloud.hostOf(emailOf('payments')),
    GCE_METADATA_HOST: cloud.hostOf(emailOf('payments')),
    METADATA_SERVER_DETECTION: 'assume-present',
  })

  for (const { resource, provisioner } of planned.toReversed()) await provisioner.remove(resource, cloud.api)
  const gone = await cloud
    .api('GET', '/v1/projects/shop/secrets/card-key/versions/latest:access')
    .catch((error) => error)
  expect(gone).toMatchObject({ httpStatus: 404 })
})

it.each([
  ['roles/iam.serviceAccountUser', 'it allows nothing on projects/shop/secrets/card-key'],
  ['roles/secretmanager.admin', 'Role roles/secretmanager.admin is not supported'],
])('a role without a permission on a secret is refused: %s', async (role, message) => {
  const cloud = await start()
  const planned = provisioned([stack(member('${google_service_account.payments.member}', role))])
  await expect(provision(planned, cloud.api)).rejects.toThrow(message)
})

it("a secret's policy is served at its own path only, to accounts that may read it", async () => {
  const cloud = await start()
  await provision(provisioned([stack(member('${google_service_account.payments.member}'))]), cloud.api)
  const policy = '/v1/projects/shop/secrets/card-key:getIamPolicy'
  expect(await cloud.api('GET', policy)).toMatchObject({
    bindings: [{ role: 'roles/secretmanager.secretAccessor', members: [`serviceAccount:${emailOf('payments')}`] }],
  })
  await expect(cloud.api('GET', policy.replace('/v1', '/v2'))).rejects.toMatchObject({ httpStatus: 404 })
  const asAccount = await fetch(`http://${cloud.hostOf(emailOf('payments'))}${policy}`)
  expect([asAccount.status, await asAccount.text()]).toEqual([
    403,
    expect.stringContaining('secretmanager.secrets.getIamPolicy'),
  ])
})
