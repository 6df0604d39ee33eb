/** The price of synthesized stacks for a month without requests: kept instances, and resources that are billed by their number. */

import type { StackJson } from 'local-google-cloud'
import { listPrices } from './price.ts'

const SECONDS_A_MONTH = 30 * 86_400

export interface MonthlyLine {
  readonly stack: string
  readonly item: string
  readonly quantity: number
  readonly unit: string
  readonly usd: number
}

type Block = Readonly<Record<string, unknown>>
const block = (value: unknown): Block => ((Array.isArray(value) ? value[0] : value) ?? {}) as Block
const blocks = (value: unknown): readonly Block[] => [value ?? []].flat() as Block[]

type PerInstance = Readonly<Record<'vcpu' | 'memory', number>>

/** vCPU-seconds and GiB-seconds of an instance that lives for a month. */
function monthOf(template: Block): PerInstance {
  const limits = blocks(template['containers']).map((container) => block(block(container['resources'])['limits']))
  const sum = (of: (limit: Block) => number): number => limits.reduce((total, limit) => total + of(limit), 0)
  return {
    vcpu: SECONDS_A_MONTH * sum(({ cpu }) => cpuOf(String(cpu))),
    memory: SECONDS_A_MONTH * sum(({ memory }) => gibOf(String(memory))),
  }
}

/** The priced quantities of a resource in a month, by the name of the price. */
const priced: Readonly<Record<string, (resource: Block) => Readonly<Record<string, number>>>> = {
  google_cloud_run_v2_service(service) {
    const template = block(service['template'])
    const instances = Number(block(template['scaling'])['min_instance_count'] ?? 0)
    const { vcpu, memory } = monthOf(template)
    return { 'run-idle-vcpu': instances * vcpu, 'run-idle-memory': instances * memory }
  },
  google_cloud_run_v2_worker_pool(pool) {
    const instances = Number(block(pool['scaling'])['manual_instance_count'])
    const { vcpu, memory } = monthOf(block(pool['template']))
    return { 'run-worker-vcpu': instances * vcpu, 'run-worker-memory': instances * memory }
  },
  google_cloud_scheduler_job: () => ({ 'scheduler-jobs': 1 }),
  // A secret has one version in each place, and two while it is rotated.
  google_secret_manager_secret: ({ replication }) => ({
    'secret-versions': Math.max(1, blocks(block(block(replication)['user_managed'])['replicas']).length),
  }),
  google_dns_managed_zone: () => ({ 'dns-zones': 1 }),
  google_monitoring_alert_policy: ({ conditions }) => ({ 'alert-conditions': blocks(conditions).length }),
}

/** The lines of all stacks. Free resources are left out, and so is storage, which is free at first and grows with use. */
export function monthlyLines(stacks: readonly StackJson[]): MonthlyLine[] {
  return stacks.flatMap(({ name, json }) => {
    const quantities = new Map<string, number>()
    for (const [type, byId] of Object.entries(json.resource ?? {}))
      for (const resource of Object.values(byId))
        for (const [price, quantity] of Object.entries(priced[type]?.(resource) ?? {}))
          quantities.set(price, (quantities.get(price) ?? 0) + quantity)
    return [...quantities]
      .filter(([, quantity]) => quantity > 0)
      .map(([item, quantity]) => {
        const { usd, per, unit } = listPrices.prices[item]!
        return { stack: name, item, quantity, unit, usd: (quantity * usd) / per }
      })
  })
}

/** `1`, `0.5` or `500m`. */
function cpuOf(text: string): number {
  return checked(text, text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text))
}

/** `512Mi` or `1Gi`. */
function gibOf(text: string): number {
  const [, amount, unit] = /^([\d.]+)(Mi|Gi)$/.exec(text) ?? []
  return checked(text, unit === 'Mi' ? Number(amount) / 1024 : Number(amount))
}

function checked(text: string, value: number): number {
  if (value > 0) return value
  throw new Error(`A container has the limit "${text}", which is no number of vCPUs and no amount in Mi or Gi.`)
}
