/** Refuses, when Terraform plans, to destroy or replace a resource of an environment whose data is protected. */

import { TerraformResource, type TerraformStack } from './cdktf.ts'
import { BigqueryTable } from './google.ts'

/**
 * Every stack has one, so that `destroy` is refused before it has removed anything. Google's own protections are asked too
 * late: when the first of them refuses, the subscriptions beside it are gone, with their messages.
 */
const protectedTypes = new Set([
  'google_artifact_registry_repository',
  'google_bigquery_dataset',
  'google_bigquery_table',
  'google_cloud_run_v2_service',
  'google_cloud_tasks_queue',
  'google_firestore_database',
  'google_logging_project_bucket_config',
  'google_monitoring_notification_channel',
  'google_pubsub_subscription',
  'google_pubsub_topic',
  'google_secret_manager_secret',
  'google_service_account',
])

/** A view holds no data. */
const isView = (resource: TerraformResource): boolean =>
  resource instanceof BigqueryTable && resource.viewInput !== undefined

export function preventDestruction(stack: TerraformStack): void {
  for (const resource of stack.node.findAll())
    if (
      TerraformResource.isTerraformResource(resource) &&
      protectedTypes.has(resource.terraformResourceType) &&
      !isView(resource)
    )
      resource.lifecycle = { preventDestroy: true }
}
