/** Restarts the services that import a changed file. */

import { watch } from 'node:fs'
import { join } from 'node:path'
import type { CloudRunCore } from 'local-google-cloud/cloud-run'
import { type Module, modulesFrom } from '../cli/import-graph.ts'

/** An editor writes a file in several steps, and a branch switch changes many files. */
const SETTLE_MS = 80
const isSource = (file: string): boolean => /\.(ts|js|mjs|json)$/.test(file) && !/\.(test|testing)\.ts$/.test(file)

export interface Watched {
  readonly root: string
  /** Folders in `root`. */
  readonly folders: readonly string[]
  readonly run: Pick<CloudRunCore, 'states' | 'restart'>
  /** The files with which the program of a service begins, as absolute paths. */
  entriesOf(service: string): readonly string[]
  /** Whether the stacks are synthesized from this file too. */
  describesResources(file: string): boolean
  say(line: string): void
}

/** Returns the function that ends it. */
export function watchServices({ root, folders, ...watched }: Watched): () => void {
  const changed = new Set<string>()
  const parsed = new Map<string, Module>()
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()
  const settle = (): void => {
    const files = [...changed]
    changed.clear()
    working = working.then(() => restartFor(files, watched, parsed))
  }
  const watchers = folders.map((folder) =>
    watch(join(root, folder), { recursive: true }, (_, name) => {
      if (name === null || !isSource(name)) return
      changed.add(join(root, folder, name))
      clearTimeout(timer)
      timer = setTimeout(settle, SETTLE_MS)
    }),
  )
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}

/** A service that is scaled to zero reads the new file when it starts. */
export async function restartFor(
  files: readonly string[],
  { run, entriesOf, describesResources, say }: Omit<Watched, 'root' | 'folders'>,
  parsed = new Map<string, Module>(),
): Promise<void> {
  for (const file of files) parsed.delete(file)
  const name = `${files[0]!.split('/').slice(-2).join('/')}${files.length > 1 ? ` and ${files.length - 1} more` : ''}`
  const affected = run
    .states()
    .filter(({ service, state }) => state !== 'scaled-to-zero' && loadsAny(entriesOf(service), files, parsed))
    .map(({ service }) => service)
  const startedMs = performance.now()
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
  if (files.some(describesResources)) say(`${name} is part of the stacks: restart npm start if resources changed`)
}

function loadsAny(entries: readonly string[], files: readonly string[], parsed: Map<string, Module>): boolean {
  try {
    return entries.some((entry) => modulesFrom(entry, { lazy: true, parsed }).some(({ file }) => files.includes(file)))
  } catch {
    // An import leads nowhere: the start of the service prints which.
    return true
  }
}
