/** Pages of orders and shipments in the order that a request names: a read for each row. */

import { limitOf } from '../../shared/base/paging.ts'
import type { QueryName, QueryNamed } from '../../shared/contracts/contract.ts'
import type { QueryAnswer } from '../../shared/contracts/query.ts'
import { type DocumentPage, type DocumentQuery, documentQuery } from '../../shared/service/document-query.ts'
import type { historyContracts } from './contracts.ts'
import type { history } from './service.ts'
import { orderStandings, type OrderStatus, shipmentStandings, type ShipmentStatus, statusAt } from './standing.ts'

interface Paging {
  readonly limit?: string | undefined
  readonly after?: string | undefined
}

export interface OrderFilters extends Paging {
  readonly customer?: string | undefined
  readonly status?: OrderStatus | undefined
  readonly placedFrom?: string | undefined
  readonly placedBefore?: string | undefined
  readonly sort?: 'placedAt' | '-placedAt' | undefined
}

/** Times are stored in UTC with milliseconds, so that texts are in the order of the times. */
const utc = (time: string | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString()

/** @throws Refused for a cursor of another list */
export function ordersQuery({
  customer,
  status,
  placedFrom,
  placedBefore,
  sort = '-placedAt',
  limit,
  after,
}: OrderFilters): DocumentQuery {
  const page = {
    from: 'timelines',
    orderBy: sort,
    atLeast: utc(placedFrom),
    below: utc(placedBefore),
    limit: limitOf(limit),
    after,
    fields: ['orderId', 'customerRef', 'standing', 'totalMinor', 'currency'],
  } as const
  const standing = status && orderStandings[status]
  if (customer !== undefined && standing !== undefined)
    return documentQuery<typeof history>({ ...page, where: { customerRef: customer, standing } })
  if (customer !== undefined) return documentQuery<typeof history>({ ...page, where: { customerRef: customer } })
  if (standing !== undefined) return documentQuery<typeof history>({ ...page, where: { standing } })
  return documentQuery<typeof history>({ ...page, where: {} })
}

export interface ShipmentFilters extends Paging {
  readonly status?: ShipmentStatus | undefined
  readonly sort?: 'createdAt' | '-createdAt' | undefined
}

/** @throws Refused for a cursor of another list */
export function shipmentsQuery({ status, sort = '-createdAt', limit, after }: ShipmentFilters): DocumentQuery {
  const page = { from: 'shipments', orderBy: sort, limit: limitOf(limit), after } as const
  return status === undefined
    ? documentQuery<typeof history>({ ...page, where: {} })
    : documentQuery<typeof history>({ ...page, where: { standing: shipmentStandings[status] } })
}

type Row<Name extends QueryName<typeof historyContracts>, List extends string> =
  QueryAnswer<QueryNamed<typeof historyContracts, Name>> extends infer Answer
    ? Answer extends { readonly body: { readonly [L in List]: readonly (infer One)[] } }
      ? One
      : never
    : never
export type OrderRow = Row<'listOrders', 'orders'>
export type ListedShipment = Row<'listShipments', 'shipments'>

/** The rows with the name of their status. They were stored as their contract has them; the runtime checks each answer. */
export const rowsOf = <One>({ documents }: DocumentPage, standings: Readonly<Record<string, number>>): One[] =>
  documents.map(({ fields: { standing, ...row } }) => ({ ...row, status: statusAt(standings, standing) }) as One)
