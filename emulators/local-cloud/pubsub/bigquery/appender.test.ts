import { describe, expect, it } from 'vitest'
import { StatusError } from '../../core/status.ts'
import type { BigQueryWriter, TableField } from './config.ts'
import { fakeCloud, publishText, seconds, SUBSCRIPTION, TOPIC, withSubscription } from '../fake-cloud.testing.ts'

const field = (name: string, type: string): TableField => ({ name, type, mode: 'NULLABLE' })
const EVENTS = [
  field('data', 'JSON'),
  field('subscription_name', 'STRING'),
  field('message_id', 'STRING'),
  field('publish_time', 'TIMESTAMP'),
  field('attributes', 'JSON'),
]

class FakeTable implements BigQueryWriter {
  fields: readonly TableField[] | undefined
  readonly appends: Record<string, unknown>[][] = []
  refuses: ((row: Record<string, unknown>) => boolean) | undefined

  constructor(fields: readonly TableField[] | undefined) {
    this.fields = fields
  }

  async appendRows(_: unknown, rows: readonly Record<string, unknown>[]): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (rows.some((row) => this.refuses?.(row))) throw new StatusError('INVALID_ARGUMENT', 'a row does not fit')
    this.appends.push([...rows])
  }

  tableSchema() {
    return this.fields && { fields: this.fields }
  }

  get rows() {
    return this.appends.flat()
  }
}

function writing(table: FakeTable, config: object = {}, settings: object = {}) {
  const cloud = fakeCloud({ peers: { bigquery: table } })
  const bigqueryConfig = { table: 'p.events.orders', writeMetadata: true, ...config }
  return withSubscription(cloud, { bigqueryConfig, ...settings })
}

describe('a BigQuery subscription', () => {
  it('writes data and metadata of all ready messages in one append', async () => {
    const table = new FakeTable(EVENTS)
    const cloud = writing(table)
    const messages = Array.from({ length: 200 }, (_, n) => ({
      data: Buffer.from(JSON.stringify({ n })),
      attributes: { a: 'b' },
    }))
    const { messageIds } = cloud.core.publisher.publish({ topic: TOPIC, messages })
    await cloud.clock.settle()
    expect(table.appends.map(({ length }) => length)).toEqual([200])
    expect(cloud.requests.map(({ messageId, status }) => [messageId, status])).toEqual(
      messageIds.map((id) => [id, 200]),
    )
    expect(table.rows[7]).toEqual({
      data: '{"n":7}',
      subscription_name: SUBSCRIPTION,
      message_id: messageIds[7],
      publish_time: '2026-01-01T00:00:00.000Z',
      attributes: '{"a":"b"}',
    })
    expect(cloud.core.retainedMessageCount()).toBe(0)
    expect(cloud.counts.get('pubsub.bigqueryBytes')).toBe(messages.reduce((sum, { data }) => sum + data.length + 22, 0))
    expect(cloud.counts.get('pubsub.deliveryBytes')).toBeUndefined()
  })

  it('lists why the last append of a waiting message failed', async () => {
    const table = new FakeTable(EVENTS)
    table.refuses = () => true
    const cloud = writing(table, {}, { retryPolicy: { minimumBackoff: seconds(10), maximumBackoff: seconds(10) } })
    publishText(cloud, '1')
    await cloud.clock.settle()
    expect(cloud.core.backlogs()).toMatchObject([{ waiting: 1, attempts: 1, lastError: 'a row does not fit' }])
  })

  it('isolates invalid rows and dead-letters them', async () => {
    const table = new FakeTable(EVENTS)
    table.refuses = ({ data }) => data === '13'
    const dead = 'projects/p/topics/dead'
    const cloud = fakeCloud({ peers: { bigquery: table } })
    cloud.core.publisher.createTopic({ name: dead })
    cloud.core.subscriber.createSubscription({ name: 'projects/p/subscriptions/dead', topic: dead })
    withSubscription(cloud, {
      bigqueryConfig: { table: 'p:events.orders', writeMetadata: true },
      deadLetterPolicy: { deadLetterTopic: dead, maxDeliveryAttempts: 5 },
    })
    for (let n = 0; n < 20; n++) publishText(cloud, n === 4 ? 'not JSON' : String(n))
    await cloud.clock.advance(600_000)
    expect(table.rows.map(({ data }) => Number(data)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, n) => n).filter((n) => n !== 4 && n !== 13),
    )
    expect(cloud.core.backlog('projects/p/subscriptions/dead').undelivered).toBe(2)
    expect(cloud.core.backlog(SUBSCRIPTION).undelivered).toBe(0)
  })

  it('keeps the messages while the table is missing, logs 404, and writes them when it exists', async () => {
    const table = new FakeTable(EVENTS)
    const cloud = writing(table)
    table.fields = undefined
    publishText(cloud, '{}')
    await cloud.clock.advance(10_000)
    expect(cloud.core.subscriber.getSubscription({ subscription: SUBSCRIPTION })).toMatchObject({
      state: 'RESOURCE_ERROR',
      bigqueryConfig: { state: 'NOT_FOUND' },
    })
    table.fields = [field('data', 'INTEGER')]
    expect(cloud.core.subscriber.getSubscription({ subscription: SUBSCRIPTION })).toMatchObject({
      bigqueryConfig: { state: 'SCHEMA_MISMATCH' },
    })
    table.fields = EVENTS
    await cloud.clock.advance(60_000)
    expect(table.rows).toHaveLength(1)
    expect(cloud.requests.some(({ status }) => status === 404)).toBe(true)
    expect(cloud.requests.at(-1)).toMatchObject({
      kind: 'bigquery-subscription',
      status: 200,
      target: 'p.events.orders',
    })
  })

  it('is refused at creation when its table is missing or lacks the columns', () => {
    expect(() => writing(new FakeTable(undefined))).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
    expect(() => writing(new FakeTable([field('data', 'JSON')]))).toThrow('it has no column "subscription_name"')
    expect(() => writing(new FakeTable([]), { writeMetadata: false })).toThrow('it has no column "data"')
    expect(() => writing(new FakeTable(EVENTS), { table: 'nonsense' })).toThrow('name it as project.dataset.table')
    expect(() => writing(new FakeTable(EVENTS), { useTopicSchema: true })).toThrow(
      'use_topic_schema in bigquery_config is not emulated',
    )
    expect(() => writing(new FakeTable(EVENTS), {}, { pushConfig: { pushEndpoint: 'http://x.test' } })).toThrow(
      'only one of',
    )
  })

  it('writes the fields into columns with use_table_schema', async () => {
    const table = new FakeTable([field('sku', 'STRING'), field('quantity', 'INTEGER')])
    const cloud = writing(table, { useTableSchema: true, writeMetadata: false, dropUnknownFields: true })
    publishText(cloud, '{"sku":"TEA-001","quantity":2,"other":true}')
    await cloud.clock.settle()
    expect(table.rows).toEqual([{ sku: 'TEA-001', quantity: 2 }])
  })

  it.each([
    ['a JSON column', EVENTS, {}],
    ['the table schema', [field('a', 'JSON')], { useTableSchema: true, writeMetadata: false }],
  ])('refuses data that is nested deeper than BigQuery allows: %s', async (_, fields, settings) => {
    const table = new FakeTable(fields)
    const cloud = writing(table, settings)
    publishText(cloud, `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
    await cloud.clock.settle()
    expect(table.rows).toEqual([])
    expect(cloud.requests.at(-1)).toMatchObject({ status: 400 })
  })

  it.each([
    ['a STRING column', [field('data', 'STRING')], { writeMetadata: false }],
    ['a JSON column', EVENTS, {}],
    ['the table schema', [field('a', 'STRING')], { useTableSchema: true, writeMetadata: false }],
  ])('refuses data that is not UTF-8: %s', async (_, fields, settings) => {
    const table = new FakeTable(fields)
    const cloud = writing(table, settings)
    const [before, after] = ['{"a":"', '"}'].map((text) => Buffer.from(text))
    cloud.core.publisher.publish({
      topic: TOPIC,
      messages: [{ data: Buffer.concat([before!, Buffer.from([0xff]), after!]) }],
    })
    await cloud.clock.settle()
    expect(table.rows).toEqual([])
    expect(cloud.core.backlogs()).toMatchObject([
      { waiting: 1, lastError: expect.stringContaining('is not UTF-8, which its column or schema needs') as string },
    ])
  })

  it('writes bytes as base64 and text as text, by the type of the column', async () => {
    for (const [type, expected] of [
      ['BYTES', Buffer.from('héllo').toString('base64')],
      ['STRING', 'héllo'],
    ] as const) {
      const table = new FakeTable([field('data', type)])
      const cloud = writing(table, { writeMetadata: false })
      publishText(cloud, 'héllo')
      await cloud.clock.settle()
      expect(table.rows).toEqual([{ data: expected }])
    }
  })
})
