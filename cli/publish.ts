/** Validates an event by its contract and publishes it with the official Pub/Sub client. */

import { randomBytes, randomUUID } from 'node:crypto'
import { services } from '../functions/index.ts'
import { tools } from '../functions/tools.ts'
import type { EventContract } from '../shared/contracts/contract.ts'
import { topicName } from '../shared/base/names.ts'
import { flag, main, requireRunning, text, UsageError } from './command.ts'
import { manualEvents, refusalOf } from './publish/by-hand.ts'
import { say, sayJson, shown } from './terminal.ts'

const events = manualEvents(services)
const example = `  npm run publish -- ${tools.examples?.publish ?? `TYPE '{"field":"value"}'`}`

void main('publish', {
  brief:
    'Publishes an event that some service accepts by hand. All other subscribers dead-letter it, and its owner does not record it.',
  about: example,
  words: { name: 'TYPE DATA', brief: 'the type of the event, and its data as JSON', max: 2 },
  options: {
    subject: text('ID', 'its subject; absent, the field of the data that comes first in the example of --list'),
    'dry-run': flag('print the envelope without publishing it'),
    list: flag('print the event types that go by hand, with the services that accept them and an example'),
  },
  async run(values, [type, json]) {
    if (values.list) {
      for (const [name, { acceptedBy, contract }] of events)
        say(`${name.padEnd(24)} ${acceptedBy.join(', ').padEnd(24)} ${JSON.stringify(contract.example)}`)
      if (events.size === 0) say('No service accepts an event by hand.')
      return
    }
    if (!type || json === undefined)
      throw new UsageError(`The event type or its data is missing. See --help, or --list.\n${example}`)
    const event = events.get(type)
    if (!event) throw new UsageError(refusalOf(type, services, tools.commands))
    const { contract, owner, acceptedBy, rejectedBy } = event
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
    const dead = rejectedBy.length === 0 ? '' : `, dead-lettered by ${rejectedBy.join(', ')}`
    const instead = tools.commands?.[owner]
    say(
      `${type} published as message ${shown(messageId)} (event ${envelope.id}): accepted by ${acceptedBy.join(', ')}${dead}`,
    )
    say(`${owner} owns it, and does not record this one${instead ? `. It does with ${instead}` : ''}.`)
    return
  },
})

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
