/**
 * Authorizes the payment of a checkout. Authorizations are numbered: after a refusal, or while the customer has to act, another
 * payment method is a further authorization, which ends the one before. At most one is granted.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Refused, Unavailable } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import { vaultOf } from '../customers/contracts.ts'
import { amountOfLine } from './contracts.ts'
import { decideOn, decideWithCalls, type PaymentDecision } from './decide.ts'
import {
  authorizationKey,
  awaitedRenewal,
  hasVoidBegun,
  isAskingToAct,
  paymentId,
  type PaymentLine,
  type PaymentRecord,
  type PaymentState,
} from './payment.ts'
import { type Authorization, type Provider, provider } from './provider.ts'
import { checkRenewal } from './renew.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

type RequestedLine = PaymentLine & Parameters<typeof amountOfLine>[0]

interface AuthorizeRequest {
  readonly orderId: string
  readonly customerRef?: string | undefined
  readonly paymentMethodRef: string
  readonly currency: string
  readonly totalMinor: number
  readonly shippingMinor: number
  readonly lines: readonly RequestedLine[]
  readonly authorization?: number
}

const FIRST = 1

type About = Envelope<string, { orderId: string }>

/** Longer than a checkout waits for its payment, and shorter than the time after which a command is dead-lettered. */
const MAX_WAIT_FOR_AUTHORIZATION_MS = 3_600_000

const emit = (...events: PaymentRecord[]): PaymentDecision => ({ events, commands: [] })

export function authorizePayment(
  message: Envelope<string, AuthorizeRequest>,
  platform: Platform,
): Promise<PaymentDecision> {
  const { orderId, customerRef, paymentMethodRef, currency, totalMinor, authorization = FIRST } = message.data
  // The first one is probably what the payment begins with. The provider repeats its answer to the key, and declines one that was voided.
  const stream = authorization === FIRST ? { newId: orderId } : orderId
  const decide = async (state: PaymentState): Promise<PaymentDecision> => {
    if (hasVoidBegun(state) && state.lines.length === 0) {
      const data = { orderId, paymentId: paymentId(orderId), code: 'voided-before', authorization }
      return emit({ type: 'payment.declined', data })
    }
    if (hasVoidBegun(state) || state.status === 'authorized' || authorization <= state.requested) return noChange
    const client = provider(platform, message)
    const about = { orderId, amountMinor: totalMinor, currency }
    const approved = await approvedIn(state, orderId, client)
    if (approved) return emit(outcome(approved, { ...about, authorization: state.requested }))
    await endFormer(state, orderId, client)
    const customer = customerRef === undefined ? {} : { customer: vaultOf(customerRef) }
    const request = { amountMinor: totalMinor, currency, paymentMethodRef, ...customer, reference: orderId }
    const answer = await client.authorize(authorizationKey(orderId, authorization), request)
    return emit(...agreedIn(state, message.data), outcome(answer, { ...about, authorization }))
  }
  return decideWithCalls(message, platform, decide, stream)
}

/** The last requested authorization, if the customer was asked to act for it and has approved it meanwhile. */
async function approvedIn(
  { status, requested }: PaymentState,
  orderId: string,
  client: Provider,
): Promise<Authorization | undefined> {
  if (status !== 'action-required') return undefined
  const found = await client.find(authorizationKey(orderId, requested))
  return found?.status === 'authorized' ? found : undefined
}

/** From then on the authorization for which the customer has to act can not be granted. */
async function endFormer({ status, requested }: PaymentState, orderId: string, client: Provider): Promise<void> {
  if (status === 'action-required') await client.void(authorizationKey(orderId, requested))
}

/** The amounts of the payment, recorded once. */
function agreedIn({ lines: known }: PaymentState, request: AuthorizeRequest): PaymentRecord[] {
  if (known.length > 0) return []
  const { currency, totalMinor, shippingMinor } = request
  const lines = request.lines.map(agreedLine)
  return [{ type: 'payment.agreed', data: { currency, totalMinor, shippingMinor, lines } }]
}

function agreedLine(line: RequestedLine): PaymentLine {
  const { lineId, quantity, unitMinor } = line
  const amountMinor = amountOfLine(line)
  return { lineId, quantity, unitMinor, ...(amountMinor === quantity * unitMinor ? {} : { amountMinor }) }
}

/**
 * The checkout's time is up: the provider's answer may be lost, or its webhook late. An outcome that is recorded is not
 * recorded again: the checkout has it republished.
 */
export function findAuthorization(
  message: Envelope<string, AuthorizeRequest>,
  platform: Platform,
): Promise<PaymentDecision> {
  const { orderId, currency, totalMinor: amountMinor, authorization = FIRST } = message.data
  return decideWithCalls(message, platform, async (state) => {
    const isDecided = state.status === 'declined' && state.requested >= authorization
    if (hasVoidBegun(state) || state.status === 'authorized' || isDecided) return noChange
    const about = { orderId, amountMinor, currency }
    const client = provider(platform, message)
    const answer = await client.find(authorizationKey(orderId, authorization))
    if (answer && answer.status !== 'action-required')
      return emit(...agreedIn(state, message.data), outcome(answer, { ...about, authorization }))
    // The customer may have approved the former authorization, which this one has not ended yet.
    const { requested } = state
    const former = requested < authorization ? await approvedIn(state, orderId, client) : undefined
    if (former) return emit(outcome(former, { ...about, authorization: requested }))
    const code = answer?.status ?? 'not-requested'
    return emit({ type: 'payment.undecided', data: { orderId, paymentId: paymentId(orderId), authorization, code } })
  })
}

/** After a webhook about the customer's action, queries the provider for the outcome, so that the order of webhooks does not matter. */
export function checkAuthorization(message: About, platform: Platform): Promise<PaymentDecision> {
  const { orderId } = message.data
  return decideWithCalls(message, platform, async (state) => {
    if (state.status === 'none') throw notAuthorised(message, platform)
    // The customer may have acted already: the provider's only report must not be lost before it is recorded that they have to.
    if (isAskingToAct(state) && isYoung(message, platform))
      throw new Unavailable(`The provider's answer to the renewal of ${orderId} is not recorded yet.`)
    const renewal = awaitedRenewal(state)
    if (renewal !== undefined && !hasVoidBegun(state)) {
      const client = provider(platform, message)
      return checkRenewal(state, { orderId, authorization: renewal, client, nowMs: platform.now() })
    }
    // The first report of an outcome decides, be it the provider's response or its webhook; the other one changes nothing.
    if (state.status !== 'action-required' && state.status !== 'declined') return noChange
    return emit(...(await outcomeOf(state, orderId, provider(platform, message))))
  })
}

/**
 * The outcome of the last requested authorization; once it has failed, that of a further one whose answer is not recorded yet:
 * this may be the only report about it.
 */
async function outcomeOf(
  { status, requested, totalMinor: amountMinor, currency }: PaymentState,
  orderId: string,
  client: Provider,
): Promise<PaymentRecord[]> {
  const isOpen = status === 'action-required'
  const about = { orderId, amountMinor, currency }
  const last = isOpen ? await client.find(authorizationKey(orderId, requested)) : undefined
  if (isOpen && (!last || last.status === 'action-required')) return []
  if (last?.status === 'authorized') return [outcome(last, { ...about, authorization: requested })]
  const further = await client.find(authorizationKey(orderId, requested + 1))
  if (further && further.status !== 'action-required')
    return [outcome(further, { ...about, authorization: requested + 1 })]
  return last ? [outcome(last, { ...about, authorization: requested })] : []
}

const isYoung = ({ time }: About, platform: Platform): boolean =>
  platform.now() - Date.parse(time) < MAX_WAIT_FOR_AUTHORIZATION_MS

/** The webhook arrived before the provider's answer to the authorization was recorded, or it is of no order of ours. */
function notAuthorised(message: About, platform: Platform): Refused | Unavailable {
  const { orderId } = message.data
  return isYoung(message, platform)
    ? new Unavailable(`Nothing was authorized for ${orderId} yet.`)
    : new Refused('not-found', `Nothing was authorized for ${orderId}.`)
}

interface Requested {
  readonly orderId: string
  readonly amountMinor: number
  readonly currency: string
  readonly authorization: number
}

function outcome(answer: Authorization, { orderId, amountMinor, currency, authorization }: Requested): PaymentRecord {
  const about = { orderId, paymentId: paymentId(orderId), authorization }
  switch (answer.status) {
    case 'authorized':
      return { type: 'payment.authorized', data: { ...about, amountMinor, currency, expiresAt: answer.expiresAt } }
    case 'declined':
      return { type: 'payment.declined', data: { ...about, code: answer.code } }
    case 'action-required': {
      const { actionUrlRef, actionUrl } = answer
      return {
        type: 'payment.action-required',
        data: { ...about, actionUrlRef, ...(actionUrl === undefined ? {} : { actionUrl }) },
      }
    }
  }
}

/** Recorded once: shipments of the order are then acknowledged without a capture. */
export function recordNotRequired(
  message: Envelope<string, { orderId: string; currency: string }>,
  platform: Platform,
): Promise<PaymentDecision> {
  const { currency } = message.data
  return decideOn(message, platform, ({ status }) =>
    status === 'none' ? emit({ type: 'payment.not-required', data: { currency } }) : noChange,
  )
}
