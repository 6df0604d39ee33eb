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
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { importedPackages } from '../cli/imported-packages.ts'
import type { Module } from '../cli/import-graph.ts'

const root = join(import.meta.dirname, '..')

/** Sources are links: a changed file is in the image as it is saved. Not in node_modules, where Node takes no TypeScript. */
const FOLDER = '.tools/image'
const SOURCES = ['functions', 'shared', 'package.json']
/** With the packages of each lockfile. */
const CACHE = 'node_modules/.cache/image'
const MADE_OF = ['cli/image-packages.ts', 'package-lock.json']

/**
 * Makes the folder, or brings its packages up to date, and returns it. Packing takes seconds, and only once for a lockfile and what
 * the services import; others may do it meanwhile. `parsed` keeps modules for the next call.
 */
export async function imageFolder(parsed = new Map<string, Module>()): Promise<string> {
  const folder = join(root, FOLDER)
  mkdirSync(folder, { recursive: true })
  for (const source of SOURCES) link(join(root, source), join(folder, source))
  link(await packagesOf(importedPackages(parsed)), join(folder, 'node_modules'))
  return folder
}

async function packagesOf(names: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(names))
  for (const file of MADE_OF) hash.update(readFileSync(join(root, file)))
  const cache = join(root, CACHE)
  const packages = join(cache, hash.digest('hex').slice(0, 16))
  if (!existsSync(packages)) {
    mkdirSync(cache, { recursive: true })
    const made = mkdtempSync(join(cache, 'making-'))
    // In a process of its own, as when the image is built: Vitest resolves names in other ways.
    await promisify(execFile)(process.execPath, [join(root, 'cli/image-packages.ts'), made], { cwd: root })
    try {
      renameSync(made, packages)
    } catch (error) {
      // Another start was faster.
      if (!existsSync(packages)) throw error
      rmSync(made, { recursive: true })
    }
  }
  return join(packages, 'node_modules')
}

/** Replaces a link to something else in one step, because services may start meanwhile. */
function link(target: string, place: string): void {
  const to = relative(join(place, '..'), target)
  if (lstatSync(place, { throwIfNoEntry: false }) && readlinkSync(place) === to) return
  const next = `${place}.${process.pid}`
  rmSync(next, { force: true })
  symlinkSync(to, next)
  renameSync(next, place)
}
