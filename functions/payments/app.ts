/** Payments' handlers: ask the provider under the step's key, commit what it said, publish. */

import { implement, type ServiceApp } from '../../shared/app.ts'
import { fold } from '../../shared/decider.ts'
import { Unavailable } from '../../shared/errors.ts'
import { type Decision, type Message, nothing } from '../../shared/platform.ts'
import { authorizationKey, captureFor, captureKey, evolve, initial, paymentId } from './payment.ts'
import { type Authorization, provider } from './provider.ts'
import { payments } from './service.ts'

const only = (...events: Message[]): Decision => ({ events, commands: [] })

export const app: ServiceApp = implement(payments, {
  on: {
    'shipment.dispatched': (message, platform) => {
      const { orderId, shipmentId, lines } = message.data
      return platform.streams.handle(message, orderId, async ({ events }) => {
        const state = fold({ initial, evolve }, events)
        if (state.status !== 'authorized')
          throw new Unavailable(`The payment of ${orderId} is ${state.status}: it can not be captured yet.`)
        // One guard: a shipment is captured once, whoever tells of it and how often.
        if (shipmentId in state.shipped) return nothing
        const { amountMinor, final, quantities } = captureFor(state, lines)
        const answer = await provider(platform).capture(authorizationKey(orderId), captureKey(orderId, shipmentId), {
          amountMinor,
          final,
        })
        if (answer.status === 'failed')
          return only({
            type: 'payment.capture-failed',
            data: { orderId, paymentId: paymentId(orderId), shipmentId, code: answer.code },
          })
        const { captureId } = answer
        return only(
          {
            type: 'payment.captured',
            data: {
              orderId,
              paymentId: paymentId(orderId),
              captureId,
              shipmentId,
              amountMinor,
              currency: state.currency,
              final,
            },
          },
          { type: 'shipment.noted', data: { shipmentId, quantities } },
        )
      })
    },
  },
  commands: {
    AuthorizePayment: (message, platform) => {
      const { orderId, paymentMethodRef, currency, totalMinor, shippingMinor } = message.data
      const lines = message.data.lines.map(({ lineId, quantity, unitMinor }) => ({ lineId, quantity, unitMinor }))
      return platform.streams.handle(message, orderId, async ({ events }) => {
        const state = fold({ initial, evolve }, events)
        // The undo came first: what it undid must not happen now.
        if (state.status === 'tombstone')
          return only({
            type: 'payment.declined',
            data: { orderId, paymentId: paymentId(orderId), code: 'voided-before' },
          })
        if (state.status !== 'none') return nothing
        const request = { amountMinor: totalMinor, currency, paymentMethodRef, reference: orderId }
        const answer = await provider(platform).authorize(authorizationKey(orderId), request)
        return only(outcome(answer, { orderId, amountMinor: totalMinor, currency }), {
          type: 'payment.agreed',
          data: { currency, totalMinor, shippingMinor, lines },
        })
      })
    },
    VoidPayment: (message, platform) => {
      const { orderId } = message.data
      return platform.streams.handle(message, orderId, async () => {
        // The provider first: as long as it may still authorise under this key, the undo is not done.
        await provider(platform).void(authorizationKey(orderId))
        return only({ type: 'payment.voided', data: { orderId, paymentId: paymentId(orderId) } })
      })
    },
  },
})

function outcome(
  answer: Authorization,
  { orderId, amountMinor, currency }: { orderId: string; amountMinor: number; currency: string },
): Message {
  const about = { orderId, paymentId: paymentId(orderId) }
  switch (answer.status) {
    case 'authorized':
      return { type: 'payment.authorized', data: { ...about, amountMinor, currency, expiresAt: answer.expiresAt } }
    case 'declined':
      return { type: 'payment.declined', data: { ...about, code: answer.code } }
    case 'action-required':
      return { type: 'payment.action-required', data: { ...about, actionUrlRef: answer.actionUrlRef } }
  }
}
