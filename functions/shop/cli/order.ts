/** Places an order through the gateway, follows it to its end and prints its timeline. */

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '../../../cli/api.ts'
import { hasEnded, type OrderView, type TimelineEntry } from './order-view.ts'
import { references } from './references.ts'
import { flag, main, requireRunning, text, texts, UsageError } from '../../../cli/command.ts'
import { money } from './money.ts'
import { isTerminal, say, sayJson, sayProgress, shown } from '../../../cli/terminal.ts'

const FOLLOW_TIMEOUT_MS = 60_000
const POLL_INTERVAL_MS = 100

void main('order', {
  brief: 'Places an order, follows it, and prints its events when it has ended: time since the start, event, service.',
  about: `
The customer gets an address and a test card, the same each time. Give one --quantity for each --sku:

  npm run order -- --sku TEA-001 --quantity 2 --sku POT-001 --quantity 1`,
  options: {
    sku: texts('SKU', 'a product to order'),
    quantity: texts('N', 'its quantity; absent, one'),
    currency: text('CODE', 'the currency (ISO 4217)', 'EUR'),
    customer: text('NAME', 'the customer', 'customer-1'),
    'decline-card': flag('pay with a card that the provider declines'),
    key: text('KEY', 'idempotency key; the same key and order give the same answer; absent, a new one'),
    json: flag('print the ended order as JSON'),
  },
  async run(values) {
    const skus = values.sku ?? []
    if (skus.length === 0) throw new UsageError('--sku is missing. Try: npm run order -- --sku TEA-001 --quantity 2')
    const lines = skus.map((sku, index) => ({ sku, quantity: wholeNumber(values.quantity?.[index] ?? '1') }))
    const api = connect(requireRunning(), { sub: values.customer, roles: ['customer'] })
    const card = values['decline-card'] ? 'card-declined' : 'card-ok'
    const own = await references(api, card)
    if (!values.json)
      say(`${values.customer} ships to ${shown(own.addressRef)} and pays with ${shown(own.paymentMethodRef)} (${card})`)
    const startedMs = Date.now()
    const { body: placed } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
      key: values.key ?? randomUUID(),
      body: {
        currency: values.currency,
        lines,
        ...own,
      },
    })
    if (!values.json) say(`${shown(placed.orderId)} answered after ${Date.now() - startedMs} ms`)
    const order = await follow(
      placed.orderId,
      (path) => api.send<OrderView>('GET', path),
      values.json ? () => {} : printEntry,
    )
    if (values.json) sayJson(order)
    else
      say(
        shown(`${order.status}${order.reason ? ` (${order.reason})` : ''}: ${money(order.totalMinor, order.currency)}`),
      )
    return 0
  },
})

async function follow(
  orderId: string,
  get: (path: string) => Promise<{ body: OrderView }>,
  print: (entry: TimelineEntry, startMs: number) => void,
): Promise<OrderView> {
  const endMs = Date.now() + FOLLOW_TIMEOUT_MS
  let printed = 0
  while (Date.now() < endMs) {
    const { body: order } = await get(`/v1/orders/${orderId}`)
    const entries = order.timeline.entries ?? []
    // The service history receives the last event a moment later: wait for it too.
    const isRecorded =
      order.timeline.unavailable === true || entries.some(({ type }) => type === `order.${order.status}`)
    if (hasEnded(order) && isRecorded) {
      const startMs = Date.parse(entries[0]?.time ?? '')
      for (const entry of entries) print(entry, startMs)
      return order
    }
    if (entries.length > printed && isTerminal()) {
      printed = entries.length
      sayProgress(`${printed} events so far …`)
    }
    await pause(POLL_INTERVAL_MS)
  }
  throw new UsageError(
    `${orderId} has not ended within ${FOLLOW_TIMEOUT_MS / 1000} s: npm run trace -- ${orderId} shows its steps, npm run logs -- orders the log.`,
  )
}

function printEntry(entry: TimelineEntry, startMs: number): void {
  const since = `+${Date.parse(entry.time) - startMs} ms`
  say(`${since.padStart(10)}  ${shown(entry.type).padEnd(24)} ${shown(entry.source)}`)
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new UsageError(`--quantity takes a number, not "${text}"`)
  return value
}
