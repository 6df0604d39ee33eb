/** The views that read a dataset on behalf of callers without a role on it: https://cloud.google.com/bigquery/docs/authorized-views */

import type { DatasetResource } from './values/records.ts'

/** @param view `dataset.table` */
export function authorizes({ access = [], datasetReference }: DatasetResource, view: string): boolean {
  const isHere = (projectId = datasetReference.projectId): boolean => projectId === datasetReference.projectId
  return access.some(
    ({ view: one, dataset: all }) =>
      (one && isHere(one.projectId) && `${one.datasetId}.${one.tableId}` === view) ||
      (all && isHere(all.dataset.projectId) && view.startsWith(`${all.dataset.datasetId}.`)),
  )
}
