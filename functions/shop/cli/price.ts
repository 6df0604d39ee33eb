/** Changes the price of a product through its owner, the catalog, and waits until the catalog shows it. */

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { z } from 'zod'
import { connect } from '../../../cli/api.ts'
import { main, parseWholeNumber, requireRunning, text, UsageError } from '../../../cli/command.ts'
import { say, shown } from '../../../cli/terminal.ts'
import type { pricedProduct } from '../../catalog/contracts.ts'
import { money } from './money.ts'
import { withNearestSku } from './skus.ts'

const FOLLOW_TIMEOUT_MS = 30_000
const POLL_INTERVAL_MS = 100
const example = 'npm run price -- --sku TEA-001 --unit-minor 1250'

type Product = z.output<typeof pricedProduct>

void main('price', {
  brief: "Changes a product's price as staff of the shop, by POST /v1/prices, and waits until the catalog shows it.",
  about: `  ${example}

Prices in several currencies stand side by side; a price replaces that of its own currency alone:

  npm run price -- --sku TEA-001 --unit-minor 1390 --currency USD`,
  options: {
    sku: text('SKU', 'the product'),
    'unit-minor': text('N', 'the new price of one piece, in minor units of the currency: 1250 is 12.50 EUR'),
    currency: text('CODE', 'the currency (ISO 4217)', 'EUR'),
  },
  async run({ sku, 'unit-minor': typed, currency }) {
    if (sku === undefined || typed === undefined)
      throw new UsageError(`--sku or --unit-minor is missing. Try: ${example}`)
    const unitMinor = parseUnitMinor(typed)
    const running = requireRunning()
    const api = connect(running, { sub: 'staff-1', roles: ['admin'] })
    const read = async (): Promise<number | undefined> => {
      const { body } = await api.send<Product>('GET', `/v2/products/${encodeURIComponent(sku)}`)
      return body.prices.find((price) => price.currency === currency)?.unitMinor
    }
    const before = await withNearestSku(running, [sku], read)
    // A refusal of the catalog is printed with its reason.
    await api.send('POST', '/v1/prices', {
      key: randomUUID(),
      body: { sku, unitMinor, currency },
      waitSeconds: FOLLOW_TIMEOUT_MS / 3_000,
    })
    const endMs = Date.now() + FOLLOW_TIMEOUT_MS
    for (let now = before; now !== unitMinor; now = await read()) {
      if (Date.now() > endMs)
        throw new UsageError(
          `The catalog does not show the price within ${FOLLOW_TIMEOUT_MS / 1000} s: npm run logs -- catalog has the reason.`,
        )
      await pause(POLL_INTERVAL_MS)
    }
    const former = before === undefined ? `it had no price in ${currency}` : money(before, currency)
    say(`${shown(sku)} costs ${money(unitMinor, currency)}; before, ${former}`)
  },
})

function parseUnitMinor(typed: string): number {
  try {
    return parseWholeNumber({})(typed)
  } catch (error) {
    throw new UsageError(`--unit-minor: ${(error as Error).message}`)
  }
}
