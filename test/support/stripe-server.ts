/** A local Stripe at a real address, for a world whose services call it by Stripe's own client. */

import { serve } from '@hono/node-server'
import type { AddressInfo } from 'node:net'
import { type FakeStripe, fakeStripe, type TestCard } from './fake-stripe.ts'
import type { StripeOfWorld } from './simulation/world.ts'

const KEY = 'sk_test_of_the_account'
/** As platforms of tests have it: shared/runtime/platform.testing.ts. */
const WEBHOOK_KEY = 'the-value-of-payment-webhook-key'

export interface StripeServer extends StripeOfWorld {
  /** Of the last world that opened it. */
  fake(): FakeStripe
  close(): Promise<void>
}

export async function openStripeServer(
  cards: readonly TestCard[] = ['ok', 'declined', 'action', 'multicapture', 'capture-refused', 'refund-pending'],
): Promise<StripeServer> {
  let opened: FakeStripe | undefined
  const fake = (): FakeStripe => {
    if (!opened) throw new Error('No world has opened this Stripe.')
    return opened
  }
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const listening = serve({ fetch: (request) => fake().app.fetch(request), port: 0, hostname: '127.0.0.1' }, () =>
      resolve(listening),
    )
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key: KEY,
    cards,
    fake,
    token: (card) => fake().token(card as TestCard),
    open({ clock, deliver }) {
      const made = fakeStripe({
        clock,
        key: KEY,
        onEvent: (type, object) => deliver(type, made.event(type, object, WEBHOOK_KEY)),
      })
      opened = made
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}
