/** `npm run secret -- set`: adds a version to a secret of Secret Manager, and says what makes the services read it. */

import { services } from '../../functions/index.ts'
import { nearestOrAll } from '../../shared/base/nearest.ts'
import { secretNamesOf } from '../../shared/base/secret.ts'
import type { Environment } from '../../stacks/environments.ts'
import { requireRunning, UsageError } from '../command.ts'
import { deployedEnvironment } from '../environment.ts'
import { googleHeaders, type HeadersOf } from '../google.ts'
import { printError, shown } from '../terminal.ts'
import { checkValue, type Input, readValue } from './value.ts'

interface Request {
  readonly name: string | undefined
  /** The name of an environment in the cloud; absent: the platform that runs here. */
  readonly env: string | undefined
  /** The value. */
  readonly input: Input
}

/**
 * @returns what to print
 * @throws UsageError when the name, the environment or the value is refused, or Secret Manager refuses the request
 */
export async function setSecret({ name, env, input }: Request): Promise<string> {
  const names = secretNamesOf(services)
  if (names.length === 0) throw new UsageError("No service's description names a secret.")
  if (name === undefined) throw new UsageError(`Name the secret. There are: ${names.join(', ')}.`)
  if (!names.includes(name))
    throw new UsageError(`There is no secret "${name}". ${nearestOrAll(name, names, 'There are:')}`)
  const environment = env === undefined ? undefined : deployedEnvironment(env)
  const store = environment ? await cloudStore(environment) : localStore()
  const value = await readValue(input, () => printError(`Type the value of ${name}, which is not shown:`))
  checkValue(name, value)
  const version = await addVersion(store, name, value)
  return `Version ${version} of ${name} is added. ${nextStep({ name, version, environment })}`
}

/** Where Secret Manager answers. */
interface Store {
  /** Without a slash at its end. */
  readonly address: string
  readonly projectId: string
  readonly headersOf: HeadersOf
  /** The remedy when the secret does not exist. */
  readonly ifAbsent: string
}

function localStore(): Store {
  const { apiHost, projectId } = requireRunning()
  return { address: `http://${apiHost}`, projectId, headersOf: async () => ({}), ifAbsent: 'run npm start again' }
}

const cloudStore = async ({ name, projectId }: Environment): Promise<Store> => ({
  address: 'https://secretmanager.googleapis.com',
  projectId,
  headersOf: await googleHeaders('Adding a version'),
  ifAbsent: `run npm run cdktf -- deploy ${name}-platform first`,
})

/** @returns its number. */
async function addVersion(
  { address, projectId, headersOf, ifAbsent }: Store,
  name: string,
  value: string,
): Promise<string> {
  const url = `${address}/v1/projects/${projectId}/secrets/${name}:addVersion`
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...(await headersOf(url)), 'content-type': 'application/json' },
    body: JSON.stringify({ payload: { data: Buffer.from(value).toString('base64') } }),
  })
  if (response.status === 404) throw new UsageError(`${projectId} does not have the secret ${name}: ${ifAbsent}.`)
  if (!response.ok)
    throw new UsageError(`Secret Manager refused the version of ${name} (${response.status}): ${await response.text()}`)
  const { name: added } = (await response.json()) as { name: string }
  return shown(added.split('/').at(-1)!)
}

interface Added {
  readonly name: string
  readonly version: string
  readonly environment: Environment | undefined
}

/** The way to services that have this version. */
function nextStep({ name, version, environment }: Added): string {
  const using = services.filter(({ secrets }) => Object.hasOwn(secrets, name))
  const users = using.map((service) => service.name)
  const conditions = using.flatMap(({ name: user, secrets: { [name]: use } }) =>
    typeof use === 'object' ? ` ${user} reads it only with some values of ${use.where.setting.name}.` : [],
  )
  return wayTo(users, { name, version, environment }) + conditions.join('')
}

function wayTo(users: readonly string[], { name, version, environment }: Added): string {
  if (!environment)
    return `The next instance of ${users.join(' and ')} has it, at the latest after the next npm start; one that runs keeps its value.`
  const deployments = users.map((user) => `npm run cdktf -- deploy ${environment.name}-${user}`).join(', then ')
  if (environment.secretVersion(name) === version) return `Services have it when they are deployed: ${deployments}.`
  return `No service has it yet: write "${environment.name}/${name}": "${version}" into stacks/secret-versions.json, commit it, and deploy each alone: ${deployments}.`
}
