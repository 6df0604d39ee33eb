/** The official auth library and metadata client at the port of a service account, as in a service's process. */

import { gcpMetadata, GoogleAuth } from 'google-auth-library'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { virtualClock, type VirtualClock } from '../../core/clock.ts'
import { createLocalCloud, type LocalCloud } from '../../core/local-cloud.ts'
import { iam, type IamCore } from '../plugin.ts'

const project = { id: 'demo-local', number: '100000000000', region: 'europe-west1' }
const orders = 'orders@demo-local.iam.gserviceaccount.com'
const missingAccount = 'missing@demo-local.iam.gserviceaccount.com'
const audience = 'http://127.0.0.1:4201'

let cloud: LocalCloud
let clock: VirtualClock
const core = (): IamCore => cloud.core<IamCore>('iam')

beforeAll(async () => {
  clock = virtualClock(Date.now())
  const accounts = [orders, missingAccount].map((email) => ({ email, port: 0 }))
  cloud = await createLocalCloud({ plugins: [iam], project, accounts, clock })
  await cloud.api('POST', `/v1/projects/${project.id}/serviceAccounts`, { accountId: 'orders' })
})
beforeEach(() => {
  for (const [name, value] of Object.entries(cloud.environmentOf(orders))) vi.stubEnv(name, value)
  gcpMetadata.resetIsAvailableCache()
})
afterEach(() => vi.unstubAllEnvs())
afterAll(() => cloud.close())

interface Asking {
  readonly host?: string
  readonly headers?: Record<string, string>
}

const metadata = async (path: string, asking: Asking = {}) => {
  const { host = cloud.hostOf(orders), headers = { 'Metadata-Flavor': 'Google' } } = asking
  const response = await fetch(`http://${host}/computeMetadata/v1/${path}`, { headers })
  return { status: response.status, flavor: response.headers.get('metadata-flavor'), text: await response.text() }
}

describe('Google’s own libraries', () => {
  it('get an ID token with account and audience that verifies against the published keys', async () => {
    const client = await new GoogleAuth().getIdTokenClient(audience)
    const headers = await client.getRequestHeaders(audience)
    const token = headers.get('authorization')!.slice('Bearer '.length)
    const account = (await cloud.api('GET', `/v1/projects/-/serviceAccounts/${orders}`)) as { uniqueId: string }

    const keys = (await (await fetch(`http://${cloud.ownerHost}/oauth2/v3/certs`)).json()) as JSONWebKeySet
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys))
    const issued = Math.floor(clock.now() / 1000)
    expect(payload).toEqual({
      iss: 'https://accounts.google.com',
      aud: audience,
      azp: account.uniqueId,
      sub: account.uniqueId,
      email: orders,
      email_verified: true,
      iat: issued,
      exp: issued + 3600,
    })
    expect(account.uniqueId).toMatch(/^\d{21}$/)
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'RS256', typ: 'JWT', kid: keys.keys[0]!.kid })
    expect(keys.keys[0]).not.toHaveProperty('d')
    expect((await core().verifyIdToken(token, { audience })).email).toBe(orders)
  })

  it('get an access token of the account', async () => {
    const auth = new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' })
    const token = await auth.getAccessToken()
    expect(core().accountOf(token!)).toBe(orders)
    expect(core().accountOf(`${token}x`)).toBeUndefined()
    expect(await auth.getProjectId()).toBe(project.id)
    expect((await auth.getCredentials()).client_email).toBe(orders)
  })

  it('find the server and read project and instance', async () => {
    vi.stubEnv('METADATA_SERVER_DETECTION', undefined)
    expect(await gcpMetadata.isAvailable()).toBe(true)
    expect(await gcpMetadata.project('project-id')).toBe(project.id)
    expect(await gcpMetadata.instance('region')).toBe('projects/100000000000/regions/europe-west1')
    expect(await gcpMetadata.instance({ property: 'service-accounts/', params: { recursive: 'true' } })).toEqual({
      default: { aliases: ['default'], email: orders, scopes: ['https://www.googleapis.com/auth/cloud-platform'] },
      [orders]: { aliases: ['default'], email: orders, scopes: ['https://www.googleapis.com/auth/cloud-platform'] },
    })
  })
})

describe('the metadata server', () => {
  it.each([
    ['', 'instance/\nproject/\nuniverse/\n'],
    ['instance/service-accounts/', `default/\n${orders}/\n`],
    ['instance/service-accounts/default/', 'aliases\nemail\nidentity\nscopes\ntoken\n'],
    ['instance/service-accounts/default/email', orders],
    [`instance/service-accounts/${orders}/email`, orders],
    ['instance/service-accounts/default/aliases', 'default\n'],
    ['instance/service-accounts/default/scopes', 'https://www.googleapis.com/auth/cloud-platform\n'],
    ['project/numeric-project-id', '100000000000'],
    ['instance/zone', 'projects/100000000000/zones/europe-west1-1'],
    ['universe/universe-domain', 'googleapis.com'],
    ['project/?recursive=true', '{"numericProjectId":100000000000,"projectId":"demo-local"}'],
  ])('answers %s', async (path, text) => {
    expect(await metadata(path)).toEqual({ status: 200, flavor: 'Google', text })
  })

  it('gives an identity only with the Metadata-Flavor header and an audience', async () => {
    const path = 'instance/service-accounts/default/identity'
    expect(await metadata(`${path}?audience=${audience}`, { headers: {} })).toMatchObject({
      status: 403,
      flavor: 'Google',
    })
    const passedOn = { 'Metadata-Flavor': 'Google', 'X-Forwarded-For': '192.0.2.1' }
    expect(await metadata(`${path}?audience=${audience}`, { headers: passedOn })).toMatchObject({ status: 403 })
    expect(await metadata(path)).toMatchObject({ status: 400, text: 'non-empty audience parameter required\n' })
    const full = await metadata(`${path}?audience=${audience}&format=full`)
    expect((await core().verifyIdToken(full.text, { audience })).email).toBe(orders)
  })

  it.each([
    'instance/service-accounts/other@x.iam.gserviceaccount.com/email',
    'instance/nothing',
    'constructor',
    'project/project-id/x',
  ])('answers 404 for %s', async (path) => expect((await metadata(path)).status).toBe(404))

  it('gives no identity on the owner’s port, nor of a missing account', async () => {
    for (const path of ['project/project-id', 'instance/service-accounts/default/token'])
      expect((await metadata(path, { host: cloud.ownerHost })).status).toBe(404)
    const token = await metadata('instance/service-accounts/default/token', { host: cloud.hostOf(missingAccount) })
    expect(token.status).toBe(404)
    await expect(core().mintIdToken({ email: missingAccount, audience })).rejects.toThrow(
      `Service account ${missingAccount} does not exist`,
    )
  })
})

describe('tokens', () => {
  it('expire by the injected clock, and are renewed before', async () => {
    const first = await core().mintIdToken({ email: orders, audience })
    // A token that was accepted before is refused after it has expired.
    expect((await core().verifyIdToken(first, { audience })).email).toBe(orders)
    expect(await core().mintIdToken({ email: orders, audience })).toBe(first)
    expect(await core().mintIdToken({ email: orders, audience: 'http://other' })).not.toBe(first)
    await clock.advance(55 * 60_000)
    const second = await core().mintIdToken({ email: orders, audience })
    expect(second).not.toBe(first)
    await clock.advance(6 * 60_000)
    await expect(core().verifyIdToken(first, { audience })).rejects.toThrow('"exp" claim timestamp check failed')
    expect((await core().verifyIdToken(second, { audience })).email).toBe(orders)
  })

  it('are refused with another audience, another signer or no signature', async () => {
    const token = await core().mintIdToken({ email: orders, audience })
    const [header, payload] = token.split('.') as [string, string]
    // The cached verification of the genuine token does not admit a similar one.
    await core().verifyIdToken(token, { audience: ['http://other', audience] })
    const foreign = await createLocalCloud({ plugins: [iam], project, clock })
    await foreign.api('POST', `/v1/projects/${project.id}/serviceAccounts`, { accountId: 'orders' })
    const forged = await foreign.core<IamCore>('iam').mintIdToken({ email: orders, audience })
    await foreign.close()
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const bad of [
      forged,
      `${header}.${payload}.`,
      `${none}.${payload}.`,
      `${header}.${payload}.SIGNATURE_REMOVED_BY_GOOGLE`,
    ])
      await expect(core().verifyIdToken(bad, { audience })).rejects.toThrow()
    await expect(core().verifyIdToken(token, { audience: 'http://other' })).rejects.toThrow(
      'unexpected "aud" claim value',
    )
  })

  it('are refused when their account is disabled or deleted', async () => {
    const path = `/v1/projects/${project.id}/serviceAccounts/${orders}`
    await cloud.api('POST', `${path}:disable`)
    await expect(core().mintIdToken({ email: orders, audience })).rejects.toThrow(`${orders} is disabled`)
    await cloud.api('POST', `${path}:enable`)
    await expect(core().mintIdToken({ email: orders, audience })).resolves.toBeTypeOf('string')
  })
})
