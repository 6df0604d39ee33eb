/**
 * The packages of the services' image, each reduced to the files that the services import: `node cli/image-packages.ts FOLDER` writes
 * FOLDER/node_modules. Node opens some 550 files of packages at a start, and looks for each in several places: with these it opens
 * some 40. A file that is imported keeps its place, and its package its package.json, so that Node resolves names as before.
 */

import { cpSync, existsSync, globSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type OutputOptions, rolldown } from 'rolldown'
import { TASKS_CLIENT } from '../shared/gcp/clients.ts'
import { importedPackages, packageOf } from './imported-packages.ts'
import { type Lockfile, productionPackages } from './lockfile.ts'

const root = join(import.meta.dirname, '..')
const PACKAGES = 'node_modules'
/** In the written node_modules: the names under which the services import packages, for those that load all of them. */
const NAMES_FILE = 'imported.json'

/**
 * Writes the packages by these names below `folder`.
 * @throws Error that names an import of no package of `dependencies`, or of what its package lacks
 */
async function writePackages(folder: string, names: readonly string[]): Promise<void> {
  // Each may be a link, as in the copies of the sources that tests make.
  const packages = dirname(realpathSync(join(root, PACKAGES, 'rolldown')))
  const production = productionPackages(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile)
  const require = createRequire(import.meta.url)
  checkDeclared(names)
  const files = [...new Set(names.map(fileNamed)), join(packages, TASKS_CLIENT)]
  const placeOf = (file: string): string => join(PACKAGES, file.slice(packages.length + 1))
  for (const file of files)
    for (const description of descriptionsOf(file, packages)) copy(description, join(folder, placeOf(description)))

  const write = async (format: 'esm' | 'cjs', entries: readonly string[], options: OutputOptions): Promise<void> => {
    const fileOf = (name: string): string => entries[Number(name)]!
    const bundle = await rolldown({
      input: Object.fromEntries(entries.entries()),
      platform: 'node',
      external: isBuiltin,
      // The bundler warns about code inside packages, which we can not change.
      logLevel: 'silent',
    })
    const { output } = await bundle.write({
      dir: folder,
      format,
      entryFileNames: ({ name }) => placeOf(fileOf(name)),
      chunkFileNames: `${PACKAGES}/.chunks/[name]-[hash].${format === 'esm' ? 'mjs' : 'cjs'}`,
      // Node finds the names of a CommonJS module in its text, and would not find them behind a call.
      footer: ({ isEntry, name }) =>
        format === 'cjs' && isEntry ? `0 && (module.exports = { ${exportedNames(require(fileOf(name)))} })` : '',
      ...options,
    })
    await bundle.close()
    const used = output.flatMap((one) => (one.type === 'chunk' ? one.moduleIds : [])).filter((id) => id.startsWith('/'))
    const strange = used.map(placeOf).find((place) => !production.some((one) => place.startsWith(`${one}/`)))
    if (strange)
      throw new Error(`${strange} is imported by a package of the services, and is of no package that these need.`)
  }
  await write('esm', files.filter(isEsm), {})
  await write(
    'cjs',
    files.filter((file) => !isEsm(file)),
    { exports: 'auto' },
  )

  // It reads JSON by paths that it computes, which no bundler sees.
  const tasks = TASKS_CLIENT.split('/').slice(0, 2).join('/')
  for (const json of globSync('build/{cjs,protos}/**/*.json', { cwd: join(packages, tasks) }))
    copy(join(packages, tasks, json), join(folder, PACKAGES, tasks, json))

  for (const place of production)
    for (const license of globSync('{LICENSE,LICENCE,NOTICE,License,license}{,.md,.txt}', { cwd: join(root, place) }))
      copy(
        join(root, place, license),
        join(folder, PACKAGES, '.licenses', place.replaceAll(`${PACKAGES}/`, ''), license),
      )
  writeFileSync(join(folder, PACKAGES, NAMES_FILE), JSON.stringify(names))
}

/** @throws Error: those that tests and tools import may be installed, and are not in the image. */
function checkDeclared(names: readonly string[]): void {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object }
  const strange = names.map(packageOf).find((name) => !Object.hasOwn(dependencies, name))
  if (strange === undefined) return
  throw new Error(
    `The services import ${strange}, which package.json does not name in dependencies, so the image has it not: npm install --save-exact ${strange}`,
  )
}

function fileNamed(name: string): string {
  try {
    return realpathSync(fileURLToPath(import.meta.resolve(name)))
  } catch (error) {
    throw new Error(`The services import ${name}, and the package ${packageOf(name)} has nothing of that name.`, {
      cause: error,
    })
  }
}

/** The package.json of a file's package, and those of folders between, which may say in which format its modules are. */
function descriptionsOf(file: string, packages: string): string[] {
  const found: string[] = []
  for (let folder = dirname(file); folder !== packages; folder = dirname(folder)) {
    const description = join(folder, 'package.json')
    if (existsSync(description)) found.push(description)
  }
  return found
}

/** Node's rule for the format of a file. */
function isEsm(file: string): boolean {
  if (/\.[cm]js$/.test(file)) return file.endsWith('.mjs')
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const description = join(folder, 'package.json')
    if (existsSync(description))
      return (JSON.parse(readFileSync(description, 'utf8')) as { type?: string }).type === 'module'
  }
}

const exportedNames = (module: object): string =>
  Object.keys(module)
    .filter((name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== 'default')
    .join(', ')

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to)
}

if (import.meta.main) await writePackages(resolve(process.argv[2] ?? fail()), importedPackages())

function fail(): never {
  throw new Error('usage: node cli/image-packages.ts FOLDER')
}
