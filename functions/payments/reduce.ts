/** Takes cancelled lines out of a payment, so that the rest of the authorization is released with the last lines that are shipped. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { refuseIf, Unavailable } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import type { CommandOf } from '../../shared/contracts/contract.ts'
import type { paymentsContracts } from './contracts.ts'
import { isAllSettled, isDeferred, payableMinor } from './amounts.ts'
import { withCaptures } from './joined.ts'
import { decideOn, type PaymentDecision } from './decide.ts'
import { currentAuthorization, evolve, paymentId, type PaymentRecord, type PaymentState, release } from './payment.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

type Reduction = Extract<CommandOf<typeof paymentsContracts>, { type: 'ReduceAuthorization' }>['data']

/** The last capture has the amount that is left. If all of it was captured before, the rest is released after this commit. */
export function reduceAuthorization(
  message: Envelope<string, Reduction>,
  platform: Platform,
): Promise<PaymentDecision> {
  const { orderId, cancellationId, lines } = message.data
  return decideOn(message, platform, (state) => {
    if (state.reductions.includes(cancellationId)) return noChange
    if (state.status === 'none') throw new Unavailable(`Nothing was authorized for ${orderId} yet.`)
    refuseIf(
      state.lines.length === 0 && state.status !== 'not-required',
      'not-found',
      `Nothing was authorized for ${orderId}: its payment was voided before.`,
    )
    const { currency } = state
    const reduced = (amountMinor: number): PaymentRecord => ({
      type: 'payment.reduced',
      data: { orderId, paymentId: paymentId(orderId), cancellationId, lines, amountMinor, currency },
    })
    const after = evolve(state, reduced(0))
    if (isCaptureDue(state))
      throw new Unavailable(
        `A shipment of ${orderId} is captured first: its amount is fixed, the rest is released then.`,
      )
    const commands = isAllSettled(after) && hasOpenRest(state) ? [release(orderId, currentAuthorization(state))] : []
    // Captures that were deferred until the cancelled lines leave are made now.
    const decision = { events: [reduced(payableMinor(after))], commands }
    return withCaptures({ orderId, nowMs: platform.now() }, state, decision)
  })
}

const isCaptureDue = (state: PaymentState): boolean =>
  Object.entries(state.captures).some(([id, { outcome }]) => outcome === 'due' && !isDeferred(state, id))

/** A refused capture keeps the authorization open: staff may still settle it. */
const hasOpenRest = ({ status, captures }: PaymentState): boolean =>
  status === 'authorized' && Object.values(captures).every(({ outcome, final }) => outcome === 'captured' && !final)
