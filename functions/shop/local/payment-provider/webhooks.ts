/**
 * The provider's webhooks: one signed request per event, repeated until it is answered 2xx.
 * The signature is a JWT in the header `webhook-signature` over the body's hash, for the address that it is sent to; its keys stand at
 * `/.well-known/jwks.json`, so that no secret is shared.
 */

import { createHash } from 'node:crypto'
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import type { Clock, Journal } from 'local-google-cloud/host'

export interface Note {
  readonly id: string
  readonly type: 'authorization.updated'
  /** The authorisation's key, and what it is for. */
  readonly key: string
  readonly reference: string
}

export interface WebhookOptions {
  /** Where webhooks are sent; absent: nowhere. */
  readonly webhookUrl?: string
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

export interface Webhooks {
  tell(note: Note): void
  /** The public keys, as a JWKS. */
  keys(): Promise<{ keys: JWK[] }>
  /** Another note about the same, later and out of turn, as providers do. */
  tellAgain(id: string): void
  notes(): Note[]
  close(): void
}

const ALGORITHM = 'ES256'
const KEY_ID = 'provider-1'
const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 3_600_000
const ANSWER_TIMEOUT_MS = 10_000

export function openWebhooks(
  journal: Journal,
  clock: Clock,
  { webhookUrl, fetch: post = fetch }: WebhookOptions,
): Webhooks {
  const notes = journal.table<Note>('notes')
  // The table keeps its first name, so that kept state stays readable.
  const undelivered = journal.table<true>('untold-notes')
  const secrets = journal.table<JWK>('signing-keys')
  let closed = false

  const signingKey = async (): Promise<JWK> => {
    const known = secrets.get(KEY_ID)
    if (known) return known
    const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
    const made = secrets.get(KEY_ID) ?? (await exportJWK(privateKey))
    secrets.set(KEY_ID, made)
    return made
  }
  let key: Promise<JWK> | undefined
  const ownKey = (): Promise<JWK> => (key ??= signingKey())

  const send = async (note: Note): Promise<boolean> => {
    const body = JSON.stringify(note)
    const signature = await new SignJWT({ body_sha256: createHash('sha256').update(body).digest('hex') })
      .setProtectedHeader({ alg: ALGORITHM, kid: KEY_ID, typ: 'webhook+jwt' })
      .setJti(note.id)
      .setAudience(webhookUrl!)
      .setIssuedAt(new Date(clock.now()))
      .sign(await importJWK(await ownKey(), ALGORITHM))
    try {
      const response = await post(webhookUrl!, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'webhook-signature': signature },
        body,
        // A redirect is an answer: notes go to the address that was agreed alone.
        redirect: 'manual',
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      })
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }

  const deliver = (note: Note, tried: number): void => {
    if (webhookUrl === undefined) return
    const waitMs = tried === 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (tried - 1), MAX_WAIT_MS)
    clock.at(clock.now() + waitMs, () => {
      if (closed) return
      void send(note).then((delivered) => {
        if (delivered) undelivered.delete(note.id)
        else deliver(note, tried + 1)
      })
    })
  }
  for (const id of undelivered.keys()) deliver(notes.get(id)!, 1)

  return {
    notes: () => [...notes.values()],
    tell(note) {
      notes.set(note.id, note)
      undelivered.set(note.id, true)
      deliver(note, 0)
    },
    tellAgain(id) {
      const note = notes.get(id)
      if (!note) throw new Error(`There is no note ${id}.`)
      deliver(note, 0)
    },
    async keys() {
      const { d: _secret, ...open } = await ownKey()
      return { keys: [{ ...open, kid: KEY_ID, alg: ALGORITHM, use: 'sig' }] }
    },
    close: () => void (closed = true),
  }
}
