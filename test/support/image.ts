/** The files and packages of the services' image, as Dockerfile, .dockerignore and package-lock.json say: no engine builds it here. */

import { cpSync, globSync, readFileSync, realpathSync } from 'node:fs'
import { basename, join, matchesGlob } from 'node:path'
import { type Lockfile, productionPackages } from '../../cli/lockfile.ts'
import { imageFolder } from '../../emulators/image-folder.ts'
import { root } from './root.ts'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** The paths from the root in the last stage of the Dockerfile. */
export function imageFiles(): string[] {
  const lastStage = read('Dockerfile')
    .split(/^FROM /m)
    .at(-1)!
  const copied = [...lastStage.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '))
  return copied
    .flatMap((source) => globSync([source, `${source}/**/*`], { cwd: root, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !isIgnored(path))
    .toSorted()
}

/** Whether .dockerignore keeps the file from the build, by Docker's rule: the last pattern that matches the path or a folder above it decides. */
export function isIgnored(path: string): boolean {
  const parts = path.split('/')
  const selfAndAbove = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
  let ignored = false
  for (const line of read('.dockerignore').split('\n').filter(Boolean)) {
    const isException = line.startsWith('!')
    const pattern = isException ? line.slice(1) : line
    if (selfAndAbove.some((one) => matchesGlob(one, pattern))) ignored = !isException
  }
  return ignored
}

/** The packages of which the image has parts, each with its place: `node_modules/…`. */
export const imagePackages = (): string[] => productionPackages(JSON.parse(read('package-lock.json')) as Lockfile)

/** Copies the image's files and packages into `folder`. */
export async function copyImage(folder: string): Promise<void> {
  for (const path of imageFiles()) cpSync(join(root, path), join(folder, path))
  const packages = realpathSync(join(await imageFolder(), 'node_modules'))
  // Its compiled code is of the local platform.
  const filter = (source: string): boolean => basename(source) !== '.cache'
  cpSync(packages, join(folder, 'node_modules'), { recursive: true, filter })
}
