/** Tokens that were verified before, so that their callers are not refused for requests of others from their address. */

import { createHash } from 'node:crypto'

export interface KnownCaller {
  readonly sub: string
  /** The role that sets its limit. */
  readonly role: string
}

export interface KnownTokens {
  find(authorization: string): KnownCaller | undefined
  remember(authorization: string, caller: KnownCaller): void
  /** It was not accepted any more. */
  forget(authorization: string): void
}

/** The maximum of tokens in memory. A new token beyond it replaces the least recently used one. */
const TOKENS_HELD = 10_000
/** A header beyond this is no token: see caller-tokens.ts. */
const HEADER_CHARACTERS = 8_300

/**
 * It decides nothing but the order of checks: each token is verified again at each request. By its hash, so that no token
 * lies in memory; a hash costs some microseconds, a signature fifty times as much.
 */
export function createKnownTokens(): KnownTokens {
  const callers = new Map<string, KnownCaller>()
  const keyOf = (authorization: string): string => createHash('sha256').update(authorization).digest('base64')
  return {
    find: (authorization) => (authorization.length > HEADER_CHARACTERS ? undefined : callers.get(keyOf(authorization))),
    remember(authorization, caller) {
      const key = keyOf(authorization)
      // Deleted first, so that the map is in order of use.
      callers.delete(key)
      callers.set(key, caller)
      if (callers.size > TOKENS_HELD) callers.delete(callers.keys().next().value!)
    },
    forget: (authorization) => void callers.delete(keyOf(authorization)),
  }
}

/** Three parts of base64url: worth the verification of its signature. */
export const looksLikeToken = (authorization: string): boolean =>
  authorization.length <= HEADER_CHARACTERS && /^bearer [\w-]+\.[\w-]+\.[\w-]+$/i.test(authorization)
