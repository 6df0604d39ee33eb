/** A dead letter as an operator reads it: whose it is, what it is, why it was given up, and when. */

import { services } from '../../functions/index.ts'
import { typeOf } from '../../shared/gcp/waiting.ts'
import { deadLetterName } from '../../shared/base/names.ts'
import { receivesMessages } from '../../shared/service/service.ts'
import { UsageError } from '../command.ts'
import type { PullSubscriptions, Waiting } from './pull-subscriptions.ts'

export interface DeadLetter {
  /** Of the copy in the dead-letter subscription. */
  readonly id: string
  /** The one listener that could not take it: a service, or `bigquery`. */
  readonly listener: string
  /** Event or command. */
  readonly type: string
  readonly reason: string
  readonly sinceMs: number
  readonly waiting: Waiting
}

/** Listeners that have a place for dead letters, as the stacks declare them. */
export const listeners: readonly string[] = [...services.filter(receivesMessages).map(({ name }) => name), 'bigquery']

/** @throws UsageError for an unknown listener. */
export async function readDeadLetters(subscriptions: PullSubscriptions, listener?: string): Promise<DeadLetter[]> {
  if (listener !== undefined && !listeners.includes(listener))
    throw new UsageError(`"${listener}" has no dead letters. These may have: ${listeners.join(', ')}.`)
  const asked = listener === undefined ? listeners : [listener]
  const found = await Promise.all(
    asked.map(async (one) =>
      (await subscriptions.pull(deadLetterName(one))).map((waiting) => deadLetter(one, waiting)),
    ),
  )
  return found.flat()
}

/** @throws UsageError when no dead letter has this id, or more than one. */
export function theOne(letters: readonly DeadLetter[], id: string): DeadLetter {
  const [found, ...others] = letters.filter((letter) => letter.id === id)
  if (!found) throw new UsageError(`There is no dead letter ${id}: npm run ops -- dead-letters lists those that wait.`)
  if (others.length > 0)
    throw new UsageError(
      `${id} is a dead letter of ${[found, ...others].map(({ listener }) => listener).join(' and of ')}: name one with --service.`,
    )
  return found
}

function deadLetter(listener: string, waiting: Waiting): DeadLetter {
  const { attributes } = waiting
  const type = typeOf(listener, waiting)
  const deliveries = attributes['CloudPubSubDeadLetterSourceDeliveryCount']
  const reason =
    deliveries === undefined
      ? (attributes['reason'] ?? 'no reason was given')
      : `not taken in ${deliveries} deliveries: npm run logs -- ${listener} tells why`
  return { id: waiting.messageId, listener, type, reason, sinceMs: waiting.sinceMs, waiting }
}

/** The message as text, laid out when it is JSON. */
export function contentOf({ waiting: { data } }: DeadLetter): { readonly text: string; readonly json?: unknown } {
  const text = data.toString('utf8')
  try {
    return { text, json: JSON.parse(text) as unknown }
  } catch {
    return Buffer.from(text, 'utf8').equals(data) ? { text } : { text: `base64: ${data.toString('base64')}` }
  }
}
