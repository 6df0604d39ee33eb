/** Payments with a provider whose answers are faulty, over a real connection. */

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createCaller } from '../../shared/runtime/caller.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { idToken, testConfig } from '../../shared/base/config.testing.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { paymentsContracts } from './contracts.ts'
import { payments } from './service.ts'

let server: Server
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

/** The delivery of an AuthorizePayment while the provider answers so. */
async function authorized(provider: RequestListener) {
  server = createServer(provider)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const platform = testPlatform(payments, {
    settings: {
      PAYMENT_PROVIDER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      PAYMENT_PROVIDER_API: '{"kind":"simulator"}',
    },
    callExternal: (url, options) => caller.callExternal(url, { ...options, timeoutMs: 30 }),
  })
  const caller = createCaller({
    peers: {},
    authorizationFor: async () => 'Bearer x',
    accessAuthorization: async () => 'Bearer x',
    secret: platform.secret,
    telemetry: platform.telemetry,
  })
  const http = createHttpApp(app, platform, testConfig('payments', { senders: { AuthorizePayment: ['orders'] } }))
  const { example, version } = paymentsContracts.commands.AuthorizePayment
  const command = message('AuthorizePayment', example, { sequence: 0, version })
  const response = await http.request('/commands/AuthorizePayment', {
    method: 'POST',
    body: JSON.stringify(command),
    headers: { 'content-type': 'application/json', authorization: idToken('payments', 'orders') },
  })
  return { response, platform }
}

it('a provider whose answer stalls in the middle is unavailable: the command is redelivered, and no bug is reported', async () => {
  const { response, platform } = await authorized((_, answer) => {
    answer.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
    answer.write('{"status":"authorized"')
  })
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
  expect(platform.logs.map(({ severity, event }) => [severity, event])).toEqual([['WARNING', 'message.retry-later']])
  expect(platform.published).toEqual([])
})
