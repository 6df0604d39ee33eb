/** Validates an event by its contract and publishes it with the official Pub/Sub client. */

import { randomBytes, randomUUID } from 'node:crypto'
import { services } from '../functions/index.ts'
import { tools } from '../functions/tools.ts'
import type { EventContract } from '../shared/contracts/contract.ts'
import { topicName } from '../shared/base/names.ts'
import { runtimeContracts } from '../shared/contracts/runtime-events.ts'
import { flag, main, requireRunning, text, UsageError } from './command.ts'
import { say, sayJson, shown } from './terminal.ts'

const example = `  npm run publish -- ${tools.examples?.publish ?? `TYPE '{"field":"value"}'`}`

void main('publish', {
  brief:
    'Publishes an event to its topic. Only services that accept manual events of this type handle it; others dead-letter it.',
  about: example,
  words: { name: 'TYPE DATA', brief: 'the type of the event, and its data as JSON', max: 2 },
  options: {
    subject: text('ID', 'its subject; absent, the field of the data that comes first in the example of --list'),
    'dry-run': flag('print the envelope without publishing it'),
    list: flag('print every event type with an example'),
  },
  async run(values, [type, json]) {
    if (values.list) {
      for (const [name, contract] of contracts()) say(`${name.padEnd(24)} ${JSON.stringify(contract.example)}`)
      return
    }
    if (!type || json === undefined)
      throw new UsageError(`The event type or its data is missing. See --help, or --list.\n${example}`)
    const contract = contracts().get(type)
    if (!contract)
      throw new UsageError(`No service emits "${type}". The event types are: ${[...contracts().keys()].join(', ')}.`)
    const data = checked(type, contract, json)
    const subject = values.subject ?? subjectOf(contract, data)
    const envelope = {
      id: randomUUID(),
      type,
      version: contract.version,
      source: 'cli',
      subject,
      // 0: a manual event is not part of the numbered stream of its subject.
      sequence: 0,
      time: new Date().toISOString(),
      correlationId: subject,
      causationId: 'cli',
      traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`,
      actor: 'operator:cli',
      data,
    }
    if (values['dry-run']) return sayJson(envelope)
    const running = requireRunning()
    process.env['PUBSUB_EMULATOR_HOST'] = running.apiHost
    const { PubSub } = await import('@google-cloud/pubsub')
    const pubsub = new PubSub({ projectId: running.projectId })
    const messageId = await pubsub
      .topic(topicName(type))
      .publishMessage({ json: envelope, attributes: { type, traceparent: envelope.traceparent } })
    await pubsub.close()
    say(`${type} published as message ${shown(messageId)} (event ${envelope.id})`)
    return
  },
})

function contracts(): Map<string, EventContract> {
  return new Map(
    [...services.map((service) => service.contracts), runtimeContracts].flatMap(({ events }) =>
      Object.entries<EventContract>(events),
    ),
  )
}

function checked(type: string, contract: EventContract, json: string): object {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new UsageError(`The data is not JSON: ${(error as Error).message}`)
  }
  const parsed = contract.data.safeParse(value)
  if (parsed.success) return parsed.data as object
  const faults = parsed.error.issues.map(
    (issue) => `  data${issue.path.map((part) => `.${String(part)}`).join('')}: ${issue.message}`,
  )
  throw new UsageError(
    `${type} breaks its contract:\n${faults.join('\n')}\nA valid example: ${JSON.stringify(contract.example)}`,
  )
}

/** An event names its subject first. */
function subjectOf({ example: named }: EventContract, data: object): string {
  const [first] = Object.keys(named as object)
  const value = first === undefined ? undefined : (data as Readonly<Record<string, unknown>>)[first]
  return typeof value === 'string' ? value : 'none'
}
