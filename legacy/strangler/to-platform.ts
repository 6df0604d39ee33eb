/** Applies changes of the old database to the platform, by its public API and under keys that make a repeat the same. */

import type { DatabaseSync } from 'node:sqlite'
import { hashOf } from '../../shared/base/ids.ts'
import { readOrder } from '../shop/orders.ts'
import { importedCustomer, importedOrder, type OldCustomer, type OldProduct, publishedProduct } from './mapping.ts'
import { importKeyOf, type RowChange, type Store } from './store.ts'

interface Call {
  readonly path: string
  readonly role: 'importer' | 'admin'
  readonly body: object
  readonly key?: string
}

/** The content of a message: the call by which the platform learns of the change. It has the row as it is when it is published. */
export type ChangeMessage = (Call & { readonly change: RowChange }) | { readonly path?: undefined }

/** The platform's public API. An answer that is no success is thrown. */
export interface PlatformApi {
  send<Body>(
    role: Call['role'],
    method: 'GET' | 'POST',
    path: string,
    options?: { body?: object; key?: string; timeoutMs?: number },
  ): Promise<Body>
  /** The order as the platform itself has it; undefined: it has none. @throws when it gives no answer */
  orderOf(id: string): Promise<PlatformOrder | undefined>
}

/** The answer to `GET /v1/orders/{orderId}`. */
export interface PlatformOrder {
  readonly orderId: string
  readonly currency: string
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
}

/**
 * Nothing for a change that the platform need not know: an order that is not finished finishes where it began.
 * @param toImport How an order is written for the platform.
 */
export function messageOf(db: DatabaseSync, store: Store, change: RowChange, toImport = importedOrder): ChangeMessage {
  const { table, key } = change
  switch (table) {
    case 'orders': {
      const order = readOrder(db, Number(key))
      if (order.status !== 'done' || store.isOfPlatform(order.no)) return {}
      return {
        change,
        path: '/v1/imported-orders',
        role: 'importer',
        body: toImport(order),
        key: importKeyOf(order.no),
      }
    }
    case 'products': {
      const product = db.prepare('SELECT sku, title, price FROM products WHERE sku = ?').get(key)
      const body = publishedProduct(product as unknown as OldProduct)
      return { change, path: '/v1/products', role: 'admin', body }
    }
    case 'customers': {
      const customer = importedCustomer(
        db.prepare('SELECT * FROM customers WHERE login = ?').get(key) as unknown as OldCustomer,
      )
      return customer ? { change, path: '/v1/customers', role: 'importer', body: { customers: [customer] } } : {}
    }
  }
}

/**
 * Nothing once a later change of the row is applied.
 * @param id The same for each delivery of a message.
 */
export async function applyChange(
  api: Pick<PlatformApi, 'send'>,
  store: Store,
  message: ChangeMessage,
  id: string,
): Promise<void> {
  if (message.path === undefined) return
  const { change, path, role, body, key = hashOf(`${id} ${JSON.stringify(body)}`) } = message
  if (!store.isNewest(change.table, change.key, change.sequence)) return
  await api.send(role, 'POST', path, { body, key })
}
