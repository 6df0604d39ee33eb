/** A payment provider for tests of the handlers, with idempotency keys that it can forget. */

import type { Platform } from '../../shared/service/platform.ts'

interface Captured {
  readonly key: string
  readonly authorizationKey: string
  readonly amountMinor: number
  readonly final: boolean
}

interface Refunded {
  readonly key: string
  readonly authorizationKey: string
  readonly amountMinor: number
  status: 'succeeded' | 'pending' | 'failed'
  code?: string
}

export interface TestProvider {
  readonly callExternal: Platform<string>['callExternal']
  /** The performed operations, in order. */
  readonly did: string[]
  readonly captures: Captured[]
  readonly refunds: Refunded[]
  /** How the next refunds end. */
  refundOutcome: Pick<Refunded, 'status' | 'code'>
  /** How the next authorizations end. */
  outcome: 'authorized' | 'declined' | 'action-required'
  /** Why the next ones that are declined are. */
  declineCode: string
  /** The end of the next authorizations. */
  expiresAt: string
  /** Forgets the idempotency keys, not the payments. */
  forgetKeys(): void
  /** The customer's action succeeded or was cancelled. */
  acted(authorizationKey: string, outcome: 'authorized' | 'declined'): void
  /** The refunded part of the captured amount; captured money can not be voided. */
  refundedMinor: number
  /** Why every next capture is refused; undefined: it is not. */
  captureRefusal?: string | undefined
  /** The amounts of the authorizations, by key. */
  readonly authorizedMinor: Map<string, number>
}

export function testProvider(): TestProvider {
  const authorizations = new Map<string, { status: string; expiresAt?: string }>()
  const remembered = new Map<string, string>()
  const captures: Captured[] = []
  const refunds: Refunded[] = []
  const did: string[] = []
  const authorizedMinor = new Map<string, number>()
  const capturesUnder = (key: string): Captured[] => captures.filter((one) => one.authorizationKey === key)
  const json = (status: number, body: object): Response => Response.json(body, { status })
  const viewOf = ({ status, expiresAt }: { status: string; expiresAt?: string }, key: string): object => ({
    status,
    ...(status === 'authorized' || status === 'released' ? { expiresAt: expiresAt ?? provider.expiresAt } : {}),
    ...(status === 'declined' ? { code: provider.declineCode } : {}),
    ...(status === 'voided' ? { status: 'declined', code: 'voided' } : {}),
    ...(status === 'action-required' ? { actionUrlRef: 'action-1' } : {}),
    captures: capturesUnder(key).map((one) => ({ ...one, captureId: `c-${one.key}` })),
    refunds: refunds
      .filter((one) => one.authorizationKey === key)
      .map((one) => ({ ...one, providerRefundId: `re-${one.key}` })),
    refundedMinor: provider.refundedMinor,
  })

  const provider: TestProvider = {
    did,
    captures,
    refunds,
    refundOutcome: { status: 'succeeded' },
    outcome: 'authorized',
    declineCode: 'card-declined',
    expiresAt: '2026-01-08T00:00:00.000Z',
    forgetKeys: () => remembered.clear(),
    acted: (authorizationKey, status) => void authorizations.set(authorizationKey, { status }),
    refundedMinor: 0,
    authorizedMinor,
    async callExternal(url, { method, body, idempotencyKey = '', accept = [] }) {
      // Yields to other work, as every call does.
      await new Promise((resolve) => setImmediate(resolve))
      const answer = answered(new URL(url).pathname, method, idempotencyKey, body)
      if (answer.ok || accept.includes(answer.status)) return answer
      throw new Error(`${method} ${url} was refused with ${answer.status}: ${await answer.text()}`)
    },
  }

  function answered(path: string, method: string, key: string, body: unknown): Response {
    const parts = path.split('/').map(decodeURIComponent)
    const authorizationKey = parts[4] ?? key
    if (method === 'GET') {
      const found = authorizations.get(authorizationKey)
      return found ? json(200, viewOf(found, authorizationKey)) : json(404, {})
    }
    const known = remembered.get(key)
    if (known !== undefined && known !== JSON.stringify(body)) return json(422, { code: 'key-reused' })
    const first = known === undefined
    remembered.set(key, JSON.stringify(body))
    if (path.endsWith('/void')) {
      if (capturesUnder(authorizationKey).length > 0) return json(409, { code: 'captured' })
      if (first) did.push(`void ${authorizationKey}`)
      authorizations.set(authorizationKey, { status: 'voided' })
      return json(200, { status: 'voided' })
    }
    if (path.endsWith('/release')) {
      const found = authorizations.get(authorizationKey)
      if (!found) return json(404, {})
      if (first) did.push(`release ${authorizationKey}`)
      authorizations.set(authorizationKey, { status: 'released' })
      return json(200, viewOf({ status: 'released' }, authorizationKey))
    }
    if (path.endsWith('/captures')) {
      if (!first) return json(200, { status: 'captured', captureId: `c-${key}` })
      if (provider.captureRefusal) return json(409, { status: 'failed', code: provider.captureRefusal })
      if (
        authorizations.get(authorizationKey)?.status === 'released' ||
        capturesUnder(authorizationKey).some(({ final }) => final)
      )
        return json(409, { status: 'failed', code: 'closed' })
      captures.push({ key, authorizationKey, ...(body as { amountMinor: number; final: boolean }) })
      did.push(`capture ${key}`)
      return json(200, { status: 'captured', captureId: `c-${key}` })
    }
    if (path.endsWith('/refunds')) {
      const known = refunds.find((one) => one.key === key)
      const { amountMinor } = body as { amountMinor: number }
      const refund = known ?? { key, authorizationKey, amountMinor, ...provider.refundOutcome }
      if (!known) refunds.push(refund)
      if (!known) did.push(`refund ${key}`)
      return json(refund.status === 'failed' ? 409 : 200, refund)
    }
    if (first) {
      did.push(`authorize ${key}`)
      if (!authorizations.has(key)) authorizations.set(key, { status: provider.outcome, expiresAt: provider.expiresAt })
      authorizedMinor.set(key, (body as { amountMinor: number }).amountMinor)
    }
    const authorization = authorizations.get(key)!
    return json(authorization.status === 'declined' ? 402 : 200, viewOf(authorization, key))
  }

  return provider
}
