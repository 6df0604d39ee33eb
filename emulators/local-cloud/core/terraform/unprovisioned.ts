/** Terraform types without a local part, each with the reason. A type that is not here and has no provisioner stops the start. */

import type { Attributes } from './attributes.ts'
import type { Computed } from './provisioner.ts'

interface Unprovisioned {
  readonly reason: string
  /** Where stacks refer to it: see `Provisioner`. */
  readonly computed?: Computed
}

const without = (reason: string, id?: (attributes: Attributes) => string): Unprovisioned => ({
  reason,
  ...(id ? { computed: (attributes) => ({ id: id(attributes) }) } : {}),
})

export const unprovisioned: Readonly<Record<string, Unprovisioned>> = {
  google_project_service: without('every API of the local cloud is on'),
  google_artifact_registry_repository: without('the services run from the working copy, not from an image'),
  google_artifact_registry_repository_iam_member: without('the services run from the working copy, not from an image'),
  google_artifact_registry_repository_iam_binding: without('the services run from the working copy, not from an image'),
  google_storage_bucket: without('no image is built on a laptop, and nothing else is put into a bucket'),
  google_storage_bucket_iam_member: without('no image is built on a laptop, and nothing else is put into a bucket'),
  google_storage_bucket_iam_binding: without('no image is built on a laptop, and nothing else is put into a bucket'),
  google_billing_budget: without('a laptop has no billing account'),
  google_compute_network: without(
    'loopback replaces the VPC',
    (network) => `projects/${network.project()}/global/networks/${network.required('name')}`,
  ),
  google_compute_subnetwork: without(
    'loopback replaces the VPC',
    (subnetwork) =>
      `projects/${subnetwork.project()}/regions/${subnetwork.required('region')}/subnetworks/${subnetwork.required('name')}`,
  ),
  google_dns_managed_zone: without('service URLs are loopback addresses'),
  google_dns_record_set: without('service URLs are loopback addresses'),
  google_logging_metric: without('log lines are kept and counted by people, not by Cloud Monitoring'),
  google_logging_project_exclusion: without('there is one log on a laptop, the files under .data'),
  google_logging_project_sink: without('there is one log on a laptop, the files under .data'),
  google_logging_project_bucket_config: without(
    'there is one log on a laptop, the files under .data',
    (bucket) =>
      `projects/${bucket.project()}/locations/${bucket.required('location')}/buckets/${bucket.required('bucket_id')}`,
  ),
  google_project_iam_audit_config: without('the request log has every call with its caller'),
  google_monitoring_custom_service: without('objectives are measured over weeks, not on a laptop'),
  google_monitoring_slo: without(
    'objectives are measured over weeks, not on a laptop',
    (slo) =>
      `projects/${slo.project()}/services/${slo.required('service')}/serviceLevelObjectives/${slo.required('slo_id')}`,
  ),
  google_monitoring_uptime_check_config: without('no other region reaches a laptop'),
  google_monitoring_dashboard: without('its charts are of weeks of traffic, not of a laptop'),
  google_monitoring_alert_policy: without('a laptop pages no one'),
  // Google gives it a number; nothing local reads it.
  google_monitoring_notification_channel: without(
    'a laptop pages no one',
    (channel) => `projects/${channel.project()}/notificationChannels/${channel.address}`,
  ),
}
