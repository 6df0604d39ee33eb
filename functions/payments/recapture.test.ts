/** Recaptures that an earlier revision has begun: its commands and events are in flight during a release. */

import { expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { authorizedPayment, orderId } from './authorized.testing.ts'
import { paymentIn, type PaymentRecord, type PaymentSent } from './payment.ts'

const HOUR = 3_600_000
const method = { paymentMethodRef: 'card-new', customer: 'v-1' }

/** Every capture was refused; these events were recorded after that. */
async function refused(events: PaymentRecord[]) {
  const payment = await authorizedPayment()
  const { platform, provider } = payment
  provider.captureRefusal = 'card-expired'
  await payment.dispatched('s-1', '1', '2', '3')
  provider.captureRefusal = undefined
  const before = message('MakeRecapture', { orderId }, { key: 'before' })
  await platform.streams.handle<PaymentRecord, PaymentSent>(before, orderId, () => ({ events, commands: [] }))
  return {
    ...payment,
    make: (authorization: number, given: object = {}, version = 1) =>
      deliver(app, platform, message('MakeRecapture', { orderId, authorization, ...given }, { version })),
    types: () => platform.published.map(({ type }) => type),
    stateOf: async () => paymentIn((await platform.streams.read(orderId)).events),
  }
}
type Payment = Awaited<ReturnType<typeof refused>>

const outOf = ({ platform }: Payment): void =>
  void Object.assign(platform, {
    callExternal: () => Promise.reject(new Unavailable('The provider does not answer.')),
  })

const waiting = (attempt: number): PaymentRecord[] => [
  { type: 'recapture.due', data: { authorization: 2, ...method } },
  { type: 'recapture.done', data: { authorization: 2 } },
  { type: 'recapture.due', data: { authorization: 3, ...method, attempt } },
]

it('the wait before an attempt, whose command was sent without its time, is no time without an answer', async () => {
  const payment = await refused(waiting(6))
  outOf(payment)
  payment.platform.advance(24 * HOUR)
  await expect(payment.make(3)).rejects.toBeInstanceOf(Unavailable)
  payment.platform.advance(24 * HOUR - 1)
  await expect(payment.make(3)).rejects.toBeInstanceOf(Unavailable)
  expect(payment.types()).not.toContain('recapture.overdue')
  payment.platform.advance(1)
  await payment.make(3)
  expect(payment.types()).toContain('recapture.overdue')
})

it('an attempt is overdue a day after the time that its command has', async () => {
  const payment = await refused(waiting(2))
  outOf(payment)
  const dueAt = new Date(Date.parse(startOfTests) + HOUR).toISOString()
  payment.platform.advance(25 * HOUR - 1)
  await expect(payment.make(3, { dueAt }, 2)).rejects.toBeInstanceOf(Unavailable)
  payment.platform.advance(1)
  await payment.make(3, { dueAt }, 2)
  expect(payment.platform.sent.at(-1)?.envelope).toMatchObject({
    type: 'MakeRecapture',
    data: { authorization: 3, dueAt },
  })
})

it.each(['recapture.declined', 'recapture.retried'] as const)(
  'one that was declined for the moment, recorded as %s, is numbered anew when it is due',
  async (type) => {
    const payment = await refused([
      { type: 'recapture.due', data: { authorization: 2, ...method } },
      { type, data: { authorization: 2, attempt: 2, code: 'issuer-unavailable' } },
    ])
    await payment.make(2)
    const { recaptures } = await payment.stateOf()
    expect(recaptures).toMatchObject({ 2: { isDone: true }, 3: { attempt: 2, isDone: false } })
    expect(payment.platform.sent.at(-1)?.envelope).toMatchObject({ data: { authorization: 3, dueAt: startOfTests } })
  },
)

it.each([
  ['recapture.declined', 'issuer-unavailable', undefined],
  ['recapture.retried', undefined, 'issuer-unavailable'],
] as const)('%s has one meaning: the authorization, or a capture under it', async (type, declined, capture) => {
  const payment = await refused([{ type: 'recapture.due', data: { authorization: 2, ...method } }])
  const { provider, platform } = payment
  if (declined !== undefined) Object.assign(provider, { outcome: 'declined', declineCode: declined })
  provider.captureRefusal = capture
  await payment.make(2)
  const { events } = await platform.streams.read(orderId)
  const recorded = events.map((event) => event.type).filter((one) => /^recapture\.(declined|retried)$/.test(one))
  expect(recorded).toEqual([type])
})
