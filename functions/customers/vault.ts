/** One customer's vault, and every rule about additions to it and withdrawals from it. No clock, no I/O. */

import type { z } from 'zod'
import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { isHashOfRequest, requestHashOf } from '../../shared/base/request-hash.ts'
import { shopCodes } from '../shop/errors.ts'
import { type Address, type consentRequest, type cardDetails, vaultLimits } from './contracts.ts'

interface EntryMetadata {
  /** Hash of the idempotency key under which it was added. */
  readonly key: string
  /** Hash of the request: the same key with another request is refused. */
  readonly requestHash: string
  readonly addedAt: string
  /** Present once the entry is withdrawn: new orders can no longer use it. */
  readonly withdrawnAt?: string
}

export type PaymentMethod = z.output<typeof cardDetails>

export type Consent = z.output<typeof consentRequest>

export interface Contents {
  readonly addresses: Address
  readonly paymentMethods: PaymentMethod
  readonly consents: Consent
}
export type Kind = keyof Contents

type Entries<K extends Kind> = Readonly<Record<string, Contents[K] & EntryMetadata>>
export type Vault = { readonly [K in Kind]?: Entries<K> }

export interface Added<K extends Kind> {
  readonly ref: string
  readonly value: Contents[K]
  readonly key: string
  /** The request's body. */
  readonly body: unknown
  readonly at: string
}

const entriesOf = <K extends Kind>(vault: Vault, kind: K): Entries<K> => vault[kind] ?? {}
const isActive = ({ withdrawnAt }: EntryMetadata): boolean => withdrawnAt === undefined

/** The entry that was added under this idempotency key. @throws Refused if the key was used for another request. */
export function addedUnder(
  vault: Vault,
  kind: Kind,
  { key, body }: Pick<Added<Kind>, 'key' | 'body'>,
): string | undefined {
  const found = Object.entries(entriesOf(vault, kind)).find(([, entry]) => entry.key === key)
  if (!found) return undefined
  refuseIf(
    !isHashOfRequest(found[1].requestHash, body),
    'idempotency-key-reused',
    'The idempotency key was used for another request: take a new key for a new request.',
  )
  return found[0]
}

/** @throws Refused when the customer has as many as one may have. */
export function checkRoom(vault: Vault, kind: Kind): void {
  const all = Object.values<EntryMetadata>(entriesOf(vault, kind))
  const active = all.filter(isActive).length
  refuseIf(
    active >= vaultLimits[kind],
    shopCodes['too-many-references'],
    `A customer may have ${vaultLimits[kind]} of these at once: withdraw one first.`,
  )
  refuseIf(
    all.length >= vaultLimits.kept,
    shopCodes['too-many-references'],
    `${vaultLimits.kept} of these are kept, those that were withdrawn included: there is no room for more.`,
  )
}

/** The vault with this entry; undefined when it is there already. @throws Refused when there is no room. */
export function withEntry<K extends Kind>(
  vault: Vault,
  kind: K,
  { ref, value, key, body, at }: Added<K>,
): Vault | undefined {
  if (addedUnder(vault, kind, { key, body }) !== undefined) return undefined
  const entries = entriesOf(vault, kind)
  const known = entries[ref]
  if (known && isActive(known)) return undefined
  checkRoom(vault, kind)
  const entry = { ...value, key, requestHash: requestHashOf(body), addedAt: at }
  return { ...vault, [kind]: { ...entries, [ref]: entry } }
}

/** The vault without this entry for new orders; undefined when it was withdrawn before. @throws Refused when there is no such entry. */
export function withoutEntry(vault: Vault, kind: Kind, ref: string, at: string): Vault | undefined {
  const entries = entriesOf(vault, kind)
  if (!Object.hasOwn(entries, ref)) throw new Refused('not-found', 'There is nothing of this name.')
  const entry = entries[ref]!
  return isActive(entry) ? { ...vault, [kind]: { ...entries, [ref]: { ...entry, withdrawnAt: at } } } : undefined
}

/** The vault without the data of this entry; undefined when it is absent, active, or was withdrawn after `withdrawnBy`. */
export function erased(vault: Vault, kind: Kind, ref: string, withdrawnBy: string): Vault | undefined {
  const { [ref]: entry, ...rest } = entriesOf(vault, kind)
  const isDue = entry?.withdrawnAt !== undefined && entry.withdrawnAt <= withdrawnBy
  return isDue ? { ...vault, [kind]: rest } : undefined
}

export const hasActive = (vault: Vault, kind: Kind, ref: string): boolean => {
  const entries = entriesOf(vault, kind)
  return Object.hasOwn(entries, ref) && isActive(entries[ref]!)
}

/** The address, also if it was withdrawn, as it was stored. */
export function addressIn(vault: Vault, ref: string): Address | undefined {
  const entries = entriesOf(vault, 'addresses')
  return Object.hasOwn(entries, ref) ? entries[ref] : undefined
}

/** The reference of the consent of this kind that holds now. */
export const consentTo = (vault: Vault, kind: string): string | undefined =>
  Object.entries(entriesOf(vault, 'consents')).find(([, entry]) => entry.kind === kind && isActive(entry))?.[0]

const refNames = { addresses: 'addressRef', paymentMethods: 'paymentMethodRef', consents: 'consentRef' } as const

/** An entry as its customer is shown it: under its reference, without hashes. */
export type EntryView<K extends Kind> = Contents[K] &
  Pick<EntryMetadata, 'addedAt' | 'withdrawnAt'> & { readonly [Name in (typeof refNames)[K]]: string }

const viewOf = <K extends Kind>(kind: K, ref: string, entry: Contents[K] & EntryMetadata): EntryView<K> => {
  const { key: _key, requestHash: _hash, ...rest } = entry
  return { [refNames[kind]]: ref, ...rest } as unknown as EntryView<K>
}

/** The entries for the customer, the newest first. */
export function entryViews<K extends Kind>(vault: Vault, kind: K): EntryView<K>[] {
  return Object.entries<Contents[K] & EntryMetadata>(entriesOf(vault, kind))
    .filter(([, entry]) => isActive(entry) || kind === 'consents')
    .map(([ref, entry]) => viewOf(kind, ref, entry))
    .toSorted((a, b) => (a.addedAt < b.addedAt ? 1 : a.addedAt > b.addedAt ? -1 : 0))
}

/** One entry, withdrawn or not. */
export const entryView = <K extends Kind>(vault: Vault, kind: K, ref: string): EntryView<K> =>
  viewOf(kind, ref, entriesOf(vault, kind)[ref]!)
