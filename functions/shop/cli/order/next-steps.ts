/** The next steps of the customer of an order that needs a payment, as commands. */

import { shown } from '../../../../cli/terminal.ts'
import type { OrderView } from '../order-view.ts'

const DEFAULT_CUSTOMER = 'customer-1'

export function nextSteps({ orderId, customerRef, paymentNeeded }: OrderView): string[] {
  if (!paymentNeeded) return []
  const { until, attemptsLeft, actionUrl } = paymentNeeded
  const as = customerRef === DEFAULT_CUSTOMER ? '' : ` --customer ${shown(customerRef)}`
  const order = shown(orderId)
  const further = attemptsLeft === 1 ? 'one more card' : `${attemptsLeft} more cards`
  return [
    `The goods are kept until ${until.slice(11, 19)} UTC.`,
    ...(actionUrl === undefined
      ? []
      : [`approve or decline it at ${shown(actionUrl)}, then npm run order -- --follow ${order}`]),
    ...(attemptsLeft === 0 ? [] : [`pay with ${further}: npm run order -- --pay ${order} --card card-ok${as}`]),
    `or cancel it: npm run order -- --cancel ${order}${as}`,
  ]
}
