/** BigQuery for the local cloud: REST v2 and GoogleSQL on DuckDB. */

import type { Plugin } from '../core/plugin.ts'
import { type BigQueryCore, makeCore } from './core.ts'
import type { EngineOptions } from './engine/engine.ts'
import { bigqueryIam } from './iam.ts'
import { bigqueryAccess } from './permissions.ts'
import { bigqueryRoutes } from './api/routes.ts'
import {
  datasetAccessProvisioner,
  datasetGrants,
  datasetProvisioner,
  tableGrants,
  tableProvisioner,
} from './terraform.ts'

export type { BigQueryCore } from './core.ts'

export function bigquery(options: EngineOptions = {}): Plugin<BigQueryCore> {
  return {
    name: 'bigquery',
    create(context) {
      const core = makeCore(context, options)
      return {
        core,
        http: bigqueryRoutes(core, context),
        routes: bigqueryAccess(core, context),
        resourceExists: core.resourceExists,
        check: core.check,
        close: core.close,
      }
    },
    terraform: {
      google_bigquery_dataset: datasetProvisioner,
      google_bigquery_dataset_access: datasetAccessProvisioner,
      ...datasetGrants,
      google_bigquery_table: tableProvisioner,
      ...tableGrants,
    },
    iam: bigqueryIam,
    environment: (host) => ({ BIGQUERY_EMULATOR_HOST: `http://${host}` }),
  }
}
