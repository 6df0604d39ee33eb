import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import { iam } from '../iam/plugin.ts'
import { cloudRun, type CloudRunCore } from './plugin.ts'

/** A worker as its container would hold it: it says who it is, ends with a message on SIGTERM, and fails on SIGUSR2. */
const program = `
process.on('SIGTERM', () => { console.log('drained ' + process.pid); process.exit(0) })
process.on('SIGUSR2', () => { console.log('broken'); process.exit(3) })
console.log(JSON.stringify({ pid: process.pid, args: process.argv.slice(2), env: process.env }))
setInterval(() => {}, 1000)
`

const longPoll = { timeout: 30_000 }
const project = { id: 'p', number: '1', region: 'europe-west1' }
const EMAIL = 'worker@p.iam.gserviceaccount.com'
const POOLS = '/v2/projects/p/locations/europe-west1/workerPools'

const pool = (count: number, change: object = {}): object => ({
  scaling: { scalingMode: 'MANUAL', manualInstanceCount: count },
  instanceSplits: [{ type: 'INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST', percent: 100 }],
  template: {
    serviceAccount: EMAIL,
    containers: [
      { image: 'w', command: ['node'], args: ['worker.mjs', 'pull'], env: [{ name: 'GREETING', value: 'hello' }] },
    ],
  },
  ...change,
})

let folder: string
let cloud: LocalCloud
let lines: string[]

const open = (): Promise<LocalCloud> =>
  createLocalCloud({
    project,
    dataDir: join(folder, 'data'),
    plugins: [
      iam,
      cloudRun({
        addressOf: () => undefined,
        environmentOf: (email) => ({ PUBSUB_EMULATOR_HOST: `port-of-${email}` }),
        workingDirectory: folder,
        onLog: (_, line) => lines.push(line),
      }),
    ],
  })
const run = (): CloudRunCore => cloud.core<CloudRunCore>('cloud-run')
const pids = (): number[] =>
  run()
    .processes()
    .map(({ pid }) => pid)
const said = (): { pid: number; args: string[]; env: Record<string, string> }[] =>
  lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as ReturnType<typeof said>[number])
const isGone = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return true
  }
}
/** Once as many are there as have spoken, besides one that has ended and may be listed still. */
const until = async (count: number, ended?: number): Promise<void> => {
  const present = (): number[] => pids().filter((pid) => pid !== ended)
  await expect.poll(() => said().filter(({ pid }) => present().includes(pid)).length, longPoll).toBe(count)
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'local-pools-'))
  writeFileSync(join(folder, 'worker.mjs'), program)
  lines = []
  cloud = await open()
  await cloud.api('POST', '/v1/projects/p/serviceAccounts', { accountId: 'worker' })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await cloud.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('a worker pool', () => {
  it('runs as many instances as it says, with the variables of its container and of Cloud Run, and no port', async () => {
    await cloud.api('POST', `${POOLS}?workerPoolId=w-pull`, pool(2))
    await until(2)
    const [one] = said()
    expect(one!.args).toEqual(['pull'])
    expect(one!.env).toMatchObject({
      GREETING: 'hello',
      CLOUD_RUN_WORKER_POOL: 'w-pull',
      CLOUD_RUN_REVISION: expect.stringMatching(/^w-pull-00001-/),
      PUBSUB_EMULATOR_HOST: `port-of-${EMAIL}`,
    })
    expect(Object.keys(one!.env)).not.toContain('PORT')
    expect(Object.keys(one!.env)).not.toContain('HOME')
    expect(run().states()).toEqual([{ service: 'w-pull', state: 'running' }])
    expect(await cloud.api('GET', POOLS)).toMatchObject({ workerPools: [{ generation: '1' }] })
    const revision = one!.env['CLOUD_RUN_REVISION']
    expect(await run().report('/health')).toEqual([
      {
        service: 'w-pull',
        state: 'running',
        revision,
        waiting: 0,
        instances: pids().map((pid) => ({ state: 'ready', pid, revision, startedAt: expect.stringMatching(/^2/) })),
      },
    ])
  })

  it('that does not start is reported with the reason, until it runs', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    writeFileSync(join(folder, 'worker.mjs'), `throw new Error('no seats')`)
    await cloud.api('POST', `${POOLS}?workerPoolId=w`, pool(1))
    const reported = async () => (await run().report())[0]!
    await expect.poll(async () => (await reported()).state, longPoll).toBe('failed')
    expect(await reported()).toMatchObject({ reason: expect.stringContaining('no seats') })
    writeFileSync(join(folder, 'worker.mjs'), program)
    await until(1)
    expect(await reported()).toMatchObject({ state: 'running', instances: [{ state: 'ready' }] })
    expect(await reported()).not.toHaveProperty('reason')
  })

  it('has the instances of a new number at once, and those of a new template instead of the former', async () => {
    await cloud.api('POST', `${POOLS}?workerPoolId=w`, pool(1))
    await until(1)
    const [first] = pids()
    await cloud.api('PATCH', `${POOLS}/w`, { scaling: { scalingMode: 'MANUAL', manualInstanceCount: 3 } })
    await until(3)
    expect(pids()).toContain(first)
    const former = pids()
    await cloud.api('PATCH', `${POOLS}/w`, pool(1))
    expect(pids()).toEqual([first])
    expect(former.filter((pid) => !isGone(pid))).toEqual([first])
    const { template } = pool(1) as { template: { containers: object[] } }
    await cloud.api('PATCH', `${POOLS}/w`, {
      template: { ...template, containers: [{ ...template.containers[0], args: ['worker.mjs', 'new'] }] },
    })
    await until(1)
    expect(isGone(first!)).toBe(true)
    expect(lines).toContain(`drained ${first}`)
    expect(said().at(-1)).toMatchObject({ args: ['new'] })
    await cloud.api('DELETE', `${POOLS}/w`)
    expect(pids()).toEqual([])
    await expect(cloud.api('GET', `${POOLS}/w`)).rejects.toThrow(/does not exist/)
  })

  it('starts an instance again that ends by itself or is killed, and reports the reason', async () => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
    await cloud.api('POST', `${POOLS}?workerPoolId=w`, pool(1))
    await until(1)
    const [first] = pids()
    process.kill(first!, 'SIGUSR2')
    await expect.poll(() => isGone(first!), longPoll).toBe(true)
    await until(1, first)
    expect(pids()).not.toContain(first)
    const [second] = pids()
    expect(String(errors.mock.calls[0]![0])).toContain('broken')
    expect(await run().signalAccount('worker', 'SIGKILL')).toBe(second)
    expect(isGone(second!)).toBe(true)
    await until(1, second)
    expect(pids()).not.toContain(second)
  })

  it('is drained when the cloud closes, and runs again when it opens', async () => {
    await cloud.api('POST', `${POOLS}?workerPoolId=w`, pool(1))
    await until(1)
    const [first] = pids()
    await cloud.close()
    expect(lines.at(-1)).toBe(`drained ${first}`)
    cloud = await open()
    await until(1)
    expect(pids()).not.toContain(first)
  })

  it.each<[string, object, RegExp]>([
    ['without a number of instances', pool(1, { scaling: {} }), /manual_instance_count: none must be/],
    ['with more instances than a laptop has use for', pool(21), /manual_instance_count: 21 must be/],
    ['that scales by itself', pool(1, { scaling: { scalingMode: 'AUTOMATIC' } }), /scaling_mode: .* not "AUTOMATIC"/],
    ['with an old revision', pool(1, { instanceSplits: [{ revision: 'w-1', percent: 100 }] }), /instance_splits: /],
    ['without a container', pool(1, { template: {} }), /at least one container/],
    [
      'of an account that does not exist',
      pool(1, {
        template: { ...(pool(1) as { template: object }).template, serviceAccount: 'x@p.iam.gserviceaccount.com' },
      }),
      /actAs/,
    ],
  ])('%s is refused by name, and not kept', async (_, body, reason) => {
    await expect(cloud.api('POST', `${POOLS}?workerPoolId=w`, body)).rejects.toThrow(reason)
    expect(await cloud.api('GET', POOLS)).toEqual({ workerPools: [] })
  })

  it('takes a program only from a caller with the secret of the run', async () => {
    const post = () =>
      fetch(`http://${cloud.ownerHost}${POOLS}?workerPoolId=w`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(pool(1)),
      })
    const answer = await post()
    expect([answer.status, pids()]).toEqual([403, []])
  })
})
