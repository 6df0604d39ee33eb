/** The credentials of partners: rotated while orders are placed, and in no place but Secret Manager and the memory of their users. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { provision } from 'local-google-cloud'
import { planOf, resourcesOf } from '../../../emulators/start.ts'
import { business, services } from '../../../functions/index.ts'
import { Refusal } from '../../../cli/api.ts'
import type { OrderView } from '../../../functions/shop/cli/order-view.ts'
import { synthesize } from '../../../stacks/app.ts'
import { localEnvironment } from '../../../stacks/environments.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { secretValue } from '../../support/secret-value.ts'
import { wholeLists } from '../../support/whole-lists.ts'

const SECRETS = ['payment-provider-key', 'carrier-key'] as const
const [SECRET] = SECRETS
const SKU = 'ROTATED'
const ORDERS = wholeLists ? 200 : 12
/** Orders that are under way at once. */
const CONCURRENCY = 6

let platform: TestPlatform
let dataDirectory: string
beforeAll(async () => {
  ;({ platform, dataDirectory } = platformInTurn())
  await platform.sell({ sku: SKU, unitMinor: 100 })
}, 240_000)

type Name = (typeof SECRETS)[number]

const path = (secret: Name = SECRET): string => `/v1/projects/${platform.running.projectId}/secrets/${secret}`
const users = services
  .filter(({ secrets }) => SECRETS.some((secret) => Object.hasOwn(secrets, secret)))
  .map(({ name }) => name)
const rotated = (secret: Name): string => `pk_rotated_${secret}`
/** The status that the partner answers to a request with this key of the account. */
const asCaller = async (secret: Name, key: string): Promise<number> => {
  const url =
    secret === 'carrier-key' ? `${platform.carrier.url}/v1/bookings/none` : `${platform.paymentProvider.url}/v1/ledger`
  return (await fetch(url, { headers: { authorization: `Bearer ${key}` } })).status
}
const accepted = { 'payment-provider-key': 200, 'carrier-key': 404 } as const

/** Deploys the services that use the secrets with this version of them, as `npm run cdktf -- deploy` does. */
async function deployWith(version: string): Promise<void> {
  const environment = { ...localEnvironment(platform.ports), secretVersion: () => version }
  const resources = resourcesOf(synthesize(environment, business)).filter(
    ({ type, attributes }) => type === 'google_cloud_run_v2_service' && users.includes(String(attributes['name'])),
  )
  expect(resources).toHaveLength(users.length)
  await provision(planOf(resources), platform.api)
}

const revisions = async (): Promise<string[]> => {
  const { region, projectId } = platform.running
  const { services: all } = (await platform.api('GET', `/v2/projects/${projectId}/locations/${region}/services`)) as {
    services: { name: string; latestReadyRevision: string }[]
  }
  return all.filter(({ name }) => users.includes(name.split('/').at(-1)!)).map((one) => one.latestReadyRevision)
}

it(
  `${ORDERS} orders are placed and completed while the credentials are rotated, and none fails`,
  { timeout: 900_000 },
  async () => {
    const api = platform.customer()
    const ended: OrderView[] = []
    let begun = 0
    /** A read that can not be answered on a busy machine is no failure of an order: clients repeat it. */
    const endOf = (orderId: string): Promise<OrderView> =>
      platform.followed(api, orderId, 240_000).catch((error: unknown) => {
        if (error instanceof Refusal && error.problem.status === 503) return endOf(orderId)
        throw error
      })
    /** Places and follows orders until so many have begun. */
    const work = async (until: number): Promise<void> => {
      while (begun < until) {
        begun += 1
        const orderId = await platform.place({ sku: SKU, quantity: 1 })
        ended.push(await endOf(orderId))
      }
    }
    const concurrently = (until: number): Promise<void[]> =>
      Promise.all(Array.from({ length: CONCURRENCY }, () => work(until)))

    await concurrently(ORDERS / 4)
    const before = await revisions()
    const old = new Map<Name, string>()
    for (const secret of SECRETS) old.set(secret, await secretValue(platform.running, secret, '1'))
    // Orders go on while each of these happens.
    const orders = concurrently((ORDERS * 3) / 4)
    for (const secret of SECRETS) {
      const data = Buffer.from(rotated(secret)).toString('base64')
      await platform.api('POST', `${path(secret)}:addVersion`, { payload: { data } })
      // For a time both are valid: the instances of the old revisions still use the first.
      const both = [await asCaller(secret, old.get(secret)!), await asCaller(secret, rotated(secret))]
      expect(both).toEqual([accepted[secret], accepted[secret]])
    }
    await deployWith('2')
    const after = await revisions()
    expect(after.filter((revision) => before.includes(revision))).toEqual([])
    // The instances of the old revisions have ended with their last request.
    for (const secret of SECRETS) {
      await platform.api('POST', `${path(secret)}/versions/1:disable`, {})
      const both = [await asCaller(secret, old.get(secret)!), await asCaller(secret, rotated(secret))]
      expect(both).toEqual([401, accepted[secret]])
    }
    await orders
    await concurrently(ORDERS)

    expect(ended).toHaveLength(ORDERS)
    expect(ended.filter(({ status }) => status !== 'completed')).toEqual([])
    // The second credentials alone were valid for the last of them.
    const { authorizations } = await platform.ledger()
    expect(authorizations.filter(({ status }) => status === 'authorized')).toHaveLength(ORDERS)
  },
)

/** The files below a folder that hold a text. */
function filesWith(text: string, directory: string): string[] {
  return readdirSync(directory, { encoding: 'utf8', recursive: true }).filter((name) => {
    const file = join(directory, name)
    return statSync(file).isFile() && readFileSync(file).includes(text)
  })
}

describe.each(SECRETS)('the value of %s', (secret) => {
  it('is in the journal of Secret Manager, and in no log, ledger, table, trace or other file', async () => {
    const value = await secretValue(platform.running, secret)
    expect(value.length).toBeGreaterThan(15)
    expect(filesWith(value, dataDirectory)).toEqual([])
    const encoded = Buffer.from(value).toString('base64')
    expect(filesWith(encoded, dataDirectory)).toEqual(['cloud/journal.jsonl'])
    const changes = readFileSync(join(dataDirectory, 'cloud', 'journal.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes(encoded))
      .flatMap((line) => JSON.parse(line) as [table: string, key: string, value: unknown][])
      .filter((change) => JSON.stringify(change).includes(encoded))
    expect(new Set(changes.map(([table]) => table))).toEqual(new Set(['secret-manager/values']))
    // The logs are among the files.
    expect(readdirSync(join(dataDirectory, 'logs')).length).toBeGreaterThan(0)
  })

  it('is answered by no other API: not by Cloud Run, the request log, the counters or the processes', async () => {
    const value = await secretValue(platform.running, secret)
    const { region, projectId } = platform.running
    const shown = [
      await platform.api('GET', `/v2/projects/${projectId}/locations/${region}/services`),
      await platform.api('GET', `${path(secret)}/versions`),
      await platform.api('GET', path(secret)),
      await platform.local('request-log'),
      await platform.local('run/processes'),
      await platform.local('traces?limit=200'),
    ]
    expect(shown.map((one) => JSON.stringify(one).includes(value))).toEqual(shown.map(() => false))
    expect(JSON.stringify(shown[0])).toContain(`"secret":"${secret}","version":"2"`)
  })
})

it(
  'a service whose version is disabled starts no instance, and says why without a value',
  { timeout: 60_000 },
  async () => {
    await deployWith('1')
    await expect(platform.run.warm('payments')).rejects.toThrow(
      /^payments does not start: the variable SECRET_PAYMENT_PROVIDER_KEY of payments@.* has no value: Secret Version \[.*\/versions\/1\] is in DISABLED state/,
    )
    await deployWith('2')
    await platform.run.warm('payments')
  },
)
