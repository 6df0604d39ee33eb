/** google_bigquery_dataset, _dataset_access and google_bigquery_table, by the public REST API. */

import { type Attributes, attributesOf, defined, readAttributes } from '../core/terraform/attributes.ts'
import { policyGrants } from '../core/terraform/policy-grants.ts'
import type { OwnerApi, Provisioner } from '../core/terraform/provisioner.ts'
import type { TerraformResource } from '../core/terraform/resource.ts'
import { upsert } from '../core/terraform/upsert.ts'
import type { AccessEntry } from './values/access-entry.ts'
import { datasetPolicy, tablePolicy } from './iam.ts'

const ROOT = '/bigquery/v2'

const datasetName = (attributes: Attributes): string =>
  `projects/${attributes.project()}/datasets/${attributes.shortName('dataset_id')}`
const tableName = (attributes: Attributes): string =>
  `${datasetName(attributes)}/tables/${attributes.shortName('table_id')}`

export const datasetProvisioner: Provisioner = {
  async create(resource, api) {
    const { collection, path, dataset } = readAttributes(resource, (attributes) => ({
      collection: `${ROOT}/projects/${attributes.project()}/datasets`,
      path: `${ROOT}/${datasetName(attributes)}`,
      dataset: datasetOf(attributes),
    }))
    await upsert(
      () => api('POST', collection, dataset),
      () => api('PATCH', path, dataset),
    )
  },
  async remove(resource, api) {
    await api('DELETE', `${ROOT}/${datasetName(attributesOf(resource))}?deleteContents=true`)
  },
  holdsData: () => true,
  computed: (dataset) => ({ id: datasetName(dataset) }),
}

/** One entry of the dataset's access; the others stay, as Google's provider leaves them. */
export const datasetAccessProvisioner: Provisioner = {
  create: (resource, api) => changeAccess(resource, api, (others, entry) => [...others, entry]),
  remove: (resource, api) => changeAccess(resource, api, (others) => others),
}

async function changeAccess(
  resource: TerraformResource,
  api: OwnerApi,
  change: (others: readonly AccessEntry[], entry: AccessEntry) => readonly AccessEntry[],
): Promise<void> {
  const { path, entry } = readAttributes(resource, (attributes) => ({
    path: `${ROOT}/${datasetName(attributes)}`,
    entry: accessOf(attributes),
  }))
  const { access = [] } = (await api('GET', path)) as { access?: readonly AccessEntry[] }
  const others = access.filter((one) => JSON.stringify(one) !== JSON.stringify(entry))
  await api('PATCH', path, { access: change(others, entry) })
}

const accessOf = (attributes: Attributes): AccessEntry =>
  defined({
    view: attributes.block('view', (view) => ({
      projectId: view.required('project_id'),
      datasetId: view.required('dataset_id'),
      tableId: view.required('table_id'),
    })),
    dataset: attributes.block('dataset', (all) => ({
      dataset: all.block('dataset', (dataset) => ({
        projectId: dataset.required('project_id'),
        datasetId: dataset.required('dataset_id'),
      })),
      targetTypes: all.value('target_types'),
    })),
  })

export const datasetGrants = policyGrants('google_bigquery_dataset', datasetPolicy, datasetName)

export const tableProvisioner: Provisioner = {
  async create(resource, api) {
    const { collection, path, table } = readAttributes(resource, (attributes) => ({
      collection: `${ROOT}/${datasetName(attributes)}/tables`,
      path: `${ROOT}/${tableName(attributes)}`,
      table: tableOf(attributes),
    }))
    await upsert(
      () => api('POST', collection, table),
      () => api('PATCH', path, table),
    )
  },
  async remove(resource, api) {
    await api('DELETE', `${ROOT}/${tableName(attributesOf(resource))}`)
  },
  holdsData: ({ attributes }) => attributes['view'] === undefined,
  computed: (table) => ({ id: tableName(table) }),
}

export const tableGrants = policyGrants('google_bigquery_table', tablePolicy, tableName)

function datasetOf(dataset: Attributes) {
  // Terraform's own, and a default that no table of the local cloud would expire by.
  dataset.ignore('delete_contents_on_destroy', 'default_table_expiration_ms')
  return {
    datasetReference: { projectId: dataset.project(), datasetId: dataset.shortName('dataset_id') },
    location: dataset.text('location'),
    ...described(dataset),
  }
}

function tableOf(table: Attributes) {
  table.ignore('deletion_protection')
  const schema = table.text('schema')
  const clustering = table.value('clustering')
  return {
    tableReference: {
      projectId: table.project(),
      datasetId: table.shortName('dataset_id'),
      tableId: table.shortName('table_id'),
    },
    ...described(table),
    schema: schema === undefined ? undefined : { fields: JSON.parse(schema) as unknown },
    view: table.block('view', (view) => ({
      query: view.text('query'),
      // Terraform's default, which the API refuses by name.
      useLegacySql: view.flag('use_legacy_sql') ?? true,
    })),
    timePartitioning: table.block('time_partitioning', (partitioning) =>
      partitioning.alike({ text: ['type', 'field'], number: ['expiration_ms'] }),
    ),
    clustering: clustering === undefined ? undefined : { fields: clustering },
    requirePartitionFilter: table.flag('require_partition_filter'),
  }
}

const described = (attributes: Attributes) =>
  attributes.alike({ text: ['description', 'friendly_name'], value: ['labels'] })
