/** The queries that analysts may make: the bus stack's datasets, tables, views and grants in the local BigQuery, asked by Google's client. */

import { BigQuery } from '@google-cloud/bigquery'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { emulators, planOf, resourcesOf } from '../../emulators/start.ts'
import { business, services } from '../../functions/index.ts'
import { synthesize } from '../../stacks/app.ts'
import { localEnvironment, localPorts } from '../../stacks/environments.ts'
import { root } from '../support/root.ts'
import { viewsReadBy } from '../support/views-read-by.ts'
import { wholeLists } from '../support/whole-lists.ts'
import { allEnvironments, declared } from './synthesized.testing.ts'

const local = localEnvironment(localPorts(4100, business))
// A laptop knows no members of groups, so an account stands for the group.
const analyst = `analyst@${local.projectId}.iam.gserviceaccount.com`
const environment = { ...local, analysts: `serviceAccount:${analyst}` }
/** The platform's views and those that services read; all views in `npm run verify`. */
const shown = { ...business, views: wholeLists ? business.views : viewsReadBy(services) }
const resources = resourcesOf(synthesize(environment, shown)).filter(
  ({ type, attributes }) => type.startsWith('google_bigquery_') || attributes['member'] === environment.analysts,
)
const names = (type: string, isView: boolean): string[] =>
  resources
    .filter((one) => one.type === type && (one.attributes['view'] !== undefined) === isView)
    .map(({ attributes }) => `${String(attributes['dataset_id'])}.${String(attributes['table_id'])}`)
const views = names('google_bigquery_table', true)
const tables = names('google_bigquery_table', false)

let cloud: LocalCloud
let bigquery: BigQuery
beforeAll(async () => {
  const { projectId: id, projectNumber: number, region } = environment
  cloud = await createLocalCloud({
    plugins: emulators({ servicePort: () => 0, environmentOf: () => ({}), workingDirectory: root }),
    project: { id, number, region },
    accounts: [{ email: analyst, port: 0 }],
  })
  await cloud.api('POST', `/v1/projects/${id}/serviceAccounts`, { accountId: 'analyst' })
  // A grant names an account that exists.
  for (const { name, readsViews } of services)
    if (readsViews.length > 0) await cloud.api('POST', `/v1/projects/${id}/serviceAccounts`, { accountId: name })
  for (const { resource, provisioner } of planOf(resources)) await provisioner.create(resource, cloud.api)
  vi.stubEnv('BIGQUERY_EMULATOR_HOST', `http://${cloud.hostOf(analyst)}`)
  bigquery = new BigQuery({ projectId: id })
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await cloud?.close()
})

it('there are views and tables', () => {
  expect(views.length).toBeGreaterThan(3)
  expect(tables.length).toBeGreaterThan(3)
})

it.each(views)('analysts may query the view %s', async (view) => {
  const [rows] = await bigquery.query({ query: `SELECT COUNT(*) AS count FROM ${view}` })
  expect(rows).toEqual([{ count: expect.any(Number) }])
})

it.each(tables)('analysts may not query the table %s', async (table) => {
  const query = `SELECT * FROM ${table} WHERE publish_time >= TIMESTAMP '2026-01-01'`
  await expect(bigquery.query({ query })).rejects.toThrow('Permission bigquery.tables.getData denied on table')
})

it('in every environment the views of analytics, and nothing else, may read the events for others', () => {
  for (const each of allEnvironments) {
    const [entry, ...others] = declared(each, 'google_bigquery_dataset_access').map(({ attributes }) => attributes)
    expect(others).toEqual([])
    expect(entry).toMatchObject({ dataset: { dataset: { project_id: each.projectId }, target_types: ['VIEWS'] } })
  }
})
