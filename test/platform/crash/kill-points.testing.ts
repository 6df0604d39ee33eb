/** The points at which a service can be hit: before and after each of its external calls, derived from its description. */

import type { FaultAction, FaultRule } from 'local-google-cloud'
import { services } from '../../../functions/index.ts'
import { enqueuedBy, type Service } from '../../../shared/service/service.ts'
import { commits } from '../../support/commits.ts'

export interface KillPoint {
  readonly service: string
  readonly does: keyof typeof methods
  readonly when: 'before' | 'after'
  readonly signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP'
  /** Only for a call with this text. */
  readonly about?: string
}

const methods = {
  commit: commits,
  publish: 'google.pubsub.v1.Publisher.Publish',
  send: 'google.cloud.tasks.v2.CloudTasks.CreateTask',
  acknowledge: 'run.acknowledge',
  answer: 'run.answer',
} as const

const does: Readonly<Record<keyof typeof methods, (service: Service) => boolean>> = {
  commit: ({ collections }) => Object.keys(collections).length > 0,
  publish: ({ emits }) => emits.length > 0,
  send: (service) => enqueuedBy(service).length > 0,
  acknowledge: ({ on, accepts }) => on.length + accepts.length > 0,
  answer: ({ name, ingress }) => ingress === 'public' || services.some(({ calls }) => calls.includes(name)),
}
const things = Object.keys(does) as (keyof typeof does)[]
export const PAUSED_MS = 2_000

/** Events that record an external effect, or decide what is taken back; the first commit of a service need not record one. */
const effects: Readonly<Record<string, readonly string[]>> = {
  orders: ['order.cancel-requested', 'delivery.recorded'],
  payments: ['payment.authorized', 'payment.captured', 'payment.voided', 'refund.issued', 'recapture.done'],
  shipping: ['booking.made', 'shipment.dispatched', 'shipment.delivered', 'shipment.cancel-decided'],
}
const afterEffect = (service: Service): KillPoint[] =>
  (effects[service.name] ?? []).map((about) => ({
    service: service.name,
    does: 'commit',
    when: 'before',
    signal: 'SIGKILL',
    about,
  }))

/** The calls that no burst leads to: webhooks publishes that an endpoint was disabled, after days, or as its receiver is gone. */
export const rare: Readonly<Record<string, readonly (keyof typeof does)[]>> = { webhooks: ['publish'] }

/** A kill before and after each call, and before each commit that records an external effect or a cancellation. */
export const killPoints: readonly KillPoint[] = services.flatMap((service) => [
  ...afterEffect(service),
  ...beforeAndAfterEach(service),
])

function beforeAndAfterEach(service: Service): KillPoint[] {
  return things
    .filter((one) => does[one](service) && !rare[service.name]?.includes(one))
    .flatMap((one) =>
      (['before', 'after'] as const).map((when) => ({ service: service.name, does: one, when, signal: 'SIGKILL' })),
    )
}

/** A stop and a pause with a request in flight. */
export const inFlight: readonly KillPoint[] = services.flatMap((service) =>
  (['SIGTERM', 'SIGSTOP'] as const).map((signal) => ({
    service: service.name,
    does: does.commit(service) ? 'commit' : 'answer',
    when: 'before',
    signal,
  })),
)

export const nameOf = ({ service, does: what, when, signal, about }: KillPoint): string =>
  `${service} ${signal} ${when} ${what}${about ? ` of ${about}` : ''}`

export function ruleFor(point: KillPoint): FaultRule {
  const { service, does: what, when, signal } = point
  const action: FaultAction = signal === 'SIGSTOP' ? { signal, resumeAfterMs: PAUSED_MS } : { signal }
  const about = point.about ?? (what === 'commit' ? commitOfDelivery(service) : undefined)
  return { principal: service, method: methods[what], when, action, ...(about ? { about } : {}) }
}

/**
 * Restricts the commits of services with streams to deliveries: a submission commits an idempotency key in a request, which is not
 * redelivered. Webhooks has a stream of each endpoint that was disabled alone, and a document of each order.
 */
const commitOfDelivery = (name: string): string | undefined => {
  if (name === 'webhooks') return '/documents/orders/'
  const { collections } = services.find((service) => service.name === name)!
  return 'streams' in collections ? '/documents/streams/' : undefined
}

/**
 * True if a kill at this point must lead to a redelivery. That is not so for the gateway, orders and the vault, whose clients
 * repeat a lost request themselves; for queries, which the caller repeats; for sends of services that send only submitted
 * commands, which staff submit again; and after an acknowledgement, when no delivery is in flight.
 */
export const mustBeRepeated = ({ service, does: what, when, signal }: KillPoint): boolean => {
  if (signal !== 'SIGKILL' || what === 'answer' || servesCustomers.has(service)) return false
  if (what === 'send' && sendsOnlySubmitted(service)) return false
  return what !== 'acknowledge' || when === 'before'
}
/** The send may be that of a submitted command, within a request: its client sends the request again. */
export const mayBeOfRequest = ({ service, does: what }: KillPoint): boolean =>
  what === 'send' && services.find(({ name }) => name === service)!.acceptsSubmitted.length > 0
const sendsOnlySubmitted = (name: string): boolean =>
  services.find((service) => service.name === name)!.sends.length === 0
const servesCustomers = new Set(['customers', 'gateway', 'orders'])
