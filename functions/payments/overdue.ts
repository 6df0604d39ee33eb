/** Calls of the provider that are repeated without an end: after a day without an answer an event and an alert report it to staff. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import type { PaymentDecision } from './decide.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

/** After so long without an answer staff is alerted: an outage of the provider's own would be over. */
const OVERDUE_AFTER_MS = 24 * 3_600_000

interface Waiting {
  /** When the provider was to be asked first, in milliseconds since the epoch. */
  readonly sinceMs: number
  readonly isReported: boolean
  /** The event, and the command once more: calls may have succeeded whose answers were lost. */
  readonly overdue: PaymentDecision
}

/** The decision; after a day of errors, once, the report in its place. @throws Error as `decide` */
export async function untilAnswered(
  { now }: Pick<Platform, 'now'>,
  { sinceMs, isReported, overdue }: Waiting,
  decide: () => Promise<PaymentDecision>,
): Promise<PaymentDecision> {
  try {
    return await decide()
  } catch (error) {
    if (isReported || now() - sinceMs < OVERDUE_AFTER_MS) throw error
    return overdue
  }
}

const alerting: readonly string[] = ['recapture.overdue', 'refund.overdue', 'renewal.overdue', 'void.overdue']

/** Operators are alerted by these lines: see `alertsOn` in the description. A redelivery writes them again. */
export async function alertingOperators(
  { data: { orderId } }: Envelope<string, { readonly orderId: string }>,
  { log }: Pick<Platform, 'log'>,
  decided: Promise<PaymentDecision>,
): Promise<PaymentDecision> {
  const decision = await decided
  for (const { type, data } of decision.events)
    if (alerting.includes(type)) log('ERROR', type, { ...data, correlationId: orderId })
  return decision
}
