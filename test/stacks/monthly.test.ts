import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { synthesize } from '../../stacks/app.ts'
import { environments } from '../../stacks/environments.ts'
import { monthlyLines } from '../../cli/bill/monthly.ts'
import { stacksOf } from './synthesized.testing.ts'

const { prod } = environments
const linesWith = (minInstances: Readonly<Record<string, number>>) =>
  monthlyLines(synthesize(prod, { ...business, minInstances: () => minInstances }))
const usdOf = (lines: ReturnType<typeof monthlyLines>, item: RegExp): number =>
  lines.filter((line) => item.test(line.item)).reduce((sum, { usd }) => sum + usd, 0)

it('prices each kept instance: 1 vCPU and 0.5 GiB for 30 days', () => {
  const oneUsd = 1.5 * 0.0000025 * 30 * 86_400
  expect(usdOf(linesWith({}), /^run/)).toBe(0)
  expect(usdOf(linesWith({ gateway: 1 }), /^run/)).toBeCloseTo(oneUsd, 6)
  expect(usdOf(linesWith({ gateway: 2, orders: 1 }), /^run/)).toBeCloseTo(3 * oneUsd, 6)
  const all = Object.fromEntries(services.map(({ name }) => [name, 1]))
  expect(usdOf(linesWith(all), /^run/)).toBeCloseTo(services.length * oneUsd, 6)
})

it('prices the zone, and each condition of an alert', () => {
  const lines = monthlyLines(stacksOf(prod))
  expect(usdOf(lines, /^dns/)).toBe(0.2)
  const conditions = lines.find(({ item }) => item === 'alert-conditions')!
  expect(conditions.quantity).toBeGreaterThan(10)
  expect(conditions.usd).toBeCloseTo(conditions.quantity * 0.1, 10)
})

it('prices one version of a secret in each place, and one where Google chooses the place', () => {
  const versionsOf = (replication: object) =>
    monthlyLines([
      { name: 'prod-one', json: { resource: { google_secret_manager_secret: { one: { replication } } } } },
    ]).map(({ quantity }) => quantity)
  expect(versionsOf({ auto: {} })).toEqual([1])
  expect(
    versionsOf({ user_managed: { replicas: [{ location: 'europe-west1' }, { location: 'europe-west4' }] } }),
  ).toEqual([2])
})

it.each([
  ['500m', '1Gi', 0.5 + 1],
  ['2', '256Mi', 2 + 0.25],
])('reads the limits %s and %s', (cpu, memory, units) => {
  const template = { scaling: { min_instance_count: 1 }, containers: [{ resources: { limits: { cpu, memory } } }] }
  const json = { resource: { google_cloud_run_v2_service: { one: { template } } } }
  const usd = monthlyLines([{ name: 'prod-one', json }]).reduce((sum, line) => sum + line.usd, 0)
  expect(usd).toBeCloseTo(units * 0.0000025 * 30 * 86_400, 6)
})

const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8')
/** Of the table in docs/deploy.md, which shows the environments of the repository: another one needs no row. */
const rows = [...page.matchAll(/^\| ([\w-]+) +\|[^|]+\| \$([\d.]+) +\|$/gm)].map(
  ([, name, usd]) => [name!, usd!] as const,
)

it('has a row for prod in docs/deploy.md', () => expect(rows.map(([name]) => name)).toContain(prod.name))

it.each(rows)('is as docs/deploy.md has it: %s', (name, written) => {
  const environment = Object.values(environments).find((one) => one.name === name)
  expect(environment, `stacks/environments.ts has no ${name}: remove its row from docs/deploy.md`).toBeDefined()
  const usd = monthlyLines(stacksOf(environment!)).reduce((sum, line) => sum + line.usd, 0)
  expect(written).toBe(usd.toFixed(2))
})
