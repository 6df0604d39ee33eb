/** Commands print texts of others without control characters. */

import { serve } from '@hono/node-server'
import { PubSub } from '@google-cloud/pubsub'
import { Hono } from 'hono'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { bigquery } from 'local-google-cloud/bigquery'
import { cloudRun } from 'local-google-cloud/cloud-run'
import { cloudTasks } from 'local-google-cloud/cloud-tasks'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { pubsub } from 'local-google-cloud/pubsub'
import { telemetry } from 'local-google-cloud/telemetry'
import { deadLetterName, stuckSubscription } from '../../shared/base/names.ts'
import { announce, type Ended, run, temporaryDirectory, type TemporaryDirectory } from '../support/command.ts'

/** Sets the title, clears the screen, hides the line, reverses the direction, begins a new line. */
const hostile = '\u001B]0;owned\u0007\u009B2J\u001B[8m\u202Eevil\u2066\u007F\r\nforged line\u0085'
const project = { id: 'millrace-local', number: '100000000000', region: 'europe-west1' }
const traceId = '0af7651916cd43dd8448eb211c80319c'
const ORDER = 'o-1'

let cloud: LocalCloud
let data: TemporaryDirectory
let publisher: PubSub
let gateway: Server
let letterId: string

/** An API whose every text is hostile; it refuses every POST except those for an order. */
function hostileGateway(): Hono {
  const http = new Hono()
  const order = { orderId: ORDER, status: 'completed', reason: hostile, currency: hostile, totalMinor: 1 }
  const entry = { eventId: 'e', type: 'order.completed', source: hostile, time: '2026-01-01T00:00:00.000Z' }
  http.post('/v1/token', (c) => c.json({ token: 't', expiresAt: '2099-01-01T00:00:00.000Z' }))
  http.post('/v1/addresses', (c) => c.json({ addressRef: hostile }, 201))
  http.post('/v1/payment-methods', (c) => c.json({ paymentMethodRef: hostile }, 201))
  http.get('/v1/orders/:orderId', (c) => c.json({ ...order, timeline: { entries: [entry] } }))
  http.get('/v1/orders/:orderId/saga', (c) =>
    c.json({
      orderId: hostile,
      status: hostile,
      stuck: true,
      waitsFor: [{ step: hostile, attempt: 1, until: hostile }],
    }),
  )
  http.post('/v1/orders', (c) => c.json({ orderId: hostile }, 201))
  http.post('/v1/orders/:orderId/retry', (c) => c.json({}, 202))
  http.all('*', (c) => c.json({ status: 422, code: hostile, detail: hostile }, 422))
  return http
}

beforeAll(async () => {
  cloud = await createLocalCloud({
    plugins: [
      pubsub,
      cloudTasks,
      cloudRun({ addressOf: () => ({ port: 0 }), environmentOf: () => ({}), workingDirectory: '.' }),
      bigquery(),
      telemetry({ correlation: 'millrace.correlation_id' }),
    ],
    project,
  })
  vi.stubEnv('PUBSUB_EMULATOR_HOST', cloud.ownerHost)
  publisher = new PubSub({ projectId: project.id })
  gateway = serve({ fetch: hostileGateway().fetch, port: 0, hostname: '127.0.0.1' }) as Server
  if (!gateway.listening) await once(gateway, 'listening')
  const publicUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
  data = temporaryDirectory()
  const running = {
    pid: process.pid,
    projectId: project.id,
    apiHost: cloud.ownerHost,
    region: project.region,
    publicUrl,
    serviceUrls: {},
    identityUrl: publicUrl,
    secret: cloud.secret,
    dataDirectory: data.path,
  }
  announce({ running }, data.path)
  writeLogs()
  await publishLetters()
  await sendSpans()
}, 60_000)
afterAll(async () => {
  vi.unstubAllEnvs()
  await publisher?.close()
  gateway?.close()
  await cloud?.close()
  data?.remove()
})

function writeLogs(): void {
  mkdirSync(join(data.path, 'logs'))
  const line = {
    severity: 'INFO',
    message: hostile,
    time: '2026-01-01T00:00:00.000Z',
    correlationId: hostile,
    detail: hostile,
    'logging.googleapis.com/trace': `projects/p/traces/${traceId}`,
    'logging.googleapis.com/spanId': '1'.repeat(16),
  }
  const plain = hostile.replaceAll(/[\r\n]/g, '')
  const error = { ...line, severity: 'ERROR', reason: hostile, error: hostile, [hostile]: hostile }
  const lines = [JSON.stringify(line), JSON.stringify(error), plain]
  writeFileSync(join(data.path, 'logs', 'orders.log'), `${lines.join('\n')}\n`)
}

async function publishLetters(): Promise<void> {
  for (const name of [deadLetterName('orders'), stuckSubscription]) {
    const topic = `projects/${project.id}/topics/${name}`
    await cloud.api('PUT', `/v1/${topic}`, {})
    await cloud.api('PUT', `/v1/projects/${project.id}/subscriptions/${name}`, { topic })
  }
  await cloud.api('PUT', `/v1/projects/${project.id}/topics/price.changed`, {})
  letterId = await publisher.topic(deadLetterName('orders')).publishMessage({
    data: Buffer.from(hostile),
    attributes: { type: hostile, reason: hostile, [hostile]: hostile },
  })
  await publisher.topic(stuckSubscription).publishMessage({
    json: { source: 'orders', data: { sagaId: ORDER, reason: hostile } },
  })
}

async function sendSpans(): Promise<void> {
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  const span = {
    traceId,
    spanId: '1'.repeat(16),
    name: hostile,
    kind: 2,
    startTimeUnixNano: '1767225600000000000',
    endTimeUnixNano: '1767225600012500000',
    attributes: [text('millrace.correlation_id', ORDER), text('millrace.attempt', hostile)],
    status: { code: 2, message: hostile },
  }
  const resource = { attributes: [text('service.name', hostile)] }
  const response = await fetch(`http://${cloud.ownerHost}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }),
  })
  expect(response.status).toBe(200)
}

/** Matches control characters, except the line feeds of the command itself. */
const rawControlCharacters = /[^\P{Cc}\n]|[\p{Cs}\u2028\u2029\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u

function expectShown({ stdout, stderr }: Ended): string {
  const output = stdout + stderr
  const found = rawControlCharacters.exec(output)
  expect(found && output.slice(Math.max(0, found.index - 40), found.index + 40)).toBeNull()
  expect(output).not.toMatch(/^forged line/m)
  return output
}

const sql = String.raw`SELECT '\x1b]0;owned\x07\u009b2J\u202eevil\r\nforged line' AS text, 1 AS number`

describe('a command that prints text from others', { timeout: 60_000 }, () => {
  it.each<[string, string, string[]]>([
    ['query', 'cli/query.ts', [sql]],
    ['query that is refused', 'cli/query.ts', ['SELECT `\u001B]0;owned\u0007\u202E` AS a']],
    ['query --json', 'cli/query.ts', [sql, '--json']],
    ['logs', 'cli/logs.ts', ['--no-follow']],
    ['logs --json', 'cli/logs.ts', ['--no-follow', '--json']],
    ['trace', 'cli/trace.ts', [ORDER]],
    ['trace --json', 'cli/trace.ts', [ORDER, '--json']],
    ['order', 'functions/shop/cli/order.ts', ['--sku', 'TEA-001']],
    ['order --json', 'functions/shop/cli/order.ts', ['--sku', 'TEA-001', '--json']],
    ['ops dead-letters', 'cli/ops.ts', ['dead-letters', '--service', 'orders']],
    ['ops dead-letters --json', 'cli/ops.ts', ['dead-letters', '--service', 'orders', '--json']],
    ['ops dead-letters ID', 'cli/ops.ts', ['dead-letters', 'LETTER', '--service', 'orders']],
    ['ops replay', 'cli/ops.ts', ['replay', '--all', '--service', 'orders', '--reason', 'test']],
    ['ops stuck', 'cli/ops.ts', ['stuck']],
    ['ops retry', 'cli/ops.ts', ['retry', ORDER, '--reason', 'test']],
    ['price', 'functions/shop/cli/price.ts', ['--sku', 'TEA-001', '--unit-minor', '1250']],
    ['publish', 'cli/publish.ts', ['price.changed', '{"sku":"TEA-001","unitMinor":1250,"currency":"EUR"}']],
    ['import', 'functions/shop/cli/import.ts', ['--timeout', '2']],
  ])('%s', async (_name, file, args) => {
    const output = expectShown(
      await run(
        file,
        args.map((arg) => (arg === 'LETTER' ? letterId : arg)),
        data.path,
      ),
    )
    if (file !== 'cli/publish.ts') expect(output).toMatch(/u001b|u202e/)
  })
})
