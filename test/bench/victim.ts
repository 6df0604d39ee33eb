/** The latency of a gateway's customers without and with each attack, alternately; the ratio is the figure. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { median, percentile, rounded, rssMbOf, timed } from './measure.ts'
import type { Section } from './section.ts'

const PHASE_MS = 3_000
/** The time in which an attack reaches its full effect. */
const RAMP_MS = 1_000
const CLIENTS = 8
/** Requests a second, of the 20 that production allows. */
const STAFF_EVERY_MS = 100

interface Target {
  readonly port: number
  readonly customers: readonly string[]
  readonly staff: string
  readonly mallory: string
}

interface Phase {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly refused: number
  readonly staffRefused: number
  readonly rssMb: number
}

export const victim: Section = {
  name: 'victim',
  about: "requests/s of a gateway's customers alone and beside each attack, and the gateway's memory",
  async run({ runs }) {
    const rows = []
    for (const attack of await attackNames()) {
      const alone: Phase[] = []
      const beside: Phase[] = []
      for (let at = 0; at < runs; at++) {
        // One gateway for each attack, so that its memory is the attack's.
        const child = fork(join(import.meta.dirname, 'victim-gateway.child.ts'))
        const [target] = (await once(child, 'message')) as [Target]
        // One phase warms code and tokens.
        await phase(child, target)
        alone.push(await phase(child, target))
        const attacker = fork(join(import.meta.dirname, 'attack.child.ts'), [
          attack,
          String(target.port),
          target.mallory,
        ])
        await new Promise((resolve) => setTimeout(resolve, RAMP_MS))
        beside.push(await phase(child, target))
        await ended(attacker)
        await ended(child)
      }
      rows.push(row(attack, alone, beside))
    }
    return [{ title: `${CLIENTS} clients, ${PHASE_MS / 1000} s each, medians of ${runs} runs`, rows }]
  },
}

async function attackNames(): Promise<string[]> {
  const child = fork(join(import.meta.dirname, 'attack.child.ts'), ['names'])
  const [names] = (await once(child, 'message')) as [string[]]
  await ended(child)
  return names
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Customers request a product from their own addresses; staff from the attacker's address. */
async function phase(gateway: ChildProcess, { port, customers, staff }: Target): Promise<Phase> {
  const untilMs = performance.now() + PHASE_MS
  const latencies: number[] = []
  let refused = 0
  let staffRefused = 0
  let rssMb = 0
  let next = 0
  const get = async (token: string, address: string): Promise<boolean> => {
    const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': address }
    const answer = await fetch(`http://127.0.0.1:${port}/v2/products/TEA-001`, { headers }).catch(() => undefined)
    await answer?.body?.cancel()
    return answer?.status === 200
  }
  const client = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const at = next++ % customers.length
      const tookMs = await timed(async () => {
        if (!(await get(customers[at]!, `198.51.${100 + Math.floor(at / 200)}.${at % 200}`))) refused += 1
      })
      latencies.push(tookMs)
    }
  }
  const neighbour = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      if (!(await get(staff, '203.0.113.66'))) staffRefused += 1
      rssMb = Math.max(rssMb, rssMbOf(gateway.pid!) ?? 0)
      await new Promise((resolve) => setTimeout(resolve, STAFF_EVERY_MS))
    }
  }
  const tookMs = await timed(() => Promise.all([...Array.from({ length: CLIENTS }, client), neighbour()]))
  return {
    perSecond: (latencies.length * 1000) / tookMs,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    refused,
    staffRefused,
    rssMb,
  }
}

function row(attack: string, alone: readonly Phase[], beside: readonly Phase[]): Record<string, unknown> {
  const of = (phases: readonly Phase[], figure: keyof Phase): number => median(phases.map((one) => one[figure]))
  const sum = (figure: keyof Phase): number => beside.reduce((all, one) => all + one[figure], 0)
  return {
    attack,
    'alone: requests/s': rounded(of(alone, 'perSecond'), 0),
    'p99 ms': rounded(of(alone, 'p99Ms')),
    MB: rounded(of(alone, 'rssMb'), 0),
    'beside: requests/s': rounded(of(beside, 'perSecond'), 0),
    share: `${Math.round((of(beside, 'perSecond') / of(alone, 'perSecond')) * 100)} %`,
    'beside: p99 ms': rounded(of(beside, 'p99Ms')),
    'beside: MB': rounded(of(beside, 'rssMb'), 0),
    'customers refused': sum('refused'),
    'staff refused': sum('staffRefused'),
  }
}
