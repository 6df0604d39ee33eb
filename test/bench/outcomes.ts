/** Receives the final event of each order by a pull subscription of the official client. */

import { PubSub } from '@google-cloud/pubsub'
import type { Api } from '../../cli/api.ts'
import { references, type References } from '../../functions/shop/cli/references.ts'
import type { Running } from '../../emulators/running.ts'

export interface Outcomes {
  /** Resolves with the event's type when the order has ended. */
  ended(orderId: string): Promise<string>
  close(): Promise<void>
}

export async function subscribeToOutcomes(running: Running): Promise<Outcomes> {
  process.env['PUBSUB_EMULATOR_HOST'] = running.apiHost
  const pubsub = new PubSub({ projectId: running.projectId })
  const received = new Map<string, string>()
  const waiting = new Map<string, (type: string) => void>()
  const subscriptions = await Promise.all(
    ['order.completed', 'order.rejected'].map(async (type) => {
      const [subscription] = await pubsub.topic(type).createSubscription(`bench.${type}`)
      subscription.on('message', (message) => {
        const { subject } = JSON.parse(message.data.toString()) as { subject: string }
        message.ack()
        waiting.get(subject)?.(type)
        waiting.delete(subject)
        received.set(subject, type)
      })
      return subscription
    }),
  )
  return {
    ended: (orderId) => {
      const type = received.get(orderId)
      return type ? Promise.resolve(type) : new Promise((resolve) => waiting.set(orderId, resolve))
    },
    async close() {
      await Promise.all(subscriptions.map((subscription) => subscription.delete()))
      await pubsub.close()
    },
  }
}

/** Registered once for each client: benchmarks measure orders. */
const registered = new WeakMap<Api, Promise<References>>()

function referencesOf(api: Api): Promise<References> {
  const known = registered.get(api) ?? references(api)
  registered.set(api, known)
  return known
}

interface Line {
  readonly sku: string
  readonly quantity: number
}

const oneTea: readonly Line[] = [{ sku: 'TEA-001', quantity: 1 }]

/** One line of tea, unless other lines are given; with `outcomes` it resolves when the order has ended. */
export async function place(outcomes: Outcomes | undefined, api: Api, lines = oneTea): Promise<void> {
  const { body } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
    key: crypto.randomUUID(),
    body: { currency: 'EUR', lines, ...(await referencesOf(api)) },
  })
  await outcomes?.ended(body.orderId)
}
