/** The commands name what orders wait for. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { queueName } from '../../shared/base/names.ts'
import { type AnnouncedPlatform, startAnnouncedPlatform } from '../support/announced-platform.ts'
import { type Ended, run } from '../support/command.ts'

const ORDERS = 5

let announced: AnnouncedPlatform
beforeAll(async () => {
  announced = await startAnnouncedPlatform()
}, 60_000)
afterAll(() => announced?.close(), 30_000)

const order = (...args: string[]): Promise<Ended> => run('functions/shop/cli/order.ts', args, announced.dataDirectory)
const ops = (...args: string[]): Promise<Ended> => run('cli/ops.ts', args, announced.dataDirectory)

it('five orders before a paused queue are listed, named while one is followed, and go on when it is resumed', async () => {
  const { platform } = announced
  const queue = `/v2/projects/${platform.running.projectId}/locations/${platform.running.region}/queues/${queueName('payments')}`
  await platform.cloud.api('POST', `${queue}:pause`, {})
  const ids: string[] = []
  for (let count = 0; count < ORDERS; count++) {
    const { stdout } = await order('--sku', 'TEA-001', '--timeout', '1')
    ids.push(/^(o-\S+) answered after/m.exec(stdout)![1]!)
  }
  await expect
    .poll(async () => (await ops('queues')).stdout, { timeout: 60_000 })
    .toMatch(new RegExp(`^queue +payments +paused +${ORDERS} +\\d+ s`, 'm'))
  const waiting = await order('--follow', ids[0]!, '--timeout', '6')
  expect(waiting.code).toBe(1)
  // The events that have happened, although the order has not ended; then the step that it waits for, and why.
  expect(waiting.stdout).toMatch(/order\.placed +orders/)
  expect(waiting.stdout).toMatch(
    /waits for obtain-payment \(attempt 1, \d+ s left\): the queue payments is paused, 5 tasks wait/,
  )
  expect(waiting.stderr).toContain(`npm run order -- --follow ${ids[0]} follows it further`)
  expect((await ops('stuck')).stdout).toContain('The queue payments is paused, and 5 tasks wait')
  const { stdout: metrics } = await run('cli/metrics.ts', [], announced.dataDirectory)
  expect(metrics).toMatch(new RegExp(`^Waiting now\n[\\s\\S]*^queue +payments +paused +${ORDERS} `, 'm'))

  await platform.cloud.api('POST', `${queue}:resume`, {})
  for (const id of ids) expect(await order('--follow', id)).toMatchObject({ code: 0, stderr: '' })
  expect((await ops('queues')).stdout).not.toMatch(/paused|failing/)
}, 240_000)
