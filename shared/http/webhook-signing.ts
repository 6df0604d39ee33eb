/** Signs webhooks that the platform sends, by Standard Webhooks (https://www.standardwebhooks.com): an HMAC over id, time and body. */

import { createHmac, randomBytes } from 'node:crypto'

const PREFIX = 'whsec_'
/** The scheme takes 24 to 64. */
const SECRET_BYTES = 32

export const newWebhookSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64')

/** For a receiver to return: its path is safe in a URL and a line of text. */
export const newWebhookChallenge = (): string => randomBytes(SECRET_BYTES).toString('base64url')

interface Signed {
  /** The same for each attempt: the receiver recognises a repeated webhook by it. */
  readonly id: string
  readonly atMs: number
  readonly body: string
}

/** @param secrets one, or two while the receiver changes from the former to the new one: either of the signatures is enough. */
export function webhookHeaders(secrets: readonly string[], { id, atMs, body }: Signed): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1_000))
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
