/** The documents of this service: each customer's endpoints, and the deliveries. */

import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { WebhookDelivery } from './delivery.ts'
import type { Customer } from './endpoint.ts'
import type { webhooks } from './service.ts'

export const customerPath = (customer: string): DocumentPath => documentPath<typeof webhooks>('customers', customer)
export const deliveryPath = (id: string): DocumentPath => documentPath<typeof webhooks>('deliveries', id)

export const customerIn = async ({ documents }: Platform, customer: string): Promise<Customer> =>
  (await documents.get(customerPath(customer))) ?? {}

/** The customer's endpoints as they are afterwards. `change`: undefined leaves them as they are. */
export async function updateCustomer(
  platform: Platform,
  customer: string,
  change: (stored: Customer) => Customer | undefined,
): Promise<Customer> {
  let after: Customer = {}
  await platform.documents.update(customerPath(customer), (stored) => {
    const current: Customer = stored ?? {}
    const next = change(current)
    after = next ?? current
    return next as Record<string, unknown> | undefined
  })
  return after
}

export const deliveryIn = async ({ documents }: Platform, id: string): Promise<WebhookDelivery | undefined> =>
  (await documents.get(deliveryPath(id))) as WebhookDelivery | undefined

/** `change`: undefined leaves it as it is. */
export const updateDelivery = (
  { documents }: Platform,
  id: string,
  change: (stored: WebhookDelivery | undefined) => WebhookDelivery | undefined,
): Promise<void> =>
  documents.update(
    deliveryPath(id),
    (stored) => change(stored as WebhookDelivery | undefined) as Record<string, unknown> | undefined,
  )
