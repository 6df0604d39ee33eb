/** The endpoints of one customer, and every rule about them. No clock, no I/O, no random numbers. */

import type { z } from 'zod'
import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { isHashOfRequest, requestHashOf } from '../../shared/base/request-hash.ts'
import { shopCodes } from '../shop/errors.ts'
import { type endpointRequest, type WebhookType, webhookTypes } from './contracts.ts'

export const MAX_ENDPOINTS = 5
/** A receiver changes to the new secret within a day: until then each webhook has the signatures of both. */
export const FORMER_SECRET_MS = 24 * 3_600_000
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
  readonly requestHash: string
  readonly createdAt: string
  readonly status: 'enabled' | 'disabled'
  readonly failingSince?: string
}

export interface Customer {
  readonly endpoints?: Readonly<Record<string, Endpoint>>
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
    Object.keys(endpointsOf(customer)).length >= MAX_ENDPOINTS,
    shopCodes['too-many-webhooks'],
    `A customer may have ${MAX_ENDPOINTS} endpoints: delete one first.`,
  )
  return withEndpoint(customer, endpointId, {
    url: request.url,
    types: request.types ?? webhookTypes,
    secrets: [{ secret, key }],
    requestHash: requestHashOf(request),
    createdAt: at,
    status: 'enabled',
  })
}

/** @throws Refused when the customer has none of this name */
export function deleted(customer: Customer, endpointId: string): Customer {
  endpointOf(customer, endpointId)
  const { [endpointId]: _, ...endpoints } = endpointsOf(customer)
  return { ...customer, endpoints }
}

/** Undefined when this key has made one of the secrets already: a late repetition makes no third one. @throws Refused when the customer has none of this name */
export function rotated(
  customer: Customer,
  endpointId: string,
  { secret, key, atMs }: { readonly secret: string; readonly key: string; readonly atMs: number },
): Customer | undefined {
  const endpoint = endpointOf(customer, endpointId)
  const { secrets } = endpoint
  const [current] = secrets
  if (secrets.some((one) => one.key === key)) return undefined
  const until = new Date(atMs + FORMER_SECRET_MS).toISOString()
  // One former secret: of two rotations within a day the first former one ends.
  return withEndpoint(customer, endpointId, {
    ...endpoint,
    secrets: [
      { secret, key },
      { ...current!, until },
    ],
  })
}

export const secretsAt = ({ secrets }: Endpoint, atMs: number): readonly string[] =>
  secrets.filter(({ until }) => until === undefined || Date.parse(until) > atMs).map(({ secret }) => secret)

/** Undefined: nothing changes. */
export function afterSuccess(customer: Customer, endpointId: string): Customer | undefined {
  const endpoint = endpointsOf(customer)[endpointId]
  if (endpoint?.failingSince === undefined) return undefined
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
  })
}

/** Undefined when it is enabled already. @throws Refused when the customer has none of this name */
export function enabled(customer: Customer, endpointId: string): Customer | undefined {
  const endpoint = endpointOf(customer, endpointId)
  if (endpoint.status === 'enabled') return undefined
  const { failingSince: _, ...working } = endpoint
  return withEndpoint(customer, endpointId, { ...working, status: 'enabled' })
}

/** Without the secrets. */
export const endpointView = (endpointId: string, { url, types, status, createdAt, failingSince }: Endpoint) => ({
  endpointId,
  url,
  types: [...types],
  status,
  createdAt,
  failingSince,
})
