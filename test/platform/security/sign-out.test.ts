/** On the whole platform: the gateway checks by its own grant at the identity platform that a sign-in of staff was not revoked. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { accountEmail } from '../../../shared/base/names.ts'
import { startTestPlatform, type TestPlatform } from '../../support/platform.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startTestPlatform({ seeded: false })
}, 120_000)
afterAll(() => platform?.close(), 30_000)

const stock = async (sub: string): Promise<number> => {
  const { token } = await platform.identity.mint({ sub, roles: ['admin'] })
  return statusOf(token)
}
const statusOf = async (token: string): Promise<number> => {
  const response = await fetch(`${platform.running.publicUrl}/v1/stock/TEA-404`, {
    headers: { authorization: `Bearer ${token}` },
  })
  await response.body?.cancel()
  return response.status
}

it(
  'a valid sign-in of staff is admitted; a revoked one and one without a second factor are refused',
  { timeout: 60_000 },
  async () => {
    expect(await stock('clerk')).toBe(404)
    const { token } = await platform.identity.mint({ sub: 'leaver', roles: ['admin'] })
    platform.identity.revoke('leaver', Math.floor(Date.now() / 1000) + 60)
    expect(await statusOf(token)).toBe(401)
    const { token: weak } = await platform.identity.mint({ sub: 'clerk', roles: ['admin'], secondFactor: null })
    expect(await statusOf(weak)).toBe(401)
  },
)

it("only the gateway's account may read accounts, and no service may change them", async () => {
  const { projectId } = platform.running
  const send = async (account: string, operation: string, body: object): Promise<number> => {
    const { accessToken } = platform.cloud.core<{ accessToken(email: string): { token: string } }>('iam')
    const { token } = accessToken(accountEmail(account, projectId))
    const url = `${platform.running.identityUrl}/identitytoolkit.googleapis.com/v1/projects/${projectId}/accounts:${operation}`
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    await response.body?.cancel()
    return response.status
  }
  expect(await send('gateway', 'lookup', { localId: ['clerk'] })).toBe(200)
  expect(await send('gateway', 'update', { localId: 'clerk', validSince: '0' })).toBe(403)
  for (const account of ['orders', 'payments', 'operations'])
    expect(await send(account, 'lookup', { localId: ['clerk'] })).toBe(403)
})
