/** Restarts the services that import a changed file. */

import { watch } from 'chokidar'
import { once } from 'node:events'
import { join } from 'node:path'
import type { CloudRunCore } from 'local-google-cloud/cloud-run'
import { type Module, modulesFrom } from '../cli/import-graph.ts'
import { MAX_CONCURRENT_STARTS } from './warm-up.ts'

/** An editor writes a file in several steps, and a branch switch changes many files. */
const SETTLE_MS = 80
const isSource = (file: string): boolean => /\.(ts|js|mjs|json|sql)$/.test(file) && !/\.(test|testing)\.ts$/.test(file)

export interface Watched {
  readonly root: string
  /** Folders in `root`. */
  readonly folders: readonly string[]
  readonly run: Pick<CloudRunCore, 'states' | 'restart'>
  /** The files with which the program of a service begins, as absolute paths. */
  entriesOf(service: string): readonly string[]
  /** Whether `npm start` itself reads this file: for the stacks, the local cloud or a partner. */
  isReadAtStart(file: string): boolean
  /**
   * Called when a service's file has changed, before services restart: what they import may have changed too. `parsed` has the
   * modules that are known. The message of an error is printed.
   */
  prepare?(parsed: Map<string, Module>): Promise<unknown>
  /** Called when a file has changed, before anything else. */
  noticed?(): void
  /** Called after the services have restarted, unless another file has changed meanwhile. */
  restarted?(): void
  say(line: string): void
}

/** Resolves, once changes are noticed, with the function that ends it. */
export async function watchServices({ root, folders, ...watched }: Watched): Promise<() => Promise<void>> {
  const changed = new Set<string>()
  const restartFor = makeRestarts(watched)
  let timer: NodeJS.Timeout | undefined
  const settle = (): void => {
    const files = [...changed]
    changed.clear()
    void restartFor(files)
  }
  // Node's own recursive watch loses a file on Linux once another was renamed over it, as git and editors do.
  const watcher = watch(
    folders.map((folder) => join(root, folder)),
    {
      ignoreInitial: true,
      ignored: (path, stats) => path.endsWith('node_modules') || (stats?.isFile() === true && !isSource(path)),
    },
  )
  watcher.on('all', (_, path) => {
    if (!isSource(path)) return
    changed.add(path)
    clearTimeout(timer)
    timer = setTimeout(settle, SETTLE_MS)
  })
  await once(watcher, 'ready')
  return () => {
    clearTimeout(timer)
    return watcher.close()
  }
}

/**
 * The function that restarts the services which load any of these files; one that is scaled to zero reads the new file when it
 * starts. A call may come before the last one is done, and takes over the services that wait for their start.
 */
export function makeRestarts(watched: Omit<Watched, 'root' | 'folders'>): (files: readonly string[]) => Promise<void> {
  const { run, prepare, say } = watched
  const parsed = new Map<string, Module>()
  /** The number of the change for which a service waits for its start. */
  const waiting = new Map<string, number>()
  /** Of all changes: two that come one after the other start no more services at a time than one. */
  const places = createPlaces(MAX_CONCURRENT_STARTS)
  let changes = 0
  let prepared: Promise<unknown> = Promise.resolve()

  const affectedBy = async (files: readonly string[], name: string): Promise<string[]> => {
    for (const file of files) parsed.delete(file)
    const loading = run.states().filter(({ service }) => loadsAny(watched.entriesOf(service), files, parsed))
    try {
      if (loading.length > 0) await prepare?.(parsed)
    } catch (error) {
      say(`${name} changed: ${(error as Error).message}`)
    }
    return loading
      .filter(({ service, state }) => state !== 'scaled-to-zero' || waiting.has(service))
      .map(({ service }) => service)
  }

  return async (files) => {
    watched.noticed?.()
    const change = ++changes
    const name = `${files[0]!.split('/').slice(-2).join('/')}${files.length > 1 ? ` and ${files.length - 1} more` : ''}`
    const startedMs = performance.now()
    const affected = prepared.then(() => affectedBy(files, name))
    prepared = affected
    const restart = async (service: string): Promise<void> => {
      waiting.set(service, change)
      const turn = places.take().then(() => waiting.get(service) === change && waiting.delete(service))
      try {
        await run.restart(service, turn)
        if (await turn) say(`${name} changed: ${service} restarted in ${secondsSince(startedMs)}`)
      } catch {
        say(`${name} changed: ${service} does not start, for the reason above`)
      }
      await turn
      places.giveBack()
    }
    await Promise.all((await affected).map(restart))
    if (files.some(watched.isReadAtStart))
      say(`${name} is read by npm start itself: restart npm start to apply the change`)
    if (change === changes) watched.restarted?.()
  }
}

/** Places for so many at a time, taken in the order in which they were asked for. */
function createPlaces(count: number): { take(): Promise<void>; giveBack(): void } {
  const queue: (() => void)[] = []
  let free = count
  return {
    async take() {
      if (free > 0) free -= 1
      else await new Promise<void>((resolve) => void queue.push(resolve))
    },
    giveBack() {
      const next = queue.shift()
      if (next) next()
      else free += 1
    },
  }
}

const secondsSince = (startedMs: number): string => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`

function loadsAny(entries: readonly string[], files: readonly string[], parsed: Map<string, Module>): boolean {
  try {
    return entries.some((entry) => modulesFrom(entry, { lazy: true, parsed }).some(({ file }) => files.includes(file)))
  } catch {
    // An import leads nowhere: the start of the service prints which.
    return true
  }
}
