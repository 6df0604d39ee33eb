/** The AsyncAPI 3 document of the messages between the services, from their descriptions and contracts, and the handlers that serve it. */

import { z } from 'zod'
import { queueName, topicName } from '../base/names.ts'
import { once } from '../base/once.ts'
import type { MessageContract } from '../contracts/contract.ts'
import { envelopeSchema } from '../contracts/envelope.ts'
import { runtimeContracts } from '../contracts/runtime-events.ts'
import { enqueuedBy, publishedBy, type Service } from '../service/service.ts'
import type { messageOperations, OperationHandler, PublicApi } from '../service/public-api.ts'
import type { Operation } from '../service/operation.ts'
import { servePage } from './docs-page.ts'
import { messagesPage, type SentMessage } from './messages-page.ts'

type Json = Readonly<Record<string, unknown>>

/** JSON Schema of draft 07, the dialect of AsyncAPI's own schemas. */
function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-07', io: 'input', unrepresentable: 'any' })
  return json
}

/** Every event and command, with the services at both ends. */
export function sentMessages(services: readonly Service[]): readonly SentMessage[] {
  const named = (which: (service: Service) => readonly string[], type: string): readonly string[] =>
    services.filter((service) => which(service).includes(type)).map(({ name }) => name)
  const owners = [...services.map(({ contracts }) => contracts), runtimeContracts]
  const events = owners.flatMap(({ service: owner, events: own }) =>
    Object.entries<MessageContract>(own).map(([type, contract]): SentMessage => {
      const receivers = named(({ on }) => on, type)
      return { type, kind: 'event', owner, contract, senders: named(publishedBy, type), receivers }
    }),
  )
  const commands = services.flatMap(({ name: owner, contracts }) =>
    Object.entries(contracts.commands).map(([type, contract]): SentMessage => {
      return { type, kind: 'command', owner, contract, senders: named(enqueuedBy, type), receivers: [owner] }
    }),
  )
  return [...events, ...commands]
}

/** By `type@version`: the schema of the data of each version of each message, former ones included. */
export const schemasByVersion = (services: readonly Service[]): Readonly<Record<string, Json>> =>
  Object.fromEntries(
    sentMessages(services).flatMap(({ type, contract: { version, data, previousVersions = {} } }) => [
      ...Object.entries(previousVersions).map(([former, contract]) => [`${type}@${former}`, schemaOf(contract.data)]),
      [`${type}@${version}`, schemaOf(data)],
    ]),
  ) as Readonly<Record<string, Json>>

type Described = Pick<PublicApi, 'description'>

export function asyncApiDocument({ description: { title, license } }: Described, services: readonly Service[]): Json {
  const messages = sentMessages(services)
  const channels = messages.map(({ type, kind, owner }) => [
    type,
    {
      address: kind === 'event' ? topicName(type) : queueName(owner),
      title: kind === 'event' ? `The topic of ${type}` : `${type} in the queue of ${owner}`,
      messages: { [type]: { $ref: `#/components/messages/${type}` } },
    },
  ])
  return {
    asyncapi: '3.0.0',
    info: {
      title: `${title}: messages`,
      version: '1',
      description:
        'The events and commands between the services. An event has a Pub/Sub topic of its own, a command waits in the Cloud Tasks queue of its owner. Each arrives at least once, in any order; `sequence` numbers the events of one subject.',
      ...(license ? { license: { name: license.name } } : {}),
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(channels) as Json,
    operations: Object.fromEntries(messages.flatMap(operationsOf)),
    components: {
      messages: Object.fromEntries(messages.map((one) => [one.type, messageOf(one)])),
      schemas: { Envelope: schemaOf(envelopeSchema) },
    },
  }
}

const operationsOf = ({ type, senders, receivers }: SentMessage): [string, Json][] => {
  const operation = (service: string, action: 'send' | 'receive'): [string, Json] => [
    `${service}.${action}.${type}`,
    {
      action,
      title: `${service} ${action}s ${type}`,
      channel: { $ref: `#/channels/${type}` },
      messages: [{ $ref: `#/channels/${type}/messages/${type}` }],
      tags: [{ name: service }],
    },
  ]
  return [
    ...senders.map((service) => operation(service, 'send')),
    ...receivers.map((service) => operation(service, 'receive')),
  ]
}

function messageOf({ type, kind, owner, contract }: SentMessage): Json {
  const { version, data, example } = contract
  return {
    name: type,
    title: `${type}, version ${version}`,
    contentType: 'application/json',
    tags: [{ name: owner }, { name: kind }],
    payload: {
      allOf: [
        { $ref: '#/components/schemas/Envelope' },
        { properties: { type: { const: type }, version: { const: version }, data: schemaOf(data) } },
      ],
    },
    examples: [{ name: `${type}@${version}`, payload: exampleOf({ type, version, owner, kind, example }) }],
  }
}

const exampleOf = ({
  type,
  version,
  owner,
  kind,
  example,
}: Omit<SentMessage, 'contract' | 'senders' | 'receivers'> & Pick<MessageContract, 'version' | 'example'>): Json => ({
  id: '0190a8c5-0000-8000-8000-000000000001',
  type,
  version,
  source: owner,
  subject: 'id-1',
  sequence: kind === 'event' ? 1 : 0,
  time: '2026-01-01T00:00:00.000Z',
  correlationId: 'id-1',
  causationId: 'id-0',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  actor: `service:${owner}`,
  data: example,
})

/** The document is generated at the first request: it is the same for every caller. */
export function messageHandlers(
  api: Described,
  services: readonly Service[],
): Readonly<Record<keyof typeof messageOperations, OperationHandler<Operation>>> {
  const text = once(() => JSON.stringify(asyncApiDocument(api, services)))
  const page = servePage(() => messagesPage(api.description.title, sentMessages(services), schemaOf))
  return {
    readMessages: ({ c }) => c.checked(text(), 200, 'application/json'),
    readMessagesPage: ({ c }) => page(c),
  }
}
