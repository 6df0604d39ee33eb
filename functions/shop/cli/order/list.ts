/** Prints a page of a customer's orders. */

import type { Api } from '../../../../cli/api.ts'
import { table } from '../../../../cli/table.ts'
import { say, sayJson, shown } from '../../../../cli/terminal.ts'
import { money } from '../money.ts'
import type { OrderList } from '../order-view.ts'

export interface Listing {
  readonly status: string | undefined
  /** Where the page before ended. */
  readonly after: string | undefined
  readonly asJson: boolean
}

export async function listOrders(api: Api, { status, after, asJson }: Listing): Promise<void> {
  const filters = Object.entries({ status, after }).filter((one): one is [string, string] => one[1] !== undefined)
  const search = new URLSearchParams(filters)
  const { body } = await api.send<OrderList>(
    'GET',
    search.size === 0 ? '/v1/orders' : `/v1/orders?${search.toString()}`,
  )
  if (asJson) return sayJson(body)
  const { orders, next } = body
  if (orders.length === 0) return say('No orders.')
  say(
    table(
      orders.map(({ orderId, status: at, placedAt, totalMinor, currency }) => ({
        order: orderId,
        status: at,
        placed: placedAt,
        total: money(totalMinor, currency),
      })),
    ),
  )
  if (next !== undefined) say(`The next page: --after ${shown(next)}`)
}
