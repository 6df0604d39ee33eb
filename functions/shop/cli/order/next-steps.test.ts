import { describe, expect, it } from 'vitest'
import type { OrderView } from '../order-view.ts'
import { nextSteps } from './next-steps.ts'

const about = { reason: 'card-declined', until: '2026-01-01T00:05:00.000Z', attemptsLeft: 2 }
const steps = (paymentNeeded: OrderView['paymentNeeded'], customerRef = 'customer-1'): string[] =>
  nextSteps({ orderId: 'o-1', customerRef, paymentNeeded } as OrderView)

describe('the next steps of the customer', () => {
  it('after a refusal are another card, or a cancellation', () => {
    expect(steps(about)).toEqual([
      'The goods are kept until 00:05:00 UTC.',
      'pay with 2 more cards: npm run order -- --pay o-1 --card card-ok',
      'or cancel it: npm run order -- --cancel o-1',
    ])
  })

  it("name the bank's page, the last card, and a customer who is not the default one", () => {
    const requested = { ...about, reason: 'action-required', attemptsLeft: 1, actionUrl: 'https://bank.test/1' }
    expect(steps(requested, 'jo').slice(1)).toEqual([
      'approve or decline it at https://bank.test/1, then npm run order -- --follow o-1',
      'pay with one more card: npm run order -- --pay o-1 --card card-ok --customer jo',
      'or cancel it: npm run order -- --cancel o-1 --customer jo',
    ])
    expect(steps({ ...requested, attemptsLeft: 0 }).join()).not.toContain('--pay')
  })

  it('do not exist for an order that needs no payment', () => {
    expect(steps(undefined)).toEqual([])
  })
})
