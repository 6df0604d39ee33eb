/** The official auth library and metadata client, pointed at a service account's port as a service's process would be. */

import { gcpMetadata, GoogleAuth } from 'google-auth-library'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { virtualClock, type VirtualClock } from '../../core/clock.ts'
import { createLocalCloud, type LocalCloud } from '../../core/local-cloud.ts'
import { iam, type IamCore } from '../plugin.ts'

const project = { id: 'millrace-local', number: '100000000000', region: 'europe-west1' }
const orders = 'orders@millrace-local.iam.gserviceaccount.com'
const nobody = 'nobody@millrace-local.iam.gserviceaccount.com'
const audience = 'http://127.0.0.1:4201'

let cloud: LocalCloud
let clock: VirtualClock
const core = (): IamCore => cloud.core<IamCore>('iam')

beforeAll(async () => {
  clock = virtualClock(Date.now())
  const accounts = [orders, nobody].map((email) => ({ email, port: 0 }))
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

const ask = async (path: string, asking: Asking = {}) => {
  const { host = cloud.hostOf(orders), headers = { 'Metadata-Flavor': 'Google' } } = asking
  const response = await fetch(`http://${host}/computeMetadata/v1/${path}`, { headers })
  return { status: response.status, flavor: response.headers.get('metadata-flavor'), text: await response.text() }
}

describe('Google’s own libraries', () => {
  it('get an ID token that proves account and audience, and verifies against the published keys', async () => {
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

  it('get an access token that is bound to the account', async () => {
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
    ['project/?recursive=true', '{"numericProjectId":100000000000,"projectId":"millrace-local"}'],
  ])('answers %s', async (path, text) => {
    expect(await ask(path)).toEqual({ status: 200, flavor: 'Google', text })
  })

  it('keeps an identity for those who ask with the header, for an audience', async () => {
    const path = 'instance/service-accounts/default/identity'
    expect(await ask(`${path}?audience=${audience}`, { headers: {} })).toMatchObject({ status: 403, flavor: 'Google' })
    const passedOn = { 'Metadata-Flavor': 'Google', 'X-Forwarded-For': '192.0.2.1' }
    expect(await ask(`${path}?audience=${audience}`, { headers: passedOn })).toMatchObject({ status: 403 })
    expect(await ask(path)).toMatchObject({ status: 400, text: 'non-empty audience parameter required\n' })
    const full = await ask(`${path}?audience=${audience}&format=full`)
    expect((await core().verifyIdToken(full.text, { audience })).email).toBe(orders)
  })

  it.each([
    'instance/service-accounts/other@x.iam.gserviceaccount.com/email',
    'instance/nothing',
    'constructor',
    'project/project-id/x',
  ])('answers 404 for %s', async (path) => expect((await ask(path)).status).toBe(404))

  it('gives no identity on the owner’s port, nor to an account that is not there', async () => {
    for (const path of ['project/project-id', 'instance/service-accounts/default/token'])
      expect((await ask(path, { host: cloud.ownerHost })).status).toBe(404)
    const token = await ask('instance/service-accounts/default/token', { host: cloud.hostOf(nobody) })
    expect(token.status).toBe(404)
    await expect(core().mintIdToken({ email: nobody, audience })).rejects.toThrow(
      `Service account ${nobody} does not exist`,
    )
  })
})

describe('tokens', () => {
  it('expire by the injected clock, and are renewed before', async () => {
    const first = await core().mintIdToken({ email: orders, audience })
    // One that was accepted is refused all the same once it has expired.
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

  it('are refused for another audience, another signer and without a signature', async () => {
    const token = await core().mintIdToken({ email: orders, audience })
    const [header, payload] = token.split('.') as [string, string]
    // That it was accepted opens nothing to one that looks like it.
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

  it('stop with the account: disabled or deleted', async () => {
    const path = `/v1/projects/${project.id}/serviceAccounts/${orders}`
    await cloud.api('POST', `${path}:disable`)
    await expect(core().mintIdToken({ email: orders, audience })).rejects.toThrow(`${orders} is disabled`)
    await cloud.api('POST', `${path}:enable`)
    await expect(core().mintIdToken({ email: orders, audience })).resolves.toBeTypeOf('string')
  })
})
