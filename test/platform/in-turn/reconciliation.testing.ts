/** `npm run reconcile` and the job of each night, over a whole platform: no difference at first, and then the planted ones. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, run } from '../../support/command.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { stateOf, type State } from '../../support/state.ts'

let platform: TestPlatform
let state: State
let dataDirectory: string
const reconcile = (...args: string[]): Promise<Ended> =>
  run('functions/shop/cli/reconcile.ts', ['--age', '0', '--wait', '1', ...args], dataDirectory)
const ops = (...args: string[]): Promise<Ended> => run('cli/ops.ts', args, dataDirectory)

beforeAll(async () => {
  ;({ platform, dataDirectory } = platformInTurn())
  state = stateOf(platform)
  await state.seeded()
}, 120_000)
afterAll(() => state?.close(), 30_000)

interface Report {
  readonly differences: number
  readonly found: readonly { readonly kind: string; readonly id: string; readonly values: object }[]
}

describe('a reconciliation', () => {
  /** In its first report. */
  let orders: number
  const plant = (reserved: number): Promise<unknown> =>
    platform.cloud.api(
      'PATCH',
      `/v1/projects/${platform.running.projectId}/databases/inventory/documents/shards/TEA-001~0?updateMask.fieldPaths=reserved`,
      { fields: { reserved: { integerValue: `${reserved}` } } },
    )

  it('finds no difference after orders, and exits with 0', { timeout: 120_000 }, async () => {
    for (const quantity of ['1', '2'])
      await run('functions/shop/cli/order.ts', ['--sku', 'TEA-001', '--quantity', quantity], dataDirectory)
    // The views of BigQuery follow the events within moments.
    const settled = async (): Promise<Ended> => {
      const ended = await reconcile()
      return ended.code === 0 ? ended : settled()
    }
    const { code, stdout } = await settled()
    expect([code, stdout]).toEqual([0, expect.stringMatching(/: no difference in \d+ orders, ended /)])
    orders = Number(/ in (\d+) orders/.exec(stdout)![1])
    expect(orders).toBeGreaterThanOrEqual(2)
    expect(await ops('differences')).toMatchObject({ code: 0, stdout: expect.stringContaining('no difference') })
  })

  it('names a planted difference with its id and both values, exits with 1, and is seen by operators', async () => {
    await plant(9)
    const { code, stdout } = await reconcile()
    expect(code).toBe(1)
    expect(stdout).toMatch(/stock-reserved +TEA-001 +reservations: 0; stock: 9/)
    expect(stdout).toContain(`: 1 difference in ${orders} orders, ended `)
    const seen = await ops('differences', '--json')
    expect([seen.code, JSON.parse(seen.stdout) as Report]).toMatchObject([
      1,
      {
        differences: 1,
        found: [{ kind: 'stock-reserved', id: 'TEA-001', values: { stock: '9', reservations: '0' } }],
      },
    ])
    await plant(0)
  }, 120_000)

  it('is begun by Cloud Scheduler', async () => {
    const jobs = `/v1/projects/${platform.running.projectId}/locations/europe-west1/jobs`
    const job = `${jobs}/reconciliation-nightly`
    await platform.cloud.api('POST', `${job}:run`, {})
    const attempted = async (): Promise<object> => {
      const read = (await platform.cloud.api('GET', job)) as {
        readonly lastAttemptTime?: string
        readonly status?: object
      }
      return read.lastAttemptTime === undefined || read.status === undefined ? attempted() : read.status
    }
    // 202 of the service: the command is in its queue.
    expect(await attempted()).toMatchObject({ code: 0 })
  })

  it.each([
    [['--age', 'soon'], '--age "soon": it takes a whole number'],
    [['--age', '20000'], 'at most a week'],
  ])('is refused with %o', async (args, message) => {
    const { code, stderr } = await run('functions/shop/cli/reconcile.ts', args, dataDirectory)
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
  })
})
