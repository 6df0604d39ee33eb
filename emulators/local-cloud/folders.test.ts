/** The linter refuses import cycles of files; these tests refuse cycles of folders: `pubsub/api` imports `pubsub/delivery`, not the reverse. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const files = readdirSync(import.meta.dirname, { encoding: 'utf8', recursive: true }).filter((file) =>
  /^(?!node_modules).+\/.+(?<!\.test|\.testing)\.ts$/.test(file),
)

/** A file's folder within its emulator; a file in the emulator's own folder counts as a folder of its own. */
const folderOf = (file: string): string => (dirname(file).includes('/') ? dirname(file) : file)

/** The folders that the files of each folder import, types included. */
function importsOfFolders(): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>()
  for (const file of files) {
    const from = folderOf(file)
    const imported = folders.get(from) ?? new Set()
    folders.set(from, imported)
    for (const [, path] of readFileSync(join(import.meta.dirname, file), 'utf8').matchAll(/ from '(\.[^']+)'/g)) {
      const to = folderOf(normalize(join(dirname(file), path!)))
      if (to !== from) imported.add(to)
    }
  }
  return folders
}

function circleIn(folders: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
  const finished = new Set<string>()
  const visit = (folder: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(folder)) return [...way.slice(way.indexOf(folder)), folder]
    if (finished.has(folder)) return undefined
    for (const next of folders.get(folder) ?? []) {
      const circle = visit(next, [...way, folder])
      if (circle) return circle
    }
    finished.add(folder)
    return undefined
  }
  for (const folder of folders.keys()) {
    const circle = visit(folder, [])
    if (circle) return circle
  }
  return undefined
}

it('folders of an emulator have no import cycle', () => {
  const folders = importsOfFolders()
  expect(folders.get('pubsub/api')).toContain('pubsub/delivery')
  expect(circleIn(folders)).toBeUndefined()
})

it('an import cycle of folders is detected', () => {
  const folders = importsOfFolders()
  folders.get('pubsub/delivery')!.add('pubsub/api')
  expect(circleIn(folders)).toEqual(expect.arrayContaining(['pubsub/delivery', 'pubsub/api']))
})

/** The relative imports of a program in this package, tests and helpers included, that leave the package's folder. */
const importsOutside = (file: string, program: string): readonly string[] =>
  [...program.matchAll(/\b(?:from|import|import\() ?'(\.[^']+)'/g)]
    .map(([, path]) => normalize(join(dirname(file), path!)))
    .filter((path) => path.startsWith('..'))
    .map((path) => `${file} imports ${path}`)

it('no file imports a file outside this package', () => {
  const programs = readdirSync(import.meta.dirname, { encoding: 'utf8', recursive: true }).filter((file) =>
    /^(?!node_modules|folders\.test).*\.ts$/.test(file),
  )
  expect(programs).toContain('core/clock.ts')
  const outside = programs.flatMap((file) =>
    importsOutside(file, readFileSync(join(import.meta.dirname, file), 'utf8')),
  )
  expect(outside).toEqual([])
})

it('an import of a file outside is detected at any depth', () => {
  const program = "import '../../watch.ts'\nimport { a } from '../core/a.ts'\nawait import('../../warm-up.ts')\n"
  expect(importsOutside('pubsub/planted.ts', program)).toEqual([
    'pubsub/planted.ts imports ../watch.ts',
    'pubsub/planted.ts imports ../warm-up.ts',
  ])
  expect(importsOutside('planted.ts', "export * from '../stop-on-signal.ts'")).toHaveLength(1)
})

/** The packages and the files of this package that a program loads when it starts; an import of types alone loads nothing. */
function loadedBy(file: string, loaded: Set<string> = new Set()): ReadonlySet<string> {
  if (loaded.has(file)) return loaded
  loaded.add(file)
  const program = readFileSync(join(import.meta.dirname, file), 'utf8')
  for (const [, path] of program.matchAll(/^(?:import|export) (?!type\b)(?:[^;'()=]*? from )?'([^']+)'/gm)) {
    if (path!.startsWith('.')) loadedBy(normalize(join(dirname(file), path!)), loaded)
    else loaded.add(path!)
  }
  return loaded
}

it('DuckDB is loaded by its own process alone: in the local cloud it would add its megabytes, and a tenth of a second to a start', () => {
  expect(loadedBy('bigquery/engine/engine-process.ts')).toContain('@duckdb/node-api')
  const loaded = loadedBy('bigquery/plugin.ts')
  expect(loaded).toContain('bigquery/engine/engine.ts')
  expect(loaded).not.toContain('@duckdb/node-api')
})

it('no file names the platform that uses it, or a command of it', () => {
  const sources = readdirSync(import.meta.dirname, { encoding: 'utf8', recursive: true }).filter(
    (file) => /^(?!node_modules).*\.(ts|proto|txt|json)$/.test(file) && file !== 'folders.test.ts',
  )
  expect(sources).toContain('core/run-secret.ts')
  const found = sources.filter((file) =>
    /millrace|npm run|npm start/i.test(readFileSync(join(import.meta.dirname, file), 'utf8')),
  )
  expect(found).toEqual([])
})

/** The emulators of more than one source file: the smallest are a `plugin.ts`, as `npm run new -- emulator` makes it. */
const emulators = readdirSync(import.meta.dirname).filter(
  (name) =>
    !['core', 'scripts'].includes(name) &&
    files.some((file) => file.startsWith(`${name}/`) && file !== `${name}/plugin.ts`),
)

describe.each(emulators)('the emulator %s', (emulator) => {
  it.each([
    ['its methods', 'api'],
    ['its state machine', 'core.ts'],
    ['its limits', 'values/limits.ts'],
    ['its IAM facts', 'iam.ts'],
    ['the permissions of its methods', 'permissions.ts'],
    ['its features, refusals and differences from Google', 'README.md'],
  ])('has %s in %s', (_, path) => {
    expect(existsSync(join(import.meta.dirname, emulator, path))).toBe(true)
  })
})
