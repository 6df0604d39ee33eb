/** Accounts by Identity Platform's REST API, and the claims of a token about its sign-in. */

import { decodeJwt } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import { createIdentityPlatform, type IdentityPlatform } from './server.ts'

const startMs = Date.parse('2026-01-01T00:00:00.000Z')
const granted: Readonly<Record<string, readonly string[]>> = {
  viewer: ['firebaseauth.users.get'],
  admin: ['firebaseauth.users.get', 'firebaseauth.users.update'],
}

let identity: IdentityPlatform
afterEach(() => identity.close())

/** @param tickMs how much the clock goes on whenever it is read. */
async function started(tickMs = 0) {
  let nowMs = startMs
  identity = await createIdentityPlatform({
    projectId: 'p',
    secret: 'secret-of-the-run',
    roles: { member: {}, admin: { secondFactor: true } },
    clock: { now: () => (nowMs += tickMs) } as never,
    isGranted: (token, permission) => granted[token]?.includes(permission) ?? false,
  })
  const accounts = async (operation: string, body: unknown, token?: string, project = 'p') => {
    const response = await fetch(
      `${identity.url}/identitytoolkit.googleapis.com/v1/projects/${project}/accounts:${operation}`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      },
    )
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { accounts, advance: (ms: number) => void (nowMs += ms) }
}

describe('a token', () => {
  it('states the time of the sign-in and its second factor', async () => {
    await started()
    const claims = async (request: object) =>
      decodeJwt((await identity.mint({ sub: 'clerk', roles: ['admin'], ...request })).token)
    const seconds = startMs / 1000
    expect(await claims({ roles: undefined })).not.toHaveProperty('roles')
    expect(await claims({})).toMatchObject({
      sub: 'clerk',
      user_id: 'clerk',
      auth_time: seconds,
      iat: seconds,
      exp: seconds + 3_600,
      firebase: { sign_in_provider: 'password', sign_in_second_factor: 'totp' },
    })
    expect((await claims({ secondFactor: 'phone' }))['firebase']).toMatchObject({ sign_in_second_factor: 'phone' })
    expect((await claims({ secondFactor: null }))['firebase']).not.toHaveProperty('sign_in_second_factor')
    expect((await claims({ roles: ['member'] }))['firebase']).not.toHaveProperty('sign_in_second_factor')
  })
})

describe('accounts', () => {
  it('the first token is valid although a second passes while it is made', async () => {
    const { accounts } = await started(600)
    const { auth_time: signedIn } = decodeJwt((await identity.mint({ sub: 'clerk' })).token)
    const { body } = await accounts('lookup', { localId: ['clerk'] }, 'viewer')
    expect(body['users']).toMatchObject([{ validSince: String(signedIn) }])
  })

  it('are created by a sign-in, and read with their times as decimal strings and their custom claims as JSON', async () => {
    const { accounts, advance } = await started()
    await identity.mint({ sub: 'clerk', roles: ['admin'] })
    advance(60_000)
    await identity.mint({ sub: 'clerk', roles: ['admin'] })
    expect(await accounts('lookup', { localId: ['clerk', 'unknown'] }, 'viewer')).toEqual({
      status: 200,
      body: {
        kind: 'identitytoolkit#GetAccountInfoResponse',
        users: [
          {
            localId: 'clerk',
            validSince: String(startMs / 1000),
            disabled: false,
            customAttributes: '{"roles":["admin"]}',
            createdAt: String(startMs),
            lastLoginAt: String(startMs + 60_000),
          },
        ],
      },
    })
    expect((await accounts('lookup', { localId: ['unknown'] }, 'viewer')).body).not.toHaveProperty('users')
  })

  it('can be signed out and disabled, and a disabled account can not sign in', async () => {
    const { accounts } = await started()
    await identity.mint({ sub: 'clerk', roles: ['admin'] })
    const since = String(startMs / 1000 + 100)
    expect((await accounts('update', { localId: 'clerk', validSince: since }, 'admin')).status).toBe(200)
    expect((await accounts('lookup', { localId: ['clerk'] }, 'viewer')).body).toMatchObject({
      users: [{ validSince: since }],
    })
    await accounts('update', { localId: 'clerk', disableUser: true }, 'admin')
    await expect(identity.mint({ sub: 'clerk', roles: ['admin'] })).rejects.toThrow(/USER_DISABLED/)
    // The developer, by the secret of the run.
    await accounts('update', { localId: 'clerk', disableUser: false }, 'secret-of-the-run')
    await identity.mint({ sub: 'clerk' })
  })

  it.each<[string, string, unknown, string | undefined, string, number, RegExp]>([
    ['a caller without a token', 'lookup', { localId: ['clerk'] }, undefined, 'p', 403, /PERMISSION_DENIED/],
    ['an account that may only read', 'update', { localId: 'clerk' }, 'viewer', 'p', 403, /users\.update/],
    ['another project', 'lookup', { localId: ['clerk'] }, 'viewer', 'q', 400, /PROJECT_NOT_FOUND/],
    ['no id', 'lookup', {}, 'viewer', 'p', 400, /INVALID_ARGUMENT/],
    ['a body that is not JSON', 'lookup', '{', 'viewer', 'p', 400, /INVALID_ARGUMENT/],
    [
      'a value that is not a time',
      'update',
      { localId: 'clerk', validSince: 'now' },
      'admin',
      'p',
      400,
      /INVALID_ARGUMENT/,
    ],
    ['an unknown account', 'update', { localId: 'unknown' }, 'admin', 'p', 400, /USER_NOT_FOUND/],
  ])('are not read or changed: %s', async (_, operation, body, token, project, status, says) => {
    const { accounts } = await started()
    const answer = await accounts(operation, body, token, project)
    expect(answer.status).toBe(status)
    expect(JSON.stringify(answer.body)).toMatch(says)
  })
})
