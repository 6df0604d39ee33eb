import { expect, it } from 'vitest'
import { billOf } from './price.ts'
import { billText } from './text.ts'

const counters = { 'pubsub.messages.published.seat.taken': 2, 'firestore.documentWrites': 40, 'tasks.operations': 16 }
const unit = {
  one: 'seat',
  many: 'seats',
  event: 'seat.taken',
  request: 'POST /v1/seats',
  command: 'npm run seat',
}

it('has each item, and the totals in each billing mode, per unit of the business', () => {
  const text = billText(billOf(counters, unit.event), unit)
  expect(text).toMatch(/per seat +USD +USD per million seats/)
  expect(text).toMatch(/Firestore +writes +Standard +40 +documents +20 +0\.000036 +18\.00/)
  expect(text).toMatch(/Cloud Tasks +operations +always +16 +operations +8 +0\.000006 +3\.20/)
  expect(text).toMatch(/2 seats since the start/)
  expect(text).toMatch(/Standard +21\.20 +21\.20\nEnterprise +3\.20 +3\.20/)
})

it('reports that nothing was counted, and the command that begins one', () => {
  expect(billText(billOf({ 'firestore.documentReads': 1 }, unit.event), unit)).toContain(
    'There was no seat since the start: npm run seat begins one.',
  )
})

it('has only sums for a business that counts nothing', () => {
  const text = billText(billOf(counters, undefined))
  expect(text).toMatch(/Firestore +writes +Standard +40 +documents +0\.000036\n/)
  expect(text).toMatch(/Standard +0\.000042 +0\.000042/)
  expect(text).not.toMatch(/million|begins/)
})
