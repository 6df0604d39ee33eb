/** Additions to a vault and withdrawals from it: one document of one customer, written under a precondition on its version. */

import { derivedId, derivedName, hashOf } from '../../shared/base/ids.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import type { SentBy } from '../../shared/contracts/contract.ts'
import type { z } from 'zod'
import type { addressRequest, consentRequest, paymentMethodRequest } from './contracts.ts'
import { attach, detach } from './provider.ts'
import type { customers } from './service.ts'
import { addedUnder, checkRoom, consentTo, erased, type Kind, type Vault, withEntry, withoutEntry } from './vault.ts'
import type { CustomersPlatform as Platform } from './service.ts'

export interface VaultEntry {
  readonly ref: string
  readonly vault: Vault
}

const pathOf = (vault: string): DocumentPath => documentPath<typeof customers>('vaults', vault)
export const read = async (platform: Platform, vault: string): Promise<Vault> =>
  (await platform.documents.get(pathOf(vault))) ?? {}

/** Applies `change`; returns the vault as it is afterwards. */
async function update(
  platform: Platform,
  vault: string,
  change: (current: Vault) => Vault | undefined,
): Promise<Vault> {
  let after: Vault = {}
  await platform.documents.update(pathOf(vault), (stored) => {
    const current = (stored ?? {}) as Vault
    const next = change(current)
    after = next ?? current
    return next
  })
  return after
}

/** A request with the hash of its idempotency key. */
const requestOf = (platform: Platform, idempotencyKey: string, body: unknown) => ({
  key: hashOf(idempotencyKey),
  body,
  at: new Date(platform.now()).toISOString(),
})

/** The reference contains the vault's name, so that shipping finds the address by it alone. */
const addressName = (vault: string, key: string): string =>
  `a-${vault.slice('c-'.length)}-${nameOf('', vault, key).slice(1, 1 + ADDRESS_CHARACTERS)}`
/** Length of the part that distinguishes the addresses of one vault: 50 bits for at most a hundred. */
const ADDRESS_CHARACTERS = 10

/** Undefined for a text that is not an address's name. */
export function vaultOfAddress(ref: string): string | undefined {
  const name = /^a-([0-9a-z]{26})-[0-9a-z]{10}$/.exec(ref)?.[1]
  return name === undefined ? undefined : `c-${name}`
}

/** The unique name of the entry that this customer adds under this key. */
const nameOf = (prefix: string, vault: string, key: string): string => derivedName(prefix, vault, key)

export async function addAddress(
  platform: Platform,
  vault: string,
  { idempotencyKey, body: value }: { idempotencyKey: string; body: z.output<typeof addressRequest> },
): Promise<VaultEntry> {
  const request = requestOf(platform, idempotencyKey, value)
  const ref = addressName(vault, request.key)
  return {
    ref,
    vault: await update(platform, vault, (current) => withEntry(current, 'addresses', { ...request, ref, value })),
  }
}

/** The provider attaches the card to the customer before the vault stores it. */
export async function addPaymentMethod(
  platform: Platform,
  vault: string,
  { idempotencyKey, body }: { idempotencyKey: string; body: z.output<typeof paymentMethodRequest> },
): Promise<VaultEntry> {
  const kind = 'paymentMethods'
  const request = requestOf(platform, idempotencyKey, body)
  const before = await read(platform, vault)
  const known = addedUnder(before, kind, request)
  if (known !== undefined) return { ref: known, vault: before }
  checkRoom(before, kind)
  const { ref, method: value } = await attach(platform, { customer: vault, token: body.token, key: request.key })
  return {
    ref,
    vault: await update(platform, vault, (current) => withEntry(current, kind, { ...request, ref, value })),
  }
}

/** A newer version of the same text takes the place of the one before. */
export async function addConsent(
  platform: Platform,
  vault: string,
  { idempotencyKey, body: value }: { idempotencyKey: string; body: z.output<typeof consentRequest> },
): Promise<VaultEntry> {
  const kind = 'consents'
  const request = requestOf(platform, idempotencyKey, value)
  let ref = nameOf('k', vault, request.key)
  const after = await update(platform, vault, (current) => {
    const known = addedUnder(current, kind, request)
    const former = consentTo(current, value.kind)
    const holds = former !== undefined && current.consents?.[former]?.version === value.version
    ref = known ?? (holds ? former : ref)
    if (known !== undefined || holds) return undefined
    const cleared = former === undefined ? undefined : withoutEntry(current, kind, former, request.at)
    return withEntry(cleared ?? current, kind, { ...request, ref, value })
  })
  return { ref, vault: after }
}

/** Open orders are still shipped and paid; longer ones wait for another address. Cloud Tasks takes a task at most thirty days ahead. */
const ERASED_AFTER_MS = 29 * 24 * 3_600_000

/**
 * A repeat sets no further timer, and asks the provider once more to detach the card.
 * @throws Refused when this customer never had it; Unavailable when the provider does not answer: the erasure detaches the card then.
 */
export async function withdraw(
  platform: Platform,
  vault: string,
  kind: 'addresses' | 'paymentMethods',
  ref: string,
): Promise<void> {
  const nowMs = platform.now()
  const at = new Date(nowMs).toISOString()
  // A reference that never existed is refused before a timer is set; a reference that was withdrawn before has its timer.
  if (withoutEntry(await read(platform, vault), kind, ref, at)) {
    // The timer is set before the commit, so that withdrawn data is never kept for ever.
    await platform.send<SentBy<typeof customers>>(
      { type: 'EraseWithdrawn', data: { vault, kind, ref, withdrawnBy: at }, notBeforeMs: nowMs + ERASED_AFTER_MS },
      {
        id: derivedId('erase', vault, kind, ref, at),
        subject: vault,
        correlationId: vault,
        actor: `customer:${vault}`,
      },
    )
    await update(platform, vault, (current) => withoutEntry(current, kind, ref, at))
  }
  if (kind === 'paymentMethods') await detach(platform, vault, ref)
}

/** A repeat finds nothing more to erase. The provider detaches a card before its reference is erased here. */
export async function eraseWithdrawn(
  platform: Platform,
  { vault, kind, ref, withdrawnBy }: { vault: string; kind: Kind; ref: string; withdrawnBy: string },
): Promise<void> {
  const isDue = erased(await read(platform, vault), kind, ref, withdrawnBy) !== undefined
  if (isDue && kind === 'paymentMethods') await detach(platform, vault, ref)
  await update(platform, vault, (current) => erased(current, kind, ref, withdrawnBy))
}

/** The consent of this kind that holds. @throws Refused when there never was one. */
export async function withdrawConsent(platform: Platform, vault: string, consent: string): Promise<void> {
  const at = new Date(platform.now()).toISOString()
  await update(platform, vault, (current) => {
    const holds = consentTo(current, consent)
    if (holds !== undefined) return withoutEntry(current, 'consents', holds, at)
    const former = Object.entries(current.consents ?? {}).find(([, { kind }]) => kind === consent)
    return withoutEntry(current, 'consents', former?.[0] ?? '', at)
  })
}
