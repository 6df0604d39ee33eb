/**
 * The billed time of a service in both of Cloud Run's modes: https://cloud.google.com/run/pricing.
 * By request: while an instance starts or has a request, each such span rounded up to 100 ms, and the requests themselves.
 * By instance: from its start to its end, at least a minute. Both times the CPU and memory of all of its containers.
 */

import type { CloudContext } from '../../core/plugin.ts'
import type { Container, ServiceResource } from '../values/service.ts'

const ROUND_UP_TO_MS = 100
const MIN_INSTANCE_MS = 60_000
const DEFAULT_LIMITS = { cpu: '1', memory: '512Mi' }

export interface Meter {
  request(): void
  /** An instance begins to start. */
  instance(): InstanceMeter
}

/** Of one instance, from its start, which is billed as a request is. */
export interface InstanceMeter {
  busy(): void
  idle(): void
  ends(): void
}

export function createMeter(context: CloudContext, service: string, resource: () => ServiceResource): Meter {
  const count = (mode: 'request' | 'instance', ms: number): void => {
    const { vcpu, gib } = sizeOf(resource())
    context.count(`run.${mode}.vcpuMs`, ms * vcpu)
    context.count(`run.${mode}.gibMs`, ms * gib)
  }
  return {
    request() {
      context.count('run.requests')
      context.count(`run.requests.${service}`)
    },
    instance() {
      const sinceMs = context.clock.now()
      let busySinceMs: number | undefined = sinceMs
      let countedMs = 0
      let hasEnded = false
      const settle = (): void => {
        const livedMs = context.clock.now() - sinceMs
        count('instance', livedMs - countedMs)
        countedMs = livedMs
      }
      return {
        busy: () => void (busySinceMs ??= context.clock.now()),
        idle() {
          if (busySinceMs === undefined) return
          const busyMs = context.clock.now() - busySinceMs
          busySinceMs = undefined
          count('request', Math.ceil(busyMs / ROUND_UP_TO_MS) * ROUND_UP_TO_MS)
          // So that the bill of an instance that lives on is not empty.
          if (!hasEnded) settle()
        },
        ends() {
          hasEnded = true
          settle()
          if (countedMs < MIN_INSTANCE_MS) count('instance', MIN_INSTANCE_MS - countedMs)
        },
      }
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
