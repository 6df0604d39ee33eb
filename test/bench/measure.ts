/** Helpers of all measurements: processor time of all processes, medians, percentiles, memory. */

import { readFileSync } from 'node:fs'
import type { TestPlatform } from '../support/platform.ts'

/** Linux counts processor time in hundredths of a second. */
const TICK_MS = 10

/** User and system time of a process so far; undefined where there is no /proc, or no such process. */
export function cpuMsOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return undefined
  }
}

/** Undefined as above. */
export const rssMbOf = (pid: number): number | undefined => memoryMbOf(pid)['RSS MB']

/** The resident memory, and the process's share of it; empty as above. */
export function memoryMbOf(pid: number): { readonly 'RSS MB'?: number; readonly 'PSS MB'?: number } {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const mb = (name: string): number =>
      rounded((Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024) / 1e6, 0)
    return { 'RSS MB': mb('Rss'), 'PSS MB': mb('Pss') }
  } catch {
    return {}
  }
}

export const ownCpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The processor time of this process (local cloud, partners and clients) and of each service. */
export function cpuByProcess(platform: TestPlatform): Map<string, number> {
  const result = new Map([['local cloud and clients', ownCpuMs()]])
  for (const { service, pid } of platform.run.processes()) {
    const ms = cpuMsOf(pid)
    if (ms !== undefined) result.set(service, (result.get(service) ?? 0) + ms)
  }
  return result
}

export const median = (values: readonly number[]): number => percentile(values, 0.5)

/** The percentile: this share of the values does not exceed it. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
}

export const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits))

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

export interface Load {
  readonly clients: number
  readonly orders: number
  /** Places one order and resolves when it has ended. */
  order(): Promise<unknown>
}

export interface Served {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Runs so many clients; each places its next order when its last one has ended. */
export async function underLoad({ clients, orders, order }: Load): Promise<Served> {
  const latencies: number[] = []
  let left = orders
  const totalMs = await timed(() =>
    Promise.all(
      Array.from({ length: clients }, async () => {
        while (left-- > 0) latencies.push(await timed(order))
      }),
    ),
  )
  return {
    perSecond: (orders * 1000) / totalMs,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  }
}
