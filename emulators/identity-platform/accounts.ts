/**
 * The accounts of people who signed in. Identity Platform's REST API looks them up, disables them, and revokes their sign-ins.
 * https://cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts
 */

import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { type Clock, parseJson, type Table } from 'local-google-cloud/host'

export interface Account {
  readonly localId: string
  /** In seconds since the epoch. Tokens of sign-ins before this time are revoked. */
  readonly validSince: number
  readonly disabled: boolean
  /** Custom claims as JSON, which a token carries beside Google's own. */
  readonly customAttributes: string
  readonly createdAtMs: number
  readonly lastLoginAtMs: number
}

export interface AccountsParts {
  readonly projectId: string
  readonly table: Table<Account>
  readonly clock: Clock
  /** True if the request's caller has this permission on the project. */
  may(c: Context, permission: string): boolean
}

export interface Accounts {
  /**
   * Records a sign-in. The first one creates the account, and no token of it is older: `atSeconds` is the token's `auth_time`.
   * @throws Error if the account is disabled
   */
  signIn(localId: string, claims: object, atSeconds: number): void
  /**
   * Revokes every sign-in before `beforeSeconds` (since the epoch; default: now), as the Admin SDK's `revokeRefreshTokens`
   * does. An unknown account is ignored.
   */
  revoke(localId: string, beforeSeconds?: number): void
  /** The routes of the API, for the path `/identitytoolkit.googleapis.com`, which replaces Google's host. */
  readonly http: Hono
}

/** Identity Platform's limit for the ids in one request. */
const MAX_IDS = 100
const lookupRequest = z.object({ localId: z.array(z.string().min(1)).min(1).max(MAX_IDS) })
const updateRequest = z.object({
  localId: z.string().min(1),
  validSince: z.union([z.string().regex(/^\d{1,10}$/), z.int().min(0)]).optional(),
  disableUser: z.boolean().optional(),
})

export function createAccounts({ projectId, table, clock, may }: AccountsParts): Accounts {
  const nowSeconds = (): number => Math.floor(clock.now() / 1000)
  const change = (account: Account, changes: Partial<Account>): void =>
    table.set(account.localId, { ...account, ...changes })
  const http = new Hono()

  const operation = <S extends z.ZodType>(
    name: string,
    permission: string,
    { schema, run }: { readonly schema: S; run(c: Context, request: z.output<S>): Response },
  ): void => {
    http.post(`/v1/projects/:project/accounts:${name}`, async (c) => {
      if (!may(c, permission)) return failure(c, 403, 'PERMISSION_DENIED', `Permission ${permission} is required.`)
      if (c.req.param('project') !== projectId) return failure(c, 400, 'PROJECT_NOT_FOUND')
      const request = schema.safeParse(await bodyOf(c))
      return request.success ? run(c, request.data) : failure(c, 400, 'INVALID_ARGUMENT', request.error.message)
    })
  }
  operation('lookup', 'firebaseauth.users.get', {
    schema: lookupRequest,
    run(c, { localId }) {
      const users = localId.map((id) => table.get(id)).filter((account) => account !== undefined)
      // Google leaves the list out when it is empty.
      return c.json({
        kind: 'identitytoolkit#GetAccountInfoResponse',
        ...(users.length > 0 ? { users: users.map(asJson) } : {}),
      })
    },
  })
  operation('update', 'firebaseauth.users.update', {
    schema: updateRequest,
    run(c, { localId, validSince, disableUser }) {
      const account = table.get(localId)
      if (!account) return failure(c, 400, 'USER_NOT_FOUND')
      change(account, {
        ...(validSince === undefined ? {} : { validSince: Number(validSince) }),
        ...(disableUser === undefined ? {} : { disabled: disableUser }),
      })
      return c.json({ kind: 'identitytoolkit#SetAccountInfoResponse', localId })
    },
  })

  return {
    http,
    signIn(localId, claims, atSeconds) {
      const known = table.get(localId)
      if (known?.disabled) throw new Error(`USER_DISABLED: the account ${localId} was disabled by an administrator.`)
      const account = known ?? {
        localId,
        validSince: atSeconds,
        disabled: false,
        createdAtMs: clock.now(),
      }
      table.set(localId, { ...account, customAttributes: JSON.stringify(claims), lastLoginAtMs: clock.now() })
    },
    revoke(localId, beforeSeconds = nowSeconds()) {
      const account = table.get(localId)
      if (account) change(account, { validSince: beforeSeconds })
    },
  }
}

/** Undefined if the body is not JSON, or nests too deep. */
async function bodyOf(c: Context): Promise<unknown> {
  try {
    return parseJson(await c.req.text())
  } catch {
    return undefined
  }
}

/** 64-bit integers are strings in Google's JSON. */
const asJson = ({ localId, validSince, disabled, customAttributes, createdAtMs, lastLoginAtMs }: Account): object => ({
  localId,
  validSince: String(validSince),
  disabled,
  customAttributes,
  createdAt: String(createdAtMs),
  lastLoginAt: String(lastLoginAtMs),
})

function failure(c: Context, code: 400 | 403, message: string, detail?: string): Response {
  return c.json({ error: { code, message: detail === undefined ? message : `${message} : ${detail}` } }, code)
}
