/** `npm run secret -- set` on a local cloud that has Secret Manager alone, and for an environment whose Google is faked. */

import { createLocalCloud } from 'local-google-cloud'
import { iam } from 'local-google-cloud/iam'
import { secretManager } from 'local-google-cloud/secret-manager'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { services } from '../../functions/index.ts'
import { secretNamesOf } from '../../shared/base/secret.ts'
import { environments } from '../../stacks/environments.ts'
import { announceIn } from '../../cli/lock.testing.ts'
import { run } from '../support/command.ts'
import { setSecret } from '../../cli/secret/set.ts'

const { prod } = environments
// This machine has no credentials, and the published environments have placeholders.
vi.mock('../../cli/google.ts', () => ({ googleHeaders: async () => async () => ({ authorization: 'Bearer ya29' }) }))
vi.mock('../../cli/environment.ts', () => ({ deployedEnvironment: () => environments.prod }))

/** Secrets that their users always read. */
const [NAME, OTHER] = secretNamesOf(services).filter((name) =>
  services.every(({ secrets }) => typeof secrets[name] !== 'object'),
) as [string, string]
const usersOf = (name: string): string[] =>
  services.filter(({ secrets }) => Object.hasOwn(secrets, name)).map((service) => service.name)
const VALUE = 'sk_live_4711'
const projectId = 'demo'

const set = (name: string | undefined, value = VALUE, env?: string): Promise<string> =>
  setSecret({ name, env, input: Readable.from([Buffer.from(`${value}\n`)]) })

afterEach(() => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('on the local cloud', () => {
  /** A local cloud whose Secret Manager has these secrets, found by the commands. */
  async function localCloud(secrets: readonly string[]) {
    const project = { id: projectId, number: '100000000000', region: 'europe-west1' }
    const cloud = await createLocalCloud({ plugins: [iam, secretManager], project, accounts: [] })
    const directory = mkdtempSync(join(tmpdir(), 'millrace-'))
    const withdraw = announceIn(directory, { projectId, apiHost: cloud.ownerHost, secret: 'the-run-secret' })
    vi.stubEnv('MILLRACE_DATA', directory)
    onTestFinished(async () => {
      withdraw()
      rmSync(directory, { recursive: true, force: true })
      await cloud.close()
    })
    for (const secret of secrets)
      await cloud.api('POST', `/v1/projects/${projectId}/secrets?secretId=${secret}`, {
        replication: { automatic: {} },
      })
    const valueOf = async (version: string): Promise<string> => {
      const path = `/v1/projects/${projectId}/secrets/${NAME}/versions/${version}:access`
      const { payload } = (await cloud.api('GET', path)) as { payload: { data: string } }
      return Buffer.from(payload.data, 'base64').toString()
    }
    return { valueOf, directory }
  }

  it('each call adds a version, and says which and who has it next', async () => {
    const { valueOf } = await localCloud([NAME])
    expect(await set(NAME)).toBe(
      `Version 1 of ${NAME} is added. The next instance of ${usersOf(NAME).join(' and ')} has it, at the latest after the next npm start; one that runs keeps its value.`,
    )
    expect(await set(NAME, 'another')).toContain(`Version 2 of ${NAME} is added.`)
    expect([await valueOf('1'), await valueOf('2')]).toEqual([VALUE, 'another'])
  })

  it('a secret that is read with some settings alone is added with this remark', async () => {
    const [user, name] = services.flatMap(({ name: service, secrets }) =>
      Object.entries(secrets).flatMap(([secret, use]) => (typeof use === 'object' ? [service, secret] : [])),
    ) as [string, string]
    await localCloud([name])
    expect(await set(name)).toMatch(new RegExp(` ${user} reads it only with some values of [A-Z_]+\\.$`))
  })

  it('a secret that was not provisioned is an error with its remedy', async () => {
    await localCloud([NAME])
    await expect(set(OTHER)).rejects.toThrow(`demo does not have the secret ${OTHER}: run npm start again.`)
  })

  it('a refused value adds no version', async () => {
    const { valueOf } = await localCloud([NAME])
    await expect(set(NAME, '<key>')).rejects.toThrow('placeholder')
    await expect(set(NAME, '')).rejects.toThrow('empty')
    await expect(valueOf('latest')).rejects.toThrow('has no versions')
  })

  it('without a subcommand the program prints the run secret, and a misspelt subcommand is answered with set', async () => {
    const { directory } = await localCloud([NAME])
    expect(await run('cli/secret.ts', [], directory)).toEqual({ code: 0, stdout: 'the-run-secret\n', stderr: '' })
    const stderr = (word: string) => `There is no command "${word}". Did you mean set? See --help.\n`
    expect(await run('cli/secret.ts', ['sett'], directory)).toEqual({ code: 1, stdout: '', stderr: stderr('sett') })
    // Not the other words, which may be the value.
    const more = await run('cli/secret.ts', ['st', NAME, VALUE], directory)
    expect(more).toEqual({ code: 1, stdout: '', stderr: stderr('st') })
  })

  it('the program refuses an empty input, and a value in an argument without showing it', async () => {
    const { directory, valueOf } = await localCloud([NAME])
    const empty = await run('cli/secret.ts', ['set', NAME], directory)
    expect(empty).toEqual({ code: 1, stdout: '', stderr: `The value of ${NAME} is empty. Nothing is changed.\n` })
    const argument = await run('cli/secret.ts', ['set', NAME, VALUE], directory)
    expect(argument).toMatchObject({ code: 1, stdout: '' })
    expect(argument.stderr).toMatch(/^set takes one name, and the value from standard input/)
    expect(argument.stderr).not.toContain(VALUE)
    await expect(valueOf('latest')).rejects.toThrow('has no versions')
  })

  it('a misspelt name is answered with the nearest, and a missing one with all', async () => {
    await expect(set(NAME.slice(0, -1))).rejects.toThrow(`Did you mean ${NAME}?`)
    await expect(set(undefined)).rejects.toThrow(`Name the secret. There are: ${secretNamesOf(services).join(', ')}.`)
  })
})

describe('in the cloud', () => {
  const answering = (status: number, body: object) => {
    const requests = vi.fn<typeof fetch>(async () => new Response(JSON.stringify(body), { status }))
    vi.stubGlobal('fetch', requests)
    return requests
  }
  const added = (version: string): object => ({ name: `projects/1/secrets/${NAME}/versions/${version}` })
  const deployments = usersOf(NAME).map((user) => `npm run cdktf -- deploy prod-${user}`)

  it("the environment's Secret Manager is sent the value, with the person's credentials", async () => {
    const requests = answering(200, added('1'))
    await set(NAME, VALUE, 'prod')
    const [[url, init]] = requests.mock.calls as [Parameters<typeof fetch>]
    expect(url).toBe(`https://secretmanager.googleapis.com/v1/projects/${prod.projectId}/secrets/${NAME}:addVersion`)
    expect(init).toMatchObject({ method: 'POST', headers: { authorization: 'Bearer ya29' } })
    const { payload } = JSON.parse(init!.body as string) as { payload: { data: string } }
    expect(Buffer.from(payload.data, 'base64').toString()).toBe(VALUE)
  })

  it('the version that the environment names is read by a deployment, and another must be named first', async () => {
    answering(200, added('1'))
    expect(await set(NAME, VALUE, 'prod')).toBe(
      `Version 1 of ${NAME} is added. Services have it when they are deployed: ${deployments.join(', then ')}.`,
    )
    answering(200, added('2'))
    expect(await set(NAME, VALUE, 'prod')).toContain(
      `No service has it yet: write "prod/${NAME}": "2" into stacks/secret-versions.json, commit it, and deploy each alone: ${deployments[0]}`,
    )
  })

  it.each([
    [404, {}, `millrace-prod does not have the secret ${NAME}: run npm run cdktf -- deploy prod-platform first.`],
    [403, { error: { message: 'denied' } }, `Secret Manager refused the version of ${NAME} (403): `],
  ])('an answer of %d is an error without the value', async (status, body, message) => {
    answering(status, body)
    const error = await set(NAME, VALUE, 'prod').catch((thrown: unknown) => thrown as Error)
    expect((error as Error).message).toContain(message)
    expect((error as Error).message).not.toContain(VALUE)
  })
})
