/** Variables that refer to secrets: Cloud Run reads them as the service's account when an instance starts. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { freePort } from '../core/free-ports.ts'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import type { Plugin } from '../core/plugin.ts'
import { type IamCore, iam } from '../iam/plugin.ts'
import { secretManager } from '../secret-manager/plugin.ts'
import { cloudRun, type CloudRunCore } from './plugin.ts'

/** Answers with the variable, and with how many characters it has. */
const program = `
import { createServer } from 'node:http'
const { PARTNER_KEY = '(none)' } = process.env
console.log('began with ' + PARTNER_KEY.length + ' characters')
const server = createServer((request, response) => response.end(PARTNER_KEY))
server.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => server.close(() => process.exit(0)))
`
const project = { id: 'p', number: '1', region: 'europe-west1' }
const account = 'echo-account@p.iam.gserviceaccount.com'
const LOCATION = '/v2/projects/p/locations/europe-west1'
const SERVICE = `${LOCATION}/services/echo`
const SECRET = '/v1/projects/p/secrets/partner-key'
const accessor = { role: 'roles/secretmanager.secretAccessor', members: [`serviceAccount:${account}`] }

let folder: string
let port: number
let cloud: LocalCloud
let lines: string[]

async function open(plugins: readonly Plugin[] = [secretManager]): Promise<void> {
  cloud = await createLocalCloud({
    project,
    dataDir: join(folder, 'data'),
    plugins: [
      iam,
      ...plugins,
      cloudRun({
        addressOf: () => ({ port }),
        environmentOf: () => ({}),
        workingDirectory: folder,
        onLog: (_, line) => lines.push(line),
      }),
    ],
  })
  const opened = cloud
  onTestFinished(() => opened.close())
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'run-secrets-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'echo.mjs'), program)
  port = await freePort()
  lines = []
  await open()
  await cloud.api('POST', '/v1/projects/p/serviceAccounts', { accountId: 'echo-account' })
  await cloud.api('POST', '/v1/projects/p/secrets?secretId=partner-key', { replication: { automatic: {} } })
})

const add = (value: string | Buffer): Promise<unknown> =>
  cloud.api('POST', `${SECRET}:addVersion`, { payload: { data: Buffer.from(value).toString('base64') } })
const grant = (bindings: readonly object[] = [accessor]): Promise<unknown> =>
  cloud.api('POST', `${SECRET}:setIamPolicy`, { policy: { bindings } })
const service = (secretKeyRef: object = { secret: 'partner-key', version: '1' }, more: object = {}) => ({
  invokerIamDisabled: true,
  template: {
    serviceAccount: account,
    containers: [
      {
        image: 'echo',
        command: ['node'],
        args: ['echo.mjs'],
        ports: [{ containerPort: 8080 }],
        env: [{ name: 'PARTNER_KEY', valueSource: { secretKeyRef }, ...more }],
      },
    ],
  },
})
const create = (body: object = service()): Promise<unknown> =>
  cloud.api('POST', `${LOCATION}/services?serviceId=echo`, body)
const answer = async (): Promise<string> => {
  const token = await cloud.core<IamCore>('iam').mintIdToken({ email: account, audience: `http://127.0.0.1:${port}` })
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { authorization: `Bearer ${token}` } })
  return response.ok ? response.text() : `${response.status}`
}
const failure = (): string => {
  const [state] = cloud.core<CloudRunCore>('cloud-run').states()
  return state?.state === 'failed' ? state.reason : `(${state?.state})`
}

it('an instance has the value of the version; the resource, its journal and the log have the reference', async () => {
  await add('the first value')
  await grant()
  await create()
  expect(await answer()).toBe('the first value')
  expect(lines).toEqual(['began with 15 characters'])
  const shown = JSON.stringify(await cloud.api('GET', SERVICE))
  expect(shown).toContain('{"secretKeyRef":{"secret":"partner-key","version":"1"}}')
  const journal = readFileSync(join(folder, 'data', 'journal.jsonl'), 'utf8')
  const ofServices = journal.split('\n').filter((line) => line.includes('cloud-run/services'))
  expect(ofServices).toHaveLength(1)
  for (const text of [shown, ...ofServices])
    for (const form of ['the first value', Buffer.from('the first value').toString('base64')])
      expect(text).not.toContain(form)
  expect(cloud.counters()).toMatchObject({ 'secrets.accesses': 1 })
})

it('the next revision has the version that it names, the running instance the one with which it began', async () => {
  await add('one')
  await grant()
  await create()
  expect(await answer()).toBe('one')
  await add('two')
  expect(await answer()).toBe('one')
  await cloud.api('PATCH', SERVICE, service({ secret: 'projects/p/secrets/partner-key', version: '2' }))
  expect(await answer()).toBe('two')
  // The way back is a revision as well.
  await cloud.api('PATCH', SERVICE, service())
  expect(await answer()).toBe('one')
})

it('latest is read anew by each instance', async () => {
  await add('one')
  await grant()
  await create(service({ secret: 'partner-key', version: 'latest' }))
  expect(await answer()).toBe('one')
  await add('two')
  await cloud.core<CloudRunCore>('cloud-run').restart('echo')
  expect(await answer()).toBe('two')
})

describe('no instance starts, and the reason names the variable and not the value,', () => {
  const begins = `echo does not start: the variable PARTNER_KEY of ${account} has no value: `

  it('without the grant, until it is there', async () => {
    await add('one')
    await create()
    expect(await answer()).toBe('503')
    expect(failure()).toBe(
      `${begins}Permission 'secretmanager.versions.access' denied for resource 'projects/p/secrets/partner-key' (or it may not exist).`,
    )
    await grant()
    expect(await answer()).toBe('one')
  })

  it('without the version, and after it was disabled or destroyed', async () => {
    await grant()
    await create()
    expect(await answer()).toBe('503')
    expect(failure()).toContain(`${begins}Secret Version [projects/p/secrets/partner-key/versions/1] not found.`)
    await add('one')
    expect(await answer()).toBe('one')
    for (const [act, state] of [
      ['disable', 'DISABLED'],
      ['destroy', 'DESTROYED'],
    ]) {
      await cloud.api('POST', `${SECRET}/versions/1:${act}`, {})
      // The value is in the instance, which goes on.
      expect(await answer()).toBe('one')
      await cloud.core<CloudRunCore>('cloud-run').kill('echo', 'SIGKILL')
      expect(await answer()).toBe('503')
      expect(failure()).toContain(
        `${begins}Secret Version [projects/p/secrets/partner-key/versions/1] is in ${state} state`,
      )
      await cloud.api('POST', `${SECRET}/versions/1:enable`, {}).catch(() => {})
      if (state === 'DISABLED') expect(await answer()).toBe('one')
    }
  })

  it('with a value that no variable can have', async () => {
    await add(Buffer.from([0xff, 0xfe]))
    await grant()
    await create()
    expect(await answer()).toBe('503')
    expect(failure()).toContain(`${begins}its 2 bytes are no UTF-8 text`)
  })

  it('where no emulator of Secret Manager is', async () => {
    await cloud.close()
    rmSync(join(folder, 'data'), { recursive: true })
    await open([])
    await cloud.api('POST', '/v1/projects/p/serviceAccounts', { accountId: 'echo-account' })
    await create()
    expect(await answer()).toBe('503')
    expect(failure()).toContain('The local cloud has no plugin secret-manager.')
  })
})

it.each([
  ['a value and a secret', service(undefined, { value: 'x' }), /PARTNER_KEY has a value and a value_source/],
  ['a secret without a name', service({ version: '1' }), /secret/],
  ['another source', service(undefined, { valueSource: { fieldRef: {} } }), /fieldRef|secretKeyRef/],
])('a variable with %s is refused', async (_, body, message) => {
  await expect(create(body)).rejects.toThrow(message)
})
