/** The endpoints of one customer, and every rule about them. No clock, no I/O, no random numbers. */

import type { z } from 'zod'
import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { isHashOfRequest, requestHashOf } from '../../shared/base/request-hash.ts'
import { shopCodes } from '../shop/errors.ts'
import { type endpointRequest, type WebhookType, webhookTypes } from './contracts.ts'

export const MAX_ENDPOINTS = 5
/** A deletion is remembered for as long as a key may come again: keysCollection of shared/service/service.ts keeps keys as long. */
export const DELETION_KEPT_MS = 400 * 24 * 3_600_000
/** An entry has about 60 bytes, and a document 1 MiB. */
export const MAX_DELETED = 1_000
/** A receiver changes to the new secret within a day: until then each webhook has the signatures of both. */
export const FORMER_SECRET_MS = 24 * 3_600_000
/** Of one endpoint: a repetition of an older one makes a new secret. */
const MAX_ROTATIONS = 100
/** An endpoint at which every attempt has failed for so long is disabled. */
export const DISABLED_AFTER_MS = 3 * 24 * 3_600_000
/** HTTP 410: the receiver wants no more. */
const GONE = 410

interface Secret {
  readonly secret: string
  /** Hash of the idempotency key of the rotation that made it; of a first secret, of the registration's. */
  readonly key: string
  /** Absent: it is the current one. */
  readonly until?: string
}

export interface Endpoint {
  readonly url: string
  readonly types: readonly WebhookType[]
  /** The current one first. */
  readonly secrets: readonly Secret[]
  /** Hashes of the keys of the last rotations, also of those whose secrets are gone. */
  readonly rotations?: readonly string[]
  readonly requestHash: string
  readonly createdAt: string
  /** Of those that were registered before there was a verification, none is `unverified`. */
  readonly status: 'unverified' | 'enabled' | 'disabled'
  /** Absent: it was verified before this was recorded. */
  readonly verifiedAt?: string
  readonly failingSince?: string
  /** Of one that a replay enabled: it left out what had failed before. Absent: it was before this was recorded. */
  readonly replayedFrom?: string
  /** Of one that is disabled; absent: it was before this was recorded. */
  readonly disabled?: Disabled
}

/** Of each an event tells the customer once. */
export interface Disabled {
  readonly at: string
  /** `gone`: the receiver answered 410. `failing`: nothing has succeeded for three days. */
  readonly reason: 'gone' | 'failing'
}

export interface Customer {
  readonly endpoints?: Readonly<Record<string, Endpoint>>
  /** By id, when: a late repetition of the registration makes none of them again. */
  readonly deleted?: Readonly<Record<string, string>>
}

type Request = z.output<typeof endpointRequest>

interface Registered {
  readonly endpointId: string
  readonly request: Request
  readonly secret: string
  readonly key: string
  readonly at: string
}

const endpointsOf = ({ endpoints = {} }: Customer): Readonly<Record<string, Endpoint>> => endpoints

/** The endpoint. @throws Refused when the customer has none of this name */
export function endpointOf(customer: Customer, endpointId: string): Endpoint {
  const endpoint = Object.hasOwn(endpointsOf(customer), endpointId) ? endpointsOf(customer)[endpointId] : undefined
  if (!endpoint) throw new Refused('not-found', 'There is no such endpoint.')
  return endpoint
}

const withEndpoint = (customer: Customer, endpointId: string, endpoint: Endpoint): Customer => ({
  ...customer,
  endpoints: { ...endpointsOf(customer), [endpointId]: endpoint },
})

/** Undefined when it is there already, under the same key. @throws Refused */
export function registered(
  customer: Customer,
  { endpointId, request, secret, key, at }: Registered,
): Customer | undefined {
  const known = endpointsOf(customer)[endpointId]
  if (known) {
    refuseIf(
      !isHashOfRequest(known.requestHash, request),
      'idempotency-key-reused',
      'The idempotency key was used for another request: take a new key for a new request.',
    )
    return undefined
  }
  refuseIf(
    Object.hasOwn(customer.deleted ?? {}, endpointId),
    'idempotency-key-reused',
    'The endpoint of this idempotency key was deleted: take a new key for a new endpoint.',
  )
  refuseIf(
    Object.keys(endpointsOf(customer)).length >= MAX_ENDPOINTS,
    shopCodes['too-many-webhooks'],
    `A customer may have ${MAX_ENDPOINTS} endpoints: delete one first.`,
  )
  refuseIf(
    Object.keys(deletedSince(customer, at)).length >= MAX_DELETED,
    shopCodes['too-many-webhooks'],
    `A customer may delete ${MAX_DELETED} endpoints in 400 days: keep one of those that are there.`,
  )
  return withEndpoint(customer, endpointId, {
    url: request.url,
    types: request.types ?? webhookTypes,
    secrets: [{ secret, key }],
    requestHash: requestHashOf(request),
    createdAt: at,
    status: 'unverified',
  })
}

const deletedSince = ({ deleted: all = {} }: Customer, at: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(all).filter(([, then]) => Date.parse(at) - Date.parse(then) < DELETION_KEPT_MS))

/** Undefined when it is deleted already. @throws Refused when the customer has none of this name */
export function deleted(customer: Customer, endpointId: string, at: string): Customer | undefined {
  if (Object.hasOwn(customer.deleted ?? {}, endpointId)) return undefined
  endpointOf(customer, endpointId)
  const { [endpointId]: _, ...endpoints } = endpointsOf(customer)
  return { ...customer, endpoints, deleted: { ...deletedSince(customer, at), [endpointId]: at } }
}

/** Undefined when it is verified already. @throws Refused when the customer has none of this name */
export function verified(customer: Customer, endpointId: string, at: string): Customer | undefined {
  const endpoint = endpointOf(customer, endpointId)
  return endpoint.status === 'unverified'
    ? withEndpoint(customer, endpointId, { ...endpoint, status: 'enabled', verifiedAt: at })
    : undefined
}

/** Whether it gets an event of this type that happened at this time: one from before its verification may be published again. */
export const takes = (
  { types, status, verifiedAt, createdAt }: Endpoint,
  { type, time }: { readonly type: WebhookType; readonly time: string },
): boolean => types.includes(type) && status !== 'unverified' && Date.parse(time) >= Date.parse(verifiedAt ?? createdAt)

/** Undefined when this key has made a secret already: a late repetition makes no other one. @throws Refused when the customer has none of this name */
export function rotated(
  customer: Customer,
  endpointId: string,
  { secret, key, atMs }: { readonly secret: string; readonly key: string; readonly atMs: number },
): Customer | undefined {
  const endpoint = endpointOf(customer, endpointId)
  const { secrets, rotations = secrets.map((one) => one.key) } = endpoint
  const [current] = secrets
  if (rotations.includes(key)) return undefined
  const until = new Date(atMs + FORMER_SECRET_MS).toISOString()
  // One former secret: of two rotations within a day the first former one ends.
  return withEndpoint(customer, endpointId, {
    ...endpoint,
    secrets: [
      { secret, key },
      { ...current!, until },
    ],
    rotations: [...rotations, key].slice(-MAX_ROTATIONS),
  })
}

export const secretsAt = ({ secrets }: Endpoint, atMs: number): readonly string[] =>
  secrets.filter(({ until }) => until === undefined || Date.parse(until) > atMs).map(({ secret }) => secret)

/**
 * Attempts run beside each other: one that failed later than this success keeps its time. Undefined: nothing changes.
 * @param atMs when the answer came
 */
export function afterSuccess(customer: Customer, endpointId: string, atMs: number): Customer | undefined {
  const endpoint = endpointsOf(customer)[endpointId]
  if (endpoint?.failingSince === undefined || Date.parse(endpoint.failingSince) > atMs) return undefined
  const { failingSince: _, ...working } = endpoint
  return withEndpoint(customer, endpointId, working)
}

/** Undefined: nothing changes. */
export function afterFailure(
  customer: Customer,
  endpointId: string,
  { status, atMs }: { readonly status?: number | undefined; readonly atMs: number },
): Customer | undefined {
  const endpoint = endpointsOf(customer)[endpointId]
  if (!endpoint || endpoint.status === 'disabled') return undefined
  const failingSince = endpoint.failingSince ?? new Date(atMs).toISOString()
  const isDisabled = status === GONE || atMs - Date.parse(failingSince) >= DISABLED_AFTER_MS
  if (!isDisabled && endpoint.failingSince !== undefined) return undefined
  return withEndpoint(customer, endpointId, {
    ...endpoint,
    failingSince,
    status: isDisabled ? 'disabled' : 'enabled',
    ...(isDisabled
      ? {
          disabled: {
            at: new Date(atMs).toISOString(),
            reason: status === GONE ? ('gone' as const) : ('failing' as const),
          },
        }
      : {}),
  })
}

/** By a replay, of what failed since a time. Undefined when it is enabled already. @throws Refused when the customer has none of this name, or it is not verified */
export function enabled(
  customer: Customer,
  endpointId: string,
  { since, at }: { readonly since: string; readonly at: string },
): Customer | undefined {
  const endpoint = endpointOf(customer, endpointId)
  refuseIf(
    endpoint.status === 'unverified',
    shopCodes['webhook-unverified'],
    'The endpoint is not verified: POST to its verification first.',
  )
  if (endpoint.status === 'enabled') return undefined
  const { failingSince: _failing, disabled: _disabled, ...working } = endpoint
  // Events from now on are sent, also if the replay names a later time.
  return withEndpoint(customer, endpointId, { ...working, status: 'enabled', replayedFrom: since < at ? since : at })
}

/** Whether a replay that enabled the endpoint left out what failed at this time: the customer did not want it. */
export const isLeftOut = ({ replayedFrom }: Endpoint, failedAt: string): boolean =>
  replayedFrom !== undefined && failedAt < replayedFrom

/** Without the secrets. */
export const endpointView = (
  endpointId: string,
  { url, types, status, createdAt, failingSince, disabled: since }: Endpoint,
) => ({
  endpointId,
  url,
  types: [...types],
  status,
  createdAt,
  failingSince,
  ...(since ? { disabledAt: since.at, disabledBecause: since.reason } : {}),
})
