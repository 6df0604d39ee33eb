/**
 * Contracts from both ends: what the producer's contract allows, its consumers take. Each frozen example of each version, and
 * messages that are made from the contract, go through the real handler of each consumer, in a world in which an order was
 * placed. Beside what is handled, there are refusals and failures that are retried; a bug or an unreadable message fails.
 */

import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadApp } from '../../functions/apps.ts'
import { services } from '../../functions/index.ts'
import { webhookTypes } from '../../functions/webhooks/contracts.ts'
import { deliveryPath, updateCustomer } from '../../functions/webhooks/documents.ts'
import type { Customer, Endpoint } from '../../functions/webhooks/endpoint.ts'
import { Refused, Unavailable } from '../../shared/base/errors.ts'
import type { MessageContract } from '../../shared/contracts/contract.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { newWebhookSecret } from '../../shared/http/webhook-signing.ts'
import { startOfTests, type TestPlatform } from '../../shared/runtime/platform.testing.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { contractsOf, type Service } from '../../shared/service/service.ts'
import { keeping } from '../support/by-schema.ts'
import { root } from '../support/root.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { wholeLists } from '../support/whole-lists.ts'

/** Of each edge. */
const INSTANCES = wholeLists ? 100 : 8
const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_130)

/** Messages that deny the consumer's own records: it stops, and a person is alerted, since either of the two is wrong. */
const contradictions: readonly RegExp[] = [/ (?:ships|releases) \d+ of .*, of which .* holds? \d+\.$/]

/** Commands and an event that an order takes in a state of its own alone, and those about a payment with a renewal, a dispute or a refund. */
const refusedHere: readonly string[] = [
  'RetryCheckout at orders',
  'RecaptureOrder at orders',
  'CorrectAddress at orders',
  'CloseOrder at orders',
  'PayOrder at orders',
  'CancelOrder at orders',
  'shipment.dispatched at inventory',
  'ReduceAuthorization at payments',
  'RecapturePayment at payments',
  'CheckDispute at payments',
  'CheckRefund at payments',
]

interface Edge {
  readonly producer: string
  readonly consumer: string
  readonly type: string
  readonly contract: MessageContract
}

const folderOf = (owner: string): string =>
  owner === runtimeContracts.service ? 'shared/contracts' : `functions/${owner}`

/** Whether another party sends it: a command of a service to itself follows from its own records. */
const comesFromOutside = (
  { name, acceptsSubmitted, acceptsFromOperators, schedules }: Service,
  type: string,
): boolean =>
  [...acceptsSubmitted, ...acceptsFromOperators, ...Object.values(schedules).map(({ command }) => command)].includes(
    type,
  ) || services.some((sender) => sender.name !== name && sender.sends.includes(type))

/** The way of each event to each service that subscribes to it, and of each command to its owner. */
const edgesTo = (consumer: Service): readonly Edge[] => {
  const fromOthers = consumer.on.map((type) => {
    const { service: producer, events } = contractsOf(consumer).find(({ events }) => Object.hasOwn(events, type))!
    return { producer, consumer: consumer.name, type, contract: events[type]! }
  })
  const commands = Object.entries(consumer.contracts.commands)
    .filter(([type]) => comesFromOutside(consumer, type))
    .map(([type, contract]) => ({ producer: consumer.name, consumer: consumer.name, type, contract }))
  return [...fromOthers, ...commands]
}

interface Instance {
  readonly version: number
  readonly data: unknown
}

function frozenOf(edge: Edge): readonly Instance[] {
  const file = join(root, folderOf(edge.producer), 'frozen-messages.json')
  const frozen = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  return Object.entries(frozen).flatMap(([name, data]) => {
    const [, of, version] = /^(.+)@(\d+)$/.exec(name)!
    return of === edge.type ? [{ version: Number(version), data: aboutOwn(data, edge) }] : []
  })
}

/** By the name of a field: the values that the messages of the placed order had. */
type Values = ReadonlyMap<string, readonly unknown[]>

function valuesIn(world: World): Values {
  const values = new Map<string, unknown[]>()
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    for (const [name, value] of Object.entries(node)) {
      if (typeof value === 'string' && !Array.isArray(node)) values.set(name, [...(values.get(name) ?? []), value])
      collect(value)
    }
  }
  for (const { name } of services) {
    const { published, sent } = world.platform(name)
    collect([...published.map(({ data }) => data), ...sent.map(({ envelope }) => envelope.data)])
  }
  return values
}

/** The same data about the placed order: names of any other are mostly unknown. */
const aboutIt = (node: unknown, values: Values, at: number): unknown => {
  if (Array.isArray(node)) return node.map((one) => aboutIt(one, values, at))
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(
    Object.entries(node).map(([name, value]) => {
      const known = typeof value === 'string' ? (values.get(name) ?? []) : []
      return [name, known.length > 0 ? known[at % known.length] : aboutIt(value, values, at)]
    }),
  )
}

/** Facts of different edges about one order would deny each other: each edge has an order of its own. */
const aboutOwn = (data: unknown, { type }: Edge): unknown =>
  Object.hasOwn(data as object, 'orderId') ? { ...(data as object), orderId: `o-${type}` } : data

/** Every other one is about the placed order. */
function generatedOf(edge: Edge, values: Values): readonly Instance[] {
  const { version, data: schema } = edge.contract
  const instances: Instance[] = []
  // Some of the generated values break a rule that JSON Schema does not express.
  for (const [at, made] of fc.sample(keeping(schema), { numRuns: INSTANCES * 8, seed: SEED }).entries()) {
    const data = instances.length % 2 === 0 ? aboutOwn(made, edge) : aboutIt(made, values, at)
    if (instances.length < INSTANCES && schema.safeParse(data).success) instances.push({ version, data })
  }
  return instances
}

type Outcome = 'handled' | 'refused' | 'later' | 'contradicts'

async function outcomeOf(app: ServiceApp, platform: TestPlatform, given: Envelope): Promise<Outcome> {
  try {
    await deliver(app, platform, given)
    return 'handled'
  } catch (error) {
    if (error instanceof Refused) return 'refused'
    if (error instanceof Unavailable) return 'later'
    if (contradictions.some((one) => one.test((error as Error).message))) return 'contradicts'
    throw new Error(`${given.type} of ${given.source} at ${platform.service.name}: ${JSON.stringify(given.data)}`, {
      cause: error,
    })
  }
}

const ENDPOINT = 'w-1'
const endpoint: Endpoint = {
  url: 'https://receiver.test/',
  types: webhookTypes,
  secrets: [{ secret: newWebhookSecret(), key: 'key' }],
  requestHash: '',
  createdAt: startOfTests,
  status: 'enabled',
}
/** In which webhooks has an endpoint of the customer who places the order. */
let announcing: World | undefined
async function withEndpoint(world: World): Promise<World> {
  const customer: Customer = { endpoints: { [ENDPOINT]: endpoint } }
  await updateCustomer(world.platform('webhooks'), 'customer-1', () => customer)
  return world
}

const edges = services.flatMap(edgesTo)
const handled = new Set<string>()

describe.each(
  services.filter((service) => edgesTo(service).length > 0).map((service) => [service.name, service] as const),
)('%s takes', (name, service) => {
  let world: World
  let app: ServiceApp
  let values: Values
  beforeAll(async () => {
    world = await createWorld({ releaseDelaySeconds: 60 })
    app = await loadApp(name)
    if (name === 'webhooks') announcing = await withEndpoint(world)
    expect(await world.place()).toMatchObject({ status: 201 })
    await world.run({ forMs: 30_000 })
    values = valuesIn(world)
  }, 60_000)

  it.each(edgesTo(service).map((edge) => [edge.type, edge] as const))(
    'all that the contract of %s allows',
    async (_, edge) => {
      const frozen = frozenOf(edge)
      expect(frozen.map(({ version }) => version)).toContain(edge.contract.version)
      const generated = generatedOf(edge, values)
      expect(generated.length).toBe(INSTANCES)
      const outcomes: Outcome[] = []
      const platform = world.platform(name)
      const before = platform.sent.length
      for (const [key, { version, data }] of [...frozen, ...generated].entries())
        outcomes.push(await outcomeOf(app, platform, message(edge.type, data, { key, version, source: edge.producer })))
      // The calls to partners are in commands to the service itself.
      const own = platform.sent
        .slice(before)
        .filter(({ target, notBeforeMs }) => target === name && notBeforeMs === undefined)
      for (const { envelope } of own) outcomes.push(await outcomeOf(app, platform, envelope))
      if (outcomes.includes('handled')) handled.add(`${edge.type} at ${name}`)
    },
  )
})

it('each edge carried a message that its consumer handled, except those that need an order in another state', () => {
  const names = edges.map(({ type, consumer }) => `${type} at ${consumer}`)
  expect(names).toEqual(expect.arrayContaining([...refusedHere]))
  expect(names.filter((name) => !handled.has(name) && !refusedHere.includes(name))).toEqual([])
})

it('the customer of the placed order has a webhook endpoint, so that each of its events is sent there', async () => {
  const { documents, sent } = announcing!.platform('webhooks')
  const ids = sent.map(({ envelope }) => (envelope.data as { readonly deliveryId: string }).deliveryId)
  const types = new Set<unknown>()
  for (const id of new Set(ids)) types.add((await documents.get(deliveryPath(id)))?.['type'])
  expect(types).toEqual(new Set(webhookTypes))
})
