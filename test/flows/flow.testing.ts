/** Runs one flow in the simulation, with the real handlers of every service, and keeps what passes between the parties. */

import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { ordersContracts } from '../../functions/orders/contracts.ts'
import { sentIn } from '../support/sends.ts'
import { createWorld, type OrderRequest, type Passed, type WorldOptions } from '../support/simulation/world.ts'

/** A line of the picture: what passed, or what the order shows after it. */
export type Step = Passed | { readonly kind: 'status'; readonly status: string; readonly atMs: number }

export interface Flow {
  readonly addressRef: string
  paymentMethodOf(card: string): string
  place(order?: OrderRequest): Promise<void>
  import(): Promise<void>
  /** A request of the customer that becomes a command to orders. */
  customer(type: string, data: object): Promise<void>
  /** A request of staff, submitted to the owner of the command. */
  staff(type: string, data: object): Promise<void>
  /** The customer approves on the bank's page. */
  approve(): Promise<void>
  /** The customer has the bank take back what was captured. */
  dispute(): Promise<void>
  /** The bank decides the dispute. */
  decide(outcome: 'won' | 'lost'): Promise<void>
  /** Notes the status that the order shows now. */
  shows(): Promise<void>
  run(forMs: number): Promise<void>
}

export interface Recorded {
  readonly steps: readonly Step[]
  readonly orderId: string
  /** The events of which the customer was notified, in order. */
  readonly notified: readonly string[]
}

/** @param options of the world in which it runs */
export async function record(options: WorldOptions, play: (flow: Flow) => Promise<void>): Promise<Recorded> {
  const steps: Step[] = []
  // A partner that repeats its webhooks, as the simulated carrier does, would repeat the same lines.
  const carrier = { ...options.carrier, repeatedAfterMs: 10 * 365 * 86_400_000 }
  const known = new Set<string>()
  const world = await createWorld({
    ...options,
    carrier,
    observe(passed) {
      // A message that is published or sent again changes nothing.
      if (passed.id !== undefined && known.has(passed.id)) return
      if (passed.id !== undefined) known.add(passed.id)
      steps.push(passed)
    },
  })
  let orderId = ''
  /** A request stands before what it causes. */
  const passes = async (from: string, to: string, what: string, send: () => Promise<string>): Promise<void> => {
    const [at, atMs] = [steps.length, world.schedule.now()]
    const answer = await send()
    steps.splice(at, 0, { kind: 'request', from, to: [to], what, answer, atMs })
  }
  const shows = async (): Promise<void> => {
    const response = await serveQueries(ordersApp, world.platform('orders')).request(`/orders/${orderId}`)
    const { status } = (await response.json()) as { status: string }
    steps.push({ kind: 'status', status, atMs: world.schedule.now() })
  }
  const submit = (from: string, type: string, data: object): Promise<void> =>
    passes(from, ownerOf(type), type, async () => {
      const { status, code } = await world.submit(type, { orderId, ...data }, `${type}-key`)
      return code === undefined ? `${status}` : `${status} ${code}`
    })
  const ofBank = (what: string, path: string): Promise<void> =>
    passes('bank', 'payment provider', what, async () => {
      const response = await world.provider.partner.app.request(`/disputes/${path}`, { method: 'POST' })
      return `${response.status}`
    })
  await play({
    addressRef: world.addressRef,
    paymentMethodOf(card) {
      const found = world.paymentMethodOf(card)
      if (found === undefined) throw new Error(`The customer has no ${card}.`)
      return found
    },
    place: (order) =>
      passes('customer', 'orders', 'place', async () => {
        const answer = await world.place(order)
        orderId = answer.orderId
        return `${answer.status}`
      }),
    async import() {
      const { data: schema, example } = ordersContracts.commands.ImportOrder
      const order = schema.parse(example) as { orderId: string }
      orderId = order.orderId
      await submit('importer', 'ImportOrder', order)
    },
    customer: (type, data) => submit('customer', type, data),
    staff: (type, data) => submit('staff', type, data),
    approve: () =>
      passes('customer', 'payment provider', 'approve', async () => {
        const { key } = world.provider.ledger.all().at(-1)!
        const body = JSON.stringify({ outcome: 'authorized' })
        return `${(await world.provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body })).status}`
      }),
    dispute: () => ofBank('disputes', `${orderId}:auth`),
    decide: (outcome) => ofBank(outcome, `du-${orderId}:auth-1/${outcome}`),
    shows,
    run: (forMs) => world.run({ forMs }),
  })
  await shows()
  const sends = sentIn([...world.platform('notifications').storedDocuments().values()])
  const notified = sends.toSorted((a, b) => (a.time < b.time ? -1 : 1)).map(({ eventType }) => eventType)
  return { steps, orderId, notified }
}

const ownerOf = (type: string): string => (type === 'RefundPayment' ? 'payments' : 'orders')
