/** The pictures of docs/orders.md are made from the definitions: `npm run record` draws them anew. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { isRecording, RECORD, writeMade } from '../../shared/contracts/records.testing.ts'
import { root } from '../support/root.ts'
import { pictures } from './order-pictures.testing.ts'
import { flowPicture } from './pictures.testing.ts'

const file = join(root, 'docs', 'orders.md')
const block = (name: string): RegExp => new RegExp(`(<!-- picture ${name} -->\\n)[^]*?(\\n<!-- end -->)`)

it('docs/orders.md has the picture of each flow as the definitions have it, and no other one', () => {
  const page = readFileSync(file, 'utf8')
  const made = Object.entries(pictures).reduce((text, [name, picture]) => {
    expect(text, `docs/orders.md has no <!-- picture ${name} --> with its <!-- end -->`).toMatch(block(name))
    return text.replace(block(name), (_all, start: string, end: string) => `${start}\n${picture}\n${end}`)
  }, page)
  if (isRecording) writeMade(pathToFileURL(file), made)
  expect(made, RECORD).toBe(readFileSync(file, 'utf8'))
  expect(page.match(/^```mermaid$/gm)).toHaveLength(Object.keys(pictures).length)
})

it.each([
  ['ChargeCard', 'No service has ChargeCard among its commands.'],
  ['payment.taken', 'No service has payment.taken among its events.'],
  ['order.closed', 'order.closed is handled by no party of the picture.'],
  ['stock.committed', 'stock.committed is handled by orders: the picture needs that party.'],
  ['payment.capture-failed', 'payment.capture-failed is handled by orders, customer: the picture needs that party.'],
  ['CheckShipments by payments', 'CheckShipments is sent by orders, shipping: write "CheckShipments by SENDER".'],
  ['RepublishEvents', 'No service has RepublishEvents among its commands.'],
])('a step %s is refused', (step, message) => {
  expect(() => flowPicture(['shipping', 'payments', 'provider'], step)).toThrow(message)
})

it('each party that handles an event gets an arrow, and a customer who is notified of it', () => {
  const arrows = flowPicture(
    ['customer', 'shipping', 'orders', 'payments', 'inventory'],
    'shipment.dispatched: the parcel',
  )
    .split('\n')
    .filter((line) => line.includes('>>'))
  expect(arrows.map((line) => line.trim())).toEqual(
    ['customer', 'orders', 'inventory', 'payments'].map(
      (party) => `shipping-->>${party}: shipment.dispatched, the parcel`,
    ),
  )
})
