/** Reads dead letters for `npm run ops`: consumer, type, reason, age and content. */

import { services } from '../../functions/index.ts'
import { typeOf } from '../../shared/gcp/waiting.ts'
import { deadLetterName } from '../../shared/base/names.ts'
import { receivesMessages } from '../../shared/service/service.ts'
import { UsageError } from '../command.ts'
import { nearestOrAll } from '../../shared/base/nearest.ts'
import type { PullSubscriptions, Waiting } from './pull-subscriptions.ts'

export interface DeadLetter {
  /** The id that Pub/Sub gave the message in the dead-letter subscription. It is not the envelope's id. */
  readonly id: string
  /** The consumer that failed: a service's name, or `bigquery`. */
  readonly consumer: string
  /** The type of the event or command, such as `ticket.opened`. */
  readonly type: string
  readonly reason: string
  /** When it was dead-lettered, in milliseconds since the epoch. */
  readonly sinceMs: number
  /** The leased message. */
  readonly waiting: Waiting
}

/** Consumers with a dead-letter subscription, as the stacks declare them. */
export const consumers: readonly string[] = [...services.filter(receivesMessages).map(({ name }) => name), 'bigquery']

/** Leases the dead letters of one consumer, or of all. @throws UsageError for an unknown consumer. */
export async function readDeadLetters(subscriptions: PullSubscriptions, consumer?: string): Promise<DeadLetter[]> {
  if (consumer !== undefined && !consumers.includes(consumer))
    throw new UsageError(
      `"${consumer}" has no dead-letter subscription. ${nearestOrAll(consumer, consumers, 'These have one:')}`,
    )
  const chosen = consumer === undefined ? consumers : [consumer]
  const found = await Promise.all(
    chosen.map(async (one) =>
      (await subscriptions.pull(deadLetterName(one))).map((waiting) => deadLetter(one, waiting)),
    ),
  )
  return found.flat()
}

export const LETTERS_ON_A_PAGE = 50

interface Paging {
  readonly type: string | undefined
  readonly limit: number
  /** The last dead letter of the page before. */
  readonly after: string | undefined
}

/**
 * A page, oldest first, and how many dead letters follow it. Pub/Sub has no cursor: each page leases all of them.
 * @throws UsageError if there is no such dead letter any more
 */
export function pageOfLetters(
  letters: readonly DeadLetter[],
  { type, limit, after }: Paging,
): { readonly letters: readonly DeadLetter[]; readonly more: number } {
  const chosen = letters
    .filter((letter) => type === undefined || letter.type === type)
    .toSorted((a, b) => a.sinceMs - b.sinceMs || (a.id < b.id ? -1 : 1))
  const last = after === undefined ? -1 : chosen.findIndex(({ id }) => id === after)
  if (after !== undefined && last < 0)
    throw new UsageError(`There is no dead letter ${after} in this list any more: begin it without --after.`)
  const page = chosen.slice(last + 1, last + 1 + limit)
  return { letters: page, more: chosen.length - (last + 1) - page.length }
}

/** @throws UsageError if no dead letter has this id, or several consumers have one. */
export function deadLetterById(letters: readonly DeadLetter[], id: string): DeadLetter {
  const [found, ...others] = letters.filter((letter) => letter.id === id)
  if (!found) throw new UsageError(`There is no dead letter ${id}: npm run ops -- dead-letters lists them.`)
  if (others.length > 0)
    throw new UsageError(
      `${id} is a dead letter of ${[found, ...others].map(({ consumer }) => consumer).join(' and of ')}: name one with --service.`,
    )
  return found
}

function deadLetter(consumer: string, waiting: Waiting): DeadLetter {
  const { attributes } = waiting
  const type = typeOf(consumer, waiting)
  const deliveries = attributes['CloudPubSubDeadLetterSourceDeliveryCount']
  const reason =
    deliveries === undefined
      ? (attributes['reason'] ?? 'unknown reason')
      : `failed ${deliveries} deliveries: see npm run logs -- ${consumer}`
  return { id: waiting.messageId, consumer, type, reason, sinceMs: waiting.sinceMs, waiting }
}

/** The message as text, and parsed if it is JSON. Bytes that are not UTF-8 are returned as base64. */
export function contentOf({ waiting: { data } }: DeadLetter): { readonly text: string; readonly json?: unknown } {
  const text = data.toString('utf8')
  try {
    return { text, json: JSON.parse(text) as unknown }
  } catch {
    return Buffer.from(text, 'utf8').equals(data) ? { text } : { text: `base64: ${data.toString('base64')}` }
  }
}
