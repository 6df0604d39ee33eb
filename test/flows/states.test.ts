/** docs/orders.md explains each status that an order can show. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ordersContracts } from '../../functions/orders/contracts.ts'
import { root } from '../support/root.ts'

it('docs/orders.md has a row for each status of the contract', () => {
  const page = readFileSync(join(root, 'docs', 'orders.md'), 'utf8')
  const section = page.slice(page.indexOf('## States'), page.indexOf('## A payment that needs the customer'))
  const shown = [...section.matchAll(/^\| `([a-z-]+)` /gm)].map((match) => match[1]!)
  expect(shown.toSorted()).toEqual(ordersContracts.queries.readOrder.answers[200].shape.status.options.toSorted())
})
