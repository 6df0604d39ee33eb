/** Delivers a message to a service as its runtime does: parsed from bytes by its contract. */

import type { ServiceApp } from '../service/service-app.ts'
import { type Envelope, envelopeSchema } from '../contracts/envelope.ts'
import { derivedId } from '../base/ids.ts'
import { commandContract, eventContract, inCurrentVersion, readEnvelope } from './messages.ts'
import { contractsOf, type Service } from '../service/service.ts'
import { accessOf } from './submissions.ts'
import { startOfTests, testTrace, type TestPlatform } from './platform.testing.ts'

export interface MessageOptions extends Partial<Omit<Envelope, 'type' | 'data'>> {
  /** Distinguishes messages of the same type; the same key gives the same message. */
  readonly key?: string | number
}

/** The first field of a message's data is its subject, as in the examples of the contracts. */
const subjectOf = (data: unknown): string => {
  const [first] = Object.values(data ?? {}) as unknown[]
  return typeof first === 'string' ? first : 'test'
}

/** A message of another service; its id is derived from type, subject and key. */
export function message<Type extends string, Data>(
  type: Type,
  data: Data,
  { key = '', ...given }: MessageOptions = {},
): Envelope<Type, Data> {
  const subject = given.subject ?? subjectOf(data)
  return {
    id: derivedId('test', type, subject, key),
    version: 1,
    source: 'test',
    subject,
    sequence: 1,
    time: startOfTests,
    correlationId: subject,
    causationId: 'test',
    traceparent: testTrace,
    actor: 'tester:tester-1',
    ...given,
    type,
    data,
  }
}

/** The present version of an event that the service receives, or of a command. */
export const versionOf = (service: Pick<Service, 'contracts' | 'uses'>, type: string): number =>
  contractsOf(service)
    .flatMap(({ events, commands }) => [events, commands])
    .find((contracts) => Object.hasOwn(contracts, type))?.[type]!.version ?? 1

/** Delivers an event or a command, depending on the handler that the service has for its type. */
export async function deliver(app: ServiceApp, platform: TestPlatform, given: Envelope): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(envelopeSchema.parse(given)))
  const { service } = platform
  const delivery = { messageId: `delivery of ${given.id}` }
  const message = readEnvelope(bytes, given.type)
  if (app.on[given.type]) {
    const contract = eventContract(given.type, contractsOf(service))
    await app.on[given.type]!(inCurrentVersion(message, contract), platform, delivery)
  } else {
    const handler = app.commands[given.type]
    if (!handler) throw new Error(`${service.name} takes no ${given.type}.`)
    const contract = commandContract(given.type, service.contracts)
    await handler(inCurrentVersion(message, contract), platform, delivery)
  }
}

/** Asks the service's check of a submitted command, as its runtime does before it answers 202. */
export const checkSubmitted = async (
  app: ServiceApp,
  platform: TestPlatform,
  { type, data, actor = 'tester:tester-1', limitedTo }: SubmittedForTest,
): Promise<void> => app.checksSubmitted![type]!(data as never, platform, accessOf(actor, limitedTo))

interface SubmittedForTest {
  readonly type: string
  readonly data: object
  readonly actor?: string
  readonly limitedTo?: string
}
