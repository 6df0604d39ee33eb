/** The packages of which the services' image has parts. */

import { existsSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { services } from '../functions/index.ts'
import { type Module, modulesFrom } from './import-graph.ts'

const root = join(import.meta.dirname, '..')

/**
 * The names of packages that the services' code imports, lazily too. It passes over a file or package that is missing, because the
 * start of the service that imports it fails with an error that names it.
 *
 * @param parsed keeps modules for the next call
 */
export function importedPackages(parsed = new Map<string, Module>()): string[] {
  const entries = [
    'functions/main.ts',
    'functions/compile.ts',
    ...services.flatMap(({ name }) => [`functions/${name}/app.ts`, `functions/${name}/edge.ts`]),
  ]
  const names = entries.flatMap((entry) =>
    modulesFrom(join(root, entry), { lazy: true, lenient: true, parsed }).flatMap(({ imports }) => imports),
  )
  return [...new Set(names)].filter((name) => !name.startsWith('/') && !isBuiltin(name) && isInstalled(name)).toSorted()
}

const isInstalled = (name: string): boolean => existsSync(join(root, 'node_modules', packageOf(name)))

/** Of `@google-cloud/tasks/build/cjs`, `@google-cloud/tasks`. */
export const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
