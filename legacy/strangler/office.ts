/** The old shop's own door, which refuses the people in its office what the platform does now. */

import { type Context, Hono, type Next } from 'hono'
import type { Store } from './store.ts'

export function createOffice(shop: Hono, store: Store): Hono {
  const refuseIf = (isOfPlatform: boolean, c: Context, next: Next) =>
    isOfPlatform ? Promise.resolve(c.json({ error: 'The platform does this now.' }, 409)) : next()
  const hasMoved = (): boolean => {
    const { step, killed, percent } = store.state()
    return step >= 5 && !killed && percent === 100
  }
  const office = new Hono()
  office.on(['POST', 'PUT'], ['/orders', '/products/*'], (c, next) => refuseIf(hasMoved(), c, next))
  // In each step: an order finishes where it began, and the copy of one would be sent a second time.
  office.post('/orders/:no/done', (c, next) => refuseIf(store.isOfPlatform(Number(c.req.param('no'))), c, next))
  office.mount('/', shop.fetch)
  return office
}
