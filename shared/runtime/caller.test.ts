import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createCaller } from './caller.ts'
import { withDeadline } from '../base/deadline.ts'
import { Cancelled, ClientClosed, DeadlineExceeded, Unavailable } from '../base/errors.ts'
import type { AuthorizationFor } from '../gcp/id-tokens.ts'
import { testTelemetry } from '../instrumentation/telemetry.testing.ts'
import { parseTrace } from '../base/trace.ts'

interface ReceivedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

/** A callee that answers these statuses in turn, and then always the last one; 0: no answer. */
async function calleeThat(...answers: number[]) {
  return calleeFor(async (audience) => `Bearer for ${audience}`, ...answers)
}

async function calleeFor(authorizationFor: AuthorizationFor, ...answers: number[]) {
  const requests: ReceivedRequest[] = []
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')))
    request.on('end', () => {
      const status = answers[Math.min(requests.length, answers.length - 1)]!
      requests.push({ method: request.method!, url: request.url!, headers: request.headers, body })
      if (status > 0) response.writeHead(status, { 'content-type': 'application/json' }).end('{"ok":true}')
    })
  })
  return { requests, ...(await calleeOf(server, authorizationFor)) }
}

async function calleeOf(callee: Server, authorizationFor: AuthorizationFor = async () => 'Bearer id') {
  await new Promise<void>((resolve) => callee.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(callee.address() as AddressInfo).port}`
  const recorded = testTelemetry({ service: 'shop' })
  const caller = createCaller({
    peers: { catalog: origin },
    authorizationFor,
    accessAuthorization: async () => 'Bearer access',
    secret: (name) => `value-of-${name}`,
    telemetry: recorded.telemetry,
  })
  return { origin, ...recorded, ...caller }
}

describe('a query to a service', () => {
  it("sends this service's token twice: for the ingress, which removes the signature, and for the callee", async () => {
    const { call, requests, origin } = await calleeThat(200)
    const response = await call('catalog', '/products/A%20B')
    expect(await response.json()).toEqual({ ok: true })
    expect(requests[0]).toMatchObject({
      method: 'GET',
      url: '/products/A%20B',
      headers: {
        'x-serverless-authorization': `Bearer for ${origin}`,
        authorization: `Bearer for ${origin}`,
      },
    })
  })

  it('waits for its token no longer than for an answer', async () => {
    const { call, callExternal, requests, origin } = await calleeFor(() => new Promise(() => {}), 200)
    const options = { method: 'POST', operation: 'carrier.book', timeoutMs: 20 }
    for (const answer of [call('catalog', '/', { timeoutMs: 20 }), callExternal(`${origin}/`, options)]) {
      await expect(answer).rejects.toBeInstanceOf(Unavailable)
      // The request for the token continues.
      await expect(answer).rejects.not.toBeInstanceOf(Cancelled)
    }
    expect(requests).toEqual([])
  })

  it('has the span of the calling work as parent, with its sampling', async () => {
    const { call, requests, telemetry, spans } = await calleeThat(200)
    const about = { method: 'POST', isDelivery: false, header: () => undefined }
    await telemetry.request(about, async () => ({ status: (await call('catalog', '/')).status }))
    expect(spans).toHaveLength(1)
    expect(parseTrace(String(requests[0]!.headers['x-millrace-traceparent']))).toEqual(spans[0]!.context)
  })

  it('passes on a refusal of the service', async () => {
    const { call, requests } = await calleeThat(404)
    expect((await call('catalog', '/')).status).toBe(404)
    expect(requests).toHaveLength(1)
  })

  it('is retried after a transient failure', async () => {
    const { call, requests } = await calleeThat(503, 503, 200)
    expect((await call('catalog', '/')).status).toBe(200)
    expect(requests).toHaveLength(3)
  })

  it.each([
    [true, 2],
    [false, 1],
  ])('that is declared as hedged (%s) and takes longer than most gets %s requests', async (hedged, sent) => {
    // So many answers are needed, and none of them is asked for twice.
    const ready = Array.from({ length: 20 }, () => 200)
    const { call, requests, openCircuits, measures } = await calleeThat(...ready, 0, 200)
    for (const _ of ready) await call('catalog', '/', { hedged })
    const slow = call('catalog', '/', { hedged, timeoutMs: hedged ? 5_000 : 50 }).catch(() => undefined)
    expect((await slow)?.status).toBe(hedged ? 200 : undefined)
    expect([requests.length - ready.length, openCircuits()]).toEqual([sent, []])
    expect(measures.filter(({ name }) => name === 'millrace.hedged_reads')).toEqual(
      hedged
        ? [
            {
              name: 'millrace.hedged_reads',
              value: 1,
              attributes: { service: 'shop', callee: 'catalog', outcome: 'second' },
            },
          ]
        : [],
    )
  })

  it('is unavailable when it keeps failing', async () => {
    const { call, requests } = await calleeThat(500)
    await expect(call('catalog', '/')).rejects.toBeInstanceOf(Unavailable)
    expect(requests).toHaveLength(3)
  })

  it('is unavailable when it refuses the connection, or does not answer in time', async () => {
    const silent = await calleeThat(0)
    await expect(silent.call('catalog', '/', { timeoutMs: 30 })).rejects.toBeInstanceOf(Unavailable)
    const { telemetry } = testTelemetry({ service: 'shop' })
    const peers = { catalog: 'http://127.0.0.1:1' }
    const { call } = createCaller({
      peers,
      authorizationFor: async () => '',
      accessAuthorization: async () => '',
      telemetry,
    })
    await expect(call('catalog', '/')).rejects.toBeInstanceOf(Unavailable)
  })

  it('that changes something is sent once', async () => {
    const { call, requests } = await calleeThat(503)
    await expect(call('catalog', '/', { method: 'POST', body: { a: 1 } })).rejects.toBeInstanceOf(Unavailable)
    expect(requests).toMatchObject([
      { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } },
    ])
  })

  it('fails at once without a request after many failures', async () => {
    const { call, requests } = await calleeThat(500)
    for (let index = 0; index < 10; index++)
      await expect(call('catalog', '/', { method: 'POST' })).rejects.toBeInstanceOf(Unavailable)
    expect(requests).toHaveLength(8)
  })

  it('reports the callees whose circuits are open', async () => {
    const { call, openCircuits } = await calleeThat(500)
    for (let index = 0; index < 7; index++) await call('catalog', '/', { method: 'POST' }).catch(() => {})
    expect(openCircuits()).toEqual([])
    await call('catalog', '/', { method: 'POST' }).catch(() => {})
    expect(openCircuits()).toEqual(['catalog'])
  })

  it('sends the remaining time of its deadline, which shrinks with each attempt and ends with the request that it serves', async () => {
    const { call, requests } = await calleeThat(503, 200)
    const deadlines = (): number[] => requests.map(({ headers }) => Number(headers['x-deadline-ms']))
    await call('catalog', '/', { timeoutMs: 4_000 })
    expect(deadlines()[0]).toBeGreaterThan(3_000)
    expect(deadlines()[0]).toBeLessThanOrEqual(4_000)
    expect(deadlines()[1]).toBeLessThan(deadlines()[0]!)
    await withDeadline(3_000, () => call('catalog', '/', { timeoutMs: 20_000 }))
    expect(deadlines()[2]).toBeLessThanOrEqual(3_000)
  })

  it('is not sent after the deadline of its request', async () => {
    const { call, requests } = await calleeThat(200)
    const { promise: work, resolve: goOn } = Promise.withResolvers<void>()
    let late: Promise<Response> | undefined
    const request = withDeadline(1, () => (late = work.then(() => call('catalog', '/'))))
    await expect(request).rejects.toBeInstanceOf(DeadlineExceeded)
    goOn()
    await expect(late).rejects.toBeInstanceOf(DeadlineExceeded)
    expect(requests).toEqual([])
  })

  it('is unavailable when its answer stops halfway', async () => {
    server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
      response.write('{"ok":', () => response.destroy())
    })
    const { call } = await calleeOf(server)
    await expect(call('catalog', '/', { method: 'POST' })).rejects.toBeInstanceOf(Unavailable)
  })

  it('ends when its client disconnects, which the circuit ignores', async () => {
    const { call, requests, openCircuits } = await calleeThat(0)
    for (let options = 1; options <= 10; options++) {
      const client = new AbortController()
      const answer = withDeadline(10_000, () => call('catalog', '/'), { disconnect: client.signal })
      const refused = expect(answer).rejects.toBeInstanceOf(ClientClosed)
      await vi.waitFor(() => expect(requests).toHaveLength(options))
      client.abort(new ClientClosed())
      await refused
    }
    expect(openCircuits()).toEqual([])
  })

  it('changes the circuit of its callee, which is logged and counted', async () => {
    const { call, logs, measures } = await calleeThat(500)
    for (let index = 0; index < 9; index++) await call('catalog', '/', { method: 'POST' }).catch(() => {})
    expect(logs).toMatchObject([
      {
        severity: 'WARNING',
        event: 'circuit.changed',
        fields: { callee: 'catalog', state: 'open', reason: expect.stringContaining('answered 500') },
      },
    ])
    expect(measures).toEqual([
      {
        name: 'millrace.circuit.transitions',
        value: 1,
        attributes: { service: 'shop', callee: 'catalog', state: 'open' },
      },
    ])
  })

  it('to a service that the description does not name is a bug', async () => {
    const { call } = await calleeThat(200)
    await expect(call('payments', '/')).rejects.not.toBeInstanceOf(Unavailable)
  })
})

describe('a call to a partner', () => {
  it('sends identity and idempotency key', async () => {
    const { callExternal, requests, origin } = await calleeThat(201)
    await callExternal(`${origin}/v1/authorizations`, {
      method: 'POST',
      operation: 'provider.authorize',
      body: { amount: 1 },
      idempotencyKey: 'o-1:auth',
    })
    expect(requests[0]).toMatchObject({
      method: 'POST',
      body: '{"amount":1}',
      headers: { authorization: `Bearer for ${origin}`, 'idempotency-key': 'o-1:auth' },
    })
  })

  it('sends the secret that the partner gave, and no identity; an error does not show it', async () => {
    const { callExternal, requests, origin } = await calleeThat(201, 400)
    const options = { method: 'POST', operation: 'provider.authorize', token: { secret: 'provider-key' } }
    await callExternal(origin, options)
    expect(requests[0]!.headers.authorization).toBe('Bearer value-of-provider-key')
    const refused = callExternal(origin, options)
    await expect(refused).rejects.toThrow('was refused with 400')
    await expect(refused).rejects.not.toThrow('value-of-provider-key')
  })

  it('sends no credential for what a partner publishes', async () => {
    const { callExternal, requests, origin } = await calleeThat(200)
    await callExternal(`${origin}/.well-known/jwks.json`, { method: 'GET', operation: 'provider.keys', token: 'none' })
    expect(requests[0]!.headers.authorization).toBeUndefined()
  })

  it.each([408, 429, 500, 503])('that answers %i is a transient failure', async (status) => {
    const { callExternal, requests, origin } = await calleeThat(status)
    await expect(callExternal(origin, { method: 'POST', operation: 'provider.authorize' })).rejects.toBeInstanceOf(
      Unavailable,
    )
    expect(requests).toHaveLength(1)
  })

  it('whose answer stalls in the middle is a transient failure, ends its span then, and opens the circuit', async () => {
    server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
      response.write('{"status":')
    })
    const { callExternal, origin, openCircuits, spans } = await calleeOf(server)
    const options = { method: 'POST', operation: 'provider.authorize', timeoutMs: 30 }
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => callExternal(origin, options)))
    for (const answer of answers)
      expect((answer as PromiseRejectedResult).reason).toMatchObject({
        name: 'Unavailable',
        message: expect.stringContaining('did not answer in'),
      })
    expect(spans.map(({ error }) => error)).toEqual(Array(8).fill(expect.stringContaining('did not answer')))
    await vi.waitFor(() => expect(openCircuits()).toEqual(['catalog']))
  })

  it('reads at most 8 MiB of an answer', async () => {
    server = createServer((_, response) => {
      const chunk = Buffer.alloc(64 * 1024)
      const write = (): void => {
        while (response.write(chunk));
      }
      response.on('drain', write).on('error', () => {})
      write()
    })
    const { callExternal, origin } = await calleeOf(server)
    const options = callExternal(origin, { method: 'GET', operation: 'provider.find' })
    await expect(options).rejects.toThrow('answered more than 8388608 bytes')
    await expect(options).rejects.not.toBeInstanceOf(Unavailable)
  })

  it('that is refused returns an expected status, and any other is a bug', async () => {
    const { callExternal, origin } = await calleeThat(402)
    expect(
      (await callExternal(origin, { method: 'POST', operation: 'provider.authorize', accept: [402] })).status,
    ).toBe(402)
    const refused = callExternal(origin, { method: 'POST', operation: 'provider.authorize' })
    await expect(refused).rejects.toThrow('refused with 402')
    await expect(refused).rejects.not.toBeInstanceOf(Unavailable)
  })
})
