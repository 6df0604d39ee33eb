/** The schedules of a description as jobs of Cloud Scheduler, and the one grant that they need. */

import { expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import type { Business } from '../../shared/service/business.ts'
import { defineService } from '../../shared/service/service.ts'
import { synthesize } from '../../stacks/app.ts'
import { environments } from '../../stacks/environments.ts'
import { monthlyLines } from '../../cli/bill/monthly.ts'
import { declared } from './synthesized.testing.ts'

const { dev } = environments
const library = defineService({
  name: 'library',
  ingress: 'internal',
  contracts: defineContracts({
    service: 'library',
    events: {},
    commands: { CountShelves: { version: 3, data: z.strictObject({ hall: z.string() }), example: { hall: 'a' } } },
  }),
  uses: [],
  on: [],
  sends: [],
  schedules: {
    nightly: { cron: '0 3 * * *', timeZone: 'Europe/Berlin', command: 'CountShelves', data: { hall: 'a' } },
  },
})
const business: Business = {
  services: { 0: library },
  partners: {},
  views: { folder: new URL('.', import.meta.url), names: [] },
  settings: () => ({}),
  goals: () => ({}),
}
const stacks = synthesize(dev, business)
const all = (type: string) => declared(dev, type, stacks).map(({ attributes }) => attributes)
const email = (account: string): string => `${account}@millrace-dev.iam.gserviceaccount.com`

it('a schedule is a job that calls its service with OIDC, and is repeated', () => {
  const url = dev.serviceUrl('library')
  expect(all('google_cloud_scheduler_job')).toMatchObject([
    {
      name: 'library-nightly',
      region: 'europe-west1',
      schedule: '0 3 * * *',
      time_zone: 'Europe/Berlin',
      attempt_deadline: '60s',
      retry_config: { retry_count: 5, min_backoff_duration: '30s', max_backoff_duration: '600s' },
      http_target: {
        http_method: 'POST',
        uri: `${url}/schedules/nightly`,
        headers: { 'content-type': 'application/json' },
        oidc_token: { service_account_email: email('library-cron'), audience: url },
      },
    },
  ])
  const { body } = all('google_cloud_scheduler_job')[0]!['http_target'] as { readonly body: string }
  expect(JSON.parse(Buffer.from(body, 'base64').toString())).toEqual({ version: 3, data: { hall: 'a' } })
})

it('its account may invoke the service, and nothing else', () => {
  const member = `serviceAccount:${email('library-cron')}`
  const grants = stacks.flatMap(({ json }) =>
    Object.entries(json.resource ?? {}).flatMap(([type, resources]) =>
      Object.values(resources)
        .filter(({ members, member: one }) => [members ?? one].flat().includes(member))
        .map(({ role }) => `${type} ${String(role)}`),
    ),
  )
  expect(grants).toEqual(['google_cloud_run_v2_service_iam_binding roles/run.invoker'])
})

it('the service may put the command into its own queue, and takes it from itself', () => {
  const queue = all('google_cloud_tasks_queue_iam_binding').map(({ members }) => members)
  expect(queue).toEqual([expect.arrayContaining([`serviceAccount:${email('library')}`])])
  const run = all('google_cloud_run_v2_service')[0]!
  const { containers } = run['template'] as {
    readonly containers: readonly { env: { name: string; value: string }[] }[]
  }
  const variable = (name: string) => containers[0]!.env.find((one) => one.name === name)!.value
  expect(JSON.parse(variable('SENDERS'))).toMatchObject({ CountShelves: [email('library')] })
  expect(JSON.parse(variable('PEERS'))).toEqual({ library: dev.serviceUrl('library') })
  expect(variable('CRON_ACCOUNT')).toBe(email('library-cron'))
})

it('an alert matches the errors that Cloud Scheduler logs', () => {
  const filters = all('google_monitoring_alert_policy').map((policy) => JSON.stringify(policy))
  expect(filters.filter((policy) => policy.includes('cloud_scheduler_job'))).toHaveLength(1)
})

it('a job has its price in the bill, without the three that are free', () => {
  const [line] = monthlyLines(stacks).filter(({ item }) => item === 'scheduler-jobs')
  expect(line).toMatchObject({ stack: 'dev-library', quantity: 1, usd: 0.1 })
})

it('a time zone that does not exist is refused with the name of its schedule', () => {
  const nightly = { ...library.schedules['nightly'], timeZone: 'Mars/Olympus' }
  const wrong = { ...business, services: { 0: { ...library, schedules: { nightly } } } }
  expect(() => synthesize(dev, wrong)).toThrow('the schedule "nightly" of library has the time zone "Mars/Olympus"')
})
