/** One attack on a gateway, from one address, until the parent ends this process. */

import type { Socket } from 'node:net'
import { openRequest, type RawRequest } from '../support/raw-client.ts'

const [attack, port, mallory] = process.argv.slice(2) as [string, string, string]
const address = { 'x-forwarded-for': '203.0.113.66' }
const json = { ...address, 'content-type': 'application/json', 'idempotency-key': 'key-1' }
const webhook = '/v1/webhooks/payment-provider'
const madeUp = `Bearer ${['{"alg":"RS256","typ":"JWT","kid":"key-1"}', '{"sub":"x"}', 'x'.repeat(256)]
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.')}`
const manyHeaders = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`h${at.toString(36)}`, '']))

const open = (request: RawRequest): Promise<Socket> => openRequest(Number(port), request)

/** Runs so many attacks at once, and repeats each when it has ended. */
function always(count: number, act: () => Promise<unknown>): void {
  for (let at = 0; at < count; at++) {
    void (async () => {
      for (;;) await act().catch(() => {})
    })()
  }
}
const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => (socket.destroyed ? resolve(undefined) : socket.resume().once('close', resolve)))
/** Sends a head and the first byte of a body, and waits until the server closes the connection. */
const slowly = (path: string, headers: Record<string, string>) => async () => {
  const socket = await open({ path, headers, bodyBytes: 900 })
  socket.write('{')
  await closed(socket)
}
/** Sends request after request on one connection, each after the previous answer. */
const flooding = (request: RawRequest) => async () => {
  const socket = await open(request)
  const { method = 'GET', path, headers = {} } = request
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const text = [`${method} ${path} HTTP/1.1`, 'host: x', ...head, '', ''].join('\r\n')
  socket.on('data', () => void socket.write(text))
  await closed(socket)
}

const attacks: Readonly<Record<string, () => void>> = {
  'slow bodies': () => always(200, slowly(webhook, { ...json, 'webhook-signature': 'a.b.c' })),
  "slow bodies, a customer's token": () =>
    always(200, slowly('/v1/orders', { ...json, authorization: `Bearer ${mallory}` })),
  'slow heads': () =>
    always(500, async () => closed(await open({ method: 'GET', path: '/docs', headers: address, isUnfinished: true }))),
  flood: () => always(16, flooding({ method: 'GET', path: '/v1/orders/o-1', headers: address })),
  'flood of made-up tokens': () =>
    always(16, flooding({ method: 'GET', path: '/v1/orders/o-1', headers: { ...address, authorization: madeUp } })),
  'odd headers': () =>
    always(16, flooding({ method: 'GET', path: '/v1/orders/o-1', headers: { ...manyHeaders, ...address } })),
  'large bodies': () =>
    always(8, async () => {
      const socket = await open({ path: '/v1/orders', headers: json, bodyBytes: 1_000_000 })
      socket.write(Buffer.alloc(1_000_000, 'x'))
      await closed(socket)
    }),
  'hang-ups': () =>
    always(16, async () => {
      const socket = await open({ path: '/v1/orders', headers: json, bodyBytes: 900 })
      socket.resetAndDestroy()
      await closed(socket)
    }),
}

if (attack === 'names') process.send!(Object.keys(attacks))
else attacks[attack]!()
