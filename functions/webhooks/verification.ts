/** Verifies that the holder of an address wants webhooks there: its program returns a signed challenge. */

import { derivedName } from '../../shared/base/ids.ts'
import { newWebhookChallenge, webhookHeaders } from '../../shared/http/webhook-signing.ts'
import { createSlots, type Slots } from '../../shared/edge/slots.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { challengeBody } from './delivery.ts'
import { type Endpoint, secretsAt } from './endpoint.ts'
import { failureOf, bulkheadOf } from './send.ts'
import { webhookTargets } from './settings.ts'

/** The caller waits for it, and the gateway five seconds for this service. */
const TIMEOUT_MS = 3_000
/** A challenge has 43. */
const MAX_ANSWER_BYTES = 100

const challengesBy = new WeakMap<Platform, Slots>()

/** One at a time at each endpoint. */
function challengesOf(platform: Platform): Slots {
  const slots = challengesBy.get(platform) ?? createSlots(1)
  challengesBy.set(platform, slots)
  return slots
}

/** Posts one challenge. @returns why the endpoint stays unverified; undefined: it returned the challenge */
export async function whyUnverified(
  platform: Platform,
  endpointId: string,
  endpoint: Endpoint,
): Promise<string | undefined> {
  const release = challengesOf(platform).take(endpointId)
  if (!release) return 'a challenge was posted, and its answer has not come yet'
  try {
    const challenge = newWebhookChallenge()
    const atMs = platform.now()
    const body = challengeBody(challenge, new Date(atMs).toISOString())
    const answer = await platform.postOutside(endpoint.url, {
      headers: webhookHeaders(secretsAt(endpoint, atMs), { id: derivedName('v', endpointId, challenge), atMs, body }),
      body,
      targets: platform.setting(webhookTargets),
      answerBytes: MAX_ANSWER_BYTES,
      timeoutMs: TIMEOUT_MS,
    })
    const failure = failureOf(answer)
    if (failure !== undefined) return failure
    bulkheadOf(platform).answered(endpointId, platform.now() - atMs)
    return 'text' in answer && answer.text.trim() === challenge ? undefined : 'its answer is not the challenge'
  } finally {
    release()
  }
}
