/**
 * Every forged token at every service's own port, past any ingress. On the local cloud nothing answers there; as a container
 * on a platform whose front neither verifies nor removes a signature (GKE, say), the service refuses all of them itself.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { freePort } from 'local-google-cloud/host'
import { business, services } from '../../../functions/index.ts'
import { accountEmail, commandPath, operationsAccountId, pushAccountId } from '../../../shared/base/names.ts'
import { deadLetterCommands } from '../../../shared/messaging/dead-letter-commands.ts'
import type { Service } from '../../../shared/service/service.ts'
import { localEnvironment } from '../../../stacks/environments.ts'
import { variablesOf } from '../../../stacks/service-variables.ts'
import { compileCache } from '../../support/compile-cache.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { root } from '../../support/root.ts'
import { firstAndLast, representatives } from '../../support/whole-lists.ts'
import {
  statusOf,
  type Attack,
  attempts,
  bearer,
  type Kind,
  acceptedAttempts,
  unissuedClaims,
  NO_ANSWER,
  REFUSALS,
  type Route,
  victimInTurn,
} from './attack.testing.ts'
import { type Genuine, signed } from './kinds.testing.ts'

const live: Route = { method: 'GET', path: '/health/live' }
/** A public service, one over HTTP, and one by the functions framework; all services in `npm run verify`. */
const chosen = representatives(services, ['gateway', 'orders', 'notifications'], ({ name }) => name)
const internal = chosen.filter(({ ingress }) => ingress === 'internal')

let platform: TestPlatform
let attack: Attack
beforeAll(() => {
  ;({ platform, attack } = victimInTurn())
})

const urlOf = (service: Service): string => platform.running.serviceUrls[service.name]!
const withoutSignature = (token: string): string => token.replace(/[^.]*$/, 'SIGNATURE_REMOVED_BY_GOOGLE')

interface EntryPoint {
  readonly routes: readonly Route[]
  /** A token of an account that may call these routes. */
  readonly of: Genuine
  /** Further tokens: a path may be open to only one of the callers. */
  readonly orOf?: readonly Genuine[]
}

async function entryPoints(service: Service): Promise<EntryPoint[]> {
  const { SENDERS = '{}' } = variablesOf(service, business, localEnvironment(platform.ports))
  const senders = new Map(
    Object.entries(JSON.parse(SENDERS) as Record<string, string[]>).map(([command, emails]) => [
      commandPath(command),
      emails[0]?.split('@')[0],
    ]),
  )
  for (const command of deadLetterCommands) senders.set(commandPath(command), operationsAccountId)
  const submitters = services.filter(({ submits }) => submits.some((one) => service.acceptsSubmitted.includes(one)))
  const [caller, ...others] = services.filter(({ calls }) => calls.includes(service.name)).map(({ name }) => name)
  const groups: [routes: readonly Route[], account: string | undefined, orOf?: string[]][] = [
    [firstAndLast(attack.events(service)), pushAccountId(service.name)],
    ...firstAndLast(attack.commands(service)).map((route): [Route[], string | undefined] => [
      [route],
      senders.get(route.path),
    ]),
    [firstAndLast(attack.submissions(service)), submitters[0]?.name],
    [firstAndLast(await attack.ownRoutes(service)), caller, others],
  ]
  return Promise.all(
    groups.flatMap(([routes, account, accounts = []]) =>
      account === undefined || routes.length === 0
        ? []
        : [
            Promise.all([account, ...accounts].map((one) => attack.ofGoogle(one, urlOf(service)))).then(
              ([of, ...orOf]) => ({ routes, of: of!, orOf }),
            ),
          ],
    ),
  )
}

/** Commands that operators may send, and others that they may not. */
const replays = async (service: Service): Promise<EntryPoint> => ({
  routes: [...firstAndLast(attack.events(service)), ...firstAndLast(attack.commands(service))],
  of: await attack.ofGoogle(operationsAccountId, urlOf(service)),
})

/** Two headers, of which Cloud Run's ingress uses the first. */
function pairs(of: Genuine, other: Genuine): Kind[] {
  const both = (first: string, second: string): Kind[1] => ({
    headers: { 'x-serverless-authorization': `Bearer ${first}`, authorization: `Bearer ${second}` },
  })
  const stolen = signed({ ...of, key: other.key, header: { ...of.header, kid: 'thief' } })
  return [
    ['a forged one beside the genuine one', both(signed(of), stolen)],
    ['the genuine one beside a forged one', both(stolen, signed(of))],
    ['the genuine one beside another account’s', both(signed(of), signed(other))],
    ['another account’s beside the genuine one', both(signed(other), signed(of))],
    ['the genuine one beside one without its signature', both(signed(of), withoutSignature(signed(of)))],
    ['an invalid token before the genuine one', both('nonsense', signed(of))],
  ]
}

async function kindsFor(of: Genuine): Promise<Kind[]> {
  const audience = String(of.claims['aud'])
  const customer = await attack.ofCustomer()
  const elsewhere = await attack.ofGoogle('gateway', platform.running.publicUrl)
  return [
    ...attempts(of, {
      'a customer’s token': signed(customer),
      'a customer’s token for this audience': signed({ ...customer, claims: { ...of.claims } }),
      'a token for the gateway': signed(elsewhere),
      ...unissuedClaims(of),
    }),
    ...pairs(of, { ...(await attack.ofGoogle('notifications', audience)), key: customer.key }),
  ]
}

describe('at the port of its process, which only its ingress can use,', () => {
  it.each(chosen.map((service) => [service.name, service] as const))(
    '%s does not answer any token, not even the genuine one',
    { timeout: 240_000 },
    async (name, service) => {
      const account = service.on.length > 0 ? pushAccountId(name) : 'gateway'
      const of = await attack.ofGoogle(account, urlOf(service))
      await statusOf(urlOf(service), live, bearer(signed(of)))
      const running = platform.run.processes().find((one) => one.service === name)!
      const routes = [
        live,
        ...firstAndLast(attack.events(service)),
        ...firstAndLast(attack.commands(service)),
        ...firstAndLast(attack.submissions(service)),
        ...firstAndLast(await attack.ownRoutes(service)),
      ]
      const kinds: Kind[] = [...(await kindsFor(of)), ['the genuine one', bearer(signed(of))]]
      expect(await acceptedAttempts(`http://127.0.0.1:${running.port}`, routes, kinds, [NO_ANSWER])).toEqual([])
      // The process is the same: no request made it crash.
      expect(platform.run.processes().find((one) => one.service === name)?.pid).toBe(running.pid)
      await platform.run.kill(name, 'SIGKILL')
    },
  )
})

describe('as a container without a known ingress,', () => {
  const children: ChildProcess[] = []
  afterEach(async () => {
    for (const child of children.splice(0)) {
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
    }
  })

  /** The service's own port; `ingress`: the front end that its stack declares. */
  async function started(service: Service, ingress: { INGRESS?: 'cloud-run' } = {}): Promise<string> {
    const port = await freePort()
    const account = accountEmail(service.name, platform.running.projectId)
    const child = spawn(process.execPath, ['functions/main.ts', service.name], {
      cwd: root,
      env: {
        ...compileCache,
        ...variablesOf(service, business, localEnvironment(platform.ports)),
        ...platform.cloud.environmentOf(account),
        ...ingress,
        PORT: String(port),
        K_SERVICE: service.name,
        K_REVISION: `${service.name}-00001`,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    children.push(child)
    const origin = `http://127.0.0.1:${port}`
    const answers = async (): Promise<boolean> => {
      if (child.exitCode !== null) throw new Error(`${service.name} ended with ${child.exitCode}.`)
      return (await statusOf(origin, live, {})) === 200
    }
    await vi.waitUntil(answers, { timeout: 60_000 })
    return origin
  }

  it.each(internal.map((service) => [service.name, service] as const))(
    '%s refuses every forged token at every route',
    { timeout: 240_000 },
    async (_, service) => {
      const origin = await started(service)
      for (const { routes, of, orOf = [] } of await entryPoints(service)) {
        expect(await acceptedAttempts(origin, routes, await kindsFor(of))).toEqual([])
        // The genuine token is admitted, so the refusals are due to the forgery.
        for (const route of routes) {
          const answers = await Promise.all([of, ...orOf].map((one) => statusOf(origin, route, bearer(signed(one)))))
          expect(answers.filter((status) => !REFUSALS.includes(status))).not.toEqual([])
        }
      }
      const { routes, of } = await replays(service)
      expect(await acceptedAttempts(origin, routes, await kindsFor(of))).toEqual([])
    },
  )

  // One service for each kind of server.
  it.each(
    internal.filter(({ name }) => ['orders', 'notifications'].includes(name)).map((one) => [one.name, one] as const),
  )(
    '%s trusts a token that Cloud Run’s ingress verified only for deliveries, and only if its stack declares the ingress',
    { timeout: 240_000 },
    async (_, service) => {
      const origin = await started(service, { INGRESS: 'cloud-run' })
      const isUnsigned = ([kind]: Kind): boolean => kind === 'signature removed by Google'
      for (const { routes, of } of [...(await entryPoints(service)), await replays(service)]) {
        const kinds = await kindsFor(of)
        const signedKinds = kinds.filter((kind) => !isUnsigned(kind))
        expect(await acceptedAttempts(origin, routes, signedKinds)).toEqual([])
        const queries = routes.filter(({ path }) => !/^\/(events|commands|projects)\//.test(path))
        expect(await acceptedAttempts(origin, queries, kinds)).toEqual([])
        const [entryPoint] = routes
        for (const two of [
          [withoutSignature(signed(of)), signed(of)],
          [signed(of), withoutSignature(signed(of))],
        ])
          for (const name of ['authorization', 'x-serverless-authorization'])
            expect(
              await statusWith(`${origin}${entryPoint!.path}`, { [name]: two.map((token) => `Bearer ${token}`) }),
            ).toBe(401)
      }
    },
  )
})

/** Sends one header line for each value, which `fetch` would join. */
function statusWith(url: string, headers: Record<string, string[]>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.once('error', reject)
    sent.end('{}')
  })
}
