/** Restarts the services that import a changed file. */

import { watch } from 'chokidar'
import { once } from 'node:events'
import { join } from 'node:path'
import type { CloudRunCore } from 'local-google-cloud/cloud-run'
import { type Module, modulesFrom } from '../cli/import-graph.ts'

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
  /** Called after the services have restarted. */
  restarted?(): void
  say(line: string): void
}

/** Resolves, once changes are noticed, with the function that ends it. */
export async function watchServices({ root, folders, ...watched }: Watched): Promise<() => Promise<void>> {
  const changed = new Set<string>()
  const parsed = new Map<string, Module>()
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()
  const settle = (): void => {
    const files = [...changed]
    changed.clear()
    working = working.then(() => restartFor(files, watched, parsed))
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

/** A service that is scaled to zero reads the new file when it starts. */
export async function restartFor(
  files: readonly string[],
  { run, entriesOf, isReadAtStart, prepare, restarted, say }: Omit<Watched, 'root' | 'folders'>,
  parsed = new Map<string, Module>(),
): Promise<void> {
  for (const file of files) parsed.delete(file)
  const name = `${files[0]!.split('/').slice(-2).join('/')}${files.length > 1 ? ` and ${files.length - 1} more` : ''}`
  const loading = run.states().filter(({ service }) => loadsAny(entriesOf(service), files, parsed))
  const affected = loading.filter(({ state }) => state !== 'scaled-to-zero').map(({ service }) => service)
  const startedMs = performance.now()
  try {
    if (loading.length > 0) await prepare?.(parsed)
  } catch (error) {
    say(`${name} changed: ${(error as Error).message}`)
  }
  await Promise.all(
    affected.map(async (service) => {
      try {
        await run.restart(service)
        say(`${name} changed: ${service} restarted in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
      } catch {
        say(`${name} changed: ${service} does not start, for the reason above`)
      }
    }),
  )
  if (files.some(isReadAtStart)) say(`${name} is read by npm start itself: restart npm start to apply the change`)
  restarted?.()
}

function loadsAny(entries: readonly string[], files: readonly string[], parsed: Map<string, Module>): boolean {
  try {
    return entries.some((entry) => modulesFrom(entry, { lazy: true, parsed }).some(({ file }) => files.includes(file)))
  } catch {
    // An import leads nowhere: the start of the service prints which.
    return true
  }
}
