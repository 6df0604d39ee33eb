/** BigQuery's declarations for IAM: datasets and tables have policies, and roles grant permissions on them. */

import type { IamFacts, PolicyKind } from '../core/iam-facts.ts'

export const datasetPolicy: PolicyKind = {
  name: 'projects/{project}/datasets/{dataset}',
  permissions: 'bigquery.datasets',
  prefixes: ['/bigquery/v2', ''],
  read: 'POST',
}
export const tablePolicy: PolicyKind = {
  name: 'projects/{project}/datasets/{dataset}/tables/{table}',
  permissions: 'bigquery.tables',
  prefixes: ['/bigquery/v2', ''],
  read: 'POST',
}

/** https://cloud.google.com/iam/docs/understanding-roles */
export const bigqueryIam: IamFacts = {
  policies: [datasetPolicy, tablePolicy],
  roles: {
    'roles/bigquery.dataEditor': [
      'bigquery.tables.get',
      'bigquery.tables.getData',
      'bigquery.tables.update',
      'bigquery.tables.updateData',
      'bigquery.datasets.get',
    ],
    'roles/bigquery.dataViewer': ['bigquery.tables.get', 'bigquery.tables.getData', 'bigquery.datasets.get'],
    'roles/bigquery.metadataViewer': ['bigquery.tables.get', 'bigquery.datasets.get'],
    'roles/bigquery.jobUser': ['bigquery.jobs.create'],
  },
}
