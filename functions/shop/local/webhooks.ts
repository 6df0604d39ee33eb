/**
 * The webhooks of a partner: each is one signed request, repeated until it is answered 2xx. The header
 * `webhook-signature` holds a JWT with the body's hash and the address that it is sent to. The public keys are at
 * `/.well-known/jwks.json`, so partner and gateway share no secret.
 */

import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import type { Clock, Journal, Table } from 'local-google-cloud/host'

export interface Webhook {
  readonly id: string
  readonly type: 'authorization.updated' | 'refund.updated' | 'dispute.updated' | 'booking.updated'
  /** The idempotency key of the authorization, refund or booking, and the reference that the client gave: the order's id; of a dispute, its id. */
  readonly key: string
  readonly reference: string
  /** The trace context of the request that it follows from: sent as a header. */
  readonly traceparent?: string
}

export interface WebhookOptions {
  /** The address to which webhooks are sent. Absent: they are recorded and not sent. */
  readonly webhookUrl?: string
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

export interface Webhooks {
  /** Records a webhook and sends it, at once or at that time, in milliseconds since the epoch. */
  send(webhook: Webhook, atMs?: number): void
  /** The public keys, as a JWKS. */
  keys(): Promise<{ keys: JWK[] }>
  /** Sends a recorded webhook once more, as a partner may do at any later time. */
  sendAgain(id: string): void
  /** All that were recorded. */
  recorded(): Webhook[]
  /** The number of those that are yet to be delivered, each as often as it is sent. */
  waiting(): number
  close(): void
}

/** The key of a partner, made at its first webhook and kept in its journal. */
interface Signer {
  readonly key: Awaited<ReturnType<typeof importJWK>>
  readonly open: JWK
  readonly kid: string
}

const ALGORITHM = 'ES256'
const KEY_ID = 'provider-1'
const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 3_600_000
const ANSWER_TIMEOUT_MS = 10_000

/** A table that had another name in journals of earlier versions: its rows are moved. */
function renamedTable<Value>(
  journal: Journal,
  { name, formerName }: { readonly name: string; readonly formerName: string },
): Table<Value> {
  const table = journal.table<Value>(name)
  const former = journal.table<Value>(formerName)
  for (const [key, value] of former.entries()) {
    table.set(key, value)
    former.delete(key)
  }
  return table
}

export function openWebhooks(
  journal: Journal,
  clock: Clock,
  { webhookUrl, fetch: request = fetch }: WebhookOptions,
): Webhooks {
  const webhooks = renamedTable<Webhook>(journal, { name: 'webhooks', formerName: 'notes' })
  /** By id, when it is due; `true` in journals of earlier versions: at once. */
  const undelivered = renamedTable<number | true>(journal, { name: 'undelivered-webhooks', formerName: 'untold-notes' })
  const secrets = journal.table<JWK>('signing-keys')
  let closed = false
  let waiting = 0

  const openSigner = async (): Promise<Signer> => {
    const known = secrets.get(KEY_ID)
    const secret = known ?? (await exportJWK((await generateKeyPair(ALGORITHM, { extractable: true })).privateKey))
    if (!known) secrets.set(KEY_ID, secret)
    const { d: _secret, ...open } = secret
    // A partner that begins anew has another key, and so another id: receivers fetch the keys again.
    return { key: await importJWK(secret, ALGORITHM), open, kid: await calculateJwkThumbprint(open) }
  }
  let opened: Promise<Signer> | undefined
  const signer = (): Promise<Signer> => (opened ??= openSigner())

  const post = async (webhook: Webhook): Promise<boolean> => {
    const { traceparent, ...content } = webhook
    const body = JSON.stringify(content)
    const { key, kid } = await signer()
    const signature = await new SignJWT({ body_sha256: createHash('sha256').update(body).digest('hex') })
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: 'webhook+jwt' })
      .setJti(webhook.id)
      .setAudience(webhookUrl!)
      .setIssuedAt(new Date(clock.now()))
      .sign(key)
    try {
      const response = await request(webhookUrl!, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-signature': signature,
          ...(traceparent ? { traceparent } : {}),
        },
        body,
        // A redirect is not followed: webhooks go only to the configured address.
        redirect: 'manual',
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      })
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }

  const deliver = (webhook: Webhook, tried: number, atMs = clock.now()): void => {
    if (webhookUrl === undefined) return
    waiting += 1
    const waitMs = tried === 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (tried - 1), MAX_WAIT_MS)
    clock.at(atMs + waitMs, () => {
      if (closed) return
      void post(webhook).then((delivered) => {
        if (delivered) undelivered.delete(webhook.id)
        else deliver(webhook, tried + 1)
        waiting -= 1
      })
    })
  }
  for (const [id, dueAtMs] of undelivered.entries())
    deliver(webhooks.get(id)!, 1, Math.max(clock.now(), Number(dueAtMs)))

  return {
    recorded: () => [...webhooks.values()],
    waiting: () => waiting,
    send(webhook, atMs = clock.now()) {
      webhooks.set(webhook.id, webhook)
      undelivered.set(webhook.id, atMs)
      deliver(webhook, 0, atMs)
    },
    sendAgain(id) {
      const webhook = webhooks.get(id)
      if (!webhook) throw new Error(`There is no webhook ${id}.`)
      deliver(webhook, 0)
    },
    async keys() {
      const { open, kid } = await signer()
      return { keys: [{ ...open, kid, alg: ALGORITHM, use: 'sig' }] }
    },
    close: () => void (closed = true),
  }
}
