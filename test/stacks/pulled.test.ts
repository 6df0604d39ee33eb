/** A service whose events workers pull, in an environment that chose so: beside the stacks of the same environment with pushes. */

import type { StackJson } from 'local-google-cloud'
import { describe, expect, it } from 'vitest'
import { planOf, resourcesOf } from '../../emulators/start.ts'
import { business, services } from '../../functions/index.ts'
import type { Business } from '../../shared/service/business.ts'
import { synthesize } from '../../stacks/app.ts'
import { monthlyLines } from '../../cli/bill/monthly.ts'
import { type Attributes, allEnvironments, type Declared, declared, stacksOf } from './synthesized.testing.ts'

const PULLED = 'history'
const { on, scale } = services.find(({ name }) => name === PULLED)!
const withPull: Business = { ...business, delivery: () => ({ [PULLED]: 'pull' }) }

type Block = Readonly<Record<string, unknown>>
const block = (value: unknown): Block => (Array.isArray(value) ? value[0] : value) as Block
const without = (attributes: Attributes | undefined, ...names: readonly string[]): object =>
  Object.fromEntries(Object.entries(attributes ?? {}).filter(([name]) => !names.includes(name)))

const addressOf = ({ stack, address }: Declared): string => `${stack} ${address}`

describe.each(allEnvironments.map((environment) => [environment.name, environment] as const))(
  '%s',
  (_, environment) => {
    const pushed = stacksOf(environment)
    const pulled = synthesize(environment, withPull)
    const before = (type: string) => new Map(declared(environment, type, pushed).map((one) => [addressOf(one), one]))
    const all = (type: string) => declared(environment, type, pulled)
    const email = (account: string): string =>
      `serviceAccount:${account}@${environment.projectId}.iam.gserviceaccount.com`

    it('has the same stacks for all other services', () => {
      const ofOthers = (stacks: readonly StackJson[]) =>
        stacks.filter(({ name }) => name !== `${environment.name}-${PULLED}`)
      expect(ofOthers(pulled)).toEqual(ofOthers(pushed))
    })

    it('has the same subscriptions under the same addresses, but for the push: no message is lost on the way', () => {
      const former = before('google_pubsub_subscription')
      const changed = all('google_pubsub_subscription').filter(
        (one) => JSON.stringify(one.attributes) !== JSON.stringify(former.get(addressOf(one))?.attributes),
      )
      expect(changed.map(({ attributes }) => String(attributes['name'])).toSorted()).toEqual(
        on.map((type) => `${PULLED}.${type}`).toSorted(),
      )
      for (const one of changed) {
        expect(one.attributes).toEqual(without(former.get(addressOf(one))?.attributes, 'push_config'))
        expect(one.attributes).toHaveProperty('dead_letter_policy')
      }
      expect(all('google_pubsub_subscription')).toHaveLength(former.size)
    })

    it('lets the service read them, beside the agent that dead-letters, and lets no account push', () => {
      const subscribers = all('google_pubsub_subscription_iam_binding').filter(({ address }) =>
        address.includes('agent-subscriber-'),
      )
      for (const { stack, attributes } of subscribers)
        expect((attributes['members'] as string[]).includes(email(PULLED))).toBe(
          stack === `${environment.name}-${PULLED}`,
        )
      const former = before('google_cloud_run_v2_service_iam_binding')
      for (const one of all('google_cloud_run_v2_service_iam_binding')) {
        const members = former.get(addressOf(one))?.attributes['members'] as string[]
        expect(one.attributes['members']).toEqual(members.filter((member) => member !== email(`${PULLED}-push`)))
      }
    })

    it('runs its workers with its account, image, variables and limits, as many as its description says', () => {
      const [pool, ...others] = all('google_cloud_run_v2_worker_pool')
      expect(others).toEqual([])
      const service = all('google_cloud_run_v2_service').find(({ attributes }) => attributes['name'] === PULLED)!
      const [worker, run] = [pool!, service].map(({ attributes }) => block(attributes['template'])) as [Block, Block]
      const [mine, its] = [worker, run].map(({ containers }) => block(containers)) as [Block, Block]
      expect(pool!.attributes).toMatchObject({
        name: `${PULLED}-pull`,
        location: environment.region,
        deletion_protection: false,
      })
      // https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.workerPools#workerpoolscaling
      expect(pool!.attributes['scaling']).toEqual({ manual_instance_count: scale.workers })
      // All instances are of the latest release.
      expect(pool!.attributes['instance_splits']).toEqual([
        { type: 'INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST', percent: 100 },
      ])
      expect(worker['service_account']).toBe(run['service_account'])
      expect(mine).toMatchObject({
        image: its['image'],
        command: ['node'],
        args: ['functions/main.ts', PULLED, 'pull'],
        resources: { limits: block(its['resources'])['limits'] },
      })
      const variables = (its['env'] as Block[]).filter(({ name }) => name !== 'INGRESS')
      expect(mine['env']).toEqual(variables)
    })

    it('has a local part for each resource', () => {
      const types = planOf(resourcesOf(pulled)).map(({ resource }) => resource.type)
      expect(types).toContain('google_cloud_run_v2_worker_pool')
    })
  },
)

it('a saga whose events are pulled has its ends counted, whether a worker or the service logs them', () => {
  const [local] = allEnvironments
  const [{ name: service }] = services.filter(({ saga }) => saga?.objective) as [(typeof services)[number]]
  const pulled = synthesize(local!, { ...business, delivery: () => ({ [service]: 'pull' }) })
  const [counter] = declared(local!, 'google_logging_metric', pulled).filter(
    ({ attributes }) => attributes['name'] === 'saga-ended',
  )
  const filters = declared(local!, 'google_monitoring_slo', pulled)
    .map(({ attributes }) => block(block(attributes['request_based_sli'])['good_total_ratio']))
    .flatMap((ratio) => [ratio?.['good_service_filter'], ratio?.['bad_service_filter']])
    .filter((filter) => String(filter).includes('saga-ended'))
  expect(filters).toHaveLength(2)
  for (const filter of [counter!.attributes['filter'], ...filters])
    for (const resource of ['cloud_run_revision', 'cloud_run_worker_pool']) expect(filter).toContain(`"${resource}"`)
})

it('is priced by the month, for its workers run always', () => {
  const [local] = allEnvironments
  const usd = (of: Business): number =>
    monthlyLines(synthesize(local!, of))
      .filter(({ item }) => item.startsWith('run-worker'))
      .reduce((sum, line) => sum + line.usd, 0)
  expect(usd(business)).toBe(0)
  // 1 vCPU and 0.5 GiB.
  expect(usd(withPull)).toBeCloseTo((0.000011244 + 0.5 * 0.000001235) * 30 * 86_400, 6)
})

it('a delivery of a service that has no events, or does not exist, is refused by name', () => {
  const [local] = allEnvironments
  expect(() => synthesize(local!, { ...business, delivery: () => ({ gateway: 'pull' }) })).toThrow(
    /gateway in the delivery of the business for the environment local: there is no such service with events/,
  )
})
