/** Cloud Run withdraws the CPU of an instance after its last answer: what a request recorded is exported before. */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { TelemetryCore } from 'local-google-cloud/telemetry'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { completed, isCertain } from '../support/spans.ts'
import { wholeLists } from '../support/whole-lists.ts'

let platform: TestPlatform
beforeAll(async () => {
  if (!wholeLists) return
  platform = await startTestPlatform({ withdrawsCpu: true, seeded: false })
  // Nine cold starts at once may take longer than a caller waits.
  for (const { service } of platform.run.states()) await platform.run.warm(service)
  const sold = (): Promise<boolean> =>
    platform.sell({ sku: 'IDLE-1', unitMinor: 1190 }).then(
      () => true,
      () => false,
    )
  await vi.waitUntil(sold, { timeout: 120_000, interval: 500 })
}, 300_000)
afterAll(() => platform?.close(), 60_000)

/** `T`: the process stands still. */
const stateOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]![0]!
const telemetry = (): TelemetryCore => platform.cloud.core<TelemetryCore>('telemetry')

// npm test has both halves of it: an instance without CPU in data-plane.test.ts, and what is sent before the last answer in telemetry.test.ts.
it.runIf(wholeLists && process.platform === 'linux')(
  'an order has all its spans although no service has CPU after its answers, and its point at the end of the instance',
  { timeout: 180_000 },
  async () => {
    const orderId = await platform.place({ sku: 'IDLE-1', quantity: 1 })
    expect((await platform.followed(platform.customer(), orderId, 90_000)).status).toBe('completed')
    await expect
      .poll(() => platform.run.processes().map(({ pid }) => stateOf(pid)), { timeout: 30_000 })
      .toEqual(platform.run.processes().map(() => 'T'))
    const [trace] = telemetry().traces.list({ correlationId: orderId, root: undefined, limit: 1 })
    expect(telemetry().traces.spansOf(trace!.traceId).filter(isCertain)).toHaveLength(completed.length)
    // A point that follows the last one too closely waits for the next request, or for the end of the instance.
    await platform.run.kill('orders', 'SIGTERM')
    const ended = (): unknown =>
      telemetry()
        .metrics.list()
        .filter(({ name }) => name === 'millrace_saga_duration')
    await expect
      .poll(ended, { timeout: 60_000 })
      .toMatchObject([{ service: 'orders', count: 1, attributes: { outcome: 'completed' } }])
  },
)
