/** Verbs of `npm run ops` for orders: retry, close, cancel, refund and recapture; the differences of their records, and their lists. */

import { randomUUID } from 'node:crypto'
import type { Api } from '../../../cli/api.ts'
import { define, flag, parseWholeNumber, text, UsageError } from '../../../cli/command.ts'
import { actingOptions, operatorFrom } from '../../../cli/ops/operator.ts'
import { targetFrom, targetOptions } from '../../../cli/ops/target.ts'
import { say, shown } from '../../../cli/terminal.ts'
import { cancelReasons } from '../../orders/cancellation-contracts.ts'
import { openRuns } from './differences.ts'
import { rebuildLists } from './rebuild-lists.ts'
import { report } from './report-differences.ts'
import { readSaga } from './sagas.ts'

const order = { name: 'ORDER', brief: 'its id; stuck lists the ids', max: 1 }

/** An act on the order that is named. @throws UsageError without a reason or an order */
function actOn(
  values: Parameters<typeof targetFrom>[0] & Parameters<typeof operatorFrom>[0],
  orderId: string | undefined,
  hint = 'npm run ops -- stuck lists them.',
) {
  const { actor, reason } = operatorFrom(values)
  if (!orderId) throw new UsageError(`The order's id is missing: ${hint}`)
  const api = (): Api => targetFrom(values).api(actor)
  return {
    orderId,
    reason,
    saga: () => readSaga(api(), orderId),
    post: <Body>(path: string, body: object = {}, key: string = randomUUID()) =>
      api().send<Body>('POST', `/v1/orders/${encodeURIComponent(orderId)}/${path}`, { key, body: { ...body, reason } }),
  }
}

const retry = define({
  brief: "Retries an order's pending step now.",
  about: `
Sends the pending step again and has its reply republished, or sends the unanswered compensations again; after the
confirmation it has the services with missing events republish them. The retry is recorded in the order's stream.`,
  words: order,
  options: { ...targetOptions, ...actingOptions },
  async run(values, [id]) {
    const { orderId, saga, post } = actOn(values, id)
    const { status, waitsFor } = await saga()
    if (waitsFor.length === 0) throw new UsageError(`${shown(orderId)} is ${shown(status)} and has no pending step.`)
    await post('retry')
    say(`${shown(orderId)}: retry of ${shown(waitsFor.map(({ step }) => step).join(', '))} requested`)
  },
})

const close = define({
  brief: 'Ends a shipped order whose payment can not be captured.',
  about: `
All goods must be shipped and committed, and the money not all captured: the provider refused the capture, or it is
collected in another way. An unused authorization is voided. The service orders refuses to close any other order. stuck
lists the order until it is closed. The closing is recorded in the order's stream.`,
  words: order,
  options: { ...targetOptions, ...actingOptions },
  async run(values, [id]) {
    const { orderId, saga, post } = actOn(values, id)
    const { status } = await saga()
    if (status !== 'confirmed')
      throw new UsageError(`${shown(orderId)} is ${shown(status)}: only a confirmed order can be closed.`)
    await post('close')
    say(`${shown(orderId)}: closing requested`)
  },
})

const refund = define({
  brief: 'Gives captured money back, all or a part of it.',
  about: `
Refunds to the payment method that paid. The sum of all refunds never exceeds what was captured: the service payments
refuses more, and names what is left. The same --key with the same amount is the same refund. The order shows it as pending,
issued or failed.`,
  words: { ...order, brief: 'its id' },
  options: {
    ...targetOptions,
    ...actingOptions,
    'amount-minor': text('N', 'the amount in minor units, such as cents'),
    key: text('KEY', 'idempotency key; absent, a new one'),
  },
  async run(values, [id]) {
    const { orderId, post } = actOn(values, id, 'npm run ops -- refund ORDER --amount-minor N')
    const typed = values['amount-minor']
    if (typed === undefined) throw new UsageError('--amount-minor is missing: 1190 is 11.90 EUR.')
    const amountMinor = parseWholeNumber({ from: 1 })(typed)
    const { body } = await post<{ refundId: string }>('refunds', { amountMinor }, values.key)
    say(`${shown(orderId)}: refund ${shown(body.refundId)} of ${amountMinor} minor units requested`)
  },
})

const recapture = define({
  brief: 'Captures what was refused with another payment method of the customer.',
  about: `
For an order whose status is payment-failed. The former authorization is released first: if its capture has succeeded late,
that money is found, and nothing is taken twice. A refusal leaves the order as it was: name another payment method, or close it.`,
  words: { ...order, brief: 'its id; stuck lists the ids' },
  options: {
    ...targetOptions,
    ...actingOptions,
    'payment-method': text('REF', "a payment method of the order's customer"),
  },
  async run(values, [id]) {
    const { orderId, post } = actOn(values, id)
    const paymentMethodRef = values['payment-method']
    if (paymentMethodRef === undefined) throw new UsageError('--payment-method is missing: the customer registers one.')
    await post('recapture', { paymentMethodRef })
    say(`${shown(orderId)}: recapture with ${shown(paymentMethodRef)} requested`)
  },
})

const cancel = define({
  brief: "Cancels what has not left of a customer's order.",
  about: `
Stock and payment of the cancelled goods are taken back, and the customer is notified. Orders refuses it for an order
that has ended or whose goods have left. The reason is a code: ${cancelReasons.join(', ')}.`,
  words: order,
  options: { ...targetOptions, ...actingOptions },
  async run(values, [id]) {
    const { orderId, reason, post } = actOn(values, id)
    if (!cancelReasons.some((code) => code === reason))
      throw new UsageError(`--reason takes one of ${cancelReasons.join(', ')}, not "${shown(reason)}".`)
    await post('cancel')
    say(`${shown(orderId)}: cancellation requested`)
  },
})

const differences = define({
  brief: 'Shows the differences that the last run of reconciliation found.',
  about: `
Each night the records of all services, of the payment provider and of BigQuery are compared. npm run reconcile compares
them now. The exit code is 1 if there is a difference.`,
  options: { ...targetOptions, json: flag('as JSON') },
  async run({ json, ...where }) {
    const runs = await openRuns(targetFrom(where))
    const run = await runs.ended()
    if (!run) return say('No run of reconciliation has ended yet: npm run reconcile begins one.')
    return report(runs, run, json)
  },
})

export const verbs = { retry, close, cancel, refund, recapture, differences, 'rebuild-lists': rebuildLists }
