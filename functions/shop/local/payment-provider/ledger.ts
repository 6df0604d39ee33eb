/** The provider's ledger: authorizations by their idempotency key, captures, voids, refunds, each posted twice. */

import type { Clock, Journal } from 'local-google-cloud/host'
import { PartnerRefusal } from '../../../../emulators/partner-server.ts'
import type { Behaviour, CaptureBehaviour, Mismatch, PaymentMethods } from './payment-methods.ts'
import { type Dispute, DISPUTED_AFTER_MS, type Disputes, openDisputes } from './disputes.ts'
import { openRefunds, type Refund } from './refunds.ts'

export interface Capture {
  readonly captureId: string
  readonly key: string
  readonly amountMinor: number
  readonly final: boolean
  readonly madeAtMs: number
}

export interface Authorization {
  readonly key: string
  readonly status: 'authorized' | 'declined' | 'action-required' | 'voided'
  readonly reference: string
  readonly amountMinor: number
  readonly currency: string
  readonly paymentMethodRef: string
  /** The paying customer. */
  readonly customer?: string
  /** Why it was declined. */
  readonly declineCode?: string
  readonly expiresAt: string
  readonly captures: readonly Capture[]
  /** Released: no capture succeeds any more. */
  readonly isReleased?: true
  readonly madeAtMs: number
}

/** An authorization as it is now, with the refunds of what was captured under it. */
export interface Refundable extends Authorization {
  /** Ended by time, with an amount that was neither captured nor released. */
  readonly isLapsed?: true
  /** The amount that is neither captured nor the customer's again. */
  readonly heldMinor: number
  readonly refunds: readonly Refund[]
  /** The amount that has left and not come back. */
  readonly refundedMinor: number
  /** The amount that is with the customer's bank, or lost to the customer. */
  readonly disputedMinor: number
}

/** A movement of money from one account to another. */
export interface Posting {
  readonly key: string
  readonly kind: 'authorize' | 'capture' | 'release' | 'refund' | 'refund-returned' | 'dispute' | 'dispute-won'
  readonly debit: string
  readonly credit: string
  readonly amountMinor: number
  readonly currency: string
}

export interface AuthorizeRequest {
  readonly amountMinor: number
  readonly currency: string
  readonly paymentMethodRef: string
  /** The paying customer: a payment method of a customer is charged only for that customer. */
  readonly customer?: string
  readonly reference: string
}

/** As long as a key makes a repeat the same call; after that the same key is a new call. */
const IDEMPOTENCY_KEY_TTL_MS = 24 * 3_600_000

export interface Ledger {
  authorize(key: string, request: AuthorizeRequest): Authorization
  capture(authorizationKey: string, key: string, request: { amountMinor: number; final: boolean }): Capture
  /** Also when nothing was authorized under the key: then nothing can be any more. */
  void(key: string): Authorization | undefined
  /** Ends the authorization: what is not captured is released. An authorization ends by itself at its `expiresAt`. */
  release(key: string): Authorization
  refund(authorizationKey: string, key: string, amountMinor: number): Refund
  /** The customer's bank takes back what was captured and not refunded. */
  dispute(authorizationKey: string): Dispute
  readonly disputes: Pick<Disputes, 'find' | 'decide'>
  /** The customer completed the action, or declined it. */
  act(key: string, outcome: 'authorized' | 'declined'): Authorization
  find(key: string): Refundable | undefined
  all(): Refundable[]
  /** The authorizations of at most so many references after that one, in their order. `next`: the last of them, if there are more. */
  page(after: string, references: number): { readonly found: Refundable[]; readonly next?: string }
  postings(): Posting[]
}

export interface LedgerParts {
  readonly journal: Journal
  readonly clock: Clock
  readonly paymentMethods: PaymentMethods
  /** A refund of this authorization will change. */
  refundWillSettle(refund: Refund, authorization: Authorization, atMs: number): void
  /** A dispute was opened or decided; the merchant is notified of it at this time. */
  disputeChanged(dispute: Dispute, atMs: number): void
}

export function openLedger({ journal, clock, paymentMethods, refundWillSettle, disputeChanged }: LedgerParts): Ledger {
  const authorizations = journal.table<Authorization>('authorizations')
  const tombstones = journal.table<true>('tombstones')
  const postings = journal.table<Posting>('postings')
  const post = (posting: Posting): void => postings.set(`${posting.kind}:${posting.key}`, posting)

  const live = (key: string): Authorization => {
    const found = authorizations.get(key)
    if (!found) throw new PartnerRefusal(404, 'not-found', `Nothing was authorized under the key ${key}.`)
    return found
  }
  const isKnown = ({ madeAtMs }: { readonly madeAtMs: number }): boolean =>
    clock.now() - madeAtMs <= IDEMPOTENCY_KEY_TTL_MS
  /** A hold is a hold until its end: what was not captured by then is the customer's again. */
  const isLapsed = ({ expiresAt }: Authorization): boolean => clock.now() >= Date.parse(expiresAt)
  /** The amount that is held until the authorization is captured to the last, released, or lapses. */
  const heldOf = (authorization: Authorization): number => {
    const { status, captures, isReleased } = authorization
    const isOpen = status === 'authorized' && !isReleased && !captures.some(({ final }) => final)
    return isOpen ? authorization.amountMinor - capturedOf(authorization) : 0
  }
  const releaseRest = (authorization: Authorization): void => {
    const { key, currency, paymentMethodRef } = authorization
    const amountMinor = heldOf(authorization)
    if (amountMinor > 0) post({ key, kind: 'release', debit: 'held', credit: paymentMethodRef, amountMinor, currency })
  }
  const capturedOf = ({ captures }: Authorization): number =>
    captures.reduce((sum, { amountMinor }) => sum + amountMinor, 0)

  /** The refused captures, by key: the same key is refused again. */
  const refusals = journal.table<{ readonly code: string; readonly authorizationKey: string }>('refused-captures')
  const refuseCapture = (
    { key: authorizationKey, paymentMethodRef }: Authorization,
    key: string,
    { final }: { readonly final: boolean },
  ): void => {
    const before = [...refusals.values()].filter((one) => one.authorizationKey === authorizationKey)
    const behaviour = paymentMethods.captureBehaviourFor(paymentMethodRef)
    const code = refusals.get(key)?.code ?? refusalOf(behaviour, { refused: before.length, final })
    if (code === undefined) return
    refusals.set(key, { code, authorizationKey })
    throw new PartnerRefusal(409, code, `The capture was refused: ${code}.`)
  }
  const isFirst = ({
    paymentMethodRef,
    reference,
  }: Pick<AuthorizeRequest, 'paymentMethodRef' | 'reference'>): boolean =>
    ![...authorizations.values()].some(
      (one) => one.reference === reference && one.paymentMethodRef === paymentMethodRef && one.status === 'authorized',
    )
  const statusOf = ({ paymentMethodRef, customer, reference }: AuthorizeRequest) => {
    const behaviour = paymentMethods.behaviourFor(paymentMethodRef, customer)
    const isRefused =
      !isFirst({ paymentMethodRef, reference }) &&
      behaviour === 'authorized' &&
      !paymentMethods.isRenewable(paymentMethodRef)
    return statusFor(isRefused ? 'declined' : behaviour, paymentMethods.declineCodeOf(paymentMethodRef))
  }
  const refunds = openRefunds({
    journal,
    clock,
    refundableOf: (key) => capturedOf(live(key)) - disputes.disputedOf(key),
    behaviourOf: (key) => paymentMethods.refundBehaviourFor(live(key).paymentMethodRef),
    moved({ key, authorizationKey, amountMinor }, direction) {
      const { paymentMethodRef, currency } = live(authorizationKey)
      const about = { key, amountMinor, currency }
      if (direction === 'out') post({ ...about, kind: 'refund', debit: 'merchant', credit: paymentMethodRef })
      else post({ ...about, kind: 'refund-returned', debit: paymentMethodRef, credit: 'merchant' })
    },
    willSettle: (refund, atMs) => refundWillSettle(refund, live(refund.authorizationKey), atMs),
  })
  const disputes = openDisputes({
    journal,
    clock,
    moved({ disputeId: key, authorizationKey, amountMinor }, direction) {
      const { paymentMethodRef, currency } = live(authorizationKey)
      const about = { key, amountMinor, currency }
      if (direction === 'out') post({ ...about, kind: 'dispute', debit: 'merchant', credit: paymentMethodRef })
      else post({ ...about, kind: 'dispute-won', debit: paymentMethodRef, credit: 'merchant' })
    },
    changed: disputeChanged,
  })
  const dispute = (authorizationKey: string, afterMs = 0): Dispute => {
    const authorization = live(authorizationKey)
    const given = refunds.refundedOf(authorizationKey) + disputes.disputedOf(authorizationKey)
    const amountMinor = capturedOf(authorization) - given
    if (amountMinor <= 0) throw new PartnerRefusal(409, 'nothing-captured', 'Nothing is left that a bank could take.')
    const disputeId = `du-${authorizationKey}-${disputes.under(authorizationKey).length + 1}`
    return disputes.open({ disputeId, authorizationKey, reference: authorization.reference, amountMinor }, afterMs)
  }
  const shown = (authorization: Authorization): Refundable => ({
    ...authorization,
    ...(isLapsed(authorization) && heldOf(authorization) > 0 ? { isLapsed: true } : {}),
    heldMinor: isLapsed(authorization) ? 0 : heldOf(authorization),
    refunds: refunds.under(authorization.key),
    refundedMinor: refunds.refundedOf(authorization.key),
    disputedMinor: disputes.disputedOf(authorization.key),
  })

  return {
    find(key) {
      const found = authorizations.get(key)
      return found && shown(found)
    },
    all: () => [...authorizations.values()].map(shown),
    page(after, count) {
      const byReference = Map.groupBy(authorizations.values(), ({ reference }) => reference)
      const later = [...byReference.keys()].filter((reference) => reference > after).toSorted()
      const some = later.slice(0, count)
      return {
        found: some.flatMap((reference) => byReference.get(reference)!.map(shown)),
        ...(later.length > count ? { next: some.at(-1)! } : {}),
      }
    },
    postings() {
      for (const authorization of authorizations.values()) {
        refunds.under(authorization.key)
        if (isLapsed(authorization)) releaseRest(authorization)
      }
      return [...postings.values()]
    },
    authorize(key, request) {
      const known = authorizations.get(key)
      if (known && isKnown(known)) {
        const same =
          known.amountMinor === request.amountMinor &&
          known.currency === request.currency &&
          known.paymentMethodRef === request.paymentMethodRef &&
          known.customer === request.customer &&
          known.reference === request.reference
        if (!same) throw new PartnerRefusal(422, 'key-reused', `The key ${key} was used for another authorization.`)
        return known
      }
      const { paymentMethodRef, amountMinor, currency } = request
      // Voided before it came: nothing is authorized under this key any more.
      const outcome = tombstones.has(key) ? ({ status: 'voided' } as const) : statusOf(request)
      const validForMs = paymentMethods.validForMs(paymentMethodRef, { isFirst: isFirst(request) })
      const made: Authorization = {
        key: known ? `${key}~${authorizations.size}` : key,
        ...outcome,
        ...request,
        expiresAt: new Date(clock.now() + validForMs).toISOString(),
        captures: [],
        madeAtMs: clock.now(),
      }
      authorizations.set(made.key, made)
      if (outcome.status === 'authorized')
        post({ key: made.key, kind: 'authorize', debit: paymentMethodRef, credit: 'held', amountMinor, currency })
      return made
    },
    act(key, outcome) {
      const authorization = live(key)
      if (authorization.status !== 'action-required')
        throw new PartnerRefusal(409, 'nothing-to-do', `The authorization is ${authorization.status}.`)
      const acted: Authorization = { ...authorization, status: outcome }
      authorizations.set(key, acted)
      const { paymentMethodRef, amountMinor, currency } = authorization
      if (outcome === 'authorized')
        post({ key, kind: 'authorize', debit: paymentMethodRef, credit: 'held', amountMinor, currency })
      return acted
    },
    capture(authorizationKey, key, { amountMinor, final }) {
      const authorization = live(authorizationKey)
      const known = authorization.captures.find((one) => one.key === key)
      if (known && isKnown(known)) {
        if (known.amountMinor !== amountMinor)
          throw new PartnerRefusal(422, 'key-reused', `The key ${key} was used for another capture.`)
        return known
      }
      if (authorization.status !== 'authorized')
        throw new PartnerRefusal(409, 'not-authorized', `The authorization is ${authorization.status}.`)
      if (authorization.isReleased) throw new PartnerRefusal(409, 'released', 'The authorization was released.')
      if (isLapsed(authorization))
        throw new PartnerRefusal(
          409,
          'authorization-expired',
          `The authorization ended at ${authorization.expiresAt}: authorize the amount again.`,
        )
      refuseCapture(authorization, key, { final })
      if (authorization.captures.some((one) => one.final))
        throw new PartnerRefusal(409, 'closed', 'The last capture was final.')
      const open = authorization.amountMinor - capturedOf(authorization)
      if (amountMinor > open)
        throw new PartnerRefusal(
          422,
          'amount-too-large',
          `Only ${open} of ${authorization.amountMinor} can still be captured, not ${amountMinor}.`,
        )
      const capture: Capture = {
        captureId: `c-${authorizationKey}-${authorization.captures.length + 1}`,
        key,
        amountMinor,
        final,
        madeAtMs: clock.now(),
      }
      authorizations.set(authorizationKey, { ...authorization, captures: [...authorization.captures, capture] })
      const { currency, paymentMethodRef } = authorization
      post({ key: capture.captureId, kind: 'capture', debit: 'held', credit: 'merchant', amountMinor, currency })
      if (final && open > amountMinor)
        post({
          key,
          kind: 'release',
          debit: 'held',
          credit: paymentMethodRef,
          amountMinor: open - amountMinor,
          currency,
        })
      if (final && paymentMethods.isDisputed(paymentMethodRef)) dispute(authorizationKey, DISPUTED_AFTER_MS)
      return capture
    },
    void(key) {
      const authorization = authorizations.get(key)
      if (!authorization) {
        tombstones.set(key, true)
        return undefined
      }
      if (authorization.captures.length > 0)
        throw new PartnerRefusal(409, 'captured', 'A captured payment can not be voided: refund it.')
      if (authorization.status === 'voided') return authorization
      const voided: Authorization = { ...authorization, status: 'voided' }
      authorizations.set(key, voided)
      releaseRest(authorization)
      return voided
    },
    release(key) {
      const authorization = live(key)
      if (authorization.isReleased) return authorization
      const released: Authorization = { ...authorization, isReleased: true }
      authorizations.set(key, released)
      releaseRest(authorization)
      return released
    },
    dispute: (authorizationKey) => dispute(authorizationKey),
    disputes,
    refund: (authorizationKey, key, amountMinor) => refunds.make(authorizationKey, key, amountMinor),
  }
}

/** The code with which a capture is refused after so many refusals; undefined: it is not. */
function refusalOf(
  behaviour: CaptureBehaviour,
  { refused, final }: { readonly refused: number; readonly final: boolean },
): string | undefined {
  if (behaviour === 'single' && !final) return 'multicapture-unavailable'
  if (behaviour === 'refused') return 'card-expired'
  return behaviour === 'delayed' && refused < 2 ? 'issuer-unavailable' : undefined
}

function statusFor(behaviour: Behaviour | Mismatch, declineCode: string): { status: Behaviour; declineCode?: string } {
  switch (behaviour) {
    case 'authorized':
    case 'action-required':
      return { status: behaviour }
    case 'declined':
      return { status: 'declined', declineCode }
    case 'payment-method-unknown':
    case 'payment-method-of-another-customer':
      return { status: 'declined', declineCode: behaviour }
  }
}
