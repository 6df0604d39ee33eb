import * as currencies from 'dinero.js/currencies'
import { describe, expect, it } from 'vitest'
import { texts } from './templates.ts'

const textFor = (type: string, data: object): string => texts.meanings[type]!({ data } as never)

describe('the notification of a payment that needs the customer', () => {
  const facts = { orderId: 'o-1', amountMinor: 2380, currency: 'EUR', until: '2026-01-01T00:05:00.000Z' }

  it('after a refusal has the reason, and the time for another payment method', () => {
    expect(textFor('order.payment-needed', { ...facts, reason: 'card-declined' })).toBe(
      'The payment of EUR 23.80 for your order o-1 was refused (card-declined). We keep the goods for you until 2026-01-01 00:05 UTC: give another payment method for it.',
    )
  })

  it("for the customer's approval has the link", () => {
    const requested = { ...facts, reason: 'action-required', actionUrl: 'https://bank.test/1' }
    expect(textFor('order.payment-needed', requested)).toBe(
      'Your bank wants you to approve the payment of EUR 23.80 for your order o-1 at https://bank.test/1. We keep the goods for you until 2026-01-01 00:05 UTC.',
    )
  })
})

it.each([
  ['gone', 'its program answered that it is gone (410)'],
  ['failing', 'nothing has succeeded there since 2026-01-01 00:00 UTC'],
])('a webhook endpoint that is disabled because it is %s has the reason and the remedy', (reason, because) => {
  const facts = { endpointId: 'w-1', reason, failingSince: '2026-01-01T00:00:00.000Z' }
  expect(textFor('webhook.disabled', facts)).toBe(
    `Your webhook endpoint w-1 gets nothing any more, because ${because}. Webhooks are kept for thirty days: a replay sends them and enables the endpoint.`,
  )
})

it.each([
  ['changed-mind', ''],
  ['payment-lapsed', ', because we have no payment for it any more'],
  ['open-too-long', ', because we could not send it in all this time'],
])('a cancellation for %s has the reason where it is one of the platform', (reason, because) => {
  expect(textFor('order.cancelled', { orderId: 'o-1', reason })).toBe(
    `Your order o-1 is cancelled${because}. Nothing was charged.`,
  )
})

it('a cancellation by the platform that came too late is no answer to the customer, who requested none', () => {
  const facts = { orderId: 'o-1', reason: 'already-dispatched', lines: [] }
  const refused = (by: string): string => textFor('order.cancel-refused', { ...facts, by })
  expect(refused('customer')).toBe('Your order o-1 can not be cancelled any more (already-dispatched).')
  expect(refused('platform')).toBe('Your order o-1 goes on: all of its goods have left.')
})

it.each(Object.values(currencies).filter(({ base }) => base === 10))(
  'an amount in $code has its $exponent digits by ISO 4217',
  ({ code: currency, exponent }) => {
    const text = textFor('refund.issued', { orderId: 'o-1', amountMinor: 1_234_567, currency })
    const digits = (1_234_567 / 10 ** exponent).toFixed(exponent)
    expect(text.replaceAll(',', '')).toContain(`${currency} ${digits} `)
  },
)
