/**
 * Captures what was refused with another payment method, under a new authorization for all that is not paid. The former
 * authorization is released first, so that a capture whose answer was lost is found, and none succeeds later; while a parcel has
 * not left, once the new one is granted: the parcel is captured under the last one that was, and that one is kept for it. A
 * refusal that says nothing about the money is followed by further attempts, as that of a capture.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { refuseIf, Unavailable } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import { vaultOf } from '../customers/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { isAllSettled, uncapturedMinor } from './amounts.ts'
import { type Declined, nextAttempt, nextAttemptMs, waitBeforeMs } from './attempts.ts'
import { nothingDue } from './capture.ts'
import { isTransient } from './contracts.ts'
import { withCaptures } from './joined.ts'
import { alertingOperators, untilAnswered } from './overdue.ts'
import { decideOn, decideWithCalls, type PaymentDecision } from './decide.ts'
import {
  authorizationKey,
  currentAuthorization,
  evolve,
  isCaptureKeyOf,
  isRecapturing,
  isRenewing,
  keyedBy,
  nextAuthorization,
  paymentId,
  type PaymentRecord,
  type PaymentState,
  recapturedUnder,
  refusedIn,
} from './payment.ts'
import { type Authorization, type Provider, provider } from './provider.ts'
import { capturedEvent, outcomes, type Under } from './recaptured.ts'
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
    if (isRecapturing(state)) throw new Unavailable(`Another recapture of ${orderId} is not answered yet.`)
    const authorization = nextAuthorization(state)
    const due = { authorization, paymentMethodRef, customer: vaultOf(customerRef) }
    return {
      events: [{ type: 'recapture.due', data: due }],
      commands: [{ type: 'MakeRecapture', data: { orderId, authorization } }],
    }
  })
}

type MakeRecapture = Envelope<string, { orderId: string; authorization: number; dueAt?: string }>

export function makeRecapture(message: MakeRecapture, platform: Platform): Promise<PaymentDecision> {
  const { orderId, authorization, dueAt } = message.data
  const decided = decideWithCalls(message, platform, async (state) => {
    const due = state.recaptures[authorization]
    if (!due || due.isDone) return noChange
    if (due.isDeclined) return numberedAnew(state, message.data, platform.now())
    // An earlier revision sent the commands of further attempts without their time, some of them long before it.
    const sinceMs =
      dueAt === undefined ? Date.parse(message.time) + (waitBeforeMs(due.attempt) ?? 0) : Date.parse(dueAt)
    const isReported = due.isOverdue === true
    return untilAnswered(platform, { sinceMs, isReported, overdue: overdue(message.data) }, async () => {
      // It decides which authorization is the former one.
      if (isRenewing(state)) throw new Unavailable(`A renewal of ${orderId} is not answered yet.`)
      return made(state, { orderId, authorization, client: provider(platform, message) }, platform.now())
    })
  })
  return alertingOperators(message, platform, decided)
}

/**
 * The next attempt after a decline for the moment: under another authorization, since a provider repeats its answer to a key. It has
 * its number from now on, and not from the decline: a renewal that was granted meanwhile has a lower one, and is the former one.
 */
function numberedAnew(
  state: PaymentState,
  { orderId, authorization }: MakeRecapture['data'],
  nowMs: number,
): PaymentDecision {
  const { paymentMethodRef, customer, attempt } = state.recaptures[authorization]!
  const next = nextAuthorization(state)
  return {
    events: [
      { type: 'recapture.done', data: { authorization } },
      { type: 'recapture.due', data: { authorization: next, paymentMethodRef, customer, attempt } },
    ],
    commands: [{ type: 'MakeRecapture', data: { orderId, authorization: next, dueAt: at(nowMs) } }],
  }
}

const at = (ms: number): string => new Date(ms).toISOString()

const overdue = (data: MakeRecapture['data']): PaymentDecision => {
  const { orderId, authorization } = data
  return {
    events: [{ type: 'recapture.overdue', data: { orderId, authorization, paymentId: paymentId(orderId) } }],
    commands: [{ type: 'MakeRecapture', data }],
  }
}

async function made(state: PaymentState, under: Under, nowMs: number): Promise<PaymentDecision> {
  const { orderId, authorization, client } = under
  const { attempt } = state.recaptures[authorization]!
  const isLastAttempt = waitBeforeMs(attempt + 1) === undefined
  const evolved = (events: readonly PaymentRecord[]): PaymentState => events.reduce<PaymentState>(evolve, state)
  // A parcel that has not left needs the former authorization, unless another one is granted.
  const isWaiting = !isAllSettled(state)
  // By an earlier attempt, which has ended the former one.
  const isGranted = state.authorizations.includes(authorization)
  let late = isWaiting || isGranted ? nothingDueIn(state, orderId) : await lateCaptures(state, orderId, client)
  let captured: PaymentRecord[] = []
  if (recapturedUnder(evolved(late), authorization).length > 0) {
    const { answer: granted, isRepeated } = await authorized(evolved(late), under)
    if (isWaiting && !isGranted && granted.status === 'authorized') late = await lateCaptures(state, orderId, client)
    captured = await outcomes(evolved(late), { ...under, isLastAttempt }, granted)
    const code = refusalsIn(captured).find(isTransient)
    if (code !== undefined && !isLastAttempt) {
      // A refusal for good is an answer: staff names another payment method for it.
      const answered = [...late, ...captured.filter((event) => !isTransientRefusal(event))]
      const isAuthorized = granted.status === 'authorized'
      const { events, commands } = again(orderId, isAuthorized, { authorization, attempt, code, nowMs })
      return withCaptures({ orderId, nowMs }, state, { events: [...answered, ...events], commands })
    }
    const isNeeded = !isAllSettled(evolved([...late, ...captured]))
    // An earlier attempt may have made the capture while the rest was not cancelled yet: it was not final at the provider.
    if (granted.status === 'authorized' && !isNeeded && (isRepeated || !isFinal(captured)))
      await client.release(authorizationKey(orderId, authorization))
  }
  const done: PaymentRecord = { type: 'recapture.done', data: { authorization } }
  return withCaptures({ orderId, nowMs }, state, { events: [...late, ...captured, done], commands: [] })
}

const refusalsIn = (events: readonly PaymentRecord[]): string[] =>
  events.flatMap(({ type, data }) => (type === 'payment.capture-failed' ? [data.code] : []))

const isTransientRefusal = ({ type, data }: PaymentRecord): boolean =>
  type === 'payment.capture-failed' && isTransient(data.code)

/** The next attempt: under the same authorization, if it was granted. */
function again(orderId: string, isGranted: boolean, declined: Declined): PaymentDecision {
  const { authorization } = declined
  const notBeforeMs = nextAttemptMs(declined)!
  return {
    events: [{ type: isGranted ? 'recapture.retried' : 'recapture.declined', data: nextAttempt(declined) }],
    commands: [{ type: 'MakeRecapture', data: { orderId, authorization, dueAt: at(notBeforeMs) }, notBeforeMs }],
  }
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
