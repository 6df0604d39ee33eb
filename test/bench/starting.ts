/** Times of a start, of the first order with all services scaled to zero and with all started, of each service's cold start, and of a second start; memory at rest. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { giveBackIdleMemory } from 'local-google-cloud/host'
import { warmUp } from '../../emulators/warm-up.ts'
import { startTestPlatform, testPorts, type TestPlatform } from '../support/platform.ts'
import { services } from '../../functions/index.ts'
import { cpuMsOf, median, memoryMbOf, rounded, timed } from './measure.ts'
import { subscribeToOutcomes, place } from './outcomes.ts'
import type { Section } from './section.ts'

const NOTICED_MS = 500
/** Processes give memory back ten seconds after their last work, and the last of them has it from then on. */
const IDLE_MS = 30_000
/** The median of so many orders is what a later order takes. */
const LATER_ORDERS = 5

export const starting: Section = {
  name: 'starting',
  about:
    'start, first order, second start, first order once all services are started and a later one, a cold start of each service, memory at rest',
  async run({ runs }) {
    const starts: { start: number; firstOrder: number; second: number; firstWarm: number; later: number }[] = []
    let coldStarts: Record<string, unknown>[] = []
    let memory: Record<string, unknown>[] = []
    for (let at = 0; at < runs; at++) {
      const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
      const ports = await testPorts(services)
      let platform!: TestPlatform
      const start = await timed(
        async () => (platform = await startTestPlatform({ dataDirectory, ports, views: 'all' })),
      )
      const outcomes = await subscribeToOutcomes(platform.running)
      const firstOrder = await timed(() => place(outcomes, platform.customer()))
      const last = at === runs - 1
      if (last) coldStarts = await measureColdStarts(platform, () => place(outcomes, platform.customer()))
      await outcomes.close()
      if (last) {
        giveBackIdleMemory()
        await pause(IDLE_MS)
        memory = idleMemory(platform)
      }
      await platform.close()
      // The client of this process still holds connections to the ports, and takes a moment to notice their end.
      await pause(NOTICED_MS)
      const second = await timed(async () => {
        platform = await startTestPlatform({ dataDirectory, ports, seeded: false, views: 'all' })
      })
      const warm = await measureWarm(platform)
      await platform.close()
      rmSync(dataDirectory, { recursive: true, force: true })
      starts.push({ start, firstOrder, second, ...warm })
    }
    const seconds = (figure: keyof (typeof starts)[number]): number =>
      rounded(median(starts.map((one) => one[figure])) / 1000, 2)
    return [
      {
        title: `seconds, medians of ${runs} runs`,
        rows: [
          { what: 'start of the platform with its seeding, nothing kept', seconds: seconds('start') },
          {
            what: 'first order, every service scaled to zero, POST to order.completed',
            seconds: seconds('firstOrder'),
          },
          { what: 'second start, with the stored state', seconds: seconds('second') },
          { what: 'first order, every service started before', seconds: seconds('firstWarm') },
          { what: `a later order, median of ${LATER_ORDERS}`, seconds: seconds('later') },
        ],
      },
      { title: 'one service scaled to zero, all others running: one order', rows: coldStarts },
      { title: 'memory at rest', rows: memory },
    ]
  },
}

/** Of a platform that has had no order. */
async function measureWarm(platform: TestPlatform): Promise<{ firstWarm: number; later: number }> {
  await warmUp(
    platform.run,
    services.map(({ name }) => name),
  )
  const outcomes = await subscribeToOutcomes(platform.running)
  const order = (): Promise<number> => timed(() => place(outcomes, platform.customer()))
  const firstWarm = await order()
  const later: number[] = []
  for (let at = 0; at < LATER_ORDERS; at++) later.push(await order())
  await outcomes.close()
  return { firstWarm, later: median(later) }
}

/** Stops one service at a time; the next order starts it again. */
async function measureColdStarts(
  platform: TestPlatform,
  order: () => Promise<void>,
): Promise<Record<string, unknown>[]> {
  await order()
  const rows = []
  for (const { name } of services) {
    await platform.run.kill(name, 'SIGKILL')
    const startedMs = Date.now()
    await order()
    const first = platform.cloud
      .requestLog()
      .find(
        ({ kind, resource, timeMs, status }) =>
          kind === 'ingress' && resource === name && timeMs >= startedMs && status < 300,
      )
    const pid = platform.run.processes().find(({ service }) => service === name)?.pid
    rows.push({
      service: name,
      'first answer ms': first ? first.timeMs - startedMs : null,
      'CPU-ms so far': pid ? (cpuMsOf(pid) ?? null) : null,
    })
  }
  return rows
}

/** RSS counts pages that several processes share, such as the program of Node, in each of them; PSS counts its part of them. */
function idleMemory({ run }: TestPlatform): Record<string, unknown>[] {
  const services = run.processes().map(({ service, pid }) => ({ name: service, pid }))
  const others = childrenOf(process.pid)
    .filter((child) => !services.some(({ pid }) => pid === child))
    .map((pid) => ({ name: "BigQuery's engine, or the process that ends the others", pid }))
  const rows = [{ name: 'local cloud, partners and this program', pid: process.pid }, ...others, ...services].map(
    ({ name, pid }) => ({ process: name, ...memoryMbOf(pid) }),
  )
  const sum = (of: 'RSS MB' | 'PSS MB') =>
    rounded(
      rows.reduce((total, row) => total + (row[of] ?? Number.NaN), 0),
      0,
    )
  return [...rows, { process: 'all', 'RSS MB': sum('RSS MB'), 'PSS MB': sum('PSS MB') }]
}

/** Of the main thread, which starts all of them. None where there is no /proc. */
function childrenOf(pid: number): number[] {
  try {
    return (readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').match(/\d+/g) ?? []).map(Number)
  } catch {
    return []
  }
}
