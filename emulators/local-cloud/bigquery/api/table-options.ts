/** The options of datasets, tables and rows. `options.test.ts` compares them with those of Google's API description. */
// https://cloud.google.com/bigquery/docs/reference/rest/v2/tables

import {
  clusteringOptions,
  datasetReferenceOptions,
  rangePartitioningOptions,
  tableReferenceOptions,
  timePartitioningOptions,
} from './job-options.ts'
import type { Options } from './options.ts'

const onlyTables = 'it makes tables and views'
const external = 'it reads its own tables only'
const collation = { reason: 'texts are compared by their code points', accepted: [] }
const rounding = { reason: 'halves are rounded away from zero', accepted: ['ROUND_HALF_AWAY_FROM_ZERO'] }
const catalogs = 'there are no external catalogs'

const fieldOptions = (): Options => ({
  honoured: 'name type mode fields maxLength precision scale',
  kept: 'description categories dataGovernanceTagsInfo',
  refused: {
    collation,
    roundingMode: rounding,
    dataPolicies: 'columns are not masked',
    dataPolicyList: 'columns are not masked',
    policyTags: 'access is not limited by column',
    defaultValueExpression: 'columns have no defaults: insert the value',
    foreignTypeDefinition: catalogs,
    generatedColumn: 'columns are not generated',
    rangeElementType: 'there are no RANGE columns',
    timestampPrecision: { reason: 'timestamps have microseconds', accepted: ['6', 6] },
  },
  inside: { fields: fieldOptions },
})

export const tableOptions = (): Options => ({
  honoured: 'tableReference schema view expirationTime',
  kept: 'description friendlyName labels clustering timePartitioning rangePartitioning requirePartitionFilter encryptionConfiguration resourceTags',
  outputs:
    'creationTime etag id kind lastModifiedTime location materializedViewStatus numActiveLogicalBytes numActivePhysicalBytes numBytes numCurrentPhysicalBytes numLongTermBytes numLongTermLogicalBytes numLongTermPhysicalBytes numPartitions numPhysicalBytes numRows numTimeTravelPhysicalBytes numTotalLogicalBytes numTotalPhysicalBytes replicas restrictions selfLink streamingBuffer type',
  refused: {
    biglakeConfiguration: external,
    cloneDefinition: onlyTables,
    defaultCollation: collation,
    defaultRoundingMode: rounding,
    externalCatalogTableOptions: catalogs,
    externalDataConfiguration: external,
    managedTableType: { reason: external, accepted: ['NATIVE'] },
    materializedView: onlyTables,
    maxStaleness: onlyTables,
    model: onlyTables,
    partitionDefinition: 'use timePartitioning or rangePartitioning',
    snapshotDefinition: onlyTables,
    tableConstraints: 'keys are not kept: remove them from the schema',
    tableReplicationInfo: onlyTables,
  },
  inside: {
    tableReference: tableReferenceOptions,
    clustering: clusteringOptions,
    timePartitioning: timePartitioningOptions,
    rangePartitioning: rangePartitioningOptions,
    schema: () => ({ honoured: 'fields', refused: { foreignTypeInfo: catalogs }, inside: { fields: fieldOptions } }),
    view: () => ({
      honoured: 'query useLegacySql',
      kept: 'useExplicitColumnNames',
      refused: {
        foreignDefinitions: catalogs,
        privacyPolicy: 'results are not made private',
        userDefinedFunctionResources: 'legacy SQL is not translated',
      },
    }),
  },
})

export const datasetOptions = (): Options => ({
  honoured: 'datasetReference location defaultTableExpirationMs access',
  kept: 'description friendlyName labels defaultEncryptionConfiguration maxTimeTravelHours storageBillingModel resourceTags',
  outputs:
    'creationTime etag id kind lastModifiedTime linkedDatasetMetadata restrictions satisfiesPzi satisfiesPzs selfLink tags type',
  refused: {
    catalogSource: catalogs,
    defaultCollation: collation,
    defaultPartitionExpirationMs: 'no partition expires: delete its rows',
    defaultRoundingMode: rounding,
    externalCatalogDatasetOptions: catalogs,
    externalDatasetReference: external,
    isCaseInsensitive: 'names of tables are compared with regard to case',
    linkedDatasetSource: external,
  },
  inside: { datasetReference: datasetReferenceOptions, access: accessOptions },
})

const byPolicy = 'roles are granted by IAM policies: use bigquery.datasets.setIamPolicy'

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset.FIELDS.access */
export const accessOptions = (): Options => ({
  honoured: 'view dataset',
  // Of the special groups, which every dataset at Google has.
  kept: 'role',
  // Terraform's provider names the dataset in each entry that it adds.
  outputs: 'datasetId',
  refused: {
    condition: byPolicy,
    domain: byPolicy,
    groupByEmail: byPolicy,
    iamMember: byPolicy,
    routine: 'there are no routines',
    specialGroup: { reason: byPolicy, accepted: ['projectOwners', 'projectReaders', 'projectWriters'] },
    userByEmail: byPolicy,
  },
  inside: {
    view: tableReferenceOptions,
    dataset: () => ({ honoured: 'dataset targetTypes', inside: { dataset: datasetReferenceOptions } }),
  },
})

export const insertAllOptions = (): Options => ({
  honoured: 'rows skipInvalidRows ignoreUnknownValues',
  kept: 'kind traceId',
  refused: { templateSuffix: 'tables are not made from templates' },
  // Google removes repeated rows by `insertId` as far as it can, and promises nothing.
  inside: { rows: () => ({ honoured: 'json', kept: 'insertId' }) },
})

const paging = 'maxResults pageToken'
export const datasetParameters: Options = {
  honoured: 'deleteContents datasetView',
  // Entries of access have no conditions, with which the versions differ.
  kept: 'accessPolicyVersion',
  refused: {
    updateMode: {
      reason: 'metadata and access are changed as the body has them',
      accepted: ['UPDATE_FULL', 'UPDATE_MODE_UNSPECIFIED'],
    },
  },
}
export const datasetInsertParameters: Options = { honoured: '', kept: 'accessPolicyVersion' }
export const datasetListParameters: Options = {
  honoured: `${paging} filter all`,
}
export const tableParameters: Options = {
  honoured: 'view',
  refused: { autodetect_schema: 'schemas are declared', selectedFields: 'the whole schema is returned' },
}
export const tableListParameters: Options = { honoured: paging }
export const rowListParameters: Options = {
  honoured: `${paging} startIndex selectedFields formatOptions.useInt64Timestamp formatOptions.timestampOutputFormat`,
}
