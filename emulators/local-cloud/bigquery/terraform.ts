/** google_bigquery_dataset and google_bigquery_table, by the public REST API. */

import type { OwnerApi, Provisioner, TerraformResource } from '../core/plugin.ts'

type Attributes = TerraformResource['attributes']

const datasetKnown = [
  'project',
  'dataset_id',
  'location',
  'description',
  'friendly_name',
  'labels',
  'default_table_expiration_ms',
  'delete_contents_on_destroy',
]
const tableKnown = [
  'project',
  'dataset_id',
  'table_id',
  'schema',
  'description',
  'friendly_name',
  'labels',
  'view',
  'time_partitioning',
  'clustering',
  'require_partition_filter',
  'deletion_protection',
]

export const datasetProvisioner: Provisioner = {
  async create({ attributes }, api) {
    refuseOthers('google_bigquery_dataset', attributes, datasetKnown)
    const { project, dataset_id: datasetId, location, description, friendly_name: friendlyName, labels } = attributes
    const body = { datasetReference: { projectId: project, datasetId }, location, description, friendlyName, labels }
    await createOrPatch(api, `/bigquery/v2/projects/${project}/datasets`, datasetId as string, body)
  },
  async remove({ attributes }, api) {
    await api(
      'DELETE',
      `/bigquery/v2/projects/${attributes['project']}/datasets/${attributes['dataset_id']}?deleteContents=true`,
    )
  },
}

export const tableProvisioner: Provisioner = {
  async create({ attributes }, api) {
    refuseOthers('google_bigquery_table', attributes, tableKnown)
    const {
      project,
      dataset_id: datasetId,
      table_id: tableId,
      schema,
      description,
      friendly_name: friendlyName,
      labels,
      clustering,
    } = attributes
    const view = first(attributes['view'])
    const partitioning = first(attributes['time_partitioning'])
    const body = {
      tableReference: { projectId: project, datasetId, tableId },
      description,
      friendlyName,
      labels,
      ...(schema ? { schema: { fields: JSON.parse(schema as string) as unknown } } : {}),
      ...(view ? { view: { query: view['query'], useLegacySql: view['use_legacy_sql'] ?? true } } : {}),
      ...(partitioning
        ? {
            timePartitioning: {
              type: partitioning['type'],
              field: partitioning['field'],
              expirationMs: partitioning['expiration_ms'],
            },
          }
        : {}),
      ...(clustering ? { clustering: { fields: clustering as unknown } } : {}),
      requirePartitionFilter: attributes['require_partition_filter'],
    }
    await createOrPatch(api, `/bigquery/v2/projects/${project}/datasets/${datasetId}/tables`, tableId as string, body)
  },
  async remove({ attributes }, api) {
    await api(
      'DELETE',
      `/bigquery/v2/projects/${attributes['project']}/datasets/${attributes['dataset_id']}/tables/${attributes['table_id']}`,
    )
  },
}

async function createOrPatch(api: OwnerApi, collection: string, id: string, body: object): Promise<void> {
  try {
    await api('POST', collection, body)
  } catch (error) {
    if ((error as { httpStatus?: number }).httpStatus !== 409) throw error
    await api('PATCH', `${collection}/${id}`, body)
  }
}

function refuseOthers(type: string, attributes: Attributes, known: readonly string[]): void {
  for (const name of Object.keys(attributes)) {
    if (!known.includes(name)) throw new Error(`${type}: the local cloud does not know the attribute ${name}.`)
  }
}

/** A block is one object or a list of one, as the synthesizer likes. */
const first = (block: unknown): Record<string, unknown> | undefined =>
  Array.isArray(block)
    ? (block[0] as Record<string, unknown> | undefined)
    : (block as Record<string, unknown> | undefined)
