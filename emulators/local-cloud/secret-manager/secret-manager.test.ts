/** The official client, unmodified, over gRPC; what it can not send goes by REST. */

import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { credentials } from '@grpc/grpc-js'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { fakeContext } from '../core/fake-context.testing.ts'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import type { RequestContext } from '../core/service.ts'
import { plan, provision } from '../core/terraform/provision.ts'
import { readResources, type StackJson } from '../core/terraform/read-resources.ts'
import { iam } from '../iam/plugin.ts'
import { makeCore } from './core.ts'
import { type SecretManagerCore, secretManager } from './plugin.ts'
import { crc32c } from './values/crc32c.ts'

const plugins = [iam, secretManager]
const project = { id: 'demo', number: '100000000000', region: 'europe-west1' }
const emailOf = (id: string): string => `${id}@demo.iam.gserviceaccount.com`
const parent = 'projects/demo'
const name = `${parent}/secrets/partner-key`
/** As Google answers it. */
const answered = 'projects/100000000000/secrets/partner-key'

async function open(dataDir?: string): Promise<LocalCloud> {
  const accounts = ['reader', 'other-1'].map((id) => ({ email: emailOf(id), port: 0 }))
  const cloud = await createLocalCloud({ plugins, project, accounts, ...(dataDir ? { dataDir } : {}) })
  onTestFinished(() => cloud.close())
  return cloud
}

function clientAt(address: string): SecretManagerServiceClient {
  const [apiEndpoint, port] = address.split(':')
  const client = new SecretManagerServiceClient({
    apiEndpoint: apiEndpoint!,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
  })
  onTestFinished(() => client.close())
  return client
}

let cloud: LocalCloud
let client: SecretManagerServiceClient
beforeEach(async () => {
  cloud = await open()
  client = clientAt(cloud.ownerHost)
})

const make = (secret: object = {}) =>
  client.createSecret({ parent, secretId: 'partner-key', secret: { replication: { automatic: {} }, ...secret } })
const add = async (value: string | Buffer): Promise<string> => {
  const [version] = await client.addSecretVersion({ parent: name, payload: { data: Buffer.from(value) } })
  return version.name!
}
const valueOf = async (version: string): Promise<string> => {
  const [{ payload }] = await client.accessSecretVersion({ name: `${name}/versions/${version}` })
  return Buffer.from(payload!.data!).toString()
}
const refused = (code: number, message: RegExp) => ({ code, details: expect.stringMatching(message) as string })
const codes = { invalid: 3, notFound: 5, exists: 6, denied: 7, precondition: 9, unimplemented: 12 }

describe('secrets', () => {
  it('are created, read, changed, listed in pages and deleted with their versions', async () => {
    const [made] = await make({ labels: { of: 'payments' } })
    expect(made).toMatchObject({ name: answered, labels: { of: 'payments' }, replication: { automatic: {} } })
    await expect(make()).rejects.toMatchObject(refused(codes.exists, /Secret \[.*partner-key\] already exists/))
    await client.createSecret({
      parent,
      secretId: 'a-key',
      secret: { replication: { userManaged: { replicas: [{ location: 'europe-west1' }] } } },
    })
    const [first, next] = await client.listSecrets({ parent, pageSize: 1 }, { autoPaginate: false })
    expect(first.map((secret) => secret.name)).toEqual(['projects/100000000000/secrets/a-key'])
    expect(first[0]!.replication!.userManaged!.replicas).toMatchObject([{ location: 'europe-west1' }])
    const [second, last] = await client.listSecrets(next!, { autoPaginate: false })
    expect([second.map((secret) => secret.name), last]).toEqual([[answered], null])

    const [changed] = await client.updateSecret({
      secret: { name, labels: { of: 'shipping' }, annotations: { note: 'ignored' } },
      updateMask: { paths: ['labels'] },
    })
    expect(changed).toMatchObject({ labels: { of: 'shipping' }, annotations: {} })
    expect(changed.etag).not.toBe(made.etag)

    await add('one')
    await client.deleteSecret({ name })
    await expect(client.getSecret({ name })).rejects.toMatchObject(refused(codes.notFound, /partner-key\] not found/))
    await expect(valueOf('1')).rejects.toMatchObject({ code: codes.notFound })
    // The next one of that name begins anew.
    await make()
    await expect(valueOf('1')).rejects.toMatchObject({ code: codes.notFound })
  })

  it.each([
    [{ replication: {} }, codes.invalid, /replication is required/],
    [{ replication: { userManaged: { replicas: [] } } }, codes.invalid, /at least one location/],
    [{ labels: { Of: 'x' } }, codes.invalid, /Invalid label key "Of"/],
    [{ annotations: { note: 'x'.repeat(16_384) } }, codes.invalid, /16388 bytes of keys and values, at most 16384/],
    [{ topics: [{ name: 'projects/demo/topics/t' }] }, codes.unimplemented, /Secret\.topics is not served/],
    [{ ttl: { seconds: 60 } }, codes.unimplemented, /Secret\.ttl is not served/],
    [{ rotation: { rotationPeriod: { seconds: 3600 } } }, codes.unimplemented, /Secret\.rotation is not served/],
    [{ versionDestroyTtl: { seconds: 86_400 } }, codes.unimplemented, /Secret\.versionDestroyTtl is not served/],
    [
      { replication: { automatic: { customerManagedEncryption: { kmsKeyName: 'k' } } } },
      codes.unimplemented,
      /customer_managed_encryption is not served/,
    ],
  ])('refuses %j', async (secret, code, message) => {
    await expect(make(secret)).rejects.toMatchObject(refused(code, message))
    expect((await client.listSecrets({ parent }))[0]).toEqual([])
  })

  it.each([
    ['a secret id', { parent, secretId: 'a.b' }, codes.invalid, /secret_id: "a\.b" must be 1 to 255/],
    ['a region', { parent: `${parent}/locations/europe-west1`, secretId: 'a' }, codes.invalid, /no regional secrets/],
    ['another project', { parent: 'projects/other', secretId: 'a' }, codes.notFound, /the local cloud is demo/],
  ])('refuse %s that is wrong', async (_, request, code, message) => {
    const secret = { replication: { automatic: {} } }
    await expect(client.createSecret({ ...request, secret })).rejects.toMatchObject(refused(code, message))
  })

  it('a method that is not served is refused by its name, a filter as well', async () => {
    await make()
    const listed = client.listSecrets({ parent, filter: 'name:x' }, { autoPaginate: false })
    await expect(listed).rejects.toMatchObject(refused(codes.unimplemented, /filter "name:x" is not served/))
    const rotated = cloud.api('POST', `/v1/${name}:enableManagedRotation`, {})
    await expect(rotated).rejects.toMatchObject({
      httpStatus: 501,
      message: expect.stringContaining('enableManagedRotation'),
    })
  })
})

describe('versions', () => {
  it('are numbered from 1, accessed by number, alias and latest, and listed newest first', async () => {
    await make()
    await expect(valueOf('latest')).rejects.toMatchObject(refused(codes.notFound, /not found or has no versions/))
    expect(await add('one')).toBe(`${answered}/versions/1`)
    await add('two')
    await client.updateSecret({
      secret: { name, versionAliases: { stable: 1 } },
      updateMask: { paths: ['version_aliases'] },
    })
    expect(await Promise.all(['1', '2', 'latest', 'stable'].map(valueOf))).toEqual(['one', 'two', 'two', 'one'])
    const [versions] = await client.listSecretVersions({ parent: name })
    expect(versions.map((version) => version.name)).toEqual([`${answered}/versions/2`, `${answered}/versions/1`])
    expect(JSON.stringify(versions)).not.toContain(Buffer.from('two').toString('base64'))
    await expect(valueOf('3')).rejects.toMatchObject(
      refused(codes.notFound, /Secret Version \[.*versions\/3\] not found/),
    )
    await expect(valueOf('canary')).rejects.toMatchObject({ code: codes.notFound })
  })

  it.each([
    [{ latest: 1 }, /"latest" must be/],
    [{ '1st': 1 }, /"1st" must be/],
    [{ next: 2 }, /"next" is to stand for version 2, which the secret lacks/],
  ])('the aliases %j are refused', async (versionAliases, message) => {
    await make()
    await add('one')
    const changed = client.updateSecret({
      secret: { name, versionAliases },
      updateMask: { paths: ['version_aliases'] },
    })
    await expect(changed).rejects.toMatchObject(refused(codes.invalid, message))
  })

  it('a disabled version is not read until it is enabled, a destroyed one never again', async () => {
    await make()
    await add('one')
    await add('two')
    const version = `${name}/versions/2`
    expect((await client.disableSecretVersion({ name: version }))[0].state).toBe('DISABLED')
    // The newest one, whatever its state is.
    for (const one of ['2', 'latest'])
      await expect(valueOf(one)).rejects.toMatchObject(
        refused(codes.precondition, /versions\/2\] is in DISABLED state/),
      )
    expect(await valueOf('1')).toBe('one')
    await client.enableSecretVersion({ name: version })
    expect(await valueOf('latest')).toBe('two')

    const [destroyed] = await client.destroySecretVersion({ name: version })
    expect([destroyed.state, destroyed.destroyTime]).toEqual(['DESTROYED', expect.anything()])
    await expect(valueOf('2')).rejects.toMatchObject(refused(codes.precondition, /is in DESTROYED state/))
    const request = { name: version }
    const acts = [
      () => client.enableSecretVersion(request),
      () => client.disableSecretVersion(request),
      () => client.destroySecretVersion(request),
    ]
    for (const act of acts) await expect(act()).rejects.toMatchObject(refused(codes.precondition, /is destroyed/))
    expect(await add('three')).toBe(`${answered}/versions/3`)
  })

  it('a value is bytes of 1 to 65,536, and is answered with its checksum', async () => {
    await make()
    const bytes = Buffer.from([0, 255, 10, 128])
    const largest = Buffer.alloc(65_536, 1)
    await add(bytes)
    await add(largest)
    const [first] = await client.accessSecretVersion({ name: `${name}/versions/1` })
    expect(Buffer.from(first.payload!.data!)).toEqual(bytes)
    expect(first.payload!.dataCrc32c).toBe(String(crc32c(bytes)))
    expect((await valueOf('2')).length).toBe(65_536)
    await expect(add(Buffer.alloc(65_537))).rejects.toMatchObject(refused(codes.invalid, /65537 bytes, at most 65536/))
    await expect(add('')).rejects.toMatchObject(refused(codes.invalid, /Secret Payload cannot be empty/))
    expect((await client.listSecretVersions({ parent: name }))[0]).toHaveLength(2)
  })

  it('a value that does not fit the checksum of the client is refused', async () => {
    await make()
    const data = Buffer.from('one')
    const sent = (dataCrc32c: number) => client.addSecretVersion({ parent: name, payload: { data, dataCrc32c } })
    await expect(sent(crc32c(data) + 1)).rejects.toMatchObject(
      refused(codes.invalid, /is not the CRC-32C of the 3 bytes/),
    )
    const [added] = await sent(crc32c(data))
    expect([added.name, added.clientSpecifiedPayloadChecksum]).toEqual([`${answered}/versions/1`, true])
  })

  // https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
  it.each([
    ['00'.repeat(32), 0x8a_91_36_aa],
    ['ff'.repeat(32), 0x62_a8_ab_43],
    [Buffer.from('123456789').toString('hex'), 0xe3_06_92_83],
  ])('the checksum of %s is that of RFC 3720', (hex, sum) => expect(crc32c(Buffer.from(hex, 'hex'))).toBe(sum))
})

it('a request with an etag is carried out only if the resource still has it, and every change makes a new one', async () => {
  const [made] = await make()
  await add('one')
  // A version does not change its secret's etag.
  const [{ etag }] = await client.getSecret({ name })
  expect(etag).toBe(made.etag)
  const version = `${name}/versions/1`
  const [before] = await client.getSecretVersion({ name: version })
  // A request without an effect counts as well: https://cloud.google.com/secret-manager/docs/etags
  const [enabled] = await client.enableSecretVersion({ name: version, etag: before.etag! })
  expect(enabled.etag).not.toBe(before.etag)
  const stale = [
    () => client.disableSecretVersion({ name: version, etag: before.etag! }),
    () => client.destroySecretVersion({ name: version, etag: before.etag! }),
    () => client.updateSecret({ secret: { name, etag: '"0"', labels: {} }, updateMask: { paths: ['labels'] } }),
    () => client.deleteSecret({ name, etag: '"0"' }),
  ]
  for (const act of stale)
    await expect(act()).rejects.toMatchObject(refused(codes.precondition, /etag .* does not match/))
  expect(await valueOf('1')).toBe('one')
  await client.deleteSecret({ name, etag: made.etag! })
})

describe('permissions', () => {
  it('the accessor of a secret reads its values, and nothing else; another account reads none', async () => {
    for (const accountId of ['reader', 'other-1'])
      await cloud.api('POST', `/v1/${parent}/serviceAccounts`, { accountId })
    await make()
    await add('one')
    const member = `serviceAccount:${emailOf('reader')}`
    // The client's own method, which the IAM plugin answers.
    const [policy] = await client.getIamPolicy({ resource: name })
    const bindings = [{ role: 'roles/secretmanager.secretAccessor', members: [member] }]
    await client.setIamPolicy({ resource: name, policy: { ...policy, bindings } })

    const reader = clientAt(cloud.hostOf(emailOf('reader')))
    const version = `${name}/versions/latest`
    const [{ payload }] = await reader.accessSecretVersion({ name: version })
    expect(Buffer.from(payload!.data!).toString()).toBe('one')
    const denied = [
      () => reader.addSecretVersion({ parent: name, payload: { data: Buffer.from('two') } }),
      () => reader.getSecret({ name }),
      () => reader.disableSecretVersion({ name: `${name}/versions/1` }),
      () => reader.deleteSecret({ name }),
      () => reader.listSecretVersions({ parent: name }),
      () => clientAt(cloud.hostOf(emailOf('other-1'))).accessSecretVersion({ name: version }),
    ]
    for (const act of denied)
      await expect(act()).rejects.toMatchObject(
        refused(
          codes.denied,
          /^Permission 'secretmanager\.\w+\.\w+' denied for resource 'projects\/demo\/secrets\/partner-key'/,
        ),
      )
    const core = cloud.core<SecretManagerCore>('secret-manager')
    expect(core.access(emailOf('reader'), version).toString()).toBe('one')
    expect(() => core.access(emailOf('other-1'), version)).toThrow(/secretmanager\.versions\.access/)
  })

  it('a secret of a missing account or an unknown role is not granted', async () => {
    await make()
    const granted = (role: string, id: string) =>
      cloud.api('POST', `/v1/${name}:setIamPolicy`, {
        policy: { bindings: [{ role, members: [`serviceAccount:${emailOf(id)}`] }] },
      })
    await expect(granted('roles/secretmanager.secretAccessor', 'missing-1')).rejects.toThrow('missing-1')
    await expect(granted('roles/run.invoker', 'reader')).rejects.toThrow('roles/run.invoker')
  })
})

it('every access counts once, by any way', async () => {
  await make()
  await add('one')
  await valueOf('1')
  await cloud.api('GET', `/v1/${name}/versions/latest:access`)
  const core = cloud.core<SecretManagerCore>('secret-manager')
  core.access('owner', `${name}/versions/1`)
  await expect(valueOf('2')).rejects.toThrow()
  expect(core.enabledValues(name).map(String)).toEqual(['one'])
  expect(cloud.counters()).toMatchObject({ 'secrets.accesses': 3 })
})

it('a value is kept in one table, and in none once its version is destroyed or its secret deleted', () => {
  const { context, journal } = fakeContext()
  const { unary } = makeCore(context)
  const call = (method: string, request: object): unknown => unary[method]!(request, {} as RequestContext)
  call('createSecret', { parent: 'projects/p', secretId: 'one', secret: { replication: { automatic: {} } } })
  const secret = 'projects/p/secrets/one'
  for (const value of ['first', 'second', 'third'])
    call('addSecretVersion', { parent: secret, payload: { data: Buffer.from(value) } })
  const values = (): string[] =>
    [...journal.table<string>('secret-manager/values').values()].map((value) => Buffer.from(value, 'base64').toString())
  for (const table of ['secret-manager/secrets', 'secret-manager/versions'])
    expect(JSON.stringify([...journal.table(table).values()])).not.toMatch(/Zmlyc3Q|first/)
  call('destroySecretVersion', { name: `${secret}/versions/2` })
  expect(values()).toEqual(['first', 'third'])
  call('deleteSecret', { name: secret })
  expect(values()).toEqual([])
})

it('REST answers as gRPC does', async () => {
  await make()
  await add('one')
  expect(await cloud.api('GET', `/v1/${name}/versions/1:access`)).toEqual({
    name: `${answered}/versions/1`,
    payload: { data: Buffer.from('one').toString('base64'), dataCrc32c: String(crc32c(Buffer.from('one'))) },
  })
  await expect(cloud.api('GET', `/v1/${name}/versions/9:access`)).rejects.toMatchObject({ httpStatus: 404 })
})

it('a restart keeps secrets, values, states, aliases and grants; a destroyed value is gone', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'secrets-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true }))
  cloud = await open(dataDir)
  client = clientAt(cloud.ownerHost)
  await make()
  for (const value of ['one', 'two', 'three']) await add(value)
  await client.updateSecret({
    secret: { name, versionAliases: { stable: 1 } },
    updateMask: { paths: ['version_aliases'] },
  })
  await client.disableSecretVersion({ name: `${name}/versions/2` })
  await client.destroySecretVersion({ name: `${name}/versions/3` })
  await cloud.close()

  cloud = await open(dataDir)
  client = clientAt(cloud.ownerHost)
  expect(await valueOf('stable')).toBe('one')
  await expect(valueOf('2')).rejects.toMatchObject(refused(codes.precondition, /DISABLED/))
  await expect(valueOf('3')).rejects.toMatchObject(refused(codes.precondition, /DESTROYED/))
  await client.enableSecretVersion({ name: `${name}/versions/2` })
  expect(await valueOf('2')).toBe('two')
  expect(await add('four')).toBe(`${answered}/versions/4`)
})

describe('Terraform', () => {
  const stack = (secret: object = {}, extra: object = {}): StackJson => ({
    name: 'local-demo',
    json: {
      provider: { google: [{ project: project.id }] },
      resource: {
        google_service_account: { reader: { account_id: 'reader' } },
        google_secret_manager_secret: {
          one: {
            secret_id: 'partner-key',
            labels: { of: 'demo' },
            replication: { user_managed: [{ replicas: [{ location: 'europe-west1' }] }] },
            ...secret,
          },
        },
        google_secret_manager_secret_iam_binding: {
          reads: {
            secret_id: '${google_secret_manager_secret.one.secret_id}',
            role: 'roles/secretmanager.secretAccessor',
            members: ['${google_service_account.reader.member}'],
          },
        },
        ...extra,
      },
    },
  })
  const planned = (...args: Parameters<typeof stack>) => plan(readResources([stack(...args)], plugins), plugins)

  it('provisions a secret and its accessors at every start, without touching its versions, and removes it', async () => {
    await provision(planned(), cloud.api)
    await add('one')
    await provision(planned({ labels: { of: 'other' } }), cloud.api)
    const [secret] = await client.getSecret({ name })
    expect(secret.labels).toEqual({ of: 'other' })
    const reader = clientAt(cloud.hostOf(emailOf('reader')))
    const [{ payload }] = await reader.accessSecretVersion({ name: `${name}/versions/1` })
    expect(Buffer.from(payload!.data!).toString()).toBe('one')
    for (const { resource, provisioner } of planned().toReversed()) await provisioner.remove(resource, cloud.api)
    await expect(client.getSecret({ name })).rejects.toMatchObject({ code: codes.notFound })
  })

  it('refuses what it does not serve by name, and versions, whose value would stand in the state', async () => {
    await expect(provision(planned({ version_destroy_ttl: '86400s' }), cloud.api)).rejects.toThrow(
      '"version_destroy_ttl", which the local cloud does not know',
    )
    const version = { one: { secret: '${google_secret_manager_secret.one.id}', secret_data: 'one' } }
    expect(() => planned({}, { google_secret_manager_secret_version: version })).toThrow(
      'no emulator provisions google_secret_manager_secret_version',
    )
  })
})
