/** Google's client on the port of an account that may read views, and not the tables behind them. */

import { BigQuery } from '@google-cloud/bigquery'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import { iam } from '../iam/plugin.ts'
import { bigquery as plugin } from './plugin.ts'

const project = { id: 'p', number: '1', region: 'europe-west1' }
const analyst = 'analyst@p.iam.gserviceaccount.com'
const rawPath = '/bigquery/v2/projects/p/datasets/raw'
const datasetEntry = { dataset: { dataset: { projectId: 'p', datasetId: 'views' }, targetTypes: ['VIEWS'] } }
const viewEntry = { view: { projectId: 'p', datasetId: 'views', tableId: 'skus' } }

let cloud: LocalCloud
let asAnalyst: BigQuery
const rows = async (sql: string): Promise<unknown[]> => (await asAnalyst.query({ query: sql }))[0]
const authorize = (...access: object[]): Promise<unknown> => cloud.api('PATCH', rawPath, { access })
const bind = (resource: string, role: string): Promise<unknown> =>
  cloud.api('POST', `${resource}:setIamPolicy`, {
    policy: { bindings: [{ role, members: [`serviceAccount:${analyst}`] }] },
  })

beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [iam, plugin()], project, accounts: [{ email: analyst, port: 0 }] })
  await cloud.api('POST', '/v1/projects/p/serviceAccounts', { accountId: 'analyst' })
  for (const datasetId of ['raw', 'views', 'others'])
    await cloud.api('POST', '/bigquery/v2/projects/p/datasets', { datasetReference: { datasetId } })
  const table = (datasetId: string, tableId: string, more: object): Promise<unknown> =>
    cloud.api('POST', `/bigquery/v2/projects/p/datasets/${datasetId}/tables`, { tableReference: { tableId }, ...more })
  const view = (query: string): object => ({ view: { query, useLegacySql: false } })
  await table('raw', 'sales', { schema: { fields: [{ name: 'sku', type: 'STRING' }] } })
  await cloud.api('POST', `${rawPath}/tables/sales/insertAll`, { rows: [{ json: { sku: 'TEA' } }] })
  await table('views', 'skus', view('SELECT DISTINCT sku FROM raw.sales'))
  await table('views', 'count', view('SELECT COUNT(*) AS skus FROM views.skus'))
  await table('others', 'skus', view('SELECT sku FROM raw.sales'))
  await bind('/v1/projects/p', 'roles/bigquery.jobUser')
  for (const name of ['views/tables/skus', 'views/tables/count', 'others/tables/skus'])
    await bind(`/bigquery/v2/projects/p/datasets/${name}`, 'roles/bigquery.dataViewer')
  vi.stubEnv('BIGQUERY_EMULATOR_HOST', `http://${cloud.hostOf(analyst)}`)
  asAnalyst = new BigQuery({ projectId: 'p' })
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await cloud.close()
})

const refused = /Access Denied: Table p:raw\.sales: Permission bigquery\.tables\.getData denied/

it('a view is read with the rights of its caller, until the dataset of its tables authorizes it', async () => {
  await authorize()
  await expect(rows('SELECT * FROM views.skus')).rejects.toThrow(refused)
  for (const entry of [datasetEntry, viewEntry]) {
    await authorize({ role: 'OWNER', specialGroup: 'projectOwners' }, entry)
    expect(await rows('SELECT * FROM views.skus')).toEqual([{ sku: 'TEA' }])
    // A view of the authorized view.
    expect(await rows('SELECT * FROM views.count')).toEqual([{ skus: 1 }])
  }
  await authorize()
  await expect(rows('SELECT * FROM views.count')).rejects.toThrow(refused)
})

it('the table itself, and views that are not authorized, stay closed', async () => {
  await authorize(datasetEntry)
  await expect(rows('SELECT * FROM raw.sales')).rejects.toThrow(refused)
  await expect(rows('SELECT * FROM others.skus')).rejects.toThrow(refused)
  await expect(rows('SELECT v.sku FROM views.skus AS v JOIN raw.sales AS s ON s.sku = v.sku')).rejects.toThrow(refused)
  await expect(rows("INSERT INTO raw.sales (sku) VALUES ('x')")).rejects.toThrow('Access Denied')
})

it('the entries are returned as sent, survive a change of the description, and roles among them are refused by name', async () => {
  await authorize(viewEntry, datasetEntry)
  await cloud.api('PATCH', rawPath, { description: 'Raw' })
  expect(await cloud.api('GET', rawPath)).toMatchObject({ access: [viewEntry, datasetEntry], description: 'Raw' })
  await expect(authorize({ role: 'READER', groupByEmail: 'analysts@example.com' })).rejects.toThrow(
    'access[0].groupByEmail',
  )
  await expect(authorize({ ...datasetEntry, condition: { expression: 'true' } })).rejects.toThrow('access[0].condition')
})

it("an entry is kept without the name of its dataset, which Terraform's provider adds", async () => {
  await authorize({ ...datasetEntry, datasetId: 'raw' })
  const { access } = (await cloud.api('GET', rawPath)) as { access: unknown }
  expect(access).toEqual([datasetEntry])
})
