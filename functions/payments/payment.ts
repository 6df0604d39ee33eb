/** The state of an order's payment: its authorizations, captures and refunds. */

import type { RecordOf, SentBy } from '../../shared/contracts/contract.ts'
import type { Message } from '../../shared/contracts/message.ts'
import { fold } from '../../shared/service/fold.ts'
import type { paymentsContracts } from './contracts.ts'
import type { payments } from './service.ts'

export type PaymentRecord = RecordOf<typeof paymentsContracts>
export type PaymentSent = SentBy<typeof payments>

export interface PaymentLine {
  readonly lineId: string
  readonly quantity: number
  readonly unitMinor: number
  /** Of all pieces, with taxes and without the discount; absent: their price. */
  readonly amountMinor?: number
}

type Quantities = Readonly<Record<string, number>>

/** The amount of one shipment, fixed before the call of the provider, since other captures may run concurrently. */
export interface CaptureDue {
  readonly amountMinor: number
  /** The last shipment: the rest of the authorization is released. */
  readonly final: boolean
  readonly quantities: Quantities
}

export interface Capture extends CaptureDue {
  readonly outcome: 'due' | 'captured' | 'failed'
  /** The number of the authorization under which it is captured. */
  readonly authorization: number
  /** Counts from 1 under each authorization. */
  readonly attempt: number
  /** The card allows one capture alone: it waits under this authorization for those of the other shipments. */
  readonly deferred?: {
    readonly authorization: number
    /** The shipment with which it is captured in one, under that one's key; absent: it still waits. */
    readonly joined?: string
  }
}

/** A new authorization with another payment method, for what the former ones did not pay. */
export interface Recapture {
  readonly paymentMethodRef: string
  /** The pseudonym of the customer to whom the payment method belongs. */
  readonly customer: string
  readonly isDone: boolean
  /** Counts from 1 the attempts that one request of staff has, over several authorizations. */
  readonly attempt: number
  /** The bank declined this authorization for the moment: another one is numbered when the next attempt is due. */
  readonly isDeclined?: true
  /** The shipments whose captures under it were refused for good: the next attempts are without them. */
  readonly refused: readonly string[]
  /** The provider has not answered for a day, and staff knows it. */
  readonly isOverdue?: true
}

/** A new authorization in place of one that ends, with the request to the provider: it is the same at each attempt. */
export interface Renewal {
  /** The number of the authorization that ends. */
  readonly former: number
  readonly amountMinor: number
  readonly paymentMethodRef: string
  /** The pseudonym of the customer to whom the payment method belongs. */
  readonly customer: string
  /** Until then the customer may act for it; absent: they are not there to act. */
  readonly actUntil?: string
  /** `declined`: for the moment; another authorization is numbered when the next attempt is due. */
  readonly outcome: 'due' | 'declined' | 'action-required' | 'granted' | 'refused' | 'not-needed'
  /** Counts from 1 the attempts that one request of orders has, each under an authorization of its own. */
  readonly attempt: number
  /** The provider has not answered for a day, and staff knows it. */
  readonly isOverdue?: true
}

export interface Refund {
  /** `due`: the provider is asked for it. `pending`: the provider has accepted it, and has not paid it yet. */
  readonly status: 'due' | 'pending' | 'issued' | 'failed'
  readonly amountMinor: number
  readonly reason: string
  readonly lines?: readonly { readonly lineId: string; readonly quantity: number }[]
  /** The number of the authorization whose captured money is refunded. */
  readonly authorization: number
  /** It has had no answer, or no end, for so long that staff knows it. */
  readonly isOverdue?: true
}

export interface Dispute {
  readonly amountMinor: number
  /** The number of the authorization whose captured money is disputed. */
  readonly authorization: number
  readonly outcome: 'open' | 'won' | 'lost'
}

export interface PaymentState {
  /** `voiding`: a later authorization is rejected, and the provider is asked to void. `not-required`: nothing is to be paid. */
  readonly status: 'none' | 'not-required' | 'authorized' | 'declined' | 'action-required' | 'voiding' | 'voided'
  readonly currency: string
  readonly totalMinor: number
  readonly shippingMinor: number
  /** Empty until an authorization was requested. */
  readonly lines: readonly PaymentLine[]
  /** The number of the last authorization that has an outcome or waits for the customer; 0: none. */
  readonly requested: number
  /** The last authorization that may be on its way to the provider when it is voided. */
  readonly voidedUpTo: number
  /** When the last granted authorization ends; empty: none was granted. */
  readonly expiresAt: string
  /** The numbers of the granted authorizations, from 1. Captures are made under the last one. */
  readonly authorizations: readonly number[]
  /** By shipment. */
  readonly captures: Readonly<Record<string, Capture>>
  /** By the number of the authorization, from 2. */
  readonly recaptures: Readonly<Record<number, Recapture>>
  /** The authorizations that the provider was to end, without an answer for a day: staff knows of each. */
  readonly overdueVoids: readonly number[]
  /** By the number of the new authorization. */
  readonly renewals: Readonly<Record<number, Renewal>>
  /** By refund. */
  readonly refunds: Readonly<Record<string, Refund>>
  /** By the provider's id. */
  readonly disputes: Readonly<Record<string, Dispute>>
  /** By line, the quantities that were cancelled and are not captured. */
  readonly cancelled: Quantities
  /** The cancellations by which the payment was reduced. */
  readonly reductions: readonly string[]
}

export const initial: PaymentState = {
  status: 'none',
  currency: '',
  totalMinor: 0,
  shippingMinor: 0,
  lines: [],
  requested: 0,
  voidedUpTo: 1,
  expiresAt: '',
  authorizations: [],
  captures: {},
  recaptures: {},
  renewals: {},
  overdueVoids: [],
  refunds: {},
  disputes: {},
  cancelled: {},
  reductions: [],
}

/** The state after these recorded events. */
export const paymentIn = (events: readonly Message[]): PaymentState => fold({ initial, evolve }, events)

export function evolve(state: PaymentState, { type, data }: PaymentRecord): PaymentState {
  switch (type) {
    case 'payment.agreed':
      return { ...state, ...data }
    case 'payment.not-required':
      return { ...state, ...data, status: 'not-required' }
    case 'payment.authorized':
      return {
        ...state,
        status: 'authorized',
        requested: Math.max(state.requested, data.authorization),
        expiresAt: data.expiresAt,
        authorizations: [...state.authorizations, data.authorization],
        renewals: answered(state, data.authorization, 'granted'),
      }
    case 'payment.declined':
      return { ...state, status: hasVoidBegun(state) ? state.status : 'declined', requested: data.authorization }
    case 'payment.action-required':
      // Of a renewal: captures are made under the former one meanwhile.
      if (data.authorization in state.renewals)
        return { ...state, renewals: answered(state, data.authorization, 'action-required') }
      return { ...state, status: 'action-required', requested: data.authorization }
    case 'payment.undecided':
      return state
    case 'renewal.due': {
      const { authorization, ...due } = data
      // A void that comes later includes it, wherever its request to the provider is.
      const requested = Math.max(state.requested, authorization)
      const renewal: Renewal = { attempt: 1, ...due, outcome: 'due' }
      return { ...state, requested, renewals: { ...state.renewals, [authorization]: renewal } }
    }
    case 'renewal.retried': {
      const renewals = answered(state, data.authorization, 'declined')
      const declined: Renewal = { ...renewals[data.authorization]!, attempt: data.attempt }
      return { ...state, renewals: { ...renewals, [data.authorization]: declined } }
    }
    case 'payment.lapsed':
      return { ...state, renewals: answered(state, data.refused, 'refused') }
    case 'renewal.dropped':
      return { ...state, renewals: answered(state, data.authorization, 'not-needed') }
    case 'payment.reduced':
      return {
        ...state,
        cancelled: withLines(state.cancelled, data.lines),
        reductions: [...state.reductions, data.cancellationId],
      }
    case 'void.begun':
      return { ...state, status: 'voiding', voidedUpTo: data.authorization ?? 1 }
    case 'payment.voided':
      return { ...state, status: 'voided' }
    case 'capture.due': {
      const { shipmentId, ...due } = data
      const capture: Capture = { ...due, outcome: 'due', authorization: currentAuthorization(state), attempt: 1 }
      return { ...state, captures: { ...state.captures, [shipmentId]: capture } }
    }
    case 'capture.retried': {
      const { shipmentId, attempt, authorization } = data
      const capture: Capture = { ...state.captures[shipmentId]!, attempt, authorization }
      return { ...state, captures: { ...state.captures, [shipmentId]: capture } }
    }
    case 'payment.capture-deferred': {
      const { shipmentId, authorization } = data
      const before = attemptUnder(state, shipmentId, authorization)
      // The provider has answered to the key of this attempt.
      const capture: Capture = {
        ...before,
        outcome: 'due',
        attempt: before.attempt + 1,
        deferred: { authorization },
      }
      return { ...state, captures: { ...state.captures, [shipmentId]: capture } }
    }
    case 'captures.joined': {
      const { shipmentId: joined, shipmentIds, authorization } = data
      const together = shipmentIds.map((id): [string, Capture] => [
        id,
        { ...attemptUnder(state, id, authorization), deferred: { authorization, joined } },
      ])
      return { ...state, captures: { ...state.captures, ...Object.fromEntries(together) } }
    }
    case 'recapture.due': {
      const { authorization, ...due } = data
      const recapture: Recapture = { attempt: 1, ...due, isDone: false, refused: [] }
      return { ...state, recaptures: { ...state.recaptures, [authorization]: recapture } }
    }
    case 'recapture.retried':
      // An earlier revision recorded a decline so, too.
      if (!state.authorizations.includes(data.authorization)) return withAttempt(state, data, { isDeclined: true })
      return { ...withAttempt(state, data, {}), captures: retriedUnder(state, data.authorization) }
    case 'recapture.declined':
      return withAttempt(state, data, { isDeclined: true })
    case 'recapture.done': {
      const done: Recapture = { ...state.recaptures[data.authorization]!, isDone: true }
      return { ...state, recaptures: { ...state.recaptures, [data.authorization]: done } }
    }
    case 'recapture.overdue': {
      const overdue: Recapture = { ...state.recaptures[data.authorization]!, isOverdue: true }
      return { ...state, recaptures: { ...state.recaptures, [data.authorization]: overdue } }
    }
    case 'renewal.overdue': {
      const overdue: Renewal = { ...state.renewals[data.authorization]!, isOverdue: true }
      return { ...state, renewals: { ...state.renewals, [data.authorization]: overdue } }
    }
    case 'void.overdue':
      return { ...state, overdueVoids: [...state.overdueVoids, data.authorization] }
    case 'payment.captured':
      return settled(state, data, 'captured')
    case 'payment.capture-failed':
      return { ...settled(state, data, 'failed'), recaptures: refusedUnder(state, data) }
    case 'payment.nothing-due':
      return settled(state, { ...data, authorization: currentAuthorization(state) }, 'captured')
    case 'refund.due': {
      const { refundId, ...due } = data
      return { ...state, refunds: { ...state.refunds, [refundId]: { ...due, status: 'due' } } }
    }
    case 'refund.refused': {
      const { refundId, amountMinor, reason } = data
      return refunded(state, { refundId, amountMinor, reason, authorization: 1 }, 'failed')
    }
    case 'refund.pending':
      return refunded(state, data, 'pending')
    case 'refund.issued':
      return refunded(state, data, 'issued')
    case 'refund.failed':
      return refunded(state, data, 'failed')
    case 'refund.overdue': {
      const refund: Refund = { ...state.refunds[data.refundId]!, isOverdue: true }
      return { ...state, refunds: { ...state.refunds, [data.refundId]: refund } }
    }
    case 'dispute.overdue':
      return state
    case 'payment.disputed': {
      const { disputeId, amountMinor, authorization } = data
      return { ...state, disputes: { ...state.disputes, [disputeId]: { amountMinor, authorization, outcome: 'open' } } }
    }
    case 'payment.dispute-closed': {
      const { disputeId, amountMinor, authorization, outcome } = data
      return { ...state, disputes: { ...state.disputes, [disputeId]: { amountMinor, authorization, outcome } } }
    }
  }
}

/** The next attempt of a recapture. The provider has answered: another outage is reported too. */
function withAttempt(
  { recaptures, ...state }: PaymentState,
  { authorization, attempt }: { readonly authorization: number; readonly attempt: number },
  declined: Pick<Recapture, 'isDeclined'>,
): PaymentState {
  const { isOverdue: _, ...due } = recaptures[authorization]!
  return { ...state, recaptures: { ...recaptures, [authorization]: { ...due, attempt, ...declined } } }
}

/** A recapture that goes on does so without this shipment. */
function refusedUnder(
  { recaptures }: PaymentState,
  { shipmentId, authorization }: { readonly shipmentId: string; readonly authorization: number },
): PaymentState['recaptures'] {
  const recapture = recaptures[authorization]
  if (!recapture || recapture.isDone) return recaptures
  return { ...recaptures, [authorization]: { ...recapture, refused: [...recapture.refused, shipmentId] } }
}

/** Shipments whose captures were refused, and that are not paid. */
export const refusedIn = ({ captures }: PaymentState): string[] =>
  Object.keys(captures).filter((shipmentId) => captures[shipmentId]!.outcome === 'failed')

/** The refused shipments that the next attempt of this recapture captures. */
export const recapturedUnder = (state: PaymentState, authorization: number): string[] =>
  refusedIn(state).filter((shipmentId) => !state.recaptures[authorization]?.refused.includes(shipmentId))

/** The provider has answered to the keys of these attempts. */
const retriedUnder = (state: PaymentState, authorization: number): PaymentState['captures'] =>
  Object.fromEntries(
    Object.entries(state.captures).map(([shipmentId, capture]) => {
      if (!recapturedUnder(state, authorization).includes(shipmentId)) return [shipmentId, capture]
      const before = attemptUnder(state, shipmentId, authorization)
      return [shipmentId, { ...before, attempt: before.attempt + 1 }]
    }),
  )

/** An authorization that is no renewal changes nothing here. */
function answered({ renewals }: PaymentState, number: number, outcome: Renewal['outcome']): PaymentState['renewals'] {
  const renewal = renewals[number]
  if (!renewal) return renewals
  // The provider has answered: another outage is reported too.
  const { isOverdue: _, ...request } = renewal
  return { ...renewals, [number]: { ...request, outcome } }
}

const settled = (
  state: PaymentState,
  { shipmentId, authorization }: { shipmentId: string; authorization: number },
  outcome: Capture['outcome'],
): PaymentState => ({
  ...state,
  captures: { ...state.captures, [shipmentId]: { ...state.captures[shipmentId]!, outcome, authorization } },
})

/** A refund that was refused, or made at the provider by hand, was never due. */
function refunded(
  state: PaymentState,
  { refundId, amountMinor, reason, authorization }: Omit<Refund, 'status'> & { refundId: string },
  status: Refund['status'],
): PaymentState {
  const refund: Refund = { ...(state.refunds[refundId] ?? { amountMinor, reason, authorization }), status }
  return { ...state, refunds: { ...state.refunds, [refundId]: refund } }
}

export function withLines(
  before: Quantities,
  lines: readonly { readonly lineId: string; readonly quantity: number }[],
): Quantities {
  const quantities: Record<string, number> = { ...before }
  for (const { lineId, quantity } of lines) quantities[lineId] = (quantities[lineId] ?? 0) + quantity
  return quantities
}

/** The compensation came first: a later authorization must be rejected. */
export const hasVoidBegun = ({ status }: PaymentState): boolean => status === 'voiding' || status === 'voided'

/** A recapture has not come to its end. */
export const isRecapturing = ({ recaptures }: PaymentState): boolean =>
  Object.values(recaptures).some(({ isDone }) => !isDone)
/** A renewal waits for the provider's answer. */
export const isRenewing = ({ renewals }: PaymentState): boolean =>
  Object.values(renewals).some(({ outcome }) => outcome === 'due')

/** A renewal was declined for the moment, and its next attempt is not due. */
export const isRenewalWaiting = ({ renewals }: PaymentState): boolean =>
  Object.values(renewals).some(({ outcome }) => outcome === 'declined')

/** A new authorization is on its way, or that of a recapture was granted. A recapture that was declined waits without one. */
export const isAuthorizing = (state: PaymentState): boolean =>
  isRenewing(state) || Object.values(state.recaptures).some(({ isDone, isDeclined }) => !isDone && !isDeclined)

/** The next attempt of a capture. After a recapture or a renewal those before it count for another authorization. */
export function attemptUnder({ captures }: PaymentState, shipmentId: string, authorization: number): Capture {
  const capture = captures[shipmentId]!
  return capture.authorization === authorization ? capture : { ...capture, authorization, attempt: 1 }
}

/** The renewal for which the customer has to act. */
export function awaitedRenewal({ renewals }: PaymentState): number | undefined {
  const found = Object.keys(renewals).find((number) => renewals[Number(number)]!.outcome === 'action-required')
  return found === undefined ? undefined : Number(found)
}

/** True while the provider's answer to a renewal, for which the customer may have to act, is not recorded. */
export const isAskingToAct = (state: PaymentState): boolean =>
  !hasVoidBegun(state) &&
  Object.values(state.renewals).some(({ outcome, actUntil }) => outcome === 'due' && actUntil !== undefined)

/** The number of the authorization under which captures are made. */
export const currentAuthorization = ({ authorizations }: PaymentState): number => authorizations.at(-1) ?? 1

/** No capture is made under this authorization any more: the command is repeated until the provider has ended it. */
export const release = (orderId: string, authorization: number): PaymentSent => ({
  type: 'ReleaseAuthorization',
  data: { orderId, authorization },
})
export const paymentId = (orderId: string): string => `p-${orderId}`
/** The first authorization has the key that it had when there was only one. */
export const authorizationKey = (orderId: string, number: number): string =>
  number === 1 ? `${orderId}:auth` : `${orderId}:auth:${number}`
/** A provider repeats its answer to a key, refusals included, so that another attempt has another key. */
export const captureKey = (
  orderId: string,
  shipmentId: string,
  { authorization, attempt }: Pick<Capture, 'authorization' | 'attempt'>,
): string =>
  authorization === 1 && attempt === 1
    ? `${orderId}:capture:${shipmentId}`
    : `${orderId}:capture:${shipmentId}:${authorization}:${attempt}`
/** True for the key of any attempt to capture this shipment under this authorization. */
export const isCaptureKeyOf = (
  { orderId, shipmentId, authorization }: { orderId: string; shipmentId: string; authorization: number },
  key: string,
): boolean =>
  (authorization === 1 && key === captureKey(orderId, shipmentId, { authorization, attempt: 1 })) ||
  key.startsWith(`${orderId}:capture:${shipmentId}:${authorization}:`)
/** The shipment under whose key this one was captured by that authorization, if it was: several may be captured in one. */
export function keyedBy({ captures }: PaymentState, shipmentId: string, authorization: number): string {
  const deferred = captures[shipmentId]?.deferred
  return deferred?.authorization === authorization ? (deferred.joined ?? shipmentId) : shipmentId
}
/** The number of the next authorization. Those that were declined have a number too. */
export const nextAuthorization = ({ recaptures, requested }: PaymentState): number =>
  Math.max(1, requested, ...Object.keys(recaptures).map(Number)) + 1
export const refundKey = (orderId: string, refundId: string): string => `${orderId}:refund:${refundId}`
