/**
 * The signature of a partner's webhooks: a JWT over the body, by the partner's own key, for the address of the webhook. The
 * public keys are at the partner's address, so that partner and platform share no secret.
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
import { keyIdOf } from '../http/issuer-keys.ts'
import { outsideRequest } from '../base/deadline.ts'
import { Refused, Unavailable } from '../base/errors.ts'
import { hashOf } from '../base/ids.ts'
import { outsideSpan } from '../signals/span.ts'
import type { Platform } from '../service/platform.ts'
import type { SignatureCheck } from '../service/public-api.ts'

const MAX_SIGNATURE_CHARACTERS = 4_096
/** A partner makes a new signature for each attempt, so an older signature was copied from an earlier request. */
const MAX_SIGNATURE_AGE = '5 minutes'
const CLOCK_TOLERANCE_SECONDS = 30
/** The keys are fetched again when they are this old. */
const MAX_KEYS_AGE_MS = 600_000
/** If a signature names an unknown key, the keys are fetched again once they are this old. */
const MIN_KEYS_AGE_MS = 10_000
/**
 * Short, because a request waits for the keys before its signature is verified: until then, requests of attackers take the
 * same places (`signedRequests` of the limits).
 */
const KEYS_TIMEOUT_MS = 3_000

const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(20) })

interface Sender {
  /** Names the call for its keys: `airline`. */
  readonly name: string
  /** Its address: the keys are at `/.well-known/jwks.json` there. */
  readonly url: () => string
  /** The address for which it signs. */
  readonly audience: () => string
}

/**
 * The returned check verifies the signature in the header, before the body is read. It returns a second check, for the body:
 * the signature contains the body's SHA-256.
 */
export function webhookSignature(platform: Platform, sender: Sender): SignatureCheck {
  const keys = keysOf(platform, sender)
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
      audience: sender.audience(),
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

/** Finds the sender's keys like jose's `createRemoteJWKSet`, with the platform's clock and the sender's resilience policy. */
function keysOf(platform: Platform, { name, url }: Sender): Key {
  let kept: { readonly find: Key; readonly atMs: number } | undefined
  let fetching: Promise<Key> | undefined
  // Concurrent requests share one fetch.
  const fetchOnce = (): Promise<Key> =>
    (fetching ??= outsideRequest(() => outsideSpan(fetchKeys)).finally(() => (fetching = undefined)))
  const fetchKeys = async (): Promise<Key> => {
    const response = await platform.callExternal(`${url()}/.well-known/jwks.json`, {
      method: 'GET',
      operation: `${name}.keys`,
      timeoutMs: KEYS_TIMEOUT_MS,
      token: 'none',
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
