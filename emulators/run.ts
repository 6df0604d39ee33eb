/** `npm start`: synthesizes the stacks, starts the local cloud and every service from them, adds the first data, and prints the next commands. */

import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { flag, main, text, texts, UsageError, wholeNumber } from '../cli/command.ts'
import { workerPoolName } from '../shared/base/names.ts'
import { nearestOrAll } from '../shared/base/nearest.ts'
import { printError, say } from '../cli/terminal.ts'
import { checkTools } from '../cli/tools.ts'
import { business as declared, services } from '../functions/index.ts'
import { localEnvironment, localPorts } from '../stacks/environments.ts'
import { giveBackIdleMemory, makeSecret, STATE_UMASK, writeState } from 'local-google-cloud/host'
import { afterReady } from './after-ready.ts'
import { explainStart } from './explain-start.ts'
import { acquireLock, lockFiles, type Running } from './running.ts'
import { tools } from '../functions/tools.ts'
import { withSettings } from './with-settings.ts'
import { imageFolder } from './image-folder.ts'
import { indexPage, pagePolicy } from './index-page.ts'
import { requireFreeInspector } from './inspector-port.ts'
import { readyText } from './ready-text.ts'
import type { LocalPlatform } from './start.ts'
import { stopOnSignal } from './stop-on-signal.ts'
import type { TypeCheck } from './type-check.ts'
import { warmUp } from './warm-up.ts'

const root = join(import.meta.dirname, '..')
const dataDirectory = process.env['MILLRACE_DATA'] ?? join(root, '.data')

/** Where editors attach by default. */
const INSPECTOR_PORT = 9229
const inspector = `127.0.0.1:${INSPECTOR_PORT}`

const publicService = services.find(({ ingress }) => ingress === 'public')

const startedMs = performance.now()
const seconds = (): string => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`

void main('start', {
  brief: 'Synthesizes the stacks, starts the local Google Cloud and every service, and adds the first data.',
  options: {
    port: wholeNumber('first of the ports that are used', 4100, { from: 1024, to: 65_000 }),
    prune: flag('remove resources with data that the stacks no longer declare, which are set aside otherwise'),
    cold: flag('leave the services scaled to zero until their first request'),
    inspect: text('SERVICE', `open Node's inspector of this service at ${inspector}`),
    set: texts('NAME=VALUE', 'give a setting of the services another value'),
    'no-watch': flag('do not restart services when their files change'),
    fresh: flag('delete the local state in .data/ and begin anew'),
  },
  async run(options) {
    process.umask(STATE_UMASK)
    try {
      await run(options)
    } catch (error) {
      printError(await explainStart(error, { start: 'npm start -- --port 5100', empty: 'npm run reset makes one.' }))
      process.exit(1)
    }
  },
})

interface Options {
  readonly port: number
  readonly fresh?: boolean | undefined
  readonly prune?: boolean | undefined
  readonly cold?: boolean | undefined
  /** A service. */
  readonly inspect?: string | undefined
  /** `NAME=VALUE` */
  readonly set?: readonly string[] | undefined
  readonly 'no-watch'?: boolean | undefined
}

async function run(options: Options): Promise<void> {
  const business = withSettings(declared, options.set)
  checkTools(tools, business)
  const names = services.map(({ name }) => name)
  if (options.inspect !== undefined && !names.includes(options.inspect))
    throw new UsageError(
      `There is no service "${options.inspect}". ${nearestOrAll(options.inspect, names, 'There are:')}`,
    )
  if (options.inspect !== undefined) await requireFreeInspector(options.inspect, INSPECTOR_PORT)
  const ports = localPorts(options.port, business)
  const environment = localEnvironment(ports)
  const project = { id: environment.projectId, number: environment.projectNumber, region: environment.region }
  const running: Running = {
    pid: process.pid,
    projectId: project.id,
    apiHost: `127.0.0.1:${ports.api}`,
    region: environment.region,
    ...(publicService ? { publicUrl: environment.serviceUrl(publicService.name) } : {}),
    serviceUrls: Object.fromEntries(services.map(({ name }) => [name, environment.serviceUrl(name)])),
    identityUrl: `http://127.0.0.1:${ports.identity}`,
    secret: makeSecret(),
    dataDirectory,
  }
  const lock = acquireLock(running)
  let platform: LocalPlatform
  try {
    if (options.fresh) deleteState()
    const seededFile = join(dataDirectory, 'seeded')
    const isNew = tools.seed !== undefined && !existsSync(seededFile)
    // Another value may lead to a system that does not run yet: the first data comes by the values that are declared.
    platform = await open(isNew ? declared : business)
    stopOnSignal({
      close: () => platform.close(),
      begin: () => lock.withdraw(),
      groups: () => platform.run.processes().map(({ pid }) => pid),
    })
    if (tools.seed && isNew) {
      const seeded = await tools.seed(running)
      say(`${seconds()}  ${seeded}`)
      writeState(seededFile, new Date().toISOString())
      if (business !== declared) {
        await platform.close()
        platform = await open(business)
      }
    }
  } catch (error) {
    lock.release()
    throw error
  }
  lock.ready()
  giveBackIdleMemory()
  say(
    readyText({
      running,
      after: seconds(),
      services: names,
      publicService: publicService?.name,
      inspector: options.inspect === undefined ? undefined : { service: options.inspect, address: inspector },
      nextSteps: [...(tools.nextSteps ?? []).map(({ command }) => command), 'npm run logs'],
    }),
  )
  await afterReady({
    watch: options['no-watch'] ? undefined : () => watchFiles(platform),
    warm: options.cold ? undefined : () => warm(platform, names),
  })

  async function open(opened: typeof declared): Promise<LocalPlatform> {
    const progress = (step: string): void => say(`${seconds()}  ${step}`)
    const image = imageFolder(undefined, progress)
    // The start throws this error where it needs the folder. Without a handler Node would end the process before that.
    image.catch(() => {})
    // A start that is refused does not load them.
    const [{ synthesize }, { startPlatform }] = await Promise.all([import('../stacks/app.ts'), import('./start.ts')])
    const stacks = synthesize(environment, opened)
    const resourceCount = stacks.flatMap(({ json }) =>
      Object.values(json.resource ?? {}).flatMap((byName) => Object.keys(byName)),
    ).length
    say(`${seconds()}  ${stacks.length} stacks synthesized, ${resourceCount} resources`)

    return startPlatform({
      stacks,
      ports,
      project,
      secret: running.secret,
      dataDirectory,
      prune: options.prune,
      workingDirectory: await image,
      partners: tools.partners ?? {},
      roles: tools.roles,
      settings: opened.settings(environment),
      nodeOptions: (service) => (service === options.inspect ? [`--inspect=${inspector}`] : []),
      page: {
        policy: pagePolicy,
        html: (run) => indexPage({ running, publicService: publicService?.name, states: run.states(), tools }),
      },
      progress,
    })
  }
}

async function warm(platform: LocalPlatform, names: readonly string[]): Promise<void> {
  const failed = await warmUp(platform.run, names)
  const started = names.filter((name) => !failed.includes(name))
  if (existsSync(join(dataDirectory, 'running.json'))) say(`${seconds()}  started: ${started.join(', ')}`)
}

/** Of a service, or of its workers. */
const folderOf = (running: string): string =>
  services.find(({ name }) => running === name || running === workerPoolName(name))?.name ?? running

/** The stacks with the views in BigQuery, the descriptions from which they are synthesized, the local cloud and the partners. */
const isReadAtStart = (file: string): boolean =>
  /^(stacks|emulators)\/|^functions\/(.*\/)?((service|contracts|index|settings|tools)\.ts|local\/.*|(?!cli\/)[^/]+\.sql)$/.test(
    file,
  ) && !/\/cli\//.test(file)

/** Of the folders from which the services' programs load. The parser is loaded once the platform is ready. */
async function watchFiles(platform: LocalPlatform): Promise<TypeCheck> {
  const [{ watchServices }, { makeTypeCheck }] = await Promise.all([import('./watch.ts'), import('./type-check.ts')])
  const print = (line: string): void => say(`${seconds()}  ${line}`)
  const types = makeTypeCheck(root, 'node_modules/.cache/types.tsbuildinfo', print)
  const stop = await watchServices({
    root,
    folders: ['functions', 'shared', 'stacks', 'emulators'],
    run: platform.run,
    entriesOf: (service) => [join(root, 'functions', 'main.ts'), join(root, 'functions', folderOf(service), 'app.ts')],
    isReadAtStart: (file) => isReadAtStart(relative(root, file)),
    prepare: (parsed) => imageFolder(parsed, print),
    // A check that runs is about older files, and the services need the processor.
    noticed: types.stop,
    restarted: types.check,
    say: print,
  })
  process.once('exit', () => {
    void stop()
    types.stop()
  })
  return types
}

/** Keeps the lock of the directory. */
function deleteState(): void {
  for (const name of readdirSync(dataDirectory))
    if (!lockFiles.includes(name)) rmSync(join(dataDirectory, name), { recursive: true, force: true })
}
