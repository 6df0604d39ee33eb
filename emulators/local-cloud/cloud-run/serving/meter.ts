/**
 * The billed time of a service in both of Cloud Run's modes: https://cloud.google.com/run/pricing.
 * By request: while at least one request is in flight, each such span rounded up to 100 ms, and the requests themselves.
 * By instance: from its start to its end, at least a minute. Both times the CPU and memory of all of its containers.
 */

import type { CloudContext } from '../../core/plugin.ts'
import type { Container, ServiceResource } from '../values/service.ts'

const ROUND_UP_TO_MS = 100
const MIN_INSTANCE_MS = 60_000
const DEFAULT_LIMITS = { cpu: '1', memory: '512Mi' }

export interface Meter {
  requestBegins(): void
  requestEnds(): void
  instanceBegins(): void
  instanceEnds(): void
}

export function createMeter(context: CloudContext, service: string, resource: () => ServiceResource): Meter {
  let active = 0
  let busySinceMs = 0
  /** Of the instance that lives: since when, and how far it has been counted. */
  let instance: { readonly sinceMs: number; countedMs: number } | undefined

  const count = (mode: 'request' | 'instance', ms: number): void => {
    const { vcpu, gib } = sizeOf(resource())
    context.count(`run.${mode}.vcpuMs`, ms * vcpu)
    context.count(`run.${mode}.gibMs`, ms * gib)
  }
  const settle = (): void => {
    if (!instance) return
    const livedMs = context.clock.now() - instance.sinceMs
    count('instance', livedMs - instance.countedMs)
    instance.countedMs = livedMs
  }
  return {
    requestBegins() {
      if (active++ === 0) busySinceMs = context.clock.now()
      context.count('run.requests')
      context.count(`run.requests.${service}`)
    },
    requestEnds() {
      if (--active === 0)
        count('request', Math.ceil((context.clock.now() - busySinceMs) / ROUND_UP_TO_MS) * ROUND_UP_TO_MS)
      // So that the bill of an instance that lives on is not empty.
      settle()
    },
    instanceBegins() {
      this.instanceEnds()
      instance = { sinceMs: context.clock.now(), countedMs: 0 }
    },
    instanceEnds() {
      settle()
      if (instance && instance.countedMs < MIN_INSTANCE_MS) count('instance', MIN_INSTANCE_MS - instance.countedMs)
      instance = undefined
    },
  }
}

/** vCPU and GiB of all containers: a sidecar is paid for as well. */
export function sizeOf({ template }: ServiceResource): { vcpu: number; gib: number } {
  const limits = template.containers.map(limitsOf)
  return {
    vcpu: limits.reduce((sum, { cpu }) => sum + vcpuOf(cpu), 0),
    gib: limits.reduce((sum, { memory }) => sum + gibOf(memory), 0),
  }
}

function limitsOf({ resources }: Container): { cpu: string; memory: string } {
  const { limits } = (resources ?? {}) as { limits?: Partial<typeof DEFAULT_LIMITS> }
  return { ...DEFAULT_LIMITS, ...limits }
}

/** `2` or `500m`. */
const vcpuOf = (cpu: string): number => (cpu.endsWith('m') ? Number(cpu.slice(0, -1)) / 1000 : Number(cpu))

const GIB: Readonly<Record<string, number>> = {
  Ki: 2 ** -20,
  Mi: 2 ** -10,
  Gi: 1,
  k: 1e3 / 2 ** 30,
  M: 1e6 / 2 ** 30,
  G: 1e9 / 2 ** 30,
}

/** `512Mi`, `1Gi`, or bytes. */
function gibOf(memory: string): number {
  const [, amount, unit] = /^([\d.]+)([A-Za-z]*)$/.exec(memory) ?? []
  return Number(amount) * (unit ? (GIB[unit] ?? Number.NaN) : 1 / 2 ** 30)
}
