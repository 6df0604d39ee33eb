/** On the whole platform: the gateway asks the identity platform, by its own grant, whether a sign-in of the staff stands. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { accountEmail } from '../../shared/base/names.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startTestPlatform({ seeded: false })
}, 120_000)
afterAll(() => platform?.close(), 30_000)

const stock = async (sub: string): Promise<number> => {
  const { token } = await platform.identity.mint({ sub, roles: ['staff'] })
  return asked(token)
}
const asked = async (token: string): Promise<number> => {
  const response = await fetch(`${platform.running.publicUrl}/v1/stock/TEA-404`, {
    headers: { authorization: `Bearer ${token}` },
  })
  await response.body?.cancel()
  return response.status
}

it(
  'a sign-in that stands is let in, a revoked one is not, nor one without a second factor',
  { timeout: 60_000 },
  async () => {
    expect(await stock('clerk')).toBe(404)
    const { token } = await platform.identity.mint({ sub: 'leaver', roles: ['staff'] })
    platform.identity.revoke('leaver', Math.floor(Date.now() / 1000) + 60)
    expect(await asked(token)).toBe(401)
    const { token: weak } = await platform.identity.mint({ sub: 'clerk', roles: ['staff'], secondFactor: null })
    expect(await asked(weak)).toBe(401)
  },
)

it('accounts are looked up by the account of the gateway alone, and changed by no service', async () => {
  const { projectId } = platform.running
  const ask = async (account: string, operation: string, body: object): Promise<number> => {
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
  expect(await ask('gateway', 'lookup', { localId: ['clerk'] })).toBe(200)
  expect(await ask('gateway', 'update', { localId: 'clerk', validSince: '0' })).toBe(403)
  for (const account of ['orders', 'payments', 'operations'])
    expect(await ask(account, 'lookup', { localId: ['clerk'] })).toBe(403)
})
