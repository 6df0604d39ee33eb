/** The services' image as a folder: the local Cloud Run starts its containers there, with the packages as Dockerfile makes them. */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { importedPackages } from '../cli/imported-packages.ts'
import type { Module } from '../cli/import-graph.ts'
import { imageEnvironment } from './image-environment.ts'

const root = join(import.meta.dirname, '..')

/** Sources are links: a changed file is in the image as it is saved. Not in node_modules, where Node takes no TypeScript. */
const FOLDER = '.tools/image'
const PACKAGES = 'node_modules'
const SOURCES = ['functions', 'shared', 'package.json']
/** With the packages of each lockfile. */
const CACHE = 'node_modules/.cache/image'
const MADE_OF = ['cli/image-packages.ts', 'package-lock.json']

/**
 * Makes the folder, or brings its packages up to date, and returns it. Packing and compiling take seconds, once for a lockfile
 * and what the services import; others may do it meanwhile.
 *
 * @param parsed keeps modules for the next call
 * @param progress is called before work that takes seconds
 * @throws Error in one line: an import of a package that is no dependency, or of a part that a package does not export
 */
export async function imageFolder(
  parsed = new Map<string, Module>(),
  progress: (step: string) => void = () => {},
): Promise<string> {
  const folder = join(root, FOLDER)
  mkdirSync(folder, { recursive: true })
  for (const source of SOURCES) link(join(root, source), join(folder, source))
  const packages = packagesOf(importedPackages(parsed))
  const isNew = !existsSync(packages)
  if (isNew) progress('packing what the services import, once for these packages')
  if (isNew) await pack(packages)
  link(packages, join(folder, PACKAGES))
  // Of code that does not run yet there is nothing to keep, and its service prints why when it starts.
  if (isNew) await inProcess(folder, 'functions/compile.ts').catch(() => {})
  return folder
}

function packagesOf(names: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(names))
  for (const file of MADE_OF) hash.update(readFileSync(join(root, file)))
  return join(root, CACHE, hash.digest('hex').slice(0, 16), PACKAGES)
}

async function pack(packages: string): Promise<void> {
  mkdirSync(join(root, CACHE), { recursive: true })
  const made = mkdtempSync(join(root, CACHE, 'making-'))
  try {
    await inProcess(root, 'cli/image-packages.ts', made)
    renameSync(made, dirname(packages))
  } catch (error) {
    rmSync(made, { recursive: true, force: true })
    // Otherwise another start was faster.
    if (!existsSync(packages)) throw new Error(reasonOf(error as Error), { cause: error })
  }
}

/** The message with which the program ended, without the lines of its source and stack that Node prints around it. */
const reasonOf = ({ message }: Error): string => /^(?:\w*Error.*?: )(.+)$/m.exec(message)?.[1] ?? message

/** As the build of the image runs it; in Vitest's own processes, names of packages lead elsewhere. */
async function inProcess(folder: string, program: string, ...args: readonly string[]): Promise<void> {
  const env = { ...process.env, ...(folder === root ? {} : imageEnvironment) }
  await promisify(execFile)(process.execPath, [program, ...args], { cwd: folder, env })
}

/** Replaces a link to something else in one step, because services may start meanwhile. */
function link(target: string, place: string): void {
  const to = relative(join(place, '..'), target)
  const present = lstatSync(place, { throwIfNoEntry: false })
  if (present?.isSymbolicLink() && readlinkSync(place) === to) return
  // Some programs copy the target of a link in its place.
  if (present?.isDirectory()) rmSync(place, { recursive: true })
  const next = `${place}.${process.pid}`
  rmSync(next, { force: true })
  symlinkSync(to, next)
  renameSync(next, place)
}
