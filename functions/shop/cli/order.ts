/** Places an order through the gateway, follows it to its end and prints its events as they happen. */

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Api, connect, isUnreachable } from '../../../cli/api.ts'
import {
  findRunning,
  flag,
  main,
  requireRunning,
  type Running,
  text,
  texts,
  UsageError,
  wholeNumber,
  wholeNumbers,
} from '../../../cli/command.ts'
import { readWaiting } from '../../../cli/ops/waiting.ts'
import { printError, say, sayJson, shown } from '../../../cli/terminal.ts'
import { cancelReasons } from '../../orders/cancellation-contracts.ts'
import { nearestOrAll } from '../../../shared/base/nearest.ts'
import { orderStatuses } from '../../history/standing.ts'
import { money } from './money.ts'
import { followOrder } from './order/follow.ts'
import { listOrders } from './order/list.ts'
import { nextSteps } from './order/next-steps.ts'
import { obstacleOf } from './order/obstacle.ts'
import type { OrderView, TimelineEntry } from './order-view.ts'
import { references, type TestCard, testTokens } from './references.ts'
import { findSaga } from './sagas.ts'
import { withNearestSku } from './skus.ts'

const PAY_WAIT_SECONDS = 20

void main('order', {
  brief: 'Places an order, follows it, and prints its events as they happen: time since the start, event, service.',
  about: `
The customer gets an address and a test card, the same each time. Give one --quantity for each --sku:

  npm run order -- --sku TEA-001 --quantity 2 --sku POT-001 --quantity 1

After three seconds without an event it prints what the order waits for: the pending step with its attempt and deadline,
paused queues, failing deliveries, services that do not start. An order goes on without this command:

  npm run order -- --follow ORDER

--list lists the customer's orders, the newest first, page by page.

When its card is declined, or the bank wants the customer's approval, the order keeps its goods for some minutes: the
command then prints how to go on, and ends. --pay pays it with another card, and follows it. The test cards:
${testTokens.join(', ')}.

--cancel cancels an order of the customer, and follows it to its end. Staff cancel by npm run ops -- cancel.`,
  options: {
    sku: texts('SKU', 'a product to order'),
    quantity: wholeNumbers('its quantity; absent, one', { from: 1 }),
    currency: text('CODE', 'the currency (ISO 4217)', 'EUR'),
    discount: text('CODE', 'a discount code'),
    customer: text('NAME', 'the customer', 'customer-1'),
    card: text('TOKEN', 'the test card to pay with', 'card-ok'),
    'decline-card': flag('pay with a card that the provider declines: --card card-declined'),
    key: text('KEY', 'idempotency key; the same key and order give the same answer; absent, a new one'),
    follow: text('ORDER', 'follow this order, and place none'),
    pay: text('ORDER', 'pay this order of the customer, which needs a payment, with another card, and follow it'),
    cancel: text('ORDER', 'cancel this order of the customer, and follow it'),
    list: flag('list orders of the customer, and place none'),
    status: text('STATUS', `with --list: ${orderStatuses.join(', ')}`),
    after: text('CURSOR', 'with --list: the page after the one that ended with this cursor'),
    reason: text('CODE', `why it is cancelled: ${cancelReasons.join(', ')}`, 'changed-mind'),
    timeout: wholeNumber('seconds to follow it', 60, { from: 1 }),
    json: flag('print the ended order as JSON'),
  },
  async run(values) {
    const skus = values.sku ?? []
    if (values.list) {
      if (skus.length > 0) throw new UsageError('--list places no order: give it without --sku.')
      const api = connect(requireRunning(), { sub: values.customer, roles: ['customer'] })
      await listOrders(api, { status: values.status, after: values.after, asJson: values.json ?? false })
      return 0
    }
    const existing = values.follow ?? values.pay ?? values.cancel
    if (skus.length === 0 && existing === undefined)
      throw new UsageError('--sku is missing. Try: npm run order -- --sku TEA-001 --quantity 2')
    if (skus.length > 0 && existing !== undefined)
      throw new UsageError('--follow, --pay and --cancel take an order that was placed: give them without --sku.')
    if (values.cancel !== undefined) await cancel(values.cancel, values)
    if (values.pay !== undefined) await pay(values.pay, values)
    const lines = skus.map((sku, index) => ({ sku, quantity: values.quantity?.[index] ?? 1 }))
    const orderId = existing ?? (await place(values, lines))
    const order = await follow(orderId, { asJson: values.json ?? false, timeoutMs: values.timeout * 1000 })
    const reason = order.reason ?? order.paymentNeeded?.reason
    if (values.json) sayJson(order)
    else
      say(
        shown(
          `${order.status}${reason === undefined ? '' : ` (${reason})`}: ${money(order.totalMinor, order.currency)}${chargesOf(order)}`,
        ),
      )
    if (!values.json) for (const line of nextSteps(order)) say(`  ${line}`)
    return 0
  },
})

/** The parts of the total besides the price of the goods. */
function chargesOf({ currency, taxMinor = 0, discountMinor = 0, shippingMinor }: OrderView): string {
  const parts = Object.entries({ tax: taxMinor, discount: discountMinor, shipping: shippingMinor })
    .filter(([, amountMinor]) => amountMinor > 0)
    .map(([name, amountMinor]) => `${name} ${money(amountMinor, currency)}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

interface Placing {
  readonly currency: string
  readonly discount: string | undefined
  readonly card: string
  readonly customer: string
  readonly 'decline-card': boolean | undefined
  readonly key: string | undefined
  readonly json: boolean | undefined
}

interface Cancelling extends Pick<Placing, 'customer' | 'key'> {
  readonly reason: string
}

/** Returns the order's id. */
async function place(
  values: Placing,
  lines: readonly { readonly sku: string; readonly quantity: number }[],
): Promise<string> {
  const { currency, discount, customer, key = randomUUID(), json } = values
  const running = requireRunning()
  const api = connect(running, { sub: customer, roles: ['customer'] })
  const card = cardOf(values['decline-card'] ? 'card-declined' : values.card)
  return explained(key, async () => {
    const own = await references(api, card)
    if (!json)
      say(`${customer} ships to ${shown(own.addressRef)} and pays with ${shown(own.paymentMethodRef)} (${card})`)
    const startedMs = Date.now()
    const order = {
      key,
      body: { currency, lines, ...(discount === undefined ? {} : { discountCode: discount }), ...own },
    }
    const { body: placed } = await withNearestSku(
      running,
      lines.map(({ sku }) => sku),
      () => api.send<{ orderId: string }>('POST', '/v1/orders', order),
    )
    if (!json) say(`${shown(placed.orderId)} answered after ${Date.now() - startedMs} ms`)
    return placed.orderId
  })
}

async function cancel(orderId: string, { customer, reason, key = randomUUID() }: Cancelling): Promise<void> {
  const api = connect(requireRunning(), { sub: customer, roles: ['customer'] })
  await api.send('POST', `/v1/orders/${encodeURIComponent(orderId)}/cancel`, { key, body: { reason } })
}

/** Returns when orders has accepted the payment method. */
async function pay(
  orderId: string,
  { customer, card, key = randomUUID() }: Pick<Placing, 'customer' | 'card' | 'key'>,
) {
  const api = connect(requireRunning(), { sub: customer, roles: ['customer'] })
  const { paymentMethodRef } = await references(api, cardOf(card))
  const path = `/v1/orders/${encodeURIComponent(orderId)}/payment`
  await api.send('POST', path, { key, body: { paymentMethodRef }, waitSeconds: PAY_WAIT_SECONDS })
}

function cardOf(token: string): TestCard {
  const card = testTokens.find((known) => known === token)
  if (card === undefined)
    throw new UsageError(
      `--card: there is no test card "${shown(token)}". ${nearestOrAll(token, testTokens, 'There are:')}`,
    )
  return card
}

/** Reads as staff, who see each order and its saga. After a restart the platform is found anew. */
function follow(orderId: string, { asJson, timeoutMs }: { asJson: boolean; timeoutMs: number }): Promise<OrderView> {
  let known: { readonly running: Running; readonly api: Api } | undefined
  const connected = (): { readonly running: Running; readonly api: Api } => {
    const running = findRunning()
    if (!running?.ready) throw new PlatformAway()
    if (known?.running.secret !== running.secret)
      known = { running, api: connect(running, { sub: 'operator', roles: ['customer', 'support'] }) }
    return known
  }
  return followOrder(orderId, {
    read: async () => (await connected().api.send<OrderView>('GET', `/v1/orders/${encodeURIComponent(orderId)}`)).body,
    async obstacle() {
      const { running, api } = connected()
      const [saga, work] = await Promise.all([findSaga(api, orderId).catch(() => undefined), readWaiting(running)])
      return obstacleOf(saga, work, Date.now())
    },
    isUnreachable: (error) => error instanceof PlatformAway || isUnreachable(error),
    printEntry: asJson ? () => {} : printEntry,
    note: (line) => (asJson ? printError : say)(`${' '.repeat(12)}${line}`),
    again: `npm run order -- --follow ${shown(orderId)}`,
    timeoutMs,
    now: Date.now,
    pause: (ms) => pause(ms),
  })
}

class PlatformAway extends Error {}

/** Adds the way on to a lost connection. */
async function explained<T>(key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUnreachable(error)) throw error
    throw new UsageError(
      `The platform went away before it answered. The order may have been placed: the same command with --key ${shown(key)} returns it.`,
    )
  }
}

function printEntry(entry: TimelineEntry, startMs: number): void {
  const since = `+${Date.parse(entry.time) - startMs} ms`
  say(`${since.padStart(10)}  ${shown(entry.type).padEnd(24)} ${shown(entry.source)}`)
}
