/**
 * Receives the payment provider's webhooks. The provider signs each one with its own key, for the address of this
 * webhook, and sends it until it is answered 2xx. The gateway submits it as a command to payments, which asks the provider
 * what has changed. The idempotency key is derived from the webhook's type, reference and id: a repeated webhook makes no second command, and another
 * webhook never has the same key.
 */

import {
  createLocalJWKSet,
  type CryptoKey,
  errors,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
  jwtVerify,
} from 'jose'
import { z } from 'zod'
import { keyIdOf } from '../../shared/http/issuer-keys.ts'
import { outsideRequest } from '../../shared/base/deadline.ts'
import { Refused, refuseIf, Unavailable } from '../../shared/base/errors.ts'
import { derivedId, hashOf } from '../../shared/base/ids.ts'
import type { SubmittedBy } from '../../shared/contracts/contract.ts'
import { relayed } from '../../shared/edge/relay.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { OperationHandler, SignatureCheck } from '../../shared/service/public-api.ts'
import { orderId, paymentProviderUrl } from '../shop/fields.ts'
import type { operations } from './operations.ts'
import type { gateway } from './service.ts'
import { paymentWebhookUrl } from './settings.ts'

const MAX_SIGNATURE_CHARACTERS = 4_096
/** The provider makes a new signature for each attempt, so an older signature was copied from an earlier request. */
const MAX_SIGNATURE_AGE = '5 minutes'
const CLOCK_TOLERANCE_SECONDS = 30
/** The provider's keys are fetched again when they are this old. */
const MAX_KEYS_AGE_MS = 600_000
/** If a signature names an unknown key, the keys are fetched again once they are this old. */
const MIN_KEYS_AGE_MS = 10_000
/**
 * Short, because a request waits for the keys before its signature is verified: until then, requests of attackers take the
 * same places (`signedRequests` of the limits).
 */
const KEYS_TIMEOUT_MS = 3_000

const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(20) })

export function paymentWebhook(platform: Platform): OperationHandler<typeof operations.paymentWebhook> {
  return async ({ c, body: { id, type, reference } }) => {
    const command = commandFor(type, { orderId: reference, providerEventId: id })
    if (command) {
      // Payments gave the provider the order's id as the reference of the authorization.
      refuseIf(!orderId.safeParse(reference).success, 'invalid-body', 'body.reference: is not an order id.')
      const submitted = await platform.submit<GatewayCommand>(command, {
        key: derivedId(type, reference, id),
        actor: 'partner:payment-provider',
        subject: reference,
      })
      if (submitted.refused) return relayed(c, submitted, platform)
    } else {
      // Answered 204 as well, so that the provider does not send it again.
      platform.log('WARNING', 'webhook.unknown-type', { type, reference, providerEventId: id })
    }
    return c.empty(204)
  }
}

type GatewayCommand = SubmittedBy<typeof gateway>

/** The command that a webhook of this type becomes; undefined for an unknown type. */
function commandFor(
  type: string,
  data: { readonly orderId: string; readonly providerEventId: string },
): GatewayCommand | undefined {
  switch (type) {
    case 'authorization.updated':
      return { type: 'CheckAuthorization', data }
    case 'refund.updated':
      return { type: 'CheckRefunds', data }
    default:
      return undefined
  }
}

/**
 * The returned check verifies the signature in the header, before the body is read. It returns a second check, for the body:
 * the signature contains the body's SHA-256.
 */
export function createSignatureCheck(platform: Platform): SignatureCheck {
  const keys = providerKeys(platform)
  return async (c) => {
    const signature = c.req.header('webhook-signature')
    if (!signature || signature.length > MAX_SIGNATURE_CHARACTERS)
      throw new Refused(
        'signature-invalid',
        `The header webhook-signature is missing, or longer than ${MAX_SIGNATURE_CHARACTERS} characters.`,
      )
    const forLog = { keyId: keyIdOf(signature) }
    const { payload } = await jwtVerify(signature, keys, {
      algorithms: ['ES256'],
      typ: 'webhook+jwt',
      audience: platform.setting(paymentWebhookUrl),
      maxTokenAge: MAX_SIGNATURE_AGE,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(platform.now()),
    }).catch((error: unknown) => {
      if (error instanceof Unavailable || !(error instanceof errors.JOSEError)) throw error
      throw new Refused('signature-invalid', `The signature was not accepted (${error.code}).`, forLog)
    })
    return (body) => {
      if (payload['body_sha256'] !== hashOf(body))
        throw new Refused('signature-invalid', 'The signature is of another body.', forLog)
    }
  }
}

type Key = (header?: JWSHeaderParameters, token?: FlattenedJWSInput) => Promise<CryptoKey>

/** Finds the provider's keys like jose's `createRemoteJWKSet`, with the platform's clock and the provider's resilience policy. */
function providerKeys(platform: Platform): Key {
  let kept: { readonly find: Key; readonly atMs: number } | undefined
  let fetching: Promise<Key> | undefined
  // Concurrent requests share one fetch.
  const fetchOnce = (): Promise<Key> => (fetching ??= outsideRequest(fetchKeys).finally(() => (fetching = undefined)))
  const fetchKeys = async (): Promise<Key> => {
    const response = await platform.callExternal(`${platform.setting(paymentProviderUrl)}/.well-known/jwks.json`, {
      method: 'GET',
      operation: 'payment-provider.keys',
      timeoutMs: KEYS_TIMEOUT_MS,
    })
    const found = createLocalJWKSet(keySet.parse(await response.json()))
    kept = { find: found, atMs: platform.now() }
    return found
  }
  const ageMs = (): number => (kept === undefined ? Infinity : platform.now() - kept.atMs)
  return async (header, token) => {
    const find = ageMs() > MAX_KEYS_AGE_MS ? await fetchOnce() : kept!.find
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      if (ageMs() >= MIN_KEYS_AGE_MS) await fetchOnce()
      // The keys were fetched again, by this request or by a concurrent one.
      if (kept!.find !== find) return kept!.find(header, token)
      throw error
    }
  }
}
