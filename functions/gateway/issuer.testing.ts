/** An issuer of tokens for tests of the gateway: it publishes its key, and signs any claims. */

import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Platform } from '../../shared/service/platform.ts'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import { unusedIssuer } from './edge.testing.ts'

export interface TokenOptions {
  readonly sub?: string
  readonly roles?: readonly string[]
  readonly claims?: object
  readonly header?: object
  readonly key?: Parameters<SignJWT['sign']>[0]
}

export interface TestIssuer {
  /** The gateway's settings for this issuer, without another system. */
  readonly settings: typeof unusedIssuer
  /** A token that is valid for an hour of the tests' clock, with a second factor; by default a customer's. */
  token(options?: TokenOptions): Promise<string>
  close(): void
}

/** Identity Platform's query of accounts, in which no subject was ever signed out. */
export const everyAccountIsValid: Platform<string>['callExternal'] = async (_url, { body }) => {
  const { localId } = body as { localId: readonly [string] }
  return Response.json({ users: [{ localId: localId[0], validSince: '0' }] })
}

export async function openIssuer(): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'RS256', use: 'sig' }
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] })),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const settings = {
    ...unusedIssuer,
    TOKEN_JWKS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
  }
  const iat = Date.parse(startOfTests) / 1000
  return {
    settings,
    token: ({ sub = 'customer-1', roles, claims = {}, header = {}, key = privateKey } = {}) =>
      new SignJWT({
        iss: settings.TOKEN_ISSUER,
        aud: settings.TOKEN_AUDIENCE,
        sub,
        iat,
        exp: iat + 3_600,
        auth_time: iat,
        firebase: { sign_in_provider: 'password', sign_in_second_factor: 'totp' },
        ...(roles ? { roles } : {}),
        ...claims,
      })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'key-1', ...header })
        .sign(key),
    close: () => void server.close(),
  }
}
