/** Rules of security and cost that the stacks of every environment keep. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { root } from '../support/root.ts'
import { type Attributes, declared, allEnvironments, resolved, stacksOf } from './synthesized.testing.ts'

const block = (value: unknown): Attributes => (Array.isArray(value) ? value[0] : value) as Attributes
const blocks = (value: unknown): readonly Attributes[] => (Array.isArray(value) ? value : [value]) as Attributes[]

describe.each(allEnvironments.map((environment) => [environment.name, environment] as const))(
  '%s',
  (_, environment) => {
    const all = (type: string) => declared(environment, type).map(({ attributes }) => attributes)
    const types = [...new Set(stacksOf(environment).flatMap(({ json }) => Object.keys(json.resource ?? {})))]
    const email = (account: string): string => `${account}@${environment.projectId}.iam.gserviceaccount.com`

    it('determines all members of a role on its own resources, and only adds members to the project', () => {
      expect(types.filter((type) => /_iam_(member|policy)$/.test(type))).toEqual(['google_project_iam_member'])
      const bound = types.filter((type) => type.endsWith('_iam_binding')).flatMap((type) => declared(environment, type))
      expect(bound.filter(({ attributes }) => (attributes['members'] as string[]).length === 0)).toEqual([])
      // Two bindings of one role on one resource would take turns.
      const on = new Set([
        'name',
        'location',
        'topic',
        'subscription',
        'service_account_id',
        'secret_id',
        'dataset_id',
        'table_id',
      ])
      const owned = bound.map(({ stack, address, attributes }) =>
        [
          address.split('.')[0],
          ...Object.entries(attributes)
            .filter(([name]) => on.has(name) || name === 'role')
            .map(([, value]) => resolved(environment, stack, value)),
        ].join(' '),
      )
      expect(owned.length).toBeGreaterThan(100)
      expect(new Set(owned).size).toBe(owned.length)
    })

    it('grants no basic role', () => {
      const granted = types.filter((type) => /_iam_(member|binding)$/.test(type)).flatMap((type) => all(type))
      expect(granted.length).toBeGreaterThan(100)
      expect(granted.filter(({ role }) => /^roles\/(owner|editor|viewer)$/.test(String(role)))).toEqual([])
    })

    it('has roles on the project only for own databases, queries of analysts, telemetry, the log of builds and the state of accounts', () => {
      const wide = all('google_project_iam_member').filter(({ condition }) => condition === undefined)
      expect([...new Set(wide.map(({ role }) => String(role)))].toSorted()).toEqual([
        'roles/bigquery.jobUser',
        'roles/firebaseauth.viewer',
        'roles/logging.logWriter',
        'roles/serviceusage.serviceUsageConsumer',
        'roles/telemetry.metricsWriter',
        'roles/telemetry.tracesWriter',
      ])
      const readsAccounts = wide.filter(({ role }) => role === 'roles/firebaseauth.viewer')
      expect(readsAccounts.map(({ member }) => member)).toEqual(
        services.filter((one) => one.readsAccounts).map(({ name }) => `serviceAccount:${email(name)}`),
      )
      const queries = wide.filter(({ role }) => role === 'roles/bigquery.jobUser')
      expect(queries.map(({ member }) => member)).toEqual([
        environment.analysts,
        ...services
          .filter(({ readsViews }) => readsViews.length > 0)
          .map(({ name }) => `serviceAccount:${email(name)}`),
      ])
      const writesLogs = wide.filter(({ role }) => role === 'roles/logging.logWriter')
      expect(writesLogs.map(({ member }) => member)).toEqual([`serviceAccount:${email('image-builder')}`])
    })

    it('keeps messages in the region, and images under immutable tags', () => {
      expect(all('google_pubsub_topic').length).toBeGreaterThan(20)
      for (const topic of all('google_pubsub_topic'))
        expect(block(topic['message_storage_policy'])).toEqual({ allowed_persistence_regions: [environment.region] })
      for (const repository of all('google_artifact_registry_repository'))
        expect(block(repository['docker_config'])).toEqual({ immutable_tags: true })
    })

    it('deletes images after 90 days, except the last 50, to which a service may be rolled back', () => {
      const [repository] = all('google_artifact_registry_repository')
      expect(repository!['cleanup_policies']).toEqual([
        { id: 'delete-old', action: 'DELETE', condition: { older_than: '7776000s' } },
        { id: 'keep-recent', action: 'KEEP', most_recent_versions: { keep_count: 50 } },
      ])
    })

    it('runs every image by its digest', () => {
      const images = stacksOf(environment).flatMap(({ json }) => {
        const found: string[] = []
        JSON.stringify(json.resource ?? {}, (name, value: unknown) => {
          if (name === 'image') found.push(String(value))
          return value
        })
        return found
      })
      expect(images).toHaveLength(all('google_cloud_run_v2_service').length)
      expect(images.filter((image) => !image.endsWith('@${var.image_digest}'))).toEqual([])
    })

    it('refuses a query of raw events without a range of days, and names the range in the views', () => {
      const raw = all('google_bigquery_table').filter(({ view }) => view === undefined)
      // One for each service that emits events, and one for the events of the runtime.
      expect(raw).toHaveLength(services.filter(({ emits }) => emits.length > 0).length + 1)
      for (const table of raw) {
        expect(block(table['time_partitioning'])).toEqual({ type: 'DAY', field: 'publish_time' })
        expect(table['require_partition_filter']).toBe(true)
      }
      const reading = all('google_bigquery_table')
        .flatMap(({ view }) => (view === undefined ? [] : [String(block(view)['query'])]))
        .flatMap((query) => query.split('\n').filter((line) => line.includes(`${environment.projectId}.events.`)))
      // Once in each of event_log, recent_events and unreadable_events.
      expect(reading).toHaveLength(3 * raw.length)
      for (const line of reading)
        expect(line).toMatch(/WHERE publish_time >= TIMESTAMP(?: '|_SUB\(CURRENT_TIMESTAMP\(\))/)
      const recent = reading.filter((line) => line.includes('TIMESTAMP_SUB'))
      expect(recent).toHaveLength(raw.length)
      for (const line of recent) expect(line).toContain('TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 35 DAY)')
      expect(readFileSync(join(root, 'docs/analysis.md'), 'utf8')).toContain('of the last 35 days')
    })

    it('waits until a grant on a table has propagated before it subscribes the table', () => {
      const writing = all('google_bigquery_table_iam_binding').filter(
        ({ role }) => role === 'roles/bigquery.dataEditor',
      )
      expect(writing).not.toEqual([])
      for (const grant of writing) {
        const [provisioner] = grant['provisioner'] as [{ 'local-exec': { command: string } }]
        expect(provisioner['local-exec'].command).toMatch(/^setTimeout\(\(\) => \{\}, \d\d_000\)$/)
      }
      for (const { bigquery_config: config, depends_on: needs } of all('google_pubsub_subscription')) {
        if (config !== undefined) expect(needs).toEqual([expect.stringMatching(/^google_bigquery_table_iam_binding\./)])
      }
    })

    it('has an audit log of every account except the services, kept for 400 days', () => {
      const [config, ...others] = all('google_project_iam_audit_config')
      expect(others).toEqual([])
      expect(config!['service']).toBe('allServices')
      const logs = Object.fromEntries(
        blocks(config!['audit_log_config']).map((log) => [log['log_type'], log['exempted_members']]),
      ) as Record<string, string[] | undefined>
      expect(Object.keys(logs).toSorted()).toEqual(['ADMIN_READ', 'DATA_READ', 'DATA_WRITE'])
      expect(logs['ADMIN_READ']).toBeUndefined()
      for (const exempted of [logs['DATA_READ'], logs['DATA_WRITE']]) {
        expect(exempted).toHaveLength(services.length + 1)
        expect(exempted!.filter((member) => !/google_service_account\.account-|gcp-sa-pubsub/.test(member))).toEqual([])
      }
      expect(all('google_logging_project_sink')).toMatchObject([
        { destination: expect.stringMatching(/^logging\.googleapis\.com\/\$\{google_logging_project_bucket_config\./) },
      ])
      // Each line is kept once: activity by Google in _Required, the others in this bucket and not in _Default.
      const [sink] = all('google_logging_project_sink')
      expect(sink!['filter']).not.toContain('cloudaudit.googleapis.com/activity')
      expect(all('google_logging_project_exclusion')).toMatchObject([{ filter: sink!['filter'] }])
      expect(all('google_logging_project_bucket_config')).toMatchObject([{ bucket_id: 'audit', retention_days: 400 }])
    })

    it('serves all requests from the newest revision, so that traffic moved by hand is a difference', () => {
      for (const service of all('google_cloud_run_v2_service'))
        expect(service['traffic']).toEqual([{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 }])
    })

    it('has a budget of its own project where the environment has one, with a mail before and when it is exceeded', () => {
      const { budget, projectNumber } = environment
      const budgets = all('google_billing_budget')
      expect(budgets).toHaveLength(budget ? 1 : 0)
      const apis = all('google_project_service').map(({ service }) => service)
      expect(apis.includes('billingbudgets.googleapis.com')).toBe(budget !== undefined)
      expect(environment.name === 'prod').toBe(budget !== undefined)
      for (const one of budgets) {
        expect(one['billing_account']).toBe(budget!.billingAccount)
        expect(block(one['budget_filter'])['projects']).toEqual([`projects/${projectNumber}`])
        expect(block(block(one['amount'])['specified_amount'])).toEqual({ units: String(budget!.monthly) })
        expect(blocks(one['threshold_rules'])).toEqual([
          { threshold_percent: 0.5, spend_basis: 'CURRENT_SPEND' },
          { threshold_percent: 0.9, spend_basis: 'CURRENT_SPEND' },
          { threshold_percent: 1, spend_basis: 'FORECASTED_SPEND' },
        ])
        expect(block(one['all_updates_rule'])['monitoring_notification_channels']).toEqual([
          '${google_monitoring_notification_channel.email.id}',
        ])
      }
    })

    it('denies public access to its bucket', () => {
      for (const bucket of all('google_storage_bucket'))
        expect(bucket).toMatchObject({ uniform_bucket_level_access: true, public_access_prevention: 'enforced' })
    })

    it('allocates CPU only during requests, for each container of an instance', () => {
      for (const service of all('google_cloud_run_v2_service')) {
        for (const container of blocks(block(service['template'])['containers']))
          expect([container['name'], block(container['resources'])['cpu_idle']]).toEqual([container['name'], true])
      }
    })

    it('routes calls between services through the network, where run.app resolves to Google', () => {
      const [subnet] = all('google_compute_subnetwork')
      expect(subnet!['private_ip_google_access']).toBe(true)
      expect(all('google_dns_record_set')).toMatchObject([{ name: '*.run.app.', type: 'A' }])
      const calling = services.filter(({ calls, submits }) => calls.length + submits.length > 0).map(({ name }) => name)
      expect(calling).toEqual(expect.arrayContaining(['gateway', 'orders']))
      expect(calling.length).toBeLessThan(services.length / 2)
      for (const { name, template } of all('google_cloud_run_v2_service')) {
        const { vpc_access: access, containers } = block(template)
        const [{ startup_probe: probe }] = containers as [Attributes]
        if (!calling.includes(String(name))) {
          expect([name, access]).toEqual([name, undefined])
          expect(block(block(probe)['http_get'])).toEqual({ path: '/health/live' })
          continue
        }
        expect(block(access)['egress']).toBe('PRIVATE_RANGES_ONLY')
        expect(block(block(access)['network_interfaces'])).toEqual({
          network: subnet!['name'],
          subnetwork: subnet!['name'],
        })
        // It tests the way into the network, which may take a minute or more; Cloud Run allows 240 seconds.
        expect(block(block(probe)['http_get'])).toEqual({ path: '/health/started' })
        const waitsSeconds = Number(block(probe)['period_seconds']) * Number(block(probe)['failure_threshold'])
        expect(waitsSeconds).toBeGreaterThan(90)
        expect(waitsSeconds).toBeLessThanOrEqual(240)
      }
    })

    it('keeps instances running only of the services that the business names', () => {
      const kept = all('google_cloud_run_v2_service').flatMap(({ name, template }) => {
        const count = block(block(template)['scaling'])['min_instance_count']
        return count === 0 ? [] : [[String(name), count] as const]
      })
      expect(Object.fromEntries(kept)).toEqual(business.minInstances!(environment))
      expect(kept).toEqual(
        environment.name === 'prod'
          ? [
              ['gateway', 1],
              ['orders', 1],
            ]
          : [],
      )
    })

    it('labels all resources with environment and part', () => {
      for (const { name, json } of stacksOf(environment)) {
        expect(json.provider!.google![0]!['default_labels']).toEqual({
          platform: 'millrace',
          environment: environment.name,
          part: name.slice(environment.name.length + 1),
        })
      }
    })

    it('enables the API to which a verified build writes its provenance', () => {
      expect(readFileSync(join(root, 'cloudbuild.yaml'), 'utf8')).toContain('requestedVerifyOption: VERIFIED')
      const apis = all('google_project_service').map(({ service }) => service)
      for (const api of ['cloudbuild', 'artifactregistry', 'containeranalysis'])
        expect(apis).toContain(`${api}.googleapis.com`)
    })

    it('enables each API before its resources', () => {
      const [platform] = stacksOf(environment)
      const resources = Object.entries(platform!.json.resource!)
      const apis = Object.keys(platform!.json.resource!['google_project_service']!).map(
        (id) => `google_project_service.${id}`,
      )
      for (const [type, byId] of resources) {
        if (type === 'google_project_service') continue
        for (const [id, { depends_on: needs }] of Object.entries(byId))
          expect([id, needs]).toEqual([id, expect.arrayContaining(apis)])
      }
      // Enabled, an API refuses requests for some time.
      for (const { provisioner } of all('google_project_service'))
        expect(provisioner).toMatchObject([{ 'local-exec': { command: 'setTimeout(() => {}, 60_000)' } }])
    })
  },
)
