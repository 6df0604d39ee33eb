/**
 * The payment provider's notes: signed by a key of its own for this platform's address, submitted as a command that is named
 * for all that the command says, so that a note which comes twice is one command and no other note takes its name. The
 * provider repeats a note until it is answered 2xx.
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
import type { Platform } from '../../shared/service/platform.ts'
import { orderId } from '../shop/fields.ts'
import type { BodyCheck, Handler } from './handle.ts'
import type { operations } from './operations.ts'
import { relayed } from './relay.ts'

const SIGNATURE_CHARACTERS = 4_096
/** The provider signs each attempt anew: an older signature is a replay. */
const SIGNED_WITHIN = '5 minutes'
const CLOCK_TOLERANCE_SECONDS = 30
/** The provider's keys are asked for again after so long, sooner when a note names one that is not among them. */
const KEYS_KEPT_MS = 600_000
const KEYS_ASKED_AGAIN_MS = 10_000
/** Notes wait for them in places that strangers may take until their signature is looked at. */
const KEYS_TIMEOUT_MS = 3_000

const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(20) })

export function paymentWebhook(platform: Platform): Handler<typeof operations.paymentWebhook> {
  return async ({ c, body: { id, type, reference } }) => {
    if (type === 'authorization.updated') {
      // Its reference is the order's id, as payments sent it: another can be of no order.
      refuseIf(!orderId.safeParse(reference).success, 'invalid-body', 'body.reference: can be the id of no order.')
      const submitted = await platform.submit(
        { type: 'CheckAuthorization', data: { orderId: reference, providerEventId: id } },
        { key: derivedId(type, reference, id), actor: 'partner:payment-provider', subject: reference },
      )
      if (!submitted.ok) return relayed(c, submitted, platform)
    }
    return c.body(null, 204)
  }
}

/** The signature covers the body by its hash, so it is verified while the body is still on its way. */
export function createSignatureCheck(platform: Platform): (signature: string | undefined) => Promise<BodyCheck> {
  const keys = providerKeys(platform)
  return async (signature) => {
    if (!signature || signature.length > SIGNATURE_CHARACTERS)
      throw new Refused('signature-invalid', 'The note carries no header webhook-signature.')
    const evidence = { keyId: keyIdOf(signature) }
    const { payload } = await jwtVerify(signature, keys, {
      algorithms: ['ES256'],
      typ: 'webhook+jwt',
      audience: platform.setting('PAYMENT_WEBHOOK_URL'),
      maxTokenAge: SIGNED_WITHIN,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(platform.now()),
    }).catch((error: unknown) => {
      if (error instanceof Unavailable || !(error instanceof errors.JOSEError)) throw error
      throw new Refused('signature-invalid', `The signature was not accepted (${error.code}).`, evidence)
    })
    return (body) => {
      if (payload['body_sha256'] !== hashOf(body))
        throw new Refused('signature-invalid', 'The signature is of another body.', evidence)
    }
  }
}

type Key = (header?: JWSHeaderParameters, token?: FlattenedJWSInput) => Promise<CryptoKey>

/** As jose's `createRemoteJWKSet` does, on the platform's clock and through the provider's resilience policy. */
function providerKeys(platform: Platform): Key {
  let kept: { readonly find: Key; readonly atMs: number } | undefined
  let asking: Promise<Key> | undefined
  // Many notes at once ask once.
  const ask = (): Promise<Key> => (asking ??= outsideRequest(fetched).finally(() => (asking = undefined)))
  const fetched = async (): Promise<Key> => {
    const response = await platform.callExternal(`${platform.setting('PAYMENT_PROVIDER_URL')}/.well-known/jwks.json`, {
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
    const find = ageMs() > KEYS_KEPT_MS ? await ask() : kept!.find
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      if (ageMs() >= KEYS_ASKED_AGAIN_MS) await ask()
      // Fetched anew, here or for another note at the same time.
      if (kept!.find !== find) return kept!.find(header, token)
      throw error
    }
  }
}
