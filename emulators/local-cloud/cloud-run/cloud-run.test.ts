import { generateKeyPair, SignJWT } from 'jose'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fakeContext } from '../core/fake-context.testing.ts'
import { freePort } from '../core/free-ports.ts'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import type { IamCore } from '../iam/plugin.ts'
import { iam } from '../iam/plugin.ts'
import { makeCore } from './core.ts'
import { cloudRun, type CloudRunCore } from './plugin.ts'

/** A service as its container would hold it: answers with its environment, waits for SIGUSR2 or exits, by the path of the request. */
const program = `
import { createServer } from 'node:http'
const server = createServer(async (request, response) => {
  if (request.url === '/health/live') return response.end('ok')
  if (request.url === '/die') return process.exit(3)
  if (request.url === '/fade') {
    server.close()
    server.closeAllConnections()
    return setTimeout(() => process.exit(3), 500)
  }
  if (request.url === '/slow') await new Promise((resolve) => { process.once('SIGUSR2', resolve); console.log('slow began') })
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ headers: request.headers, pid: process.pid }))
})
server.keepAliveTimeout = 50
server.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => server.close(() => process.exit(0)))
`

/** The default limit is a second, which a busy machine exceeds. */
const longPoll = { timeout: 30_000 }

const project = { id: 'p', number: '1', region: 'europe-west1' }
const account = (name: string): string => `${name}@p.iam.gserviceaccount.com`
const LOCATION = `/v2/projects/p/locations/europe-west1`
const SERVICE = `${LOCATION}/services/echo`

let folder: string
let cloud: LocalCloud
let url: string
let lines: string[]
let nodeOptions: readonly string[]

const service = (change: object = {}): object => ({
  ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
  template: {
    serviceAccount: account('echo-account'),
    maxInstanceRequestConcurrency: 80,
    containers: [
      {
        image: 'echo',
        command: ['node'],
        args: ['echo.mjs'],
        ports: [{ containerPort: 8080 }],
        env: [{ name: 'GREETING', value: 'hello' }],
        startupProbe: { httpGet: { path: '/health/live' } },
      },
      { image: 'collector' },
    ],
  },
  ...change,
})

const run = (): CloudRunCore => cloud.core<CloudRunCore>('cloud-run')
const token = (email: string, audience = url): Promise<string> =>
  cloud.core<IamCore>('iam').mintIdToken({ email, audience })
const call = (path: string, bearer?: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}${path}`, { headers: { ...headers, ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) } })
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'local-run-'))
  nodeOptions = []
  writeFileSync(join(folder, 'echo.mjs'), program)
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  lines = []
  cloud = await createLocalCloud({
    project,
    plugins: [
      iam,
      cloudRun({
        nodeOptions: () => nodeOptions,
        addressOf: () => ({ port }),
        environmentOf: (email) => ({ GCE_METADATA_HOST: `metadata-of-${email}` }),
        workingDirectory: folder,
        onLog: (_, line) => lines.push(line),
      }),
    ],
  })
  for (const id of ['echo-account', 'caller-account', 'stranger-account'])
    await cloud.api('POST', '/v1/projects/p/serviceAccounts', { accountId: id })
  await cloud.api('POST', `${LOCATION}/services?serviceId=echo`, service())
  const policy = { bindings: [{ role: 'roles/run.invoker', members: [`serviceAccount:${account('caller-account')}`] }] }
  await cloud.api('POST', `${SERVICE}:setIamPolicy`, { policy })
})
afterEach(async () => {
  await cloud.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('ingress', () => {
  it("admits a caller with the grant and a token for this address, and removes the token's signature", async () => {
    const bearer = await token(account('caller-account'))
    const response = await call('/', bearer)
    expect(response.status).toBe(200)
    const { headers } = (await response.json()) as { headers: Record<string, string> }
    expect(headers['authorization']).toBe(
      `Bearer ${bearer.split('.').slice(0, 2).join('.')}.SIGNATURE_REMOVED_BY_GOOGLE`,
    )
  })

  it("adds its own span to the caller's trace, or starts an unsampled trace", async () => {
    const bearer = await token(account('caller-account'))
    const traceparentOf = async (given?: string): Promise<string> => {
      const response = await call('/', bearer, given === undefined ? {} : { traceparent: given })
      return ((await response.json()) as { headers: Record<string, string> }).headers['traceparent']!
    }
    const mine = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    expect(await traceparentOf(mine)).toMatch(
      /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/,
    )
    expect(await traceparentOf()).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    expect(await traceparentOf('hello')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  })

  it('refuses every other caller before it starts a process', async () => {
    const { privateKey } = await generateKeyPair('RS256')
    const claims = new SignJWT({ email: account('caller-account'), email_verified: true })
      .setIssuer('https://accounts.google.com')
      .setSubject('1')
      .setIssuedAt()
    const good = await token(account('caller-account'))
    const [header, payload] = good.split('.') as [string, string]
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
    const cases: [string, string | undefined, number][] = [
      ['no token', undefined, 403],
      ['a token that is not a JWT', 'nonsense', 401],
      ['another audience', await token(account('caller-account'), 'http://127.0.0.1:1'), 401],
      ['without the grant', await token(account('stranger-account')), 403],
      [
        'another key',
        await claims
          .setAudience(url)
          .setExpirationTime('1h')
          .setProtectedHeader({ alg: 'RS256', kid: 'x' })
          .sign(privateKey),
        401,
      ],
      ['unsigned', `${none}.${payload}.`, 401],
      ['signature removed', `${header}.${payload}.SIGNATURE_REMOVED_BY_GOOGLE`, 401],
    ]
    for (const [name, bearer, status] of cases) expect([name, (await call('/', bearer)).status]).toEqual([name, status])
    expect(run().processes()).toEqual([])
  })

  it('admits every caller to a public service', async () => {
    await cloud.api('POST', `${SERVICE}:setIamPolicy`, {
      policy: { bindings: [{ role: 'roles/run.invoker', members: ['allUsers'] }] },
    })
    expect((await call('/', 'whatever')).status).toBe(200)
  })
})

describe('an instance', () => {
  const caller = (): Promise<string> => token(account('caller-account'))

  it('is started by the first request, with exactly the environment that Cloud Run gives', async () => {
    expect(run().processes()).toEqual([])
    await call('/', await caller())
    const [one] = run().processes()
    const variables = Object.fromEntries(
      readFileSync(`/proc/${one!.pid}/environ`, 'utf8')
        .split('\0')
        .filter(Boolean)
        .map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
    ) as Record<string, string>
    expect(variables).toEqual({
      GREETING: 'hello',
      GCE_METADATA_HOST: `metadata-of-${account('echo-account')}`,
      PORT: String(one!.port),
      K_SERVICE: 'echo',
      K_REVISION: one!.revision,
      K_CONFIGURATION: 'echo',
    })
    expect(one!.revision).toMatch(/^echo-00001-/)
  })

  it('serves many concurrent requests, also those that arrive while it starts', async () => {
    const bearer = await caller()
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => ((await (await call('/', bearer)).json()) as { pid: number }).pid),
    )
    expect(new Set(answers).size).toBe(1)
    expect(cloud.counters()).toMatchObject({ 'run.coldStarts': 1, 'run.requests': 20, 'run.requests.echo': 20 })
  })

  it('lists the state of a service, and why its last start failed', async () => {
    const bearer = await caller()
    expect(run().states()).toEqual([{ service: 'echo', state: 'scaled-to-zero' }])
    writeFileSync(join(folder, 'echo.mjs'), "throw new SyntaxError('no such port')")
    expect((await call('/', bearer)).status).toBe(503)
    expect(run().states()).toEqual([
      { service: 'echo', state: 'failed', reason: expect.stringContaining('SyntaxError: no such port') as string },
    ])
    writeFileSync(join(folder, 'echo.mjs'), program)
    expect((await call('/', bearer)).status).toBe(200)
    expect(run().states()).toEqual([{ service: 'echo', state: 'running' }])
  })

  it('starts before its first request, and again with its new file while the old process finishes its requests', async () => {
    const bearer = await caller()
    await run().warm('echo')
    const [first] = run().processes()
    const slow = call('/slow', bearer)
    await expect.poll(() => lines, longPoll).toContain('slow began')
    writeFileSync(join(folder, 'echo.mjs'), program.replace("'ok'", "'new'"))
    await run().restart('echo')
    const [second] = run().processes()
    expect(second!.pid).not.toBe(first!.pid)
    expect((await (await call('/', bearer)).json()) as object).toMatchObject({ pid: second!.pid })
    process.kill(first!.pid, 'SIGUSR2')
    expect((await (await slow).json()) as object).toMatchObject({ pid: first!.pid })
    expect(cloud.counters()).toMatchObject({ 'run.coldStarts': 2 })
    await expect(run().warm('none')).rejects.toThrow("Resource 'none'")
  })

  it('whose new process waits for its turn starts it for a request, and answers none with the old file', async () => {
    const bearer = await caller()
    await run().warm('echo')
    writeFileSync(join(folder, 'echo.mjs'), program.replace("'ok'", "'new'"))
    await run().restart('echo', Promise.resolve(false))
    const { promise: turn, resolve } = Promise.withResolvers<boolean>()
    const restarted = run().restart('echo', turn)
    expect(run().states()).toEqual([{ service: 'echo', state: 'scaled-to-zero' }])
    const answer = (await (await call('/', bearer)).json()) as { readonly pid: number }
    const pids = run()
      .processes()
      .map(({ pid }) => pid)
    expect(pids).toEqual([answer.pid])
    resolve(true)
    await restarted
    expect(
      run()
        .processes()
        .map(({ pid }) => pid),
    ).toEqual(pids)
    expect(cloud.counters()).toMatchObject({ 'run.coldStarts': 2 })
  })

  it('opens the inspector again after a restart: only one process at a time can', async () => {
    nodeOptions = [`--inspect=127.0.0.1:${await freePort()}`]
    await run().warm('echo')
    await run().restart('echo')
    await expect.poll(() => lines.filter((line) => line.startsWith('Debugger listening')), longPoll).toHaveLength(2)
  })

  it('prints the reason of a failing start once, until it is another', async () => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
    const bearer = await caller()
    writeFileSync(join(folder, 'echo.mjs'), "throw new SyntaxError('no such port')")
    for (let request = 0; request < 3; request++) expect((await call('/', bearer)).status).toBe(503)
    expect(printed).toHaveBeenCalledTimes(1)
    writeFileSync(join(folder, 'echo.mjs'), "throw new SyntaxError('another')")
    expect((await call('/', bearer)).status).toBe(503)
    expect(printed).toHaveBeenCalledTimes(2)
    printed.mockRestore()
  })

  it('finishes its requests before a new revision replaces it', async () => {
    const bearer = await caller()
    await call('/', bearer)
    const [one] = run().processes()
    const slow = call('/slow', bearer)
    await expect.poll(() => lines, longPoll).toContain('slow began')
    const updated = cloud.api('PATCH', SERVICE, { labels: { release: '2' } })
    await expect.poll(() => run().processes(), longPoll).toEqual([])
    expect(isAlive(one!.pid)).toBe(true)
    process.kill(one!.pid, 'SIGUSR2')
    expect((await slow).status).toBe(200)
    await updated
    expect(isAlive(one!.pid)).toBe(false)
    await call('/', bearer)
    expect(run().processes()[0]!.revision).toMatch(/^echo-00002-/)
  })

  it('gets no new request after SIGTERM, and finishes its requests', async () => {
    const bearer = await caller()
    const slow = call('/slow', bearer)
    await expect.poll(() => lines, longPoll).toContain('slow began')
    const pid = await run().kill('echo', 'SIGTERM')
    const others = await Promise.all(Array.from({ length: 5 }, () => call('/', bearer)))
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    for (const other of others) expect(await other.json()).not.toMatchObject({ pid })
    process.kill(pid!, 'SIGUSR2')
    expect(await (await slow).json()).toMatchObject({ pid })
    await expect.poll(() => isAlive(pid!), longPoll).toBe(false)
  })

  it('is replaced at the next request after it died', async () => {
    const bearer = await caller()
    // Ten times: while a process ends, the system still accepts connections for it.
    for (let time = 0; time < 10; time++) {
      expect((await call('/die', bearer)).status).toBe(503)
      expect((await call('/', bearer)).status).toBe(200)
    }
  })

  it('gets no request while it is exiting, and its exit does not stop its successor', async () => {
    const bearer = await caller()
    expect((await call('/fade', bearer)).status).toBe(503)
    const [first, second] = await Promise.all([call('/', bearer), call('/', bearer)])
    expect([first.status, second.status]).toEqual([200, 200])
    const { pid } = (await first.json()) as { pid: number }
    expect(run().processes()).toMatchObject([{ pid }])
    // The cloud closes only after both processes have ended.
    await cloud.close()
    expect(isAlive(pid)).toBe(false)
  })

  it('that fails to start has its output logged', async () => {
    writeFileSync(join(folder, 'echo.mjs'), 'console.error("no such luck"); process.exit(1)')
    expect((await call('/', await caller())).status).toBe(503)
    expect(lines).toContain('no such luck')
  })

  it('is started only if its command is node, because its port could not be protected otherwise', async () => {
    const [container] = (service() as { template: { containers: object[] } }).template.containers
    const template = { serviceAccount: account('echo-account'), containers: [{ ...container, command: ['/bin/sh'] }] }
    await cloud.api('PATCH', SERVICE, { template })
    const consoleError = vi.spyOn(console, 'error').mockImplementation(() => {})
    expect((await call('/', await caller())).status).toBe(503)
    expect(consoleError.mock.calls.flat().join()).toContain(
      'command is "/bin/sh", and the local cloud runs "node" only',
    )
    consoleError.mockRestore()
  })

  it('accepts no connection but that of its ingress', async () => {
    await call('/', await caller())
    const [one] = run().processes()
    await expect(fetch(`http://127.0.0.1:${one!.port}/health/live`)).rejects.toThrow()
  })

  it('ends when its service is deleted', async () => {
    await call('/', await caller())
    const [one] = run().processes()
    await cloud.api('DELETE', SERVICE)
    expect(isAlive(one!.pid)).toBe(false)
    await expect(call('/')).rejects.toThrow()
    await cloud.api('POST', `${LOCATION}/services?serviceId=echo`, service())
    expect((await call('/')).status).toBe(403)
  })
})

describe('several instances', () => {
  const scaled = (scaling: object): object => {
    const { template } = service() as { template: object }
    return { template: { ...template, maxInstanceRequestConcurrency: 1, scaling } }
  }
  const bearer = (): Promise<string> => token(account('caller-account'))
  const slow = async (): Promise<Response> => call('/slow', await bearer())
  const slowRequests = (count: number): Promise<void> =>
    expect.poll(() => lines.filter((line) => line === 'slow began'), longPoll).toHaveLength(count)
  /** The process ids of two instances, of which one has a request that is answered at its SIGUSR2. */
  async function oneBusy(): Promise<{ slowly: Promise<Response>; busy: number; idle: number }> {
    await cloud.api('PATCH', SERVICE, scaled({ minInstanceCount: 2 }))
    await run().warm('echo')
    const slowly = slow()
    await slowRequests(1)
    const [busy, idle] = run().processes()
    return { slowly, busy: busy!.pid, idle: idle!.pid }
  }

  it('are processes of their own, each with its port, its secret and the same revision', async () => {
    await cloud.api('PATCH', SERVICE, scaled({ maxInstanceCount: 2 }))
    const slowly = slow()
    await slowRequests(1)
    const quick = (await (await call('/', await bearer())).json()) as { pid: number }
    const processes = run().processes()
    expect(processes).toHaveLength(2)
    const [first, second] = processes
    expect(quick.pid).toBe(second!.pid)
    expect(second!.port).not.toBe(first!.port)
    expect(second!.revision).toBe(first!.revision)
    for (const { port } of processes) await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow()
    process.kill(first!.pid, 'SIGUSR2')
    expect(await (await slowly).json()).toMatchObject({ pid: first!.pid })
    expect(cloud.counters()).toMatchObject({ 'run.coldStarts': 2 })
  })

  it('a signal to their account reaches those with a request, one to the service all', async () => {
    const { slowly, busy, idle } = await oneBusy()
    expect(await run().signalAccount('echo-account', 'SIGKILL')).toBe(busy)
    expect((await slowly).status).toBe(503)
    expect([isAlive(busy), isAlive(idle)]).toEqual([false, true])
    // The next request replaces it.
    expect((await call('/', await bearer())).status).toBe(200)
    await expect.poll(() => run().processes().length, longPoll).toBe(2)
    await run().kill('echo', 'SIGKILL')
    expect(run().processes()).toEqual([])
  })

  it('a fault at an answer kills the instance that gave it, and not the one beside it', async () => {
    const { slowly, busy: other, idle: answering } = await oneBusy()
    const action = { signal: 'SIGKILL' } as const
    cloud.faults.add({ principal: 'echo-account', method: 'run.answer', when: 'before', action })
    expect((await call('/', await bearer())).status).toBe(503)
    expect([isAlive(other), isAlive(answering)]).toEqual([true, false])
    process.kill(other, 'SIGUSR2')
    expect((await slowly).status).toBe(200)
  })

  it('the minimum runs before the first request, also of a new revision', async () => {
    await cloud.api('PATCH', SERVICE, scaled({ minInstanceCount: 2, maxInstanceCount: 2 }))
    await expect.poll(() => run().processes().length, longPoll).toBe(2)
    const former = run().processes()
    await cloud.api('PATCH', SERVICE, { labels: { release: '3' } })
    await expect.poll(() => run().processes().length, longPoll).toBe(2)
    for (const { pid } of former) expect(isAlive(pid)).toBe(false)
    expect(
      new Set(
        run()
          .processes()
          .map(({ revision }) => revision.slice(0, 10)),
      ),
    ).toEqual(new Set(['echo-00003']))
    await cloud.close()
    await expect(call('/')).rejects.toThrow()
  })

  it('one that gets SIGTERM takes no request more, and the others go on', async () => {
    const { slowly, busy, idle } = await oneBusy()
    expect(await run().signalAccount('echo-account', 'SIGTERM')).toBe(busy)
    expect(await (await call('/', await bearer())).json()).toMatchObject({ pid: idle })
    process.kill(busy, 'SIGUSR2')
    expect(await (await slowly).json()).toMatchObject({ pid: busy })
    await expect.poll(() => isAlive(busy), longPoll).toBe(false)
    expect(isAlive(idle)).toBe(true)
  })
})

describe('a fault', () => {
  const push = async (): Promise<Response> =>
    fetch(`${url}/events/e`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await token(account('caller-account'))}`,
        'user-agent': 'CloudPubSub-Google',
      },
    })
  const kill = { principal: 'echo-account', action: { signal: 'SIGKILL' } } as const

  it('before an acknowledgement kills the instance, and Pub/Sub gets 503', async () => {
    cloud.faults.add({ ...kill, method: 'run.acknowledge', when: 'before', about: 'POST /events/e' })
    expect((await push()).status).toBe(503)
    const pid = cloud.faults.fired()[0]!.pid!
    expect(isAlive(pid)).toBe(false)
    const { pid: next } = (await (await push()).json()) as { pid: number }
    expect(next).not.toBe(pid)
  })

  it('after an acknowledgement kills the instance, and Pub/Sub gets its 200', async () => {
    const { id } = cloud.faults.add({ ...kill, method: 'run.acknowledge', when: 'after' })
    const { pid } = (await (await push()).json()) as { pid: number }
    expect(await cloud.faults.whenFired(id)).toMatchObject({ pid })
    expect(isAlive(pid)).toBe(false)
    expect((await push()).status).toBe(200)
  })

  it('at an answer fires for callers other than Pub/Sub and Cloud Tasks', async () => {
    cloud.faults.add({ ...kill, method: 'run.answer', when: 'before' })
    expect((await push()).status).toBe(200)
    expect((await call('/', await token(account('caller-account')))).status).toBe(503)
  })

  it.each(['before', 'after'] as const)(
    '%s an instance is ready kills it, and the next request starts another',
    async (when) => {
      const { id } = cloud.faults.add({ ...kill, method: 'run.start', when })
      const bearer = await token(account('caller-account'))
      expect((await call('/', bearer)).status).toBe(503)
      const { pid } = await cloud.faults.whenFired(id)
      expect(isAlive(pid!)).toBe(false)
      expect((await call('/', bearer)).status).toBe(200)
    },
  )
})

describe('the supervisor', () => {
  it('takes its instances with it when it is killed by SIGKILL', async () => {
    const script = join(folder, 'supervisor.ts')
    const reaperPath = join(import.meta.dirname, 'process/reaper.ts')
    writeFileSync(
      script,
      `import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { reaper } from ${JSON.stringify(reaperPath)}
const orphanReaper = reaper(process.execPath)
const listening = "require('node:net').createServer().listen(0, '127.0.0.1')"
const child = spawn(process.execPath, ['-e', listening], { detached: true, stdio: 'ignore' })
orphanReaper.watch(child.pid)
console.log(child.pid)
createServer().listen(0, '127.0.0.1')`,
    )
    const supervisor = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const pid = await new Promise<number>((resolve) =>
      supervisor.stdout.once('data', (chunk: Buffer) => resolve(Number(String(chunk)))),
    )
    expect(isAlive(pid)).toBe(true)
    supervisor.kill('SIGKILL')
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false)
  })
})

describe('the Admin API', () => {
  it.each([
    ['Echo', service(), /"Echo" must be lower-case/],
    ['echo2', service({ template: { containers: [] } }), /at least one container/],
    ['echo2', service({ ingress: 'EVERYWHERE' }), /"EVERYWHERE" is not one of/],
    [
      'echo2',
      service({ template: { containers: [{ image: 'x', env: [{ name: 'PORT', value: '1' }] }] } }),
      /reserved env names were provided: PORT/,
    ],
    ['echo2', service({ template: { timeout: '2h', containers: [{ image: 'x' }] } }), /template.timeout: "2h"/],
    [
      'echo2',
      service({
        traffic: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', revision: 'echo2-00001', percent: 100 }],
      }),
      /traffic: the local cloud runs the newest revision alone.*echo2-00001/,
    ],
    [
      'echo2',
      service({ template: { containers: [{ image: 'x' }], scaling: { minInstanceCount: 3, maxInstanceCount: 2 } } }),
      /min_instance_count 3 must be from 0 to max_instance_count, which is 2/,
    ],
    ['echo', service(), /already exists/],
    ...['owner', 'echo-account', 'echo-account@q.iam.gserviceaccount.com', 'echo-account@p.example'].map(
      (serviceAccount): [string, object, RegExp] => [
        'echo2',
        service({ template: { serviceAccount, containers: [{ image: 'x' }] } }),
        new RegExp(`template.service_account: "${serviceAccount}" is not the e-mail of a service account of p`),
      ],
    ),
    [
      'echo2',
      service({ template: { serviceAccount: account('undeclared'), containers: [{ image: 'x' }] } }),
      /'iam.serviceaccounts.actAs' denied on service account undeclared@p.iam.gserviceaccount.com \(or it may not exist\)/,
    ],
  ])('refuses %s: %#', async (id, body, message) => {
    await expect(cloud.api('POST', `${LOCATION}/services?serviceId=${id}`, body)).rejects.toThrow(message)
  })

  it('keeps the account when an update names an account outside the project', async () => {
    const { template } = service() as { template: object }
    await expect(
      cloud.api('PATCH', SERVICE, { template: { ...template, serviceAccount: 'owner' } }),
    ).rejects.toMatchObject({ httpStatus: 400 })
    expect(await cloud.api('GET', SERVICE)).toMatchObject({ generation: '1', template })
  })

  it('does not open a stored service that has an account outside the project', async () => {
    const { context, journal } = fakeContext()
    const name = 'projects/p/locations/europe-west1/services/echo'
    journal.table<object>('cloud-run/services').set(name, { name, template: { serviceAccount: 'owner' } })
    const options = { addressOf: () => ({ port: 0 }), environmentOf: () => ({}), workingDirectory: folder }
    const restarted = makeCore(context, options)
    await restarted.start()
    expect(restarted.unopened()).toEqual([
      { name, reason: expect.stringContaining('"owner" is not the e-mail') as string },
    ])
    await restarted.stop()
  })

  it('lists the instances and kills them', async () => {
    await call('/', await token(account('caller-account')))
    const listed = await fetch(`http://${cloud.ownerHost}/_local/run/processes`, {
      headers: { 'x-local-cloud-secret': cloud.secret },
    })
    expect(await listed.json()).toEqual({ processes: run().processes(), services: run().states() })
    const report = async (query: string) => {
      const url = `http://${cloud.ownerHost}/_local/run/services${query}`
      const response = await fetch(url, { headers: { 'x-local-cloud-secret': cloud.secret } })
      return { status: response.status, body: (await response.json()) as { services: object[] } }
    }
    const { pid, revision } = run().processes()[0]!
    const ready = { state: 'ready', pid, revision, startedAt: expect.stringMatching(/^20.*Z$/) as string, active: 0 }
    const echo = { service: 'echo', state: 'running', revision, waiting: 0 }
    expect((await report('')).body.services).toMatchObject([{ ...echo, instances: [ready] }])
    expect((await report('?health=/')).body.services).toMatchObject([
      { ...echo, instances: [{ ...ready, health: { status: 200 } }] },
    ])
    expect((await report('?health=http://other')).status).toBe(400)
  })
})
