/** Rebuilds the timelines and lists of orders in bulk: the owners of their events publish them again, order by order, and history writes them anew. */

import type { BigQuery } from '@google-cloud/bigquery'
import { define, text, UsageError, wholeNumber } from '../../../cli/command.ts'
import { actingOptions, operatorFrom } from '../../../cli/ops/operator.ts'
import { createOperatorTasks, type OperatorCommand } from '../../../cli/ops/operator-task.ts'
import { type Target, targetFrom, targetOptions } from '../../../cli/ops/target.ts'
import { say, shown } from '../../../cli/terminal.ts'
import { forEachConcurrently } from '../../../shared/base/concurrently.ts'
import { republishCommand } from '../../../shared/base/names.ts'
import { republishContract } from '../../../shared/messaging/republish.ts'
import { ordersContracts } from '../../orders/contracts.ts'

/** The services whose events history makes timelines and lists from. */
const OWNERS = ['orders', 'inventory', 'payments', 'shipping'] as const
const republish = { type: republishCommand, version: republishContract.version }
/** Orders of a revision that published no status while they wait for their payment, or that stalled without a timer. */
const announce = { type: 'AnnounceStatus', version: ordersContracts.commands.AnnounceStatus.version }
/** Tasks that are made at one time. */
const MAX_CONCURRENT = 16
const ORDERS_IN_A_BATCH = 100

export const rebuildLists = define({
  brief: 'Has the timelines and lists of orders written anew, from the events of their owners.',
  about: `
For orders of the time before lists were made, which no list has, and after a loss of history's database. The orders are
those of BigQuery, in the order of their ids: for each, the services ${OWNERS.join(', ')} publish their
events again, with the same ids, so that only history and a listener that missed one does anything. After each batch the last
order is printed: --after goes on from there.`,
  options: {
    ...targetOptions,
    ...actingOptions,
    after: text('ORDER', 'only orders after this one: the last that an earlier run printed'),
    batch: wholeNumber('orders in a batch', ORDERS_IN_A_BATCH, { from: 1 }),
    limit: wholeNumber('orders in all', 1_000_000, { from: 1 }),
  },
  async run({ after = '', batch, limit, ...values }) {
    const operator = operatorFrom(values)
    const target = targetFrom(values)
    const pageAfter = await openPages(target)
    const tasks = await createOperatorTasks(target)
    let done = 0
    let last = after
    try {
      while (done < limit) {
        const ids = await pageAfter(last, Math.min(batch, limit - done))
        if (ids.length === 0) break
        const requests = ids.flatMap((orderId): OperatorCommand[] => [
          ...OWNERS.map((service) => ({ service, ...republish, data: { correlationId: orderId } })),
          { service: 'orders', ...announce, data: { orderId } },
        ])
        await forEachConcurrently(requests, MAX_CONCURRENT, async (request) => {
          await tasks.send(request, operator)
        })
        done += ids.length
        last = ids.at(-1)!
        say(`${done} orders requested, the last is ${shown(last)}`)
      }
    } catch (error) {
      throw new UsageError(
        `${(error as Error).message} ${done} orders were requested${last === '' ? '' : `: go on with --after ${shown(last)}`}.`,
      )
    } finally {
      await tasks.close()
    }
    say(`History writes the timelines and lists of ${done} orders within minutes: npm run ops -- queues has the tasks.`)
  },
})

/** @returns The ids after one, in their order. */
async function openPages({
  projectId,
  clientOptions,
}: Target): Promise<(after: string, limit: number) => Promise<string[]>> {
  const { apiEndpoint, port } = await clientOptions()
  // A local platform: the client knows an emulator by this variable alone.
  if (apiEndpoint !== undefined && port !== undefined)
    process.env['BIGQUERY_EMULATOR_HOST'] = `http://${apiEndpoint}:${port}`
  const { BigQuery } = await import('@google-cloud/bigquery')
  const client: BigQuery = new BigQuery({ projectId })
  const query = 'SELECT DISTINCT order_id FROM analytics.orders WHERE order_id > @after ORDER BY order_id LIMIT @limit'
  return async (after, limit) => {
    const [rows] = await client.query({ query, params: { after, limit } })
    return (rows as { order_id: string }[]).map(({ order_id: id }) => id)
  }
}
