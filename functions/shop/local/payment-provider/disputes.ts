/** The provider's disputes: a customer's bank takes a captured amount back, and decides later who keeps it. */

import type { Clock, Journal } from 'local-google-cloud/host'
import { PartnerRefusal } from '../../../../emulators/partner-server.ts'

export interface Dispute {
  readonly disputeId: string
  readonly authorizationKey: string
  /** That of the authorization: the order. */
  readonly reference: string
  readonly amountMinor: number
  readonly reason: string
  readonly status: 'open' | 'won' | 'lost'
  readonly evidenceDueBy: string
}

/** A real one comes after weeks; five seconds let a person see the order before it. */
export const DISPUTED_AFTER_MS = 5_000
const EVIDENCE_MS = 14 * 24 * 3_600_000

interface DisputeParts {
  readonly journal: Journal
  readonly clock: Pick<Clock, 'now'>
  /** The money has left, or has come back. */
  moved(dispute: Dispute, direction: 'out' | 'back'): void
  /** It was opened or decided at this time. */
  changed(dispute: Dispute, atMs: number): void
}

export interface Disputes {
  /** The money leaves; the same id again changes nothing. @param afterMs until the merchant is notified of it */
  open(
    dispute: Pick<Dispute, 'disputeId' | 'authorizationKey' | 'reference' | 'amountMinor'>,
    afterMs?: number,
  ): Dispute
  decide(disputeId: string, outcome: 'won' | 'lost'): Dispute
  find(disputeId: string): Dispute | undefined
  under(authorizationKey: string): Dispute[]
  /** The disputed amount of an authorization: undecided or lost. */
  disputedOf(authorizationKey: string): number
}

export function openDisputes({ journal, clock, moved, changed }: DisputeParts): Disputes {
  const made = journal.table<Dispute>('disputes')
  const under = (authorizationKey: string): Dispute[] =>
    [...made.values()].filter((one) => one.authorizationKey === authorizationKey)
  return {
    find: (disputeId) => made.get(disputeId),
    under,
    disputedOf: (key) =>
      under(key).reduce((sum, { status, amountMinor }) => sum + (status === 'won' ? 0 : amountMinor), 0),
    open(about, afterMs = 0) {
      const known = made.get(about.disputeId)
      if (known) return known
      const dispute: Dispute = {
        ...about,
        reason: 'fraudulent',
        status: 'open',
        evidenceDueBy: new Date(clock.now() + EVIDENCE_MS).toISOString(),
      }
      made.set(dispute.disputeId, dispute)
      moved(dispute, 'out')
      changed(dispute, clock.now() + afterMs)
      return dispute
    },
    decide(disputeId, outcome) {
      const dispute = made.get(disputeId)
      if (!dispute) throw new PartnerRefusal(404, 'not-found', `There is no dispute ${disputeId}.`)
      if (dispute.status !== 'open') throw new PartnerRefusal(409, 'decided', `The dispute is ${dispute.status}.`)
      const decided: Dispute = { ...dispute, status: outcome }
      made.set(disputeId, decided)
      if (outcome === 'won') moved(decided, 'back')
      changed(decided, clock.now())
      return decided
    },
  }
}
