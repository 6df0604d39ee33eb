/** Writes one subscription's messages into its BigQuery table, everything that is ready in one append. */

import { StatusError } from '../../core/status.ts'
import { bigqueryWriter, tableReference, type TableField } from './config.ts'
import { bigqueryRow } from './row.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Consumer, OutstandingMessage } from '../delivery/outstanding-message.ts'
import { limits } from '../values/limits.ts'
import { notWritable } from '../permissions.ts'
import type { BigQueryConfig } from '../values/records.ts'
import type { PubsubState } from '../state.ts'

interface Pending {
  readonly entry: OutstandingMessage
  readonly ackId: string
}

export class BigQueryAppender implements Consumer {
  readonly pipelinesKeys = true
  readonly keepsAlive = false
  readonly #state: PubsubState
  readonly #delivery: Delivery
  readonly #config: BigQueryConfig
  #pending: Pending[] = []
  #bytes = 0
  #writing = false

  constructor(state: PubsubState, delivery: Delivery, config: BigQueryConfig) {
    this.#state = state
    this.#delivery = delivery
    this.#config = config
  }

  hasRoom(): boolean {
    return this.#pending.length < limits.bigqueryBatchRows && this.#bytes < limits.bigqueryBatchBytes
  }

  take(entry: OutstandingMessage): void {
    this.#pending.push({ entry, ackId: entry.ackId })
    this.#bytes += entry.message.bytes
  }

  flush(): void {
    if (!this.#writing) void this.#write()
  }

  released(): void {
    // A batch is taken as a whole; a message that was released meanwhile is recognized by its ack id.
  }

  async #write(): Promise<void> {
    this.#writing = true
    // One turn later, so that messages published at the same time are in the same append.
    await Promise.resolve()
    while (this.#pending.length > 0) {
      const batch = this.#pending.filter(({ entry, ackId }) => entry.ackId === ackId && entry.state === 'outstanding')
      this.#pending = []
      this.#bytes = 0
      await this.#append(batch)
      this.#delivery.pump()
    }
    this.#writing = false
  }

  /** A batch that is refused for its rows is halved until the rows that do not fit stand alone. */
  async #append(batch: readonly Pending[]): Promise<void> {
    if (batch.length === 0) return
    const error = await this.#try(batch)
    if (!error) return this.#written(batch)
    if (batch.length > 1 && error.code === 'INVALID_ARGUMENT') {
      const middle = batch.length >> 1
      await this.#append(batch.slice(0, middle))
      await this.#append(batch.slice(middle))
      return
    }
    this.#logRequest(batch, error.httpStatus)
    for (const { entry, ackId } of batch) {
      entry.lastError = error.message
      this.#delivery.modifyDeadline(ackId, 0)
    }
  }

  async #try(batch: readonly Pending[]): Promise<StatusError | undefined> {
    try {
      const writer = bigqueryWriter(this.#state)
      const table = tableReference(this.#config.table)
      const fields = writer.tableSchema(table)?.fields
      if (!fields)
        throw new StatusError('NOT_FOUND', `The BigQuery table does not exist (table=${this.#config.table}).`)
      const denied = notWritable(this.#state.context, table, this.#config.serviceAccountEmail)
      if (denied) throw new StatusError('PERMISSION_DENIED', denied)
      await writer.appendRows(
        table,
        batch.map(({ entry }) => this.#row(entry, fields)),
      )
      return undefined
    } catch (error) {
      return error instanceof StatusError ? error : new StatusError('INTERNAL', String(error))
    }
  }

  #row(entry: OutstandingMessage, fields: readonly TableField[]): Record<string, unknown> {
    return bigqueryRow(entry.message.record, this.#config, { subscription: this.#delivery.record.name, fields })
  }

  #written(batch: readonly Pending[]): void {
    const { context } = this.#state
    context.count('pubsub.messages.delivered', batch.length)
    context.count(
      'pubsub.bigqueryBytes',
      batch.reduce((sum, { entry }) => sum + entry.message.bytes, 0),
    )
    this.#logRequest(batch, 200)
    for (const { ackId } of batch) this.#delivery.acknowledge(ackId)
  }

  /** Logs each message of an append separately, like each push, so that people find it by its id. */
  #logRequest(batch: readonly Pending[], status: number): void {
    const timeMs = this.#state.context.clock.now()
    for (const { entry } of batch)
      this.#state.context.logRequest({
        timeMs,
        kind: 'bigquery-subscription',
        resource: this.#delivery.record.name,
        target: this.#config.table,
        status,
        attempt: entry.failures + 1,
        messageId: entry.message.record.id,
      })
  }
}
