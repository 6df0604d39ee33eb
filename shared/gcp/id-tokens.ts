/** This service's own ID tokens and access tokens, from the metadata server, by the official library. */

import type { GoogleAuth, IdTokenClient } from 'google-auth-library'
import { Unavailable } from '../base/errors.ts'

/** The value of an authorization header for a callee, named by its URL. @throws Unavailable */
export type AuthorizationFor = (audience: string) => Promise<string>

export function createIdTokens(): AuthorizationFor {
  const clients = new Map<string, Promise<IdTokenClient>>()
  const clientFor = async (audience: string): Promise<IdTokenClient> => {
    const { GoogleAuth: Auth } = await import('google-auth-library')
    return new Auth().getIdTokenClient(audience)
  }
  return async (audience) => {
    let client = clients.get(audience)
    if (!client) {
      client = clientFor(audience)
      clients.set(audience, client)
    }
    try {
      // The client keeps a token until shortly before it expires.
      const headers = await (await client).getRequestHeaders(audience)
      return headers.get('authorization')!
    } catch (error) {
      clients.delete(audience)
      throw new Unavailable('The metadata server gives no ID token.', { cause: error })
    }
  }
}

const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform'

/** The value of an authorization header for Google's own APIs. Throws `Unavailable`. */
export function createAccessTokens(): () => Promise<string> {
  let auth: Promise<GoogleAuth> | undefined
  const connect = async (): Promise<GoogleAuth> => {
    const { GoogleAuth: Auth } = await import('google-auth-library')
    return new Auth({ scopes: [CLOUD_PLATFORM] })
  }
  return async () => {
    try {
      // The client keeps a token until shortly before it expires.
      return `Bearer ${await (await (auth ??= connect())).getAccessToken()}`
    } catch (error) {
      auth = undefined
      throw new Unavailable('The metadata server gives no access token.', { cause: error })
    }
  }
}
