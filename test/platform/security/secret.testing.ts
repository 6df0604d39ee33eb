/** The requests that need the secret of a run, the forms in which it may be sent, and its readers. */

import { request } from 'node:http'
import { beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../support/command.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'

let platform: TestPlatform
let dataDirectory: string

beforeAll(() => {
  ;({ platform, dataDirectory } = platformInTurn())
})

interface Answer {
  readonly status: number
  readonly body: string
}

/** Sends the path unchanged, without the normalization of a URL. */
function send(call: string, headers: Record<string, string> = {}, body?: object): Promise<Answer> {
  const [method, port, path] = call.split(' ') as [string, keyof typeof ports, string]
  const options = {
    host: '127.0.0.1',
    port: ports[port](),
    method,
    path,
    headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (answer) => {
      let text = ''
      answer.on('data', (chunk: Buffer) => (text += String(chunk)))
      answer.on('end', () => resolve({ status: answer.statusCode!, body: text }))
    })
    outgoing.once('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
const ports = {
  owner: () => platform.ports.api,
  orders: () => platform.ports.account('orders'),
  identity: () => platform.ports.identity,
  provider: () => platform.ports.partner('payment-provider'),
}

const secret = (): string => platform.cloud.secret
const basic = (user: string): string => `Basic ${Buffer.from(`${user}:`).toString('base64')}`
const forms: Record<string, () => Record<string, string>> = {
  'a header': () => ({ 'x-local-cloud-secret': secret() }),
  'the user of Basic authentication': () => ({ authorization: basic(secret()) }),
  'a Bearer token': () => ({ authorization: `Bearer ${secret()}` }),
}
const wrong: Record<string, () => Record<string, string>> = {
  nothing: () => ({}),
  'an empty one': () => ({ 'x-local-cloud-secret': '' }),
  'another one': () => ({ 'x-local-cloud-secret': secret().replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')) }),
  'its beginning': () => ({ authorization: `Bearer ${secret().slice(0, -1)}` }),
  'the secret as the password': () => ({
    authorization: `Basic ${Buffer.from(`owner:${secret()}`).toString('base64')}`,
  }),
  'the token that Google’s clients send to emulators': () => ({ authorization: 'Bearer owner' }),
}

const asking: readonly (readonly [call: string, body?: object])[] = [
  ['GET owner /_local/counters'],
  ['GET owner /_local/request-log'],
  ['GET owner /_local/run/processes'],
  ['GET owner /_local/run/services?health=/health/ready'],
  ['GET owner /_local/traces'],
  ['GET owner /_local/traces/0123456789abcdef0123456789abcdef'],
  ['GET owner /_local/metrics'],
  ['GET owner /_local/faults'],
  ['POST owner /_local/faults', { principal: 'payments', method: 'run.start', when: 'before', action: { delayMs: 0 } }],
  ['DELETE owner /_local/faults'],
  ['GET owner /_local/what-comes-next'],
  ['POST identity /v1/token', { sub: 'mallory', roles: ['admin'] }],
  ['POST provider /actions/action-o-1:auth', { outcome: 'authorized' }],
]

describe('the secret of a run', () => {
  it.each(asking.map(([call, body]) => ({ call, body })))('is required for $call', async ({ call, body }) => {
    for (const [form, headers] of Object.entries(wrong)) {
      const answer = await send(call, headers(), body)
      expect([form, answer.status]).toEqual([form, 401])
      expect(answer.body).toContain('npm run -s secret')
    }
    for (const [form, headers] of Object.entries(forms))
      expect([form, (await send(call, headers(), body)).status]).not.toEqual([form, 401])
  })

  it('is required in every notation of the path', async () => {
    for (const path of ['/%5Flocal/counters', '/_local/%63ounters', '//_local/counters', '/./_local/counters'])
      expect([401, 404]).toContain((await send(`GET owner ${path}`)).status)
  })

  it('does not open control paths to a service account', async () => {
    expect((await send('GET orders /_local/counters', { 'x-local-cloud-secret': secret() })).status).toBe(404)
  })

  it('is not required for the health page, which only shows that the platform runs', async () => {
    expect(await send('GET owner /_local/health')).toEqual({ status: 200, body: '{"ok":true}' })
  })

  it('is read by the commands', async () => {
    const [printed, token] = await Promise.all([
      run('cli/secret.ts', [], dataDirectory),
      run('cli/token.ts', ['shop', '--role', 'admin'], dataDirectory),
    ])
    expect(printed).toMatchObject({ code: 0, stdout: `${secret()}\n` })
    const claims = JSON.parse(Buffer.from(token.stdout.split('.')[1]!, 'base64url').toString()) as object
    expect(claims).toMatchObject({ sub: 'shop', roles: ['admin'] })
  })
})

describe('the program of a local Cloud Run service', () => {
  const service = (): string =>
    `/v2/projects/${platform.running.projectId}/locations/europe-west1/services/notifications`
  const patch = (body: object, headers = {}): Promise<Answer> => send(`PATCH owner ${service()}`, headers, body)
  const now = async (): Promise<Service> => JSON.parse((await send(`GET owner ${service()}`)).body) as Service
  interface Service {
    readonly generation: number
    readonly template: { readonly containers: readonly object[] }
  }

  it.each<[string, object]>([
    ['another command', { command: ['/bin/sh', '-c', 'id'] }],
    ['other arguments', { args: ['--import', 'data:text/javascript,0'] }],
    ['another environment', { env: [{ name: 'NODE_OPTIONS', value: '--import data:text/javascript,0' }] }],
  ])('can not be set to %s without the secret', async (_, change) => {
    const before = await now()
    const containers = before.template.containers.map((container) => ({ ...container, ...change }))
    const refused = await patch({ template: { ...before.template, containers } })
    expect(refused).toMatchObject({ status: 403, body: expect.stringContaining('npm run -s secret') as string })
    expect(await now()).toEqual(before)
  })

  it('can not be set in a new service without the secret', async () => {
    const created = `POST owner ${service().replace(/\/[^/]+$/, '')}?serviceId=shell`
    const body = { invokerIamDisabled: true, template: { containers: [{ image: 'x', command: ['/bin/sh'] }] } }
    expect((await send(created, {}, body)).status).toBe(403)
  })

  it('does not prevent other changes without the secret', async () => {
    const { template, generation } = await now()
    expect((await patch({ template, labels: { changed: 'yes' } })).status).toBe(200)
    expect(await now()).toMatchObject({
      template,
      generation: String(Number(generation) + 1),
      labels: { changed: 'yes' },
    })
  })

  it.each(Object.entries(forms))('can be changed with the secret in %s', async (form, headers) => {
    const { template } = await now()
    const env = [{ name: 'SAID', value: form }]
    const containers = template.containers.map((container) => ({ ...container, env }))
    expect((await patch({ template: { ...template, containers } }, headers())).status).toBe(200)
    expect((await now()).template.containers[0]).toMatchObject({ env })
  })
})
