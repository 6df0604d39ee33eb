/**
 * Captures what was refused with another payment method, under a new authorization for all that is not paid. The former
 * authorization is released first, so that a capture whose answer was lost is found, and none succeeds later; while a parcel has
 * not left, once the new one is granted: the parcel is captured under the last one that was, and that one is kept for it.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { refuseIf, Unavailable } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import { vaultOf } from '../customers/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { isAllSettled, uncapturedMinor } from './amounts.ts'
import { nothingDue } from './capture.ts'
import { withCaptures } from './joined.ts'
import { decideOn, decideWithCalls, type PaymentDecision } from './decide.ts'
import {
  authorizationKey,
  captureKey,
  currentAuthorization,
  evolve,
  isAuthorizing,
  isCaptureKeyOf,
  keyedBy,
  nextAuthorization,
  paymentId,
  type PaymentRecord,
  type PaymentState,
} from './payment.ts'
import { type Authorization, MULTICAPTURE_UNAVAILABLE, type Provider, provider } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

interface RecaptureRequest {
  readonly orderId: string
  readonly customerRef: string
  readonly paymentMethodRef: string
}

export function recapturePayment(
  message: Envelope<string, RecaptureRequest>,
  platform: Platform,
): Promise<PaymentDecision> {
  const { orderId, customerRef, paymentMethodRef } = message.data
  return decideOn(message, platform, (state) => {
    refuseIf(
      refusedIn(state).length === 0,
      shopCodes['nothing-to-recapture'],
      `No capture of ${orderId} is refused and unpaid.`,
    )
    if (isAuthorizing(state))
      throw new Unavailable(`A recapture or a renewal of ${orderId} with another authorization is not answered yet.`)
    const authorization = nextAuthorization(state)
    const due = { authorization, paymentMethodRef, customer: vaultOf(customerRef) }
    return {
      events: [{ type: 'recapture.due', data: due }],
      commands: [{ type: 'MakeRecapture', data: { orderId, authorization } }],
    }
  })
}

const refusedIn = ({ captures }: PaymentState): string[] =>
  Object.keys(captures).filter((shipmentId) => captures[shipmentId]!.outcome === 'failed')

/** After so long without an answer of the provider the recapture is reported to staff: an outage of its own would be over. */
const OVERDUE_AFTER_MS = 24 * 3_600_000

type MakeRecapture = Envelope<string, { orderId: string; authorization: number }>

export async function makeRecapture(message: MakeRecapture, platform: Platform): Promise<PaymentDecision> {
  const { orderId, authorization } = message.data
  const decision = await decideWithCalls(message, platform, async (state) => {
    const due = state.recaptures[authorization]
    if (!due || due.isDone) return noChange
    try {
      return await made(state, { orderId, authorization, client: provider(platform, message) }, platform.now())
    } catch (error) {
      if (due.isOverdue || platform.now() - Date.parse(message.time) < OVERDUE_AFTER_MS) throw error
      return overdue(message.data)
    }
  })
  for (const { type, data } of decision.events)
    // Operators are alerted by this line: see `alertsOn` in the description. A redelivery writes it again.
    if (type === 'recapture.overdue') platform.log('ERROR', type, { ...data, correlationId: orderId })
  return decision
}

/** Calls may have succeeded whose answers were lost, so that the command is repeated until the provider answers, without an end. */
const overdue = (data: MakeRecapture['data']): PaymentDecision => ({
  events: [{ type: 'recapture.overdue', data: { ...data, paymentId: paymentId(data.orderId) } }],
  commands: [{ type: 'MakeRecapture', data }],
})

async function made(state: PaymentState, under: Under, nowMs: number): Promise<PaymentDecision> {
  const { orderId, authorization, client } = under
  const evolved = (events: readonly PaymentRecord[]): PaymentState => events.reduce<PaymentState>(evolve, state)
  // A parcel that has not left needs the former authorization, unless another one is granted.
  const isWaiting = !isAllSettled(state)
  let late = isWaiting ? nothingDueIn(state, orderId) : await lateCaptures(state, orderId, client)
  let captured: PaymentRecord[] = []
  if (refusedIn(evolved(late)).length > 0) {
    const { answer: granted, isRepeated } = await authorized(evolved(late), under)
    if (isWaiting && granted.status === 'authorized') late = await lateCaptures(state, orderId, client)
    captured = await outcomes(evolved(late), under, granted)
    const isNeeded = !isAllSettled(evolved([...late, ...captured]))
    // An earlier attempt may have made the capture while the rest was not cancelled yet: it was not final at the provider.
    if (granted.status === 'authorized' && !isNeeded && (isRepeated || !isFinal(captured)))
      await client.release(authorizationKey(orderId, authorization))
  }
  const done: PaymentRecord = { type: 'recapture.done', data: { authorization } }
  return withCaptures({ orderId, nowMs }, state, { events: [...late, ...captured, done], commands: [] })
}

/** The provider has released the rest with the last of these captures. */
const isFinal = (events: readonly PaymentRecord[]): boolean =>
  events.some(({ type, data }) => type === 'payment.captured' && 'final' in data && data.final) &&
  !events.some(({ type }) => type === 'payment.capture-failed')

/** Refused with others, in one capture: a parcel of free goods needs none of its own, and a provider makes none of zero. */
const nothingDueIn = (state: PaymentState, orderId: string): PaymentRecord[] =>
  refusedIn(state)
    .filter((shipmentId) => state.captures[shipmentId]!.amountMinor === 0)
    .map((shipmentId) => nothingDue({ orderId, shipmentId }))

/** Ends the former authorization. Captures that had succeeded there without an answer are paid. */
async function lateCaptures(state: PaymentState, orderId: string, client: Provider): Promise<PaymentRecord[]> {
  const authorization = currentAuthorization(state)
  const made = await client.release(authorizationKey(orderId, authorization))
  const late = Object.entries(state.captures)
    .filter(([, { outcome }]) => outcome !== 'captured')
    .flatMap(([shipmentId, { amountMinor, final }]) => {
      const capturedAs = { orderId, shipmentId: keyedBy(state, shipmentId, authorization), authorization }
      const found = made.find(({ key }) => isCaptureKeyOf(capturedAs, key))
      if (!found) return []
      const { captureId } = found
      return [capturedEvent(state, { orderId, shipmentId, captureId, amountMinor, final, authorization })]
    })
  return [...late, ...nothingDueIn(late.reduce<PaymentState>(evolve, state), orderId)]
}

interface Under {
  readonly orderId: string
  readonly authorization: number
  readonly client: Provider
}

/** All that is not paid. A request that was answered before is not made again, since less may be open by now. */
async function authorized(
  state: PaymentState,
  { orderId, authorization, client }: Under,
): Promise<{ readonly answer: Authorization; readonly isRepeated: boolean }> {
  const { paymentMethodRef, customer } = state.recaptures[authorization]!
  const under = authorizationKey(orderId, authorization)
  const request = { currency: state.currency, paymentMethodRef, customer, reference: orderId }
  const before = await client.find(under)
  const answer = before ?? (await client.authorize(under, { ...request, amountMinor: uncapturedMinor(state) }))
  // The customer is not there to act: what they would approve later must not be held.
  if (answer.status === 'action-required') await client.void(under)
  return { answer, isRepeated: before !== undefined }
}

/** Captures what was refused, if it was authorized. What is shipped later is captured under it as well. */
async function outcomes(
  state: PaymentState,
  { orderId, authorization, client }: Under,
  answer: Authorization,
): Promise<PaymentRecord[]> {
  const under = authorizationKey(orderId, authorization)
  const ids = refusedIn(state)
  const refused = (shipmentId: string, code: string): PaymentRecord => ({
    type: 'payment.capture-failed',
    data: { orderId, paymentId: paymentId(orderId), shipmentId, authorization, code },
  })
  if (answer.status !== 'authorized') {
    const code = answer.status === 'declined' ? answer.code : answer.status
    return ids.map((shipmentId) => refused(shipmentId, code))
  }
  const amountMinor = uncapturedMinor(state)
  // The former authorization has paid all of it, by captures whose answers were lost.
  if (amountMinor <= 0) return []
  const { currency } = state
  const granted = { orderId, paymentId: paymentId(orderId), amountMinor, currency, expiresAt: answer.expiresAt }
  const events: PaymentRecord[] = [{ type: 'payment.authorized', data: { ...granted, authorization } }]
  const isAll = ids.reduce((sum, id) => sum + state.captures[id]!.amountMinor, 0) === amountMinor
  for (const [index, shipmentId] of ids.entries()) {
    const isLast = index === ids.length - 1
    const part = { amountMinor: state.captures[shipmentId]!.amountMinor, final: isAll && isLast }
    const key = captureKey(orderId, shipmentId, { authorization, attempt: 1 })
    const outcome = await client.capture(under, key, part)
    if (outcome.status === 'captured') {
      const { captureId } = outcome
      events.push(capturedEvent(state, { orderId, shipmentId, captureId, authorization, ...part }))
    } else if (outcome.code === MULTICAPTURE_UNAVAILABLE && isAll && !isLast) {
      return [...events, ...(await together(state, { orderId, authorization, client }, ids.slice(index), refused))]
    } else if (outcome.code === MULTICAPTURE_UNAVAILABLE) {
      // Others are to come, or an earlier attempt asked while they were, and the provider repeats its answer to the key.
      const { amountMinor: partMinor } = part
      const data = { orderId, paymentId: paymentId(orderId), shipmentId, authorization, currency }
      events.push({ type: 'payment.capture-deferred', data: { ...data, amountMinor: partMinor } })
    } else events.push(refused(shipmentId, outcome.code))
  }
  return events
}

/**
 * One capture for all of these shipments, the last ones, where the card allows no several: staff names one payment method, and
 * not one for each shipment. It has the key of the last.
 */
async function together(
  state: PaymentState,
  { orderId, authorization, client }: Under,
  ids: readonly string[],
  refused: (shipmentId: string, code: string) => PaymentRecord,
): Promise<PaymentRecord[]> {
  const amountOf = (shipmentId: string): number => state.captures[shipmentId]!.amountMinor
  const last = ids.at(-1)!
  const amountMinor = ids.reduce((sum, id) => sum + amountOf(id), 0)
  const key = captureKey(orderId, last, { authorization, attempt: 1 })
  const outcome = await client.capture(authorizationKey(orderId, authorization), key, { amountMinor, final: true })
  return ids.map((shipmentId) => {
    if (outcome.status === 'failed') return refused(shipmentId, outcome.code)
    const { captureId } = outcome
    const final = shipmentId === last
    return capturedEvent(state, {
      orderId,
      shipmentId,
      captureId,
      authorization,
      amountMinor: amountOf(shipmentId),
      final,
    })
  })
}

interface Captured {
  readonly orderId: string
  readonly shipmentId: string
  readonly captureId: string
  readonly amountMinor: number
  readonly final: boolean
  readonly authorization: number
}

const capturedEvent = ({ currency }: PaymentState, captured: Captured): PaymentRecord => ({
  type: 'payment.captured',
  data: { ...captured, paymentId: paymentId(captured.orderId), currency },
})
