/** The messages between the services as a page: each with its ends, the schema of its data and its example. */

import { html } from 'hono/html'
import type { z } from 'zod'
import type { MessageContract } from '../contracts/contract.ts'
import { pageOf } from './docs-page.ts'

export interface SentMessage {
  readonly type: string
  readonly kind: 'event' | 'command'
  /** The names of services, as those at both ends. */
  readonly owner: string
  readonly contract: MessageContract
  readonly senders: readonly string[]
  readonly receivers: readonly string[]
}

type SchemaOf = (schema: z.ZodType) => object

export function messagesPage(title: string, messages: readonly SentMessage[], schemaOf: SchemaOf) {
  const byOwner = [...Map.groupBy(messages, ({ owner }) => owner)]
  const groups = byOwner.map(
    ([owner, own]) =>
      html`<h2>${owner}</h2>
        ${own.map((one) => section(one, schemaOf))}`,
  )
  return pageOf(
    `${title}: messages`,
    html`<p>
        The events and commands between the services, by their owner. Each arrives at least once, in any order.
        <a href="/asyncapi.json">asyncapi.json</a> <a href="/docs">The public API</a>
      </p>
      ${groups}`,
  )
}

const listed = (names: readonly string[], otherwise: string): string =>
  names.length > 0 ? names.join(', ') : otherwise

function section({ type, kind, contract, senders, receivers }: SentMessage, schemaOf: SchemaOf) {
  const { version, data, example } = contract
  return html`<section id="${type}">
    <h3><code>${type}</code></h3>
    <p>
      ${kind === 'event' ? 'Event' : 'Command'}, version ${version}. From ${listed(senders, 'operators')} to
      ${listed(receivers, 'BigQuery')}.
    </p>
    <pre>${JSON.stringify(example, undefined, 2)}</pre>
    <details>
      <summary>Schema</summary>
      <pre>${JSON.stringify(schemaOf(data), undefined, 2)}</pre>
    </details>
  </section>`
}
