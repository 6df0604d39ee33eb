/** Brings every resource of the synthesized stacks into the local cloud, or says why one stays out. */

import type { OwnerApi, Plugin, Provisioner, TerraformResource } from './core/plugin.ts'

/** Terraform types without a local part. What is not here and has no provisioner stops the start. */
export const unprovisioned: Readonly<Record<string, string>> = {
  google_project_service: 'every API of the local cloud is on',
  google_artifact_registry_repository: 'the services run from the checkout, not from an image',
  google_artifact_registry_repository_iam_member: 'the services run from the checkout, not from an image',
  google_storage_bucket: 'no image is built on a laptop, and nothing else is put into a bucket',
  google_storage_bucket_iam_member: 'no image is built on a laptop, and nothing else is put into a bucket',
  google_compute_network: 'loopback stands in for the VPC',
  google_compute_subnetwork: 'loopback stands in for the VPC',
  google_dns_managed_zone: 'service URLs are loopback addresses',
  google_dns_record_set: 'service URLs are loopback addresses',
  google_logging_metric: 'log lines are kept and counted by people, not by Cloud Monitoring',
  google_logging_project_sink: 'there is one log on a laptop, the files under .data',
  google_logging_project_bucket_config: 'there is one log on a laptop, the files under .data',
  google_project_iam_audit_config: 'who called what stands in the request log, all of it',
  google_monitoring_custom_service: 'objectives are measured over weeks, not on a laptop',
  google_monitoring_slo: 'objectives are measured over weeks, not on a laptop',
  google_monitoring_dashboard: 'its charts are of weeks of traffic, not of a laptop',
  google_monitoring_alert_policy: 'nobody is paged for a laptop',
  google_monitoring_notification_channel: 'nobody is paged for a laptop',
}

export interface Provisioned {
  readonly resource: TerraformResource
  readonly provisioner: Provisioner
}

/**
 * The resources that have a local part, each with its provisioner, in the order of the stacks.
 * @throws Error that names the first type which no emulator provisions and no reason excuses.
 */
export function plan(resources: readonly TerraformResource[], plugins: readonly Plugin[]): Provisioned[] {
  const provisioners = new Map(plugins.flatMap((plugin) => Object.entries(plugin.terraform)))
  return resources.flatMap((resource) => {
    const provisioner = provisioners.get(resource.type)
    if (provisioner) return [{ resource, provisioner }]
    if (Object.hasOwn(unprovisioned, resource.type)) return []
    throw new Error(
      `${resource.stack} declares ${resource.address}, but no emulator provisions ${resource.type}: give one a provisioner, or name the type with its reason in emulators/provision.ts.`,
    )
  })
}

/** Creates them one after the other by the public APIs, as Terraform does within a dependency chain. */
export async function provision(
  planned: readonly Provisioned[],
  api: OwnerApi,
  progress: (done: number, of: number) => void = () => {},
): Promise<void> {
  let done = 0
  for (const { resource, provisioner } of planned) {
    try {
      await provisioner.create(resource, api)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`${resource.stack}: ${resource.address} was refused: ${reason}`, { cause: error })
    }
    done += 1
    progress(done, planned.length)
  }
}
