/** Properties of the whole synthesized app in every environment. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StackJson } from 'local-google-cloud'
import { planOf, resourcesOf } from '../../emulators/start.ts'
import { business, services } from '../../functions/index.ts'
import { configSchema } from '../../shared/base/config.ts'
import { purposeOf, secretsReadWith, secretVariable } from '../../shared/base/secret.ts'
import { republishCommand, stuckEvent } from '../../shared/base/names.ts'
import { defineSetting, httpUrl } from '../../shared/base/setting.ts'
import type { Business } from '../../shared/service/business.ts'
import { publishedBy, type Service } from '../../shared/service/service.ts'
import { addEnvironment, synthesize } from '../../stacks/app.ts'
import { App, TerraformStack } from '../../stacks/cdktf.ts'
import { environments, localEnvironment, localPorts, pinnedVersion, releasesIn } from '../../stacks/environments.ts'
import { serviceMember } from '../../stacks/members.ts'
import { settingsOf } from '../../stacks/service-variables.ts'
import { root } from '../support/root.ts'
import { declared, allEnvironments, resolved, stacksOf } from './synthesized.testing.ts'

const { dev, prod } = environments

type Block = Record<string, unknown>
const block = (value: unknown): Block => (Array.isArray(value) ? value[0] : value) as Block

describe.each(allEnvironments.map((environment) => [environment.name, environment] as const))(
  '%s',
  (_, environment) => {
    const all = (type: string) => declared(environment, type)
    const email = (service: string): string => `${service}@${environment.projectId}.iam.gserviceaccount.com`

    it('has separate stacks for the platform, the bus, each service and observability, without references between them', () => {
      expect(stacksOf(environment).map(({ name }) => name)).toEqual(
        ['platform', 'bus', ...services.map(({ name }) => name), 'observability'].map(
          (name) => `${environment.name}-${name}`,
        ),
      )
      for (const { json } of stacksOf(environment)) {
        expect(json.data).toBeUndefined()
        expect(JSON.stringify(json)).not.toContain('terraform_remote_state')
      }
    })

    it('keeps the state of each stack separately in a bucket, except locally', () => {
      for (const { name, json } of stacksOf(environment)) {
        const backend = json.terraform?.['backend']
        if (environment.name === 'local') expect(backend).toEqual({ local: { path: `${name}.tfstate` } })
        else expect(backend).toEqual({ gcs: { bucket: `${environment.projectId}-terraform`, prefix: name } })
      }
    })

    it('lets unauthenticated callers call only the gateway', () => {
      const open = all('google_cloud_run_v2_service_iam_binding').filter(({ attributes }) =>
        (attributes['members'] as string[]).includes('allUsers'),
      )
      expect(open.map(({ stack }) => stack)).toEqual([`${environment.name}-gateway`])
      for (const { attributes } of all('google_cloud_run_v2_service')) {
        expect(attributes['ingress']).toBe(
          attributes['name'] === 'gateway' ? 'INGRESS_TRAFFIC_ALL' : 'INGRESS_TRAFFIC_INTERNAL_ONLY',
        )
        expect(attributes['invoker_iam_disabled']).toBeUndefined()
      }
    })

    it('runs each service with its own account, from the one image by digest, and nothing beside it', () => {
      for (const { attributes } of all('google_cloud_run_v2_service')) {
        const template = block(attributes['template'])
        const containers = template['containers'] as Block[]
        expect(template['service_account']).toBe(email(String(attributes['name'])))
        expect(containers.map(({ name }) => name)).toEqual(['service'])
        expect(containers[0]).toMatchObject({ command: ['node'], args: ['functions/main.ts', attributes['name']] })
        expect(containers[0]!['image']).toMatch(/@\$\{var\.image_digest\}$/)
        // Readiness is no liveness probe: a restart does not bring an unavailable database back.
        expect(block(block(containers[0]!['liveness_probe'])['http_get'])['path']).toBe('/health/live')
      }
    })

    it('writes all variables that a service reads, and no value of a secret', () => {
      for (const { attributes } of all('google_cloud_run_v2_service')) {
        const [container] = block(attributes['template'])['containers'] as [Block]
        const variables = Object.fromEntries(
          (container['env'] as { name: string; value: string }[]).map(({ name, value }) => [name, value]),
        )
        const config = configSchema.safeParse({
          ...variables,
          K_SERVICE: attributes['name'],
          K_REVISION: 'r-1',
          PORT: '8080',
        })
        expect(config.error?.issues ?? []).toEqual([])
        const plain = Object.entries(variables).filter(([, value]) => value !== undefined)
        expect(plain.map(([name]) => name).filter((name) => /SECRET|PASSWORD|KEY|CREDENTIAL/.test(name))).toEqual([])
      }
    })

    it('refers to each secret that a description names by a fixed version, and holds the value of none', () => {
      for (const { name, secrets } of services) {
        const service = all('google_cloud_run_v2_service').find(({ attributes }) => attributes['name'] === name)!
        const [container] = block(service.attributes['template'])['containers'] as [Block]
        const variables = (container['env'] as { name: string; value?: string; value_source?: unknown }[]).filter(
          (one) => one.value_source !== undefined,
        )
        expect(variables).toEqual(
          secretsReadWith(secrets, settingsOf(environment, business)).map((secret) => ({
            name: secretVariable(secret),
            value_source: {
              secret_key_ref: { secret, version: environment.name === 'local' ? 'latest' : '1' },
            },
          })),
        )
      }
      const named = new Set(services.flatMap(({ secrets }) => Object.keys(secrets)))
      expect(new Set(all('google_secret_manager_secret').map(({ attributes }) => attributes['secret_id']))).toEqual(
        named,
      )
      expect(named.size).toBeGreaterThan(0)
      // A version of the stacks would have its value in the plan and in the state.
      const types = stacksOf(environment).flatMap(({ json }) => [
        ...Object.keys(json.resource ?? {}),
        ...Object.keys(json.data ?? {}),
      ])
      expect(types.filter((type) => type.startsWith('google_secret_manager_secret_version'))).toEqual([])
    })

    it('keeps secrets in its region, and names their purposes', () => {
      for (const { attributes } of all('google_secret_manager_secret')) {
        const managed = block(block(attributes['replication'])['user_managed'])
        expect([managed['replicas']].flat()).toEqual([{ location: environment.region }])
        const users = services.filter(({ secrets }) => Object.hasOwn(secrets, String(attributes['secret_id'])))
        expect(attributes['annotations']).toEqual(
          Object.fromEntries(
            users.map(({ name, secrets }) => [name, purposeOf(secrets[String(attributes['secret_id'])]!)]),
          ),
        )
      }
    })

    it('declares Cloud Run’s ingress, and the address of Google’s keys', () => {
      for (const { attributes } of all('google_cloud_run_v2_service')) {
        const [container] = block(attributes['template'])['containers'] as [Block]
        const env = container['env'] as { name: string; value: string }[]
        const valueOf = (name: string) => env.find((one) => one.name === name)?.value
        expect(valueOf('INGRESS')).toBe('cloud-run')
        // An entry for each command that the runtime performs, so that no other sender may send it.
        if (attributes['name'] !== 'gateway')
          expect(JSON.parse(valueOf('SENDERS')!)).toHaveProperty(republishCommand, expect.any(Array))
        if (environment.name === 'local')
          expect(valueOf('ID_TOKEN_JWKS_URL')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/oauth2\/v3\/certs$/)
        else expect(valueOf('ID_TOKEN_JWKS_URL')).toBe('https://www.googleapis.com/oauth2/v3/certs')
      }
    })

    it('delivers by push with OIDC, the service as audience, retries, dead letters and no expiry', () => {
      const pushed = all('google_pubsub_subscription').filter(({ attributes }) => attributes['push_config'])
      expect(pushed.map(({ attributes }) => String(attributes['name'])).toSorted()).toEqual(
        services.flatMap(({ name, on }) => on.map((type) => `${name}.${type}`)).toSorted(),
      )
      for (const { attributes } of pushed) {
        const service = String(attributes['name']).split('.')[0]!
        const push = block(attributes['push_config'])
        expect(block(push['oidc_token'])).toEqual({
          service_account_email: email(`${service}-push`),
          audience: environment.serviceUrl(service),
        })
        expect(push['push_endpoint']).toMatch(new RegExp(`^${environment.serviceUrl(service)}/`))
        expect(block(attributes['dead_letter_policy'])['max_delivery_attempts']).toBe(20)
        expect(attributes['filter']).toBeUndefined()
      }
      for (const { stack, attributes } of all('google_pubsub_subscription')) {
        expect(block(attributes['expiration_policy'])).toEqual({ ttl: '' })
        // People pull from these subscriptions, and need longer deadlines.
        const isPulled = !attributes['push_config'] && !attributes['bigquery_config']
        if (!isPulled) {
          expect(block(attributes['retry_policy'])).toEqual({ minimum_backoff: '1s', maximum_backoff: '600s' })
          const consumer = String(attributes['name']).split('.')[0]!
          const { dead_letter_topic: topic, max_delivery_attempts: attempts } = block(attributes['dead_letter_policy'])
          expect([resolved(environment, stack, topic).split('/').at(-1), attempts]).toEqual([
            `${consumer}-dead-letters`,
            20,
          ])
        }
      }
    })

    it('deletes the documents of each collection with a lifetime, by one timestamp that no index covers', () => {
      const expiring = all('google_firestore_field').filter(({ attributes }) => attributes['ttl_config'])
      expect(
        expiring.map(({ stack, attributes }) => `${stack} ${String(attributes['collection'])}`).toSorted(),
      ).toEqual(
        services
          .flatMap(({ name, collections }) =>
            Object.entries(collections)
              .filter(([, { keptForDays }]) => keptForDays !== undefined)
              .map(([collection]) => `${environment.name}-${name} ${collection}`),
          )
          .toSorted(),
      )
      for (const { attributes } of expiring) {
        expect(attributes['field']).toBe('expireAt')
        expect(block(attributes['index_config'])).toEqual({})
      }
    })

    it('keeps every dead letter for 31 days', () => {
      const topics = all('google_pubsub_topic')
        .map(({ attributes }) => String(attributes['name']))
        .filter((name) => name.endsWith('-dead-letters'))
      const kept = all('google_pubsub_subscription').filter(({ attributes }) =>
        String(attributes['name']).endsWith('-dead-letters'),
      )
      expect(kept.map(({ attributes }) => String(attributes['name'])).toSorted()).toEqual(topics.toSorted())
      for (const { attributes } of kept) expect(attributes['message_retention_duration']).toBe('2678400s')
    })

    it('retains dead letters and reports of stuck sagas for people, and has no other subscription without a consumer', () => {
      const pulled = all('google_pubsub_subscription').filter(
        ({ attributes }) => !attributes['push_config'] && !attributes['bigquery_config'],
      )
      const names = pulled.map(({ attributes }) => String(attributes['name']))
      expect(names.filter((name) => !name.endsWith('-dead-letters'))).toEqual(['operators.saga.stuck'])
      for (const { attributes } of pulled) expect(attributes['message_retention_duration']).toBe('2678400s')
    })

    it('writes every event type to BigQuery', () => {
      const kept = all('google_pubsub_subscription').filter(({ attributes }) => attributes['bigquery_config'])
      expect(kept.map(({ attributes }) => String(attributes['name'])).toSorted()).toEqual(
        [...new Set(services.flatMap(publishedBy))].map((type) => `bigquery.${type}`).toSorted(),
      )
    })

    it('limits each service to its own database', () => {
      for (const { stack, attributes } of all('google_project_iam_member').filter(
        ({ attributes }) => attributes['role'] === 'roles/datastore.user',
      )) {
        const service = stack.slice(environment.name.length + 1)
        expect(block(attributes['condition'])['expression']).toBe(
          `resource.name == "projects/${environment.projectId}/databases/${service}"`,
        )
      }
    })
  },
)

it('one topic for reports of stuck sagas gives every service with a saga only the right to publish', () => {
  const { objective: _, ...saga } = services.find(({ name }) => name === 'orders')!.saga!
  const both = services.map((service) => (service.name === 'shipping' ? { ...service, saga } : service))
  const stacks = synthesize(dev, { ...business, services: both })
  const topics = declared(dev, 'google_pubsub_topic', stacks).filter(
    ({ attributes }) => attributes['name'] === stuckEvent,
  )
  expect(topics.map(({ stack }) => stack)).toEqual(['dev-bus'])
  const [{ address } = { address: '' }] = topics
  const [publishers] = declared(dev, 'google_pubsub_topic_iam_binding', stacks).filter(({ attributes }) =>
    String(attributes['topic']).includes(address),
  )
  expect(publishers!.attributes['members']).toEqual(['orders', 'shipping'].map((name) => serviceMember(name, dev)))
  const without = services.map((service) => ({ ...service, saga: undefined })) as unknown as Service[]
  const { 'orders-completed': _goal, ...goals } = business.goals(dev)
  const sagaless = { ...business, services: without, goals: () => goals }
  const names = declared(dev, 'google_pubsub_topic', synthesize(dev, sagaless)).map(
    ({ attributes }) => attributes['name'],
  )
  expect(names).not.toContain(stuckEvent)
})

describe('environments', () => {
  it('protect data in prod, and allow the destruction of dev', () => {
    for (const [environment, isProtected] of [
      [prod, true],
      [dev, false],
    ] as const) {
      for (const { attributes } of declared(environment, 'google_firestore_database')) {
        expect(attributes['delete_protection_state']).toBe(
          isProtected ? 'DELETE_PROTECTION_ENABLED' : 'DELETE_PROTECTION_DISABLED',
        )
        // A database that is abandoned stays at Google, and the next deployment can not create it.
        expect(attributes['deletion_policy']).toBe('DELETE')
        expect(attributes['point_in_time_recovery_enablement']).toBe(
          isProtected ? 'POINT_IN_TIME_RECOVERY_ENABLED' : 'POINT_IN_TIME_RECOVERY_DISABLED',
        )
      }
      for (const { attributes } of declared(environment, 'google_cloud_run_v2_service'))
        expect(attributes['deletion_protection']).toBe(isProtected)
      for (const { attributes } of declared(environment, 'google_bigquery_table').filter(
        (one) => !one.attributes['view'],
      ))
        expect(attributes['deletion_protection']).toBe(isProtected)
    }
  })

  it('refuse in every stack of prod to destroy what holds data, and in none of dev', () => {
    const isRefused = ({ json }: StackJson): boolean =>
      Object.values(json.resource!)
        .flatMap((byId) => Object.values(byId))
        .some(({ lifecycle }) => (lifecycle as Block | undefined)?.['prevent_destroy'] === true)
    expect(stacksOf(prod).filter((stack) => !isRefused(stack))).toEqual([])
    expect(stacksOf(dev).filter(isRefused)).toEqual([])
    for (const type of ['google_firestore_database', 'google_pubsub_subscription', 'google_cloud_tasks_queue'])
      for (const { attributes } of declared(prod, type))
        expect(attributes['lifecycle']).toEqual({ prevent_destroy: true })
  })

  it('back every database up each day and each week, longer where data is protected', () => {
    for (const environment of [dev, prod]) {
      const databases = declared(environment, 'google_firestore_database').map(({ stack }) => stack)
      const schedules = declared(environment, 'google_firestore_backup_schedule').map(({ stack, attributes }) => [
        stack,
        attributes['daily_recurrence'] ? 'daily' : block(attributes['weekly_recurrence'])['day'],
        Number.parseInt(String(attributes['retention'])) / 86_400,
      ])
      expect(schedules).toEqual(
        databases.flatMap((stack) => [
          [stack, 'daily', environment === prod ? 7 : 1],
          [stack, 'SUNDAY', environment === prod ? 28 : 7],
        ]),
      )
    }
  })

  it('make a service public without a grant to all users, where the organization refuses it', () => {
    const stacks = synthesize({ ...prod, publicAccess: 'unchecked' }, business)
    const unchecked = declared(prod, 'google_cloud_run_v2_service', stacks).filter(
      ({ attributes }) => attributes['invoker_iam_disabled'] !== undefined,
    )
    expect(unchecked.map(({ stack, attributes }) => [stack, attributes['invoker_iam_disabled']])).toEqual([
      ['prod-gateway', true],
    ])
    expect(JSON.stringify(stacks)).not.toContain('allUsers')
    expect(stacks.find(({ name }) => name === 'prod-gateway')!.json.resource).not.toHaveProperty(
      'google_cloud_run_v2_service_iam_binding',
    )
  })

  it('run the image of their own release in the services that have one, and that of the environment in all others', () => {
    const [ours, orders] = ['1', '2'].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string]
    const releases = releasesIn({ prod: ours, 'prod/orders': orders, 'dev/catalog': 'sha256:other' }, 'prod')
    const stacks = synthesize({ ...prod, imageDigest: ours, releases }, business)
    const digests = services.map(({ name }) => [
      name,
      stacks.find((stack) => stack.name === `prod-${name}`)!.json.variable!['image_digest']!.default,
    ])
    expect(digests).toEqual(services.map(({ name }) => [name, name === 'orders' ? orders : ours]))
    expect(() => synthesize({ ...prod, releases: { ordres: orders } }, business)).toThrow(
      'stacks/images.json has "prod/ordres", but there is no service ordres.',
    )
  })

  it('place the databases in a multi-region, and everything else in the region', () => {
    const stacks = synthesize({ ...prod, databaseLocation: 'eur3' }, business)
    const locations = declared(prod, 'google_firestore_database', stacks).map(
      ({ attributes }) => attributes['location_id'],
    )
    expect(new Set(locations)).toEqual(new Set(['eur3']))
    expect(JSON.stringify(stacks).match(/eur3/g)).toHaveLength(locations.length)
  })

  it('declare the same resources, so that the laptop and prod run the same system; only a budget is optional', () => {
    const addresses = allEnvironments.map((environment) =>
      (environment.budget
        ? synthesize({ ...environment, budget: undefined }, business)
        : stacksOf(environment)
      ).flatMap(({ name, json }) =>
        Object.entries(json.resource ?? {}).flatMap(([type, byName]) =>
          Object.keys(byName).map((id) => `${name.slice(environment.name.length)} ${type}.${id}`),
        ),
      ),
    )
    for (const some of addresses) expect(some).toEqual(addresses[0])
  })

  it('are applied in an order in which the public service comes after the services behind it, and alerts and objectives after what they watch', () => {
    const app = new App()
    addEnvironment(app, dev, business)
    const after = app.node.children
      .filter((child) => TerraformStack.isStack(child))
      .map((stack) => [stack.node.id, stack.dependencies.map(({ node }) => node.id)])
    const each = services.map(({ name }) => `dev-${name}`)
    expect(Object.fromEntries(after)).toEqual({
      'dev-platform': [],
      'dev-bus': ['dev-platform'],
      ...Object.fromEntries(each.map((name) => [name, ['dev-bus']])),
      'dev-gateway': ['dev-bus', ...each.filter((name) => name !== 'dev-gateway')],
      'dev-observability': each,
    })
  })

  it('refuse a name that Google would refuse, with the rule', () => {
    const history = services.find((one) => one.name === 'history')!
    const named = (name: string): Business => ({
      ...business,
      services: [{ ...history, name, on: [] }],
      settings: () => ({}),
      goals: () => ({}),
      minInstances: () => ({}),
    })
    expect(() => synthesize(dev, named('ab'))).toThrow(
      '"ab" can\'t name a service account: it takes 6 to 30 lower-case letters',
    )
    expect(() => synthesize(dev, named('Upper-case'))).toThrow(/"Upper-case" can't name/)
  })

  it('get the strict figures of prod from the shop until they have their own', () => {
    const added = { ...prod, name: 'added' }
    const withoutName = (text: string): string => text.replaceAll(/\.(?:prod|added)\./g, '.')
    expect(withoutName(JSON.stringify(business.settings(added)))).toBe(
      withoutName(JSON.stringify(business.settings(prod))),
    )
    expect(business.goals(added)).toEqual(business.goals(prod))
    expect(business.goals(dev)).not.toEqual(business.goals(prod))
  })

  it('have every view that lies in the folder of views', () => {
    const { folder, names } = business.views
    expect(readdirSync(folder).toSorted()).toEqual(names.map((name) => `${name}.sql`).toSorted())
  })

  it('refuse a missing setting by its name', () => {
    const asking = services.map((service) =>
      service.name === 'payments' ? { ...service, settings: [defineSetting('NOBODY_SET_IT', httpUrl)] } : service,
    )
    expect(() => synthesize(dev, { ...business, services: asking })).toThrow(
      /payments reads the setting NOBODY_SET_IT, which the environment dev does not have/,
    )
  })
})

it('the README shows the first start with about as many resources as there are', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const [, synthesized, provisioned] = /synthesized, (\d+) resources[\s\S]*provisioning (\d+) of/.exec(readme)!
  const resources = resourcesOf(stacksOf(localEnvironment(localPorts(4100, business))))
  // Each new event adds some: the figures are those of an example.
  const isAbout = (shown: string, actual: number): boolean => Math.abs(Number(shown) - actual) < actual / 10
  expect([isAbout(synthesized!, resources.length), isAbout(provisioned!, planOf(resources).length)]).toEqual([
    true,
    true,
  ])
})

it.each([
  [{ kind: 'simulator' }, []],
  [{ kind: 'stripe', returnUrl: 'https://shop.example.com/orders' }, ['SECRET_PAYMENT_WEBHOOK_KEY']],
])('with the payment provider %j the gateway gets the secrets %j', (api, expected) => {
  const settings: Business['settings'] = (deployment) => ({
    ...business.settings(deployment),
    PAYMENT_PROVIDER_API: JSON.stringify(api),
  })
  const stacks = synthesize(dev, { ...business, settings })
  const { attributes } = declared(dev, 'google_cloud_run_v2_service', stacks).find(
    (one) => one.attributes['name'] === 'gateway',
  )!
  const [container] = block(attributes['template'])['containers'] as [Block]
  const variables = container['env'] as { name: string; value_source?: unknown }[]
  expect(variables.filter((one) => one.value_source !== undefined).map(({ name }) => name)).toEqual(expected)
})

describe('versions of secrets', () => {
  it('are the first ones until the file names another, and only numbers', () => {
    expect(pinnedVersion('prod/partner-key', {})).toBe('1')
    expect(pinnedVersion('prod/partner-key', { 'prod/partner-key': '12', 'dev/partner-key': '3' })).toBe('12')
    for (const version of ['latest', '0', '01', '1.5', ''])
      expect(() => pinnedVersion('prod/partner-key', { 'prod/partner-key': version })).toThrow(
        `"prod/partner-key": "${version}", but a version is a number`,
      )
  })

  it('that a service gets are those of its environment', () => {
    const stacks = synthesize({ ...prod, secretVersion: (secret) => `${secret.length}` }, business)
    const payments = stacks.find(({ name }) => name === 'prod-payments')!
    expect(JSON.stringify(payments.json)).toContain(
      '{"secret_key_ref":{"secret":"payment-provider-key","version":"20"}}',
    )
  })
})
