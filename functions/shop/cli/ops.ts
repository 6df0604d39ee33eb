/** Verbs of `npm run ops` for orders: retry and close. */

import { randomUUID } from 'node:crypto'
import { define, UsageError } from '../../../cli/command.ts'
import { actingOptions, operatorFrom } from '../../../cli/ops/operator.ts'
import { targetFrom, targetOptions } from '../../../cli/ops/target.ts'
import { say, shown } from '../../../cli/terminal.ts'
import { readSaga } from './sagas.ts'

const order = { name: 'ORDER', brief: 'its id; stuck lists the ids', max: 1 }

const retry = define({
  brief: "Retries an order's pending step now.",
  about: `
Sends the pending step again and has its reply republished, or sends the unanswered compensations again; after the
confirmation it has the services with missing events republish them. The retry is recorded in the order's stream.`,
  words: order,
  options: { ...targetOptions, ...actingOptions },
  async run(values, [orderId]) {
    const { actor, reason } = operatorFrom(values)
    if (!orderId) throw new UsageError("The order's id is missing: npm run ops -- stuck lists them.")
    const api = targetFrom(values).api(actor)
    const { status, waitsFor } = await readSaga(api, orderId)
    if (waitsFor.length === 0) throw new UsageError(`${shown(orderId)} is ${shown(status)} and has no pending step.`)
    await api.send('POST', `/v1/orders/${encodeURIComponent(orderId)}/retry`, { key: randomUUID(), body: { reason } })
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
  async run(values, [orderId]) {
    const { actor, reason } = operatorFrom(values)
    if (!orderId) throw new UsageError("The order's id is missing: npm run ops -- stuck lists them.")
    const api = targetFrom(values).api(actor)
    const { status } = await readSaga(api, orderId)
    if (status !== 'confirmed')
      throw new UsageError(`${shown(orderId)} is ${shown(status)}: only a confirmed order can be closed.`)
    await api.send('POST', `/v1/orders/${encodeURIComponent(orderId)}/close`, { key: randomUUID(), body: { reason } })
    say(`${shown(orderId)}: closing requested`)
  },
})

export const verbs = { retry, close }
