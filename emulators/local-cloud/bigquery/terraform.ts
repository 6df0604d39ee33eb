/** google_bigquery_dataset and google_bigquery_table, by the public REST API. */

import type { Provisioner } from '../core/plugin.ts'
import { type Attributes, attributesOf, readAttributes } from '../core/terraform/attributes.ts'
import { upsert } from '../core/terraform/upsert.ts'

export const datasetProvisioner: Provisioner = {
  async create(resource, api) {
    const { collection, path, dataset } = readAttributes(resource, (attributes) => ({
      collection: datasetsPath(attributes),
      path: datasetPath(attributes),
      dataset: datasetOf(attributes),
    }))
    await upsert(
      () => api('POST', collection, dataset),
      () => api('PATCH', path, dataset),
    )
  },
  async remove(resource, api) {
    await api('DELETE', `${datasetPath(attributesOf(resource))}?deleteContents=true`)
  },
}

export const tableProvisioner: Provisioner = {
  async create(resource, api) {
    const { collection, path, table } = readAttributes(resource, (attributes) => ({
      collection: `${datasetPath(attributes)}/tables`,
      path: tablePath(attributes),
      table: tableOf(attributes),
    }))
    await upsert(
      () => api('POST', collection, table),
      () => api('PATCH', path, table),
    )
  },
  async remove(resource, api) {
    await api('DELETE', tablePath(attributesOf(resource)))
  },
}

const datasetsPath = (attributes: Attributes): string => `/bigquery/v2/projects/${attributes.project()}/datasets`
const datasetPath = (attributes: Attributes): string =>
  `${datasetsPath(attributes)}/${attributes.shortName('dataset_id')}`
const tablePath = (attributes: Attributes): string =>
  `${datasetPath(attributes)}/tables/${attributes.shortName('table_id')}`

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
    timePartitioning: table.block('time_partitioning', (partitioning) => ({
      type: partitioning.text('type'),
      field: partitioning.text('field'),
      expirationMs: partitioning.number('expiration_ms'),
    })),
    clustering: clustering === undefined ? undefined : { fields: clustering },
    requirePartitionFilter: table.flag('require_partition_filter'),
  }
}

const described = (attributes: Attributes) => ({
  description: attributes.text('description'),
  friendlyName: attributes.text('friendly_name'),
  labels: attributes.value('labels'),
})
